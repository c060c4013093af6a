package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"straza/internal/format/bracket"
	"straza/internal/kernel/store"
)

// parsed is one upstream file, understood.
type parsed struct {
	item     Item
	body     []byte
	clusters []Cluster
	partial  bool // clusters without their galaxy, or a galaxy without its clusters
	head     bool // a galaxy's own file, without its clusters
}

// probe are the keys by which a file's kind is told.
type probe struct {
	Namespace  string          `json:"namespace"`
	Predicates json.RawMessage `json:"predicates"`
	Attributes json.RawMessage `json:"attributes"`
	Meta       string          `json:"meta-category"`
	List       json.RawMessage `json:"list"`
	Values     json.RawMessage `json:"values"`
	Formula    string          `json:"formula"`
	Type       json.RawMessage `json:"type"`
	Name       string          `json:"name"`
	Desc       string          `json:"description"`
	UUID       string          `json:"uuid"`
	Version    number          `json:"version"`
	Matching   []string        `json:"matching_attributes"`
	Category   string          `json:"category"`
	Icon       string          `json:"icon"`
	Notice     json.RawMessage `json:"notice"`
}

// parse tells what a file is and reads it. nil without an error: none of ours
// (manifests, schemas, package files), to be passed over.
func parse(b []byte) (*parsed, error) {
	b = bytes.TrimPrefix(bytes.TrimSpace(b), []byte("\xEF\xBB\xBF"))
	if len(b) == 0 || b[0] != '{' {
		return nil, nil
	}
	if d := bracket.Depth(b); d > 32 {
		return nil, fmt.Errorf("nested deeper than 32")
	}
	var p probe
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, err
	}
	var typ string
	_ = json.Unmarshal(p.Type, &typ) // taxonomies have a list here
	out := &parsed{body: b, item: Item{Name: p.Name, Description: p.Desc, Version: int64(p.Version), Enabled: true}}
	if u, ok := store.ParseUUID(p.UUID); ok {
		out.item.UUID = u
	}
	switch {
	case p.Namespace != "" && len(p.Predicates) > 0:
		return out, out.taxonomy()
	case p.Meta != "" && p.Attributes != nil && out.item.UUID != "":
		return out, out.template(p)
	case p.List != nil && typ != "":
		return out, out.list(p, typ)
	case p.Notice != nil && p.Name != "":
		return out, out.notice()
	case p.Formula != "":
		return out, out.model(p)
	case p.Values != nil && p.Name == "relationships":
		var v []json.RawMessage
		out.item.Kind, out.item.Key = Relationships, p.Name
		err := json.Unmarshal(p.Values, &v)
		out.item.Entries = int64(len(v))
		return out, err
	case p.Values != nil && typ != "" && out.item.UUID != "":
		return out, out.cluster(p, typ)
	case p.Values == nil && typ != "" && out.item.UUID != "" && p.Icon != "":
		out.item.Kind, out.item.Key, out.item.Class, out.partial = Galaxy, typ, p.Namespace, true
		out.head = true
		return out, nil
	}
	return nil, nil
}

func named(key string) error {
	if key == "" {
		return fmt.Errorf("it has no name")
	}
	return nil
}

func (p *parsed) taxonomy() error {
	var m machinetag
	if err := json.Unmarshal(p.body, &m); err != nil {
		return err
	}
	p.item.Kind, p.item.Key, p.item.Name = Taxonomy, strings.ToLower(m.Namespace), m.Namespace
	p.item.Entries, p.item.Exclusive = int64(len(m.entries())), m.Exclusive
	return nil
}

func (p *parsed) template(f probe) error {
	var attributes map[string]struct {
		Type string `json:"misp-attribute"`
	}
	if err := json.Unmarshal(f.Attributes, &attributes); err != nil {
		return err
	}
	p.item.Kind, p.item.Key, p.item.Class, p.item.Entries = Template, p.item.UUID, f.Meta, int64(len(attributes))
	return named(f.Name)
}

func (p *parsed) list(f probe, typ string) error {
	var entries []json.RawMessage
	if err := json.Unmarshal(f.List, &entries); err != nil {
		return err
	}
	switch typ {
	case "string", "substring", "hostname", "cidr", "regex":
	default:
		return fmt.Errorf("unknown type of warning list %q", typ)
	}
	p.item.Kind, p.item.Key, p.item.Class, p.item.Entries = WarningList, f.Name, typ, int64(len(entries))
	p.item.Types = f.Matching
	return named(f.Name)
}

// model reads a decaying model; like MISP's it scores nothing until it is enabled.
func (p *parsed) model(f probe) error {
	var m modelFile
	if err := json.Unmarshal(p.body, &m); err != nil {
		return err
	}
	params, err := parametersOf(m.Parameters)
	if err != nil {
		return err
	}
	formula := formulaOf(f.Formula)
	if err := params.check(formula); err != nil {
		return err
	}
	p.item.Kind, p.item.Key, p.item.Class, p.item.Types, p.item.Enabled = Model, either(p.item.UUID, f.Name), formula, m.Types, false
	p.item.Entries = int64(len(m.Types))
	return named(p.item.Key)
}

// cluster reads a cluster file; its own text without the values is kept as the
// galaxy's, until the galaxy file itself is met.
func (p *parsed) cluster(f probe, typ string) error {
	var values []json.RawMessage
	if err := json.Unmarshal(f.Values, &values); err != nil {
		return err
	}
	for _, raw := range values {
		var v struct {
			Value string `json:"value"`
			UUID  string `json:"uuid"`
		}
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		if v.Value == "" {
			continue
		}
		uuid, _ := store.ParseUUID(v.UUID)
		p.clusters = append(p.clusters, Cluster{UUID: uuid, Value: v.Value, Type: typ, Body: raw})
	}
	var head map[string]json.RawMessage
	if err := json.Unmarshal(p.body, &head); err != nil {
		return err
	}
	delete(head, "values")
	var err error
	p.body, err = json.Marshal(head)
	p.item.Kind, p.item.Key, p.item.Entries, p.partial = Galaxy, typ, int64(len(p.clusters)), true
	return err
}
