package intelcli

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"straza/internal/craft/export"
	"straza/internal/format/detect"
	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
)

func (r rooms) exportFlags(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	format := fs.String("format", "misp", "misp (events), stix2 (a bundle), csv; for sensors: "+strings.Join(sensors(), ", "))
	warned := fs.Bool("with-warned", false, "for sensors: also what stands on a warning list")
	out := fs.String("out", "", "write to this new file instead of standard output")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		q, err := query(args)
		if err != nil {
			return err
		}
		write := map[string]func(context.Context, *cli.Env, io.Writer, intel.Query) error{
			"json": r.events, "misp": r.events, "stix": r.stix, "stix2": r.stix, "csv": r.csv}[*format]
		if f, ok := detect.Find(*format); ok && write == nil {
			write = func(ctx context.Context, env *cli.Env, w io.Writer, q intel.Query) error {
				return r.detect(ctx, env, w, q, f, *warned)
			}
		}
		if write == nil {
			return cli.UsageError("unknown format %q; there are: misp, stix2, csv, %s", *format, strings.Join(sensors(), ", "))
		}
		if env.Who.Kind == ident.Operator {
			return cli.RefusedError("events are content: say --as EMAIL, whose rights then count")
		}
		inner := write
		write = func(ctx context.Context, env *cli.Env, w io.Writer, q intel.Query) error { // stamp, events and their parts: of one moment
			return r.intel.Moment(ctx, env.Who, func(ctx context.Context) error { return inner(ctx, env, w, q) })
		}
		w := env.Out
		if *out != "" {
			f, err := env.Files.Create(*out)
			if err != nil {
				return err
			}
			if err := write(ctx, env, f, q); err != nil {
				_ = f.Close()
				return err
			}
			return f.Close()
		}
		return write(ctx, env, w, q)
	}
}

// eventRef is an event's UUID, or its number on the MISP surface.
var eventRef = regexp.MustCompile(`^([0-9]{1,18}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$`)

var truth = map[string]bool{"1": true, "true": true, "yes": true, "0": false, "false": false, "no": false}

// query reads the filter's KEY=VALUE terms; the same key again is OR.
func query(args []string) (q intel.Query, err error) {
	for _, a := range args {
		key, v, ok := strings.Cut(a, "=")
		if !ok {
			return q, cli.UsageError("%q is no KEY=VALUE", a)
		}
		into := func(f *intel.Filter) {
			if not, ok := strings.CutPrefix(v, "!"); ok {
				f.Not = append(f.Not, not)
			} else {
				f.Or = append(f.Or, v)
			}
		}
		switch key {
		case "event":
			if !eventRef.MatchString(v) {
				return q, cli.UsageError("event=%s is no UUID", v)
			}
			q.Events = append(q.Events, v)
		case "value":
			into(&q.Value)
		case "type":
			into(&q.Type)
		case "category":
			into(&q.Category)
		case "tag":
			into(&q.Tag)
		case "org":
			into(&q.Origin)
		case "from", "to":
			if _, err := time.Parse(time.DateOnly, v); err != nil {
				return q, cli.UsageError("%s=%s is no day: write 2026-11-22", key, v)
			}
			*map[string]*string{"from": &q.From, "to": &q.To}[key] = v
		case "since":
			at, err := time.Parse(time.RFC3339, v)
			if err != nil {
				return q, cli.UsageError("since=%s is no RFC 3339 time", v)
			}
			us := at.UnixMicro()
			q.Changed.From = &us
		case "published", "to_ids":
			yes, ok := truth[v]
			if !ok {
				return q, cli.UsageError("%s=%s: write yes or no", key, v)
			}
			*map[string]**bool{"published": &q.IsPublished, "to_ids": &q.ToIDS}[key] = &yes
		default:
			return q, cli.UsageError("unknown key %q; there are: event, value, type, category, tag, org, from, to, since, published, to_ids", key)
		}
	}
	return q, nil
}

// leaving calls fn for the events that may leave, and says how many may not.
func (r rooms) leaving(ctx context.Context, env *cli.Env, q intel.Query, fn func(*intel.Event) error) error {
	held := map[string]int{}
	_, err := r.intel.SearchEvents(ctx, env.Who, q, func(e *intel.Event) error {
		if v := r.intel.WayOut(ctx, env.Who, e, tlp.Export); v.Answer != tlp.Pass {
			held[v.Reason]++
			return nil
		}
		return fn(e)
	})
	for reason, n := range held {
		env.Say("%d events stay here: %s", n, inWords(reason))
	}
	return err
}

// inWords gives the sentence that a page would show; the key itself when there is none.
func inWords(key string) string {
	cat, err := i18n.NewCatalog(intel.Messages)
	if err != nil {
		return key
	}
	return cat.T(i18n.En, key)
}

