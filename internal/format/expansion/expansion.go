// Package expansion is the HTTP protocol of MISP's modules ("misp-modules"): what a
// server of modules offers (GET /modules), how a module is asked (POST /query), and the
// two forms of its answer: a list of types and values, or attributes and objects in
// MISP's own format ("misp_standard").
//
// Everything read here was written by somebody else's program in a language without
// types: a field of the wrong kind costs the entry it stands in, never the whole;
// sizes, depths and numbers are bounded; a document that is none is a *Fault.
//
// Serves: the protocol as misp-modules 3 speaks it (spec misp §8, "Enrichment").
package expansion

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"straza/internal/format/bracket"
	"straza/internal/format/misp"
)

// Bounds of what is read.
const (
	maxModules = 2_000
	maxNames   = 200     // types or settings of one module
	maxText    = 4_000   // of a description
	MaxAnswer  = 8 << 20 // bytes of one answer
	maxDepth   = 40
	maxFinds   = 5_000 // values of one answer
)

// Fault is a document that is not what the protocol says. Key is a message's key.
type Fault struct {
	Key    string
	Detail string
}

func (f *Fault) Error() string { return f.Key + ": " + f.Detail }

// What may be wrong with the other side's words.
const (
	NotJSON  = "intel.fault.module-json"   // no JSON, or cut off
	TooLarge = "intel.fault.module-large"  // more than is read
	TooDeep  = "intel.fault.module-deep"   // nested without end
	Strange  = "intel.fault.module-answer" // JSON, but not of this protocol
)

// Module is one module as its server describes it.
type Module struct {
	Name        string
	Type        string // "expansion"; others import and export
	Title       string
	Description string
	Version     string
	Input       []string // attribute types that it may be asked about
	Output      []string
	Standard    bool     // asks for and answers with whole attributes and objects
	Config      []string // names of its settings
}

// Takes tells whether a module may be asked about a type.
func (m *Module) Takes(typ string) bool {
	return m.Type == "expansion" && slices.Contains(m.Input, typ)
}

// ReadModules reads the answer to GET /modules, sorted by name. What cannot be a module
// is left out and counted.
func ReadModules(r io.Reader) (list []Module, skipped int, err error) {
	raw, err := whole(r)
	if err != nil {
		return nil, 0, err
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return nil, 0, &Fault{Strange, "the list of modules is no list"}
	}
	seen := map[string]bool{}
	for _, item := range items {
		m, ok := readModule(item)
		if !ok || seen[m.Name] || len(list) == maxModules {
			skipped++
			continue
		}
		seen[m.Name] = true
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b Module) int { return strings.Compare(a.Name, b.Name) })
	return list, skipped, nil
}

func readModule(raw json.RawMessage) (m Module, ok bool) {
	f := object(raw)
	if m.Name = text(f["name"]); !named(m.Name) {
		return m, false
	}
	attrs, meta := object(f["mispattributes"]), object(f["meta"])
	m.Type, m.Input, m.Output = text(f["type"]), names(attrs["input"]), names(attrs["output"])
	m.Standard = text(attrs["format"]) == "misp_standard"
	m.Title, m.Description, m.Version = clip(text(meta["name"])), clip(text(meta["description"])), clip(text(meta["version"]))
	if m.Config = names(meta["config"]); m.Config == nil {
		for k := range object(meta["config"]) {
			m.Config = append(m.Config, k)
		}
		slices.Sort(m.Config)
	}
	return m, m.Type != ""
}

// named: names become parts of forms and of our audit lines.
func named(s string) bool {
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// Query is one question: a value of a type, with the module's settings. UUID names the
// attribute in questions and answers in MISP's format; it need not be the real one.
type Query struct {
	Module      string
	Type, Value string
	UUID        string
	Standard    bool
	Config      map[string]string
}

// Encode is the body of POST /query.
func (q Query) Encode() ([]byte, error) {
	body := map[string]any{"module": q.Module}
	if q.Standard {
		body["attribute"] = map[string]any{"type": q.Type, "value": q.Value, "uuid": q.UUID}
	} else {
		body[q.Type] = q.Value
		body["attribute_uuid"] = q.UUID
	}
	if len(q.Config) > 0 {
		body["config"] = q.Config
	}
	return json.Marshal(body)
}

// ReadQuery reads a question as MISP's clients send it to a server of modules or to MISP.
// Types are told from other keys by being types of MISP.
func ReadQuery(raw []byte) (q Query, err error) {
	f := object(raw)
	if q.Module = text(f["module"]); !named(q.Module) {
		return q, &Fault{Strange, "no module is named"}
	}
	if at := object(f["attribute"]); at != nil {
		q.Standard, q.Type, q.Value, q.UUID = true, text(at["type"]), text(at["value"]), text(at["uuid"])
	} else {
		q.UUID = text(f["attribute_uuid"])
		for k, v := range f {
			if _, known := misp.DefaultOf(k); known && q.Type == "" {
				q.Type, q.Value = k, text(v)
			}
		}
	}
	if q.Type == "" || q.Value == "" {
		return q, &Fault{Strange, "no value is named"}
	}
	return q, nil
}

// whole reads a document and holds it against the bounds before anything else does.
func whole(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxAnswer+1))
	switch {
	case len(raw) > MaxAnswer:
		return nil, &Fault{TooLarge, fmt.Sprintf("more than %d bytes", MaxAnswer)}
	case err != nil:
		return nil, err
	case bracket.Depth(raw) > maxDepth:
		return nil, &Fault{TooDeep, fmt.Sprintf("nested more than %d deep", maxDepth)}
	case !json.Valid(raw):
		return nil, &Fault{NotJSON, "no JSON"}
	}
	return raw, nil
}

// object is a JSON object by key, nil for anything else.
func object(raw json.RawMessage) (m map[string]json.RawMessage) {
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// text is a string, or a number or truth value as written; "" for anything else.
func text(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) == nil {
		return strings.TrimSpace(s)
	}
	if c := raw[0]; c == '{' || c == '[' || c == 'n' {
		return ""
	}
	return string(raw)
}

// texts are a list of texts, or one alone.
func texts(raw json.RawMessage) (out []string) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	for _, x := range list {
		if s := text(x); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// names are texts that are short, and not too many of them; nil when it is no list.
func names(raw json.RawMessage) (out []string) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil
	}
	for _, s := range texts(raw) {
		if len(s) <= 100 && len(out) < maxNames {
			out = append(out, s)
		}
	}
	return out
}

func clip(s string) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}
