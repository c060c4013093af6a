package app

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"time"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// ownCommands work on a process or a folder rather than in a room: they are
// never sent to a running server.
func (c *call) ownCommands() []cli.Command {
	return []cli.Command{
		{Name: "serve", Short: "bring the schema up to date, then serve; SIGTERM drains", Flags: c.serveFlags},
		c.demoCommand(),
		c.unsealCommand(),
		c.unsealEnrolCommand(),
		c.restoreCommand(),
		{Name: "migrate", Args: "[--status]", Short: "schema up to date, or what would be done", Flags: c.migrateFlags},
		{Name: "config", Short: "the settings in force and where each came from", Flags: noFlags(c.showConfig)},
		{Name: "doctor", Short: "check the machine, settings, clock, disk, database, mail; say what to fix", Flags: noFlags(c.doctor)},
		{Name: "version", Short: "version, commit, Go, SQLite, schema", Flags: noFlags(c.version)},
	}
}

func noFlags(run func(context.Context, *cli.Env, []string) error) func(*flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	return func(*flag.FlagSet) func(context.Context, *cli.Env, []string) error { return run }
}

// ownCommand finds the command when it is one of our own.
func (c *call) ownCommand() *cli.Command {
	cmd, _, err := findCommand(c.ownCommands(), c.words)
	if err != nil {
		return nil
	}
	return &cmd
}

// kernelCommands are those of the installation as a whole; they run in a room's way.
func (h *House) kernelCommands() []cli.Command {
	return append(append(append(h.packCommands(), h.settingCommands()...), h.keyCommands()...),
		h.backupCommand(),
		h.verifyCommand(),
		h.moveCommand(),
		cli.Command{Name: "audit verify", Args: "[--witness FILE]", Short: "recompute the tree from the rows and compare the signed checkpoints", Flags: h.auditVerifyFlags},
		cli.Command{Name: "audit export", Short: "the whole log as JSON lines", Flags: noFlags(h.auditExport)},
		cli.Command{Name: "stats", Short: "counts of everything an operator may know", Flags: noFlags(h.stats)},
	)
}

func (c *call) migrateFlags(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	only := fs.Bool("status", false, "only say what would be done")
	return func(ctx context.Context, env *cli.Env, _ []string) error {
		if c.cfg.get("database") == "" && !*only { // never beside a server that writes
			lock, err := lockFolder(c.cfg.data())
			if err != nil {
				return err
			}
			defer lock.Close()
		}
		db, err := store.Open(ctx, store.Config{Folder: c.cfg.data(), URL: c.cfg.get("database")})
		if err != nil {
			return err
		}
		defer db.Close()
		st, err := db.Status(ctx)
		if err == nil && !*only {
			st, err = db.Migrate(ctx)
		}
		if err != nil {
			return err
		}
		if env.JSON {
			return env.Print(st)
		}
		fmt.Fprintf(env.Out, "schema %d of %d\n", st.Current, st.Target)
		for _, p := range st.Pending {
			fmt.Fprintln(env.Out, p)
		}
		return nil
	}
}

