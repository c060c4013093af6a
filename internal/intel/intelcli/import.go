package intelcli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"straza/internal/format/extract"
	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/intel"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// refusal is one event or part of one that was not stored.
type refusal struct {
	File   string `json:"file"`
	UUID   string `json:"uuid"`
	Reason string `json:"reason"`
}

// report is the JSON of intel import (spec program §3).
type report struct {
	Files      int         `json:"files"`
	Events     intel.Tally `json:"events"`
	Attributes intel.Tally `json:"attributes"`
	Objects    intel.Tally `json:"objects"`
	Refused    []refusal   `json:"refused"`
	Left       []left      `json:"left,omitempty"` // of STIX: what had no place, by type and reason
}

// left is what of a STIX document had no place.
type left struct {
	File string `json:"file"`
	stix.Remains
}

type importer struct {
	rooms
	env    *cli.Env
	who    ident.Actor
	format string
	opt    intel.AddOptions
	rep    report
	shown  time.Time
}

// refusedKept bounds the list; the counts go on.
const refusedKept = 10_000

func (im *importer) run(ctx context.Context, args []string) error {
	im.rep.Refused = []refusal{}
	for _, arg := range args {
		if err := im.arg(ctx, arg); err != nil {
			return err
		}
	}
	if im.env.JSON {
		if err := im.env.Print(im.rep); err != nil {
			return err
		}
	} else {
		e, a := im.rep.Events, im.rep.Attributes
		im.env.Say("%d files: %d events read, %d new, %d changed, %d as they were, %d refused; %d attributes new, %d refused",
			im.rep.Files, e.Read, e.Created, e.Updated, e.Unchanged, e.Refused, a.Created, a.Refused)
		for _, r := range im.rep.Refused {
			im.env.Say("refused %s %s: %s", r.File, r.UUID, r.Reason)
		}
		if more := im.rep.refusals() - int64(len(im.rep.Refused)); more > 0 {
			im.env.Say("and %d more, counted above", more)
		}
		for _, l := range im.rep.Left {
			im.env.Say("left %s: %s, %d times: %s", l.File, l.Type, l.Count, l.Reason)
		}
	}
	if n := im.rep.refusals(); n > 0 {
		return fault.New(fault.Invalid, "%d events or parts were refused", n)
	}
	return nil
}

// refusals is how many were refused. The list names some of them: ten thousand at
// most, and of one event what intel.Outcome keeps.
func (r *report) refusals() int64 {
	return max(int64(len(r.Refused)), r.Events.Refused+r.Attributes.Refused+r.Objects.Refused)
}

// arg is standard input, a file, or a directory of files.
func (im *importer) arg(ctx context.Context, arg string) error {
	if arg == "-" {
		return im.file(ctx, arg, im.env.In)
	}
	names, err := im.env.Files.List(arg)
	if err != nil {
		return fault.New(fault.NotFound, "cannot read %s", arg).Because(err)
	}
	if names == nil {
		return im.open(ctx, arg)
	}
	for _, n := range names {
		if formatOf(n) == "" && im.format == "" {
			continue
		}
		if err := im.open(ctx, path.Join(arg, n)); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) open(ctx context.Context, name string) error {
	f, err := im.env.Files.Open(name)
	if err != nil {
		return fault.New(fault.NotFound, "cannot open %s", name).Because(err)
	}
	defer f.Close()
	return im.file(ctx, name, f)
}

func formatOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".json":
		return "misp"
	case ".csv":
		return "csv"
	case ".txt", ".md", ".eml", ".log":
		return "text"
	}
	return ""
}

// file takes one document in; its faults are reported, those of the machine end
// the import.
func (im *importer) file(ctx context.Context, name string, r io.Reader) error {
	im.rep.Files++
	format := im.format
	if format == "" {
		format = formatOf(name)
	}
	var src intel.Source
	if (format == "misp" || format == "") && im.format == "" { // both are JSON: the beginning tells
		in := bufio.NewReaderSize(r, 4096)
		head, _ := in.Peek(4096)
		if r = in; stix.Sniff(head) {
			format = "stix"
		}
	}
	switch format {
	case "stix":
		return im.stix(ctx, name, r)
	case "csv":
		e, err := fromCSV(name, r)
		if err != nil {
			im.refuse(name, "", err.Error())
			return nil
		}
		src = intel.FromEvent(e)
	case "text":
		e, err := fromText(name, r)
		if err != nil {
			im.refuse(name, "", err.Error())
			return nil
		}
		src = intel.FromEvent(e)
	default:
		src = intel.Grouped(ctx, intel.FromReader(r, misp.Limits{Bytes: 4 << 30}), im.grouping)
	}
	err := im.intel.Import(ctx, im.who, src, im.opt, func(s intel.Saved, err error) error { return im.event(name, s, err) })
	var broken *misp.Error
	if errors.As(err, &broken) {
		im.refuse(name, "", broken.Error())
		return nil
	}
	return err
}

