package app

import (
	"context"
	"flag"
	"io"
	"os"
	"strings"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/registry"
)

// keyCommands are the OpenPGP keys: the installation's own, and those that letters leave under.
func (h *House) keyCommands() []cli.Command {
	return []cli.Command{
		{Name: "pgp show", Short: "the public OpenPGP key of the installation, newest first with --json", Flags: noFlags(h.keyShow)},
		{Name: "pgp rotate", Short: "make a new one; the older ones stay for events that list only them", Flags: noFlags(h.keyRotate)},
		{Name: "pgp list", Short: "the keys under which letters leave to addresses outside", Flags: noFlags(h.keyList)},
		{Name: "pgp add", Args: "ADDRESS FILE", Short: "enter the key of an address; FILE holds it in ASCII armour, - reads it from the input", Flags: h.keyAdd},
		{Name: "pgp remove", Args: "ADDRESS", Short: "take it out: letters to the address leave in the clear, with number and link only", Flags: h.keyRemove},
	}
}

func (h *House) keyShow(ctx context.Context, env *cli.Env, _ []string) error {
	keys, err := h.Seal.Keys(ctx, env.Who)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fault.New(fault.NotFound, "no key: it is made with the first organisation of kind cert")
	}
	if !env.JSON {
		_, err = io.WriteString(env.Out, keys[0].Armored)
		return err
	}
	for _, k := range keys {
		if err := env.Print(struct {
			Fingerprint string `json:"fingerprint"`
			Created     string `json:"created"`
			Signs       bool   `json:"signs"`
			Key         string `json:"key"`
		}{k.Fingerprint, stamp(k.Created), k.Retired == 0, k.Armored}); err != nil {
			return err
		}
	}
	return nil
}

func stamp(us int64) string {
	if us == 0 {
		return ""
	}
	return clock.FromMicros(us).Format("2006-01-02T15:04:05Z")
}

func (h *House) keyRotate(ctx context.Context, env *cli.Env, _ []string) error {
	if err := h.Seal.Rotate(ctx, env.Who); err != nil {
		return err
	}
	return h.keyShow(ctx, env, nil)
}

type letterKeyLine struct {
	Address     string `json:"address"`
	Fingerprint string `json:"fingerprint"`
	Expires     string `json:"expires,omitempty"`
	State       string `json:"state"` // good, soon, expired
}

func (h *House) keyList(ctx context.Context, env *cli.Env, _ []string) error {
	list, err := h.Registry.LetterKeys(ctx, env.Who)
	if err != nil {
		return err
	}
	for i := range list {
		l := h.letterKeyLine(&list[i])
		if env.JSON {
			err = env.Print(l)
		} else {
			_, err = io.WriteString(env.Out, strings.TrimRight(strings.Join([]string{l.State, l.Fingerprint, l.Address, l.Expires}, "  "), " ")+"\n")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *House) letterKeyLine(k *registry.LetterKey) letterKeyLine {
	l := letterKeyLine{k.Address, k.Fingerprint, stamp(k.Expires), "good"}
	switch now := h.clock.Now(); {
	case k.Gone(now):
		l.State = "expired"
	case k.Soon(now):
		l.State = "soon"
	}
	return l
}

func (h *House) keyAdd(*flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 2 {
			return cli.UsageError("pgp add ADDRESS FILE")
		}
		var b []byte
		var err error
		if args[1] == "-" {
			b, err = io.ReadAll(io.LimitReader(env.In, 1<<20))
		} else {
			b, err = os.ReadFile(args[1])
		}
		if err != nil {
			return err
		}
		k, err := h.Registry.SetLetterKey(ctx, env.Who, args[0], string(b))
		if err != nil {
			return err
		}
		if env.JSON {
			return env.Print(h.letterKeyLine(&k))
		}
		env.Say("letters to %s leave under %s", k.Address, k.Spaced())
		return nil
	}
}

func (h *House) keyRemove(*flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 1 {
			return cli.UsageError("pgp remove ADDRESS")
		}
		list, err := h.Registry.LetterKeys(ctx, env.Who)
		if err != nil {
			return err
		}
		n := 0
		for _, k := range list {
			if !strings.EqualFold(k.Address, args[0]) {
				continue
			}
			if _, err := h.Registry.DropLetterKey(ctx, env.Who, k.UUID); err != nil {
				return err
			}
			n++
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no key of %s", args[0])
		}
		env.Say("removed")
		return nil
	}
}