// stamp says where an export comes from (spec program §5), with what leaves of a query.
func (r rooms) stamp(ctx context.Context, env *cli.Env, q intel.Query) (export.Stamp, error) {
	host, _ := r.orgs.Host(ctx, ident.SystemPart("setup"))
	x, err := r.intel.ExportExtent(ctx, env.Who, q)
	return export.Stamp{Installation: host.Name, Origin: r.origin, At: time.Now().UTC().Truncate(time.Second), By: export.By(env.Who), Extent: x}, err
}

// events writes MISP events: one document, or with --json one event a line.
func (r rooms) events(ctx context.Context, env *cli.Env, w io.Writer, q intel.Query) error {
	enc := misp.NewEncoder(w)
	if !env.JSON {
		of, err := r.stamp(ctx, env, q)
		if err != nil {
			return err
		}
		head, err := of.MarshalJSON()
		if err != nil {
			return err
		}
		enc.Raw(`{"export":` + string(head) + `,"response":[`)
	}
	first := true
	err := r.leaving(ctx, env, q, func(e *intel.Event) error {
		if !first && !env.JSON {
			enc.Raw(",\n")
		}
		first = false
		if err := r.event(ctx, env.Who, enc, e); err != nil {
			return err
		}
		if env.JSON {
			enc.Raw("\n")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !env.JSON {
		enc.Raw("]}\n")
	}
	return enc.Flush()
}

// header is an event's, with its reports and its sharing group.
func (r rooms) header(ctx context.Context, who ident.Actor, e *intel.Event, deleted intel.Deleted) (*misp.Event, error) {
	out := *e
	out.Tags = intel.TagsOut(e.Tags)
	w := out.Wire()
	reports, err := r.intel.Reports(ctx, who, e.Ref(), deleted)
	if err != nil {
		return nil, err
	}
	for i := range reports {
		rep := reports[i].Wire()
		if rep.SharingGroup, err = r.group(ctx, who, reports[i].Distribution, reports[i].Group); err != nil {
			return nil, err
		}
		w.EventReport = append(w.EventReport, rep)
	}
	w.SharingGroup, err = r.group(ctx, who, e.Distribution, e.Group)
	return w, err
}

// group is the sharing group of what is shared within one, nil for who is not in it.
func (r rooms) group(ctx context.Context, who ident.Actor, d intel.Distribution, id int64) (*misp.SharingGroup, error) {
	if d != intel.Group {
		return nil, nil
	}
	if w, known := r.groups[id]; known {
		return w, nil
	}
	g, err := r.intel.SharingGroup(ctx, who, strconv.FormatInt(id, 10))
	switch {
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Denied):
		r.groups[id] = nil
	case err != nil:
		return nil, err
	default:
		r.groups[id] = g.Wire()
	}
	return r.groups[id], nil
}

func (r rooms) event(ctx context.Context, who ident.Actor, enc *misp.Encoder, e *intel.Event) error {
	w, err := r.header(ctx, who, e, intel.With)
	if err != nil {
		return err
	}
	if err := enc.Begin(w); err != nil {
		return err
	}
	err = r.parts(ctx, who, e, intel.With, func(a *misp.Attribute) error { return enc.Attribute(a) }, func(o *misp.Object) error { return enc.Object(o) })
	if err != nil {
		return err
	}
	return enc.End()
}

// stix writes one bundle of STIX 2.1 objects, or with --json one object a line. What
// several events share (identities, markings, clusters) stands once.
func (r rooms) stix(ctx context.Context, env *cli.Env, w io.Writer, q intel.Query) error {
	out, seen := bufio.NewWriter(w), map[string]bool{}
	sep := "\n"
	if !env.JSON {
		of, err := r.stamp(ctx, env, q)
		if err != nil {
			return err
		}
		say(env, of)
		_, _ = out.WriteString(`{"type":"bundle","id":"bundle--` + stix.UUID("", idOf(of)) + `","objects":[`)
		sep = ""
	}
	emit := func(o stix.Object) error {
		if o.Shared {
			if seen[o.ID] {
				return nil
			}
			seen[o.ID] = true
		}
		if !env.JSON {
			_, _ = out.WriteString(sep)
			sep = ",\n"
		}
		_, _ = out.Write(o.JSON)
		if env.JSON {
			_ = out.WriteByte('\n')
		}
		return nil
	}
	err := r.leaving(ctx, env, q, func(e *intel.Event) error { return r.bundled(ctx, env.Who, e, emit) })
	if err != nil {
		return err
	}
	if !env.JSON {
		_, _ = out.WriteString("]}\n")
	}
	return out.Flush() // the first write's error stays in the writer
}

// bundled converts one event as its reader sees it.
func (r rooms) bundled(ctx context.Context, who ident.Actor, e *intel.Event, emit func(stix.Object) error) error {
	w, err := r.header(ctx, who, e, intel.Without)
	if err != nil {
		return err
	}
	c := stix.New(w, stix.Options{}, emit)
	err = r.parts(ctx, who, e, intel.Without, func(a *misp.Attribute) error { c.Attribute(a); return nil }, func(o *misp.Object) error { c.Object(o); return nil })
	return errors.Join(err, c.Close())
}

// parts gives what of an event leaves in a file, as MISP writes it.
func (r rooms) parts(ctx context.Context, who ident.Actor, e *intel.Event, deleted intel.Deleted, attribute func(*misp.Attribute) error, object func(*misp.Object) error) error {
	return r.intel.PartsOut(ctx, who, e, intel.Part{Deleted: deleted}, func(a *intel.Attribute) error {
		w, err := r.attribute(ctx, who, a)
		if err != nil {
			return err
		}
		return attribute(&w)
	}, func(o *intel.Object) (err error) {
		w := o.Wire()
		if w.SharingGroup, err = r.group(ctx, who, o.Distribution, o.Group); err != nil {
			return err
		}
		for i := range o.Attributes {
			if w.Attribute[i], err = r.attribute(ctx, who, &o.Attributes[i]); err != nil {
				return err
			}
		}
		return object(&w)
	})
}

func (r rooms) attribute(ctx context.Context, who ident.Actor, a *intel.Attribute) (misp.Attribute, error) {
	w := a.Wire()
	var err error
	if w.SharingGroup, err = r.group(ctx, who, a.Distribution, a.Group); err != nil || a.DataSize == 0 {
		return w, err
	}
	b, err := r.intel.Data(ctx, who, strconv.FormatInt(a.ID, 10))
	w.Data = misp.T(base64.StdEncoding.EncodeToString(b))
	return w, err
}

// csv writes one attribute a row, safe for spreadsheets.
func (r rooms) csv(ctx context.Context, env *cli.Env, w io.Writer, q intel.Query) error {
	of, err := r.stamp(ctx, env, q)
	if err != nil {
		return err
	}
	if err := r.leaving(ctx, env, q, func(*intel.Event) error { return nil }); err != nil { // says what stays
		return err
	}
	var out *export.Table
	begin := func(x export.Extent) error {
		of.Extent = x
		out = export.NewTable(w, of, "uuid", "event_uuid", "category", "type", "value", "comment", "to_ids", "timestamp", "tlp")
		return nil
	}
	err = r.intel.ExportAttributes(ctx, env.Who, q, begin, func(l tlp.Level, a *intel.Attribute) error {
		return out.Row(l, a.UUID, a.Event.UUID, a.Category, a.Type, a.Value, a.Comment, strconv.FormatBool(a.ToIDS), time.Unix(a.Timestamp, 0).UTC().Format(time.RFC3339), a.Event.TLP)
	})
	if err == nil {
		err = out.Close()
	}
	return err
}

// idOf is what makes a document's id its own.
func idOf(s export.Stamp) string { return s.Installation + s.By }

// say tells the stamp beside a format that has no place for it.
func say(env *cli.Env, s export.Stamp) { env.Say("%s", strings.TrimSpace(s.Line(""))) }

// sensors are the formats of package detect that are not said otherwise here: "stix" is
// STIX 2.1 on our command line.
func sensors() (names []string) {
	for _, f := range detect.Formats() {
		if f.Name != "stix" {
			names = append(names, f.Name)
		}
	}
	return names
}

// inWhole are formats that describe rather than detect: everything asked for goes in.
var inWhole = map[string]bool{"cache": true, "stix-json": true}

// detect writes detection content and says what stayed here.
func (r rooms) detect(ctx context.Context, env *cli.Env, w io.Writer, q intel.Query, f detect.Format, warned bool) error {
	strict := q
	if !inWhole[f.Name] { // as Detect asks it
		yes := true
		strict.IsPublished = &yes
	}
	of, err := r.stamp(ctx, env, strict)
	if err != nil {
		return err
	}
	buf := bufio.NewWriter(w)
	if f.Comment != "" {
		_, _ = buf.WriteString(of.Line(f.Comment)) // the error stays in the buffer
	} else {
		say(env, of)
	}
	x, err := f.New(buf, detect.Head{ID: stix.UUID("", idOf(of)), Org: of.Installation, Origin: r.origin, At: of.At, Events: true, Whole: true})
	if err != nil {
		return err
	}
	d := intel.Detection{Query: q, Format: f.Name, Strict: !inWhole[f.Name], Warned: warned || inWhole[f.Name], Blocks: f.Blocks}
	got, err := r.intel.Detect(ctx, env.Who, d, x.Add)
	if err != nil {
		return err
	}
	for reason, n := range got.Held {
		env.Say("%d events stay here: %s", n, inWords(reason))
	}
	for reason, n := range got.HeldParts {
		env.Say("%d attributes stay here: %s", n, inWords(reason))
	}
	if got.Warned > 0 {
		env.Say("%d attributes stand on warning lists and were left out; --with-warned takes them in", got.Warned)
	}
	return errors.Join(x.Close(), buf.Flush())
}