func (c *call) showConfig(_ context.Context, env *cli.Env, _ []string) error {
	type row struct {
		Key    string `json:"key"`
		Value  string `json:"value"`
		Source string `json:"source"`
	}
	for _, s := range settings {
		r := row{s.key, c.cfg.get(s.key), c.cfg.sources[s.key]}
		if s.secret && r.Value != "" {
			r.Value = "(hidden)"
		}
		if env.JSON {
			if err := env.Print(r); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(env.Out, "%-16s %-28s %s\n", r.Key, r.Value, r.Source)
	}
	return nil
}

func (c *call) version(ctx context.Context, env *cli.Env, _ []string) error {
	out := struct {
		Version string `json:"version"`
		Commit  string `json:"commit"`
		Go      string `json:"go"`
		SQLite  string `json:"sqlite"`
		Schema  int64  `json:"schema"`
	}{Version: Version, Commit: Commit, Go: strings.TrimPrefix(runtime.Version(), "go")}
	out.SQLite, out.Schema = store.Builtin(ctx)
	if env.JSON {
		return env.Print(out)
	}
	fmt.Fprintf(env.Out, "straza %s (%s), Go %s, SQLite %s, schema %d\n", out.Version, out.Commit, out.Go, out.SQLite, out.Schema)
	return nil
}

func (h *House) auditVerifyFlags(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	witness := fs.String("witness", "", "also compare this file of checkpoints")
	return func(ctx context.Context, env *cli.Env, _ []string) error {
		var extra []string
		if *witness != "" {
			extra = append(extra, *witness)
		}
		rep, err := h.Audit.VerifyBoth(ctx, h.unsealLog, extra...)
		if err != nil {
			return err
		}
		if env.JSON {
			err = env.Print(rep)
		} else {
			fmt.Fprintf(env.Out, "%d lines, %d leaves, %d not numbered yet, checkpoint at %d of %s\n",
				rep.Lines, rep.Leaves, rep.Unnumbered, rep.Checkpoint.Size, rep.Checkpoint.Time.Format(time.RFC3339))
			for _, d := range rep.Damage {
				fmt.Fprintf(env.Out, "DAMAGE: line %d, leaf %d: %s\n", d.ID, d.Leaf, d.Kind)
			}
			sayUnsealing(env, rep.Unsealing)
		}
		if err == nil && !rep.OK && !fault.Planted("damage-hidden") {
			err = &cli.Exit{Code: cli.Damage, Err: errSilent}
		}
		return err
	}
}

func sayUnsealing(env *cli.Env, u *audit.Unsealing) {
	if !u.Compared {
		fmt.Fprintf(env.Out, "not compared with the unsealing process's log: %s\n", u.Why)
		return
	}
	fmt.Fprintf(env.Out, "unsealing log: %d lines, %d openings, %d announced and not opened, %d taken back by a restore\n",
		u.Lines, u.Openings, len(u.Unopened), u.Restored)
	for _, d := range u.Damage {
		fmt.Fprintf(env.Out, "DAMAGE: %s\n", d)
	}
}

func (h *House) auditExport(ctx context.Context, env *cli.Env, _ []string) error {
	return h.Audit.Export(ctx, env.Who, func(l audit.Line) error { return env.Print(l) })
}

// statTables are what `straza stats` counts, by the name it prints.
var statTables = []struct{ name, table string }{
	{"organisations", "registry_organisation"}, {"people", "account_person"}, {"reports", "intake_report"},
	{"cases", "incident_case"}, {"events", "intel_event"}, {"attributes", "intel_attribute"}, {"objects", "intel_object"},
	{"blobs", "blob_object"},
}

// stats prints what an operator may know: numbers, no content.
func (h *House) stats(ctx context.Context, env *cli.Env, _ []string) error {
	out := map[string]any{}
	for _, s := range statTables {
		n, err := h.DB.Count(ctx, s.table)
		if err != nil {
			return err
		}
		out[s.name] = n
	}
	refs, err := h.Blobs.List(ctx)
	if err != nil {
		return err
	}
	var bytes int64
	for _, r := range refs {
		bytes += r.Size
	}
	out["blob_bytes"], out["database_bytes"] = bytes, h.DB.Size(ctx)
	if out["jobs"], err = h.runner.Counts(ctx); err != nil {
		return err
	}
	if out["audit_lines"], err = h.DB.Count(ctx, "audit_line"); err != nil {
		return err
	}
	if env.JSON {
		return env.Print(out)
	}
	for _, name := range []string{"organisations", "people", "reports", "cases", "events", "attributes", "objects", "blobs", "blob_bytes", "database_bytes", "audit_lines"} {
		fmt.Fprintf(env.Out, "%-16s %d\n", name, out[name])
	}
	counts, err := json.Marshal(out["jobs"])
	fmt.Fprintf(env.Out, "%-16s %s\n", "jobs", counts)
	return err
}

// actAs makes the operator act as a person; account writes that down.
func (h *House) actAs(ctx context.Context, op ident.Actor, email string) (ident.Actor, error) {
	who, err := h.resolveEmail(ctx, op, email)
	if err != nil {
		return who, err
	}
	who.Channel = ident.CLI
	return who, nil
}
