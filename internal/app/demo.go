package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"straza/internal/demo"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/peer"
)

// demoCommand fills an empty installation with the invented country.
func (c *call) demoCommand() cli.Command {
	return cli.Command{Name: "demo", Args: "[--days 90] [--seed 1] [--as-of DATE]", Short: "fill an empty installation with the invented country",
		Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
			days := fs.Int("days", 90, "how many days the story has")
			seed := fs.Uint64("seed", 1, "another seed tells another story")
			asOf := fs.String("as-of", "", "last day of the story, YYYY-MM-DD; default is today")
			return func(ctx context.Context, env *cli.Env, args []string) error {
				if len(args) > 0 || *days < 1 || *days > 1000 {
					return cli.UsageError("demo takes --days 1 to 1000, --seed and --as-of only")
				}
				end, err := storyEnd(*asOf)
				if err != nil {
					return err
				}
				return c.fillDemo(ctx, env, *seed, *days, end)
			}
		}}
}

// storyEnd is twenty-two past eight on the last day, Belgrade time, or now.
func storyEnd(day string) (time.Time, error) {
	if day == "" {
		return time.Now().UTC().Truncate(time.Minute), nil
	}
	t, err := time.ParseInLocation("2006-01-02", day, i18n.Belgrade)
	if err != nil {
		return t, cli.UsageError("--as-of %s is no date such as 2026-11-22", day)
	}
	return t.Add(8*time.Hour + 22*time.Minute).UTC(), nil
}

func (c *call) fillDemo(ctx context.Context, env *cli.Env, seed uint64, days int, end time.Time) error {
	moved := clock.NewMoved(end.AddDate(0, 0, -days), seed)
	h, err := openHouse(ctx, c.cfg, c.proc.Environ, openOptions{clock: moved, cheapHash: true})
	if err != nil {
		return err
	}
	defer h.Close()
	empty, err := h.DB.Empty(ctx, filledBy...)
	if err != nil {
		return err
	}
	if !empty {
		return cli.RefusedError("the installation in %s is not empty; the demo country fills only an empty one", c.cfg.data())
	}
	door, err := h.localDoor()
	if err != nil {
		return err
	}
	defer door.Close()
	h.door = door
	if err := h.Vault.Trust(door.Status().Recipients); err != nil {
		return err
	}
	said := time.Now()
	rep, err := demo.Fill(ctx, demo.Deps{Clock: moved, Update: func(ctx context.Context, fn func(tx *store.Tx) error) error { return h.DB.Update(ctx, fn) }, Tick: h.runner.Tick,
		Registry: h.Registry, Accounts: h.Accounts, Intel: h.Intel, Catalog: h.Lists, Remarks: h.Remarks, Dossiers: h.Dossiers, Feeds: h.Feeds, Peers: h.demoPeers(), Intake: h.Intake, Incident: h.Incident, Advisory: h.Advisory, Rules: h.Rules, Post: h.Post, Threads: h.Threads, Seal: h.Seal,
		Say: func(format string, args ...any) {
			env.Say("%5.1f s  "+format, append([]any{time.Since(said).Seconds()}, args...)...)
		}}, seed, days, end)
	if err != nil {
		return err
	}
	var team []demo.Persona
	for _, p := range rep.Personas {
		if p.CERT != "" {
			team = append(team, p)
		}
	}
	if err := enrolTeam(ctx, door, moved.Now(), team); err != nil {
		return err
	}
	err = h.DB.Update(ctx, func(tx *store.Tx) error { return store.SetFact(ctx, tx, demoFact, strconv.FormatUint(seed, 10)) })
	if err != nil {
		return err
	}
	if err := errors.Join(h.settle(ctx), h.DB.Analyze(ctx)); err != nil {
		return err
	}
	if env.JSON {
		return env.Print(rep)
	}
	return printPersonas(env, rep)
}

// demoPeers is the room of peers that may reach this machine itself, where the story
// plays the other side.
func (h *House) demoPeers() *peer.Service {
	out := outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	return peer.New(peer.Deps{DB: h.DB, Audit: h.Audit, Intel: h.Intel, Remarks: h.Remarks, Dossiers: h.Dossiers, Catalog: h.Lists, Registry: h.Registry, Keys: h.Vault, Out: out, Origin: func() string { return h.origin }})
}

func printPersonas(env *cli.Env, rep demo.Report) error {
	fmt.Fprintf(env.Out, "The invented country stands as of %s. Everybody's password: %s\n\n", rep.AsOf, demo.Password)
	for _, p := range rep.Personas {
		fmt.Fprintf(env.Out, "  %-28s %-22s %-36s %s\n", p.What, p.Name, p.Email, p.Login)
	}
	fmt.Fprintf(env.Out, "\nServe it with: straza serve --demo --data DIR. Each log-in above is a page of that address with one button.\n")
	return nil
}
