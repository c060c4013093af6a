package expansion

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"straza/internal/format/misp"
)

// Find is one entry of the simple form: values, each of which may be of any of the types.
type Find struct {
	Types   []string
	Values  []string
	Comment string
	Tags    []string
	ToIDS   *bool
}

// Answer is what a module said.
type Answer struct {
	Said    string      // its own words why it has nothing, "" when it answered
	Finds   []Find      // simple form
	Whole   *misp.Event // MISP's form: attributes, objects, tags, reports of an event; nil = simple
	Skipped int         // entries that could not be read or were too many
}

// Empty tells whether there is nothing in it.
func (a *Answer) Empty() bool {
	return len(a.Finds) == 0 && (a.Whole == nil || len(a.Whole.Attribute)+len(a.Whole.Object)+len(a.Whole.Tag) == 0)
}

// ReadAnswer reads the answer to POST /query, in whichever form it came.
func ReadAnswer(r io.Reader) (a Answer, err error) {
	raw, err := whole(r)
	if err != nil {
		return a, err
	}
	f := object(raw)
	if f == nil {
		return a, &Fault{Strange, "the answer is no object"}
	}
	if a.Said = clip(text(f["error"])); a.Said != "" {
		return a, nil
	}
	results, ok := f["results"]
	switch {
	case !ok && f["error"] != nil:
		a.Said = "error"
		return a, nil
	case !ok:
		return a, &Fault{Strange, "the answer has neither results nor an error"}
	}
	switch results[0] {
	case '{':
		return a, a.event(results)
	case '[':
		a.simple(results)
		return a, nil
	case '"': // a few modules say in words that there is nothing
		a.Said = clip(text(results))
		return a, nil
	}
	return a, &Fault{Strange, "results are neither a list nor an object"}
}

func (a *Answer) simple(raw json.RawMessage) {
	var list []json.RawMessage
	_ = json.Unmarshal(raw, &list) // whole() held it against JSON, and it begins with a bracket
	n := 0
	for _, item := range list {
		f := object(item)
		x := Find{Types: names1(f["types"]), Values: values(f["values"]), Comment: clip(text(f["comment"])), Tags: names1(f["tags"])}
		var ids bool
		if json.Unmarshal(f["to_ids"], &ids) == nil && f["to_ids"] != nil {
			x.ToIDS = &ids
		}
		if len(x.Types) == 0 || len(x.Values) == 0 {
			a.Skipped++
			continue
		}
		if room := maxFinds - n; len(x.Values) > room {
			a.Skipped += len(x.Values) - room
			x.Values = x.Values[:room]
		}
		if n += len(x.Values); len(x.Values) > 0 {
			a.Finds = append(a.Finds, x)
		}
	}
}

// names1 are names, or one alone.
func names1(raw json.RawMessage) []string {
	if len(raw) > 0 && raw[0] == '[' {
		return names(raw)
	}
	if s := text(raw); s != "" && len(s) <= 255 {
		return []string{s}
	}
	return nil
}

// values are texts; what is no text is given as the JSON it is.
func values(raw json.RawMessage) (out []string) {
	var list []json.RawMessage
	if len(raw) == 0 {
		return nil
	}
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	for _, x := range list {
		s := text(x)
		if x[0] == '{' || x[0] == '[' {
			var b bytes.Buffer
			if json.Indent(&b, x, "", " ") == nil {
				s = b.String()
			}
		}
		if s != "" && !slices.Contains(out[max(0, len(out)-50):], s) {
			out = append(out, s)
		}
	}
	return out
}

// event reads the form of MISP: what stands in results stands in an event there.
func (a *Answer) event(raw json.RawMessage) error {
	f := object(raw)
	doc := map[string]json.RawMessage{"info": json.RawMessage(`"-"`)}
	for _, k := range []string{"Attribute", "Object", "Tag"} {
		if len(f[k]) > 0 && f[k][0] == '[' {
			doc[k] = objects(f[k], &a.Skipped)
		}
	}
	b, err := json.Marshal(map[string]any{"Event": doc})
	if err != nil {
		return &Fault{NotJSON, "results cannot be read"}
	}
	err = misp.DecodeEvents(bytes.NewReader(b), misp.Limits{Bytes: 4 * MaxAnswer}, func(e *misp.Event) error {
		a.Whole = e
		return nil
	})
	var bad *misp.Error
	if errors.As(err, &bad) {
		return &Fault{Strange, bad.Error()}
	}
	if err == nil && a.Whole == nil {
		return &Fault{Strange, "results hold no attributes and no objects"}
	}
	if err == nil {
		a.bound()
	}
	return err
}

// objects keeps the entries of a list that are objects.
func objects(raw json.RawMessage, skipped *int) json.RawMessage {
	var list, out []json.RawMessage
	_ = json.Unmarshal(raw, &list)
	for _, x := range list {
		if x[0] != '{' {
			*skipped++
			continue
		}
		out = append(out, x)
	}
	if out == nil {
		return json.RawMessage("[]")
	}
	b, _ := json.Marshal(out)
	return b
}

// bound cuts what is more than a person can look through.
func (a *Answer) bound() {
	e := a.Whole
	if n := len(e.Attribute) - maxFinds; n > 0 {
		e.Attribute, a.Skipped = e.Attribute[:maxFinds], a.Skipped+n
	}
	if n := len(e.Object) - maxFinds/10; n > 0 {
		e.Object, a.Skipped = e.Object[:maxFinds/10], a.Skipped+n
	}
}
