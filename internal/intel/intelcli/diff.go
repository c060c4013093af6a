package intelcli

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"time"

	"straza/internal/intel"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
)

func (r rooms) diffFlags(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	from := fs.String("from", "", "the earlier moment (the event's newest version); 0 is before it came")
	to := fs.String("to", "", "the later moment (now)")
	asJSON := fs.Bool("json", false, "one JSON object a line")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 1 {
			return cli.UsageError("intel diff takes one event")
		}
		if env.Who.Kind == ident.Operator {
			return cli.RefusedError("events are content: say --as EMAIL, whose rights then count")
		}
		q, err := window(*from, *to)
		if err != nil {
			return err
		}
		versions, err := r.intel.Versions(ctx, env.Who, args[0])
		if err != nil {
			return err
		}
		if *from == "" {
			q.From = versions[0].At
		}
		w := bufio.NewWriter(env.Out)
		line := text
		if *asJSON {
			line = asLine
		}
		err = r.intel.Changes(ctx, env.Who, args[0], q, func(c *intel.Change, _ intel.ChangeCursor) error { return line(w, c) })
		if err != nil {
			return err
		}
		return w.Flush()
	}
}

// window reads two moments; a day that ends is over with its last second.
func window(from, to string) (q intel.Changes, err error) {
	for i, s := range []string{from, to} {
		if s == "" || s == "0" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			if at, err = time.Parse(time.DateOnly, s); err != nil {
				return q, cli.UsageError("%q is no moment of RFC 3339 and no day", s)
			}
			at = at.AddDate(0, 0, i)
		}
		*[]*int64{&q.From, &q.To}[i] = clock.Micros(at)
	}
	return q, nil
}

var signs = map[string]string{"added": "+", "restored": "+", "changed": "~", "deleted": "-", "removed": "-"}

// text is a change for eyes: a sign, what it is, then each field.
func text(w *bufio.Writer, c *intel.Change) error {
	fmt.Fprintf(w, "%s %s %s %s %q %s\n", signs[c.Act], c.Act, c.Kind, c.Type, c.Title, c.UUID)
	for _, f := range c.Fields {
		fmt.Fprintf(w, "    %s: %q -> %q\n", f.Name, f.Was, f.Is)
	}
	return nil
}

func asLine(w *bufio.Writer, c *intel.Change) error {
	type field struct {
		Field string `json:"field"`
		Was   string `json:"was"`
		Is    string `json:"is"`
	}
	out := struct {
		Kind   string  `json:"kind"`
		Act    string  `json:"act"`
		ID     string  `json:"id"`
		Type   string  `json:"type"`
		Title  string  `json:"title"`
		Fields []field `json:"fields"`
		At     string  `json:"at"`
	}{c.Kind.String(), c.Act, c.UUID, c.Type, c.Title, []field{}, clock.FromMicros(c.At).UTC().Format(time.RFC3339Nano)}
	for _, f := range c.Fields {
		out.Fields = append(out.Fields, field{f.Name, f.Was, f.Is})
	}
	return json.NewEncoder(w).Encode(out)
}