// grouping: a file's groups are known by UUID; those that reach nobody here keep what
// they hold to its owner.
func (im *importer) grouping() *intel.Grouping {
	g := intel.NewGrouping(nil, func(ctx context.Context, w *misp.SharingGroup) (int64, error) {
		return im.intel.CaptureGroup(ctx, im.who, w, intel.Sender{Org: im.opt.Org})
	})
	g.Foreign = true
	return g
}

// stix takes a bundle in, and what had no place in the report.
func (im *importer) stix(ctx context.Context, name string, r io.Reader) error {
	rest, err := im.intel.ImportSTIX(ctx, im.who, r, intel.STIX{Read: stix.ReadOptions{Info: "Indicators from " + path.Base(name)}, Grouping: im.grouping}, im.opt,
		func(s intel.Saved, err error) error { return im.event(name, s, err) })
	for _, l := range rest {
		im.rep.Left = append(im.rep.Left, left{path.Base(name), l})
	}
	var broken *stix.Fault
	if errors.As(err, &broken) {
		im.refuse(name, "", broken.Error())
		return nil
	}
	return err
}

func (im *importer) refuse(file, uuid, reason string) {
	im.rep.Events.Refused++
	im.note(file, uuid, reason)
}

func (im *importer) note(file, uuid, reason string) {
	if len(im.rep.Refused) < refusedKept {
		im.rep.Refused = append(im.rep.Refused, refusal{path.Base(file), uuid, reason})
	}
}

// event counts what became of one event.
func (im *importer) event(file string, s intel.Saved, err error) error {
	im.rep.Events.Read++
	switch k := fault.KindOf(err); k {
	case "":
	case fault.Internal, fault.Unavailable:
		return err
	default:
		im.refuse(file, s.UUID, fault.Of(err).Detail)
		return nil
	}
	switch s.State {
	case "created":
		im.rep.Events.Created++
	case "updated":
		im.rep.Events.Updated++
	default:
		im.rep.Events.Unchanged++
	}
	im.rep.Attributes.Add(s.Attributes)
	im.rep.Objects.Add(s.Objects)
	for _, d := range s.Dropped {
		im.note(file, d.UUID, d.Field+": "+d.Text)
	}
	if now := time.Now(); im.env.Tty && !im.env.JSON && now.Sub(im.shown) > time.Second {
		im.shown = now
		im.env.Say("%d events, %d attributes", im.rep.Events.Read, im.rep.Attributes.Read)
	}
	return nil
}

const textLimit = 64 << 20

// fromText makes an event of the indicators in a text.
func fromText(name string, r io.Reader) (*misp.Event, error) {
	b, err := io.ReadAll(io.LimitReader(r, textLimit+1))
	if err != nil {
		return nil, err
	}
	if len(b) > textLimit {
		return nil, errors.New("the text is longer than 64 MiB")
	}
	list, _ := extract.Scan(string(b), 0)
	if len(list) == 0 {
		return nil, errors.New("there is no indicator in the text")
	}
	e := &misp.Event{Info: misp.T("Indicators from " + path.Base(name))}
	for _, c := range list {
		e.Attribute = append(e.Attribute, misp.Attribute{Type: misp.T(c.Type), Value: misp.T(c.Value)})
	}
	return e, nil
}

// fromCSV makes an event of rows with a header that names at least type and
// value; uuid, category, comment, to_ids and object_relation are read as well.
func fromCSV(name string, r io.Reader) (*misp.Event, error) {
	b, err := io.ReadAll(io.LimitReader(r, textLimit+1))
	if err != nil {
		return nil, err
	}
	if len(b) > textLimit {
		return nil, errors.New("the file is longer than 64 MiB")
	}
	c := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))))
	c.FieldsPerRecord = -1
	head, err := c.Read()
	if err != nil {
		return nil, err
	}
	col := map[string]int{}
	for i, h := range head {
		col[strings.ToLower(strings.TrimSpace(h))] = i
	}
	if _, ok := col["type"]; !ok {
		return nil, errors.New("the header names no type")
	}
	if _, ok := col["value"]; !ok {
		return nil, errors.New("the header names no value")
	}
	e := &misp.Event{Info: misp.T("Indicators from " + path.Base(name))}
	for {
		row, err := c.Read()
		if err == io.EOF {
			return e, nil
		}
		if err != nil {
			return nil, err
		}
		e.Attribute = append(e.Attribute, rowOf(row, col))
	}
}

func rowOf(row []string, col map[string]int) misp.Attribute {
	get := func(name string) misp.Text {
		if i, ok := col[name]; ok && i < len(row) && row[i] != "" {
			return misp.T(strings.TrimPrefix(row[i], "'"))
		}
		return misp.Text{}
	}
	a := misp.Attribute{UUID: get("uuid"), Type: get("type"), Category: get("category"), Value: get("value"), Comment: get("comment"),
		ObjectRelation: misp.Text{}}
	if t := get("to_ids"); t.Given() {
		a.ToIDS = misp.B(t.V == "1" || strings.EqualFold(t.V, "true"))
	}
	return a
}
