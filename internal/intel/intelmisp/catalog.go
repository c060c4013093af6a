package intelmisp

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// template is an object template as it was imported.
type template struct {
	item         catalog.Item
	Name         string          `json:"name"`
	MetaCategory string          `json:"meta-category"`
	Description  string          `json:"description"`
	UUID         string          `json:"uuid"`
	Version      json.Number     `json:"version"`
	RequiredOne  []string        `json:"requiredOneOf"`
	Required     []string        `json:"required"`
	Attributes   map[string]elem `json:"attributes"`
	raw          json.RawMessage
}

// elem is one relation that a template offers.
type elem struct {
	Description string      `json:"description"`
	Type        string      `json:"misp-attribute"`
	Categories  []string    `json:"categories"`
	Priority    json.Number `json:"ui-priority"`
	Multiple    bool        `json:"multiple"`
	ToIDS       *bool       `json:"to_ids"`
	NoCorr      bool        `json:"disable_correlation"`
}

func (a *api) readTemplate(c *call, ref string) (t template, err error) {
	it, body, err := a.Catalog.Get(c.ctx(), c.who, catalog.Template, ref)
	if err != nil {
		return t, instead(err, notFound("Invalid object template"), fault.NotFound)
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return t, err
	}
	t.item, t.raw = it, body
	return t, nil
}

// findTemplate looks an object template up in the catalogue, by UUID or name.
func (a *api) findTemplate(c *call, uuid, name string) (template, bool, error) {
	ref := uuid
	if ref == "" {
		ref = name
	}
	if ref == "" {
		return template{}, false, nil
	}
	t, err := a.readTemplate(c, ref)
	if ref, ok := err.(*refusal); ok && ref.status == http.StatusNotFound {
		return t, false, nil
	}
	return t, err == nil, err
}

func templateHead(it catalog.Item) ordered {
	return ordered{{"id", itoa(it.ID)}, {"user_id", "0"}, {"org_id", "0"}, {"uuid", it.UUID}, {"name", it.Name}, {"meta-category", it.Class},
		{"description", it.Description}, {"version", itoa(it.Version)}, {"fixed", true}, {"active", it.Enabled}}
}

func (a *api) templateIndex(c *call) error {
	return a.items(c, catalog.Template, "ObjectTemplate", func(it catalog.Item) any { return templateHead(it) })
}

// items streams the catalogues of one kind, each under its wrapper.
func (a *api) items(c *call, kind, wrap string, form func(catalog.Item) any) error {
	list, err := a.Catalog.List(c.ctx(), c.who, kind)
	if err != nil {
		return err
	}
	return c.list("", "", formed(list, func(it catalog.Item) any {
		return ordered{{wrap, form(it)}}
	}))
}

func (a *api) templateView(c *call) error {
	t, err := a.readTemplate(c, c.arg(0))
	if err != nil {
		return err
	}
	elements := []any{}
	for relation, e := range t.Attributes {
		elements = append(elements, ordered{{"id", itoa(int64(len(elements) + 1))}, {"object_template_id", itoa(t.item.ID)}, {"object_relation", relation},
			{"type", e.Type}, {"ui-priority", e.Priority.String()}, {"categories", orEmpty(e.Categories)}, {"sane_default", []string{}},
			{"values_list", []string{}}, {"description", e.Description}, {"disable_correlation", nil}, {"multiple", e.Multiple}})
	}
	head := append(templateHead(t.item), ordered{{"requirements", requirements(t)}}...)
	nobody := ordered{{"id", nil}, {"name", nil}, {"uuid", nil}}
	return c.value(ordered{{"ObjectTemplate", head}, {"Organisation", nobody}, {"ObjectTemplateElement", elements}})
}

func requirements(t template) map[string]any {
	out := map[string]any{}
	if t.RequiredOne != nil {
		out["requiredOneOf"] = t.RequiredOne
	}
	if t.Required != nil {
		out["required"] = t.Required
	}
	return out
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (a *api) templateRaw(c *call) error {
	t, err := a.readTemplate(c, c.arg(0))
	if err != nil {
		return err
	}
	return c.json(t.raw)
}

func taxonomyHead(it catalog.Item) ordered {
	return ordered{{"id", itoa(it.ID)}, {"namespace", it.Key}, {"description", it.Description}, {"version", itoa(it.Version)}, {"enabled", it.Enabled},
		{"exclusive", it.Exclusive}, {"required", it.Required}, {"highlighted", it.Highlighted}}
}

func (a *api) taxonomyIndex(c *call) error {
	list, err := a.Catalog.List(c.ctx(), c.who, catalog.Taxonomy)
	if err != nil {
		return err
	}
	tags, err := a.tagsByName(c)
	if err != nil {
		return err
	}
	here := map[string]int{} // tags that are here, by namespace
	for name := range tags {
		ns, _, _ := strings.Cut(name, ":")
		here[ns]++
	}
	return c.list("", "", formed(list, func(it catalog.Item) any {
		return ordered{{"Taxonomy", taxonomyHead(it)}, {"total_count", it.Entries}, {"current_count", here[it.Key]}}
	}))
}

func (a *api) taxonomyView(c *call) error {
	it, _, err := a.Catalog.Get(c.ctx(), c.who, catalog.Taxonomy, c.arg(0))
	if err != nil {
		return instead(err, notFound("Taxonomy not found."), fault.NotFound)
	}
	entries, err := a.Catalog.Entries(c.ctx(), c.who, itoa(it.ID))
	if err != nil {
		return err
	}
	tags, err := a.tagsByName(c)
	if err != nil {
		return err
	}
	return c.list(taxonomyOpening(it), "}", formed(entries, func(e catalog.Entry) any {
		exists := any(false)
		if t, ok := tags[strings.ToLower(e.Tag)]; ok {
			w := t.Wire()
			exists = ordered{{"Tag", w}}
		}
		row := ordered{{"tag", e.Tag}, {"expanded", e.Expanded}}
		for _, f := range (ordered{{"description", e.Description}, {"colour", e.Colour}}) {
			if f.Value != "" {
				row = append(row, f)
			}
		}
		row = append(row, ordered{{"existing_tag", exists}}...)
		if e.Exclusive && !it.Exclusive {
			row = append(row, ordered{{"exclusive_predicate", true}}...)
		}
		if e.Numerical != nil {
			row = append(row, ordered{{"numerical_value", *e.Numerical}}...)
		}
		return row
	}))
}

func taxonomyOpening(it catalog.Item) string {
	head, _ := marshal(taxonomyHead(it)) // plain values
	return `{"Taxonomy":` + string(head) + `,"entries":`
}

func (a *api) tagsByName(c *call) (map[string]intel.Tag, error) {
	out := map[string]intel.Tag{}
	err := a.Intel.Tags(c.ctx(), c.who, func(t intel.Tag) error { out[strings.ToLower(t.Name)] = t; return nil })
	return out, err
}

// taxonomySwitch answers enable and disable.
func (a *api) taxonomySwitch(c *call) error {
	on := c.action == "enable"
	no := unsaved(misp.Outcome{Controller: "Taxonomies", Action: c.action, Message: "Could not " + c.action + " Taxonomy", Errors: "Invalid taxonomy.", ID: c.arg(0)})
	if !isDigits(c.arg(0)) {
		return no // measured: a view takes the namespace, a switch the number only
	}
	it, err := a.Catalog.Enable(c.ctx(), c.who, catalog.Taxonomy, c.arg(0), on)
	if err != nil {
		err = instead(err, no, fault.NotFound)
		return instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
	}
	msg := "Taxonomy disabled"
	if on {
		msg = "Taxonomy enabled"
	} else if err := a.hideTags(c, itoa(it.ID)); err != nil {
		return err
	}
	return c.done(misp.Outcome{Controller: "Taxonomies", Action: c.action, Message: msg, ID: itoa(it.ID)})
}

// hideTags takes the tags of a taxonomy that is no longer in force out of choice, as MISP
// does; addTag brings them back.
func (a *api) hideTags(c *call, taxonomy string) error {
	entries, err := a.Catalog.Entries(c.ctx(), c.who, taxonomy)
	for i := 0; err == nil && i < len(entries); i++ {
		err = a.taxonomyTag(c, entries[i], true)
	}
	return err
}

// taxonomyTags answers addTag and disableTag: the tags named, or all of the
// taxonomy, become tags that may be attached, or are hidden from choice.
func (a *api) taxonomyTags(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	no := unsaved(misp.Outcome{Controller: "Taxonomies", Action: strings.Replace(c.action, "tag", "Tag", 1),
		Message: "Could not " + strings.Replace(c.action, "tag", "Tag", 1) + " Taxonomy", Errors: "The tag(s) could not be saved. Please, try again."})
	if c.arg(0) == "" {
		return no // measured: the number stands in the path
	}
	entries, err := a.Catalog.Entries(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound("Taxonomy not found."), fault.NotFound)
	}
	names := map[string]bool{}
	chosen, _ := c.params["Taxonomy"].(map[string]any) // measured: a bare name chooses nothing, all tags are added
	for _, key := range []string{"name", "nametag", "tag"} {
		for _, n := range params(chosen).list(key) {
			names[strings.ToLower(n)] = true
		}
	}
	n := 0
	for _, e := range entries {
		if len(names) > 0 && !names[strings.ToLower(e.Tag)] {
			continue
		}
		if err := a.taxonomyTag(c, e, c.action == "disabletag"); err != nil {
			return instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
		}
		n++
	}
	if n == 0 {
		return no
	}
	msg := "The tag(s) has been saved."
	if c.action == "disabletag" {
		msg = "The tag(s) has been hidden."
	}
	return c.done(misp.Outcome{Controller: "Taxonomies", Action: strings.Replace(c.action, "tag", "Tag", 1), Message: msg, ID: c.arg(0)})
}

// taxonomyTag makes or shows one tag of a taxonomy, or hides it.
func (a *api) taxonomyTag(c *call, e catalog.Entry, hide bool) error {
	t, _, _, err := a.Intel.Tag(c.ctx(), c.who, e.Tag)
	if fault.Is(err, fault.NotFound) {
		if hide {
			return nil
		}
		_, err = a.Intel.AddTag(c.ctx(), c.who, intel.Tag{Name: e.Tag, Colour: e.Colour, Exportable: true, Numerical: e.Numerical})
		return err
	}
	same := t.Hidden == hide && (hide || e.Colour == "" || strings.EqualFold(t.Colour, e.Colour))
	if err != nil || same {
		return err
	}
	_, err = a.Intel.EditTag(c.ctx(), c.who, itoa(t.ID), func(t *intel.Tag) {
		if t.Hidden = hide; !hide && e.Colour != "" { // measured: a tag that is there takes the taxonomy's colour
			t.Colour = e.Colour
		}
	})
	return err
}

// taxonomyRequired answers toggleRequired and toggleHighlighted; MISP breaks
// without a body, here the mark turns over.
func (a *api) taxonomyRequired(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	it, _, err := a.Catalog.Get(c.ctx(), c.who, catalog.Taxonomy, c.arg(0))
	if err != nil {
		return instead(err, notFound("Taxonomy not found."), fault.NotFound)
	}
	p := c.params.sub("Taxonomy")
	required, highlighted := p.flag("required", !it.Required), p.flag("highlighted", !it.Highlighted)
	action := "toggleRequired"
	if c.action == "togglehighlighted" {
		action = "toggleHighlighted"
		_, err = a.Catalog.Mark(c.ctx(), c.who, itoa(it.ID), nil, &highlighted)
	} else {
		_, err = a.Catalog.Mark(c.ctx(), c.who, itoa(it.ID), &required, nil)
	}
	if err != nil {
		return instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
	}
	return c.done(misp.Outcome{Controller: "Taxonomies", Action: action, Message: "Taxonomy " + action + "ed", ID: c.arg(0)})
}

func listHead(it catalog.Item) ordered {
	return ordered{{"id", itoa(it.ID)}, {"name", it.Name}, {"type", it.Class}, {"description", it.Description}, {"version", itoa(it.Version)},
		{"enabled", it.Enabled}, {"default", !it.Own}, {"category", "false_positive"}, {"warninglist_entry_count", itoa(it.Entries)},
		{"valid_attributes", strings.Join(it.Types, ", ")}}
}

// warninglistIndex wraps its list twice, as MISP does.
func (a *api) warninglistIndex(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	list, err := a.Catalog.List(c.ctx(), c.who, catalog.WarningList)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(x, y catalog.Item) int { return int(y.ID - x.ID) }) // measured: the newest first
	find, only := strings.ToLower(c.params.text("value")), c.params["enabled"]
	return c.list(`{"Warninglists":`, "}", formed(list, func(it catalog.Item) any {
		if only != nil && it.Enabled != c.params.flag("enabled", true) || find != "" && !strings.Contains(strings.ToLower(it.Name), find) {
			return nil
		}
		return ordered{{"Warninglist", listHead(it)}}
	}))
}

// warninglist is what of an upstream list is shown.
type warninglist struct {
	List     []string          `json:"list"`
	Comments map[string]string `json:"comments"`
	Types    []string          `json:"matching_attributes"`
	Category string            `json:"category"`
}

func (a *api) warninglistView(c *call) error {
	it, body, err := a.Catalog.Get(c.ctx(), c.who, catalog.WarningList, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid Warninglist."), fault.NotFound)
	}
	var l warninglist
	if err := json.Unmarshal(body, &l); err != nil {
		return err
	}
	entries, types := make([]any, len(l.List)), []any{}
	for i, v := range l.List {
		entries[i] = ordered{{"value", v}, {"warninglist_id", itoa(it.ID)}, {"comment", l.Comments[v]}}
	}
	for _, t := range l.Types {
		types = append(types, ordered{{"type", t}, {"warninglist_id", itoa(it.ID)}})
	}
	return c.value(ordered{{"Warninglist", append(listHead(it), ordered{{"WarninglistEntry", entries}, {"WarninglistType", types}}...)}})
}

// warninglistAdd makes a list of one's own.
func (a *api) warninglistAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("Warninglist")
	d := catalog.ListDraft{Name: p.text("name"), Description: p.text("description"), Type: p.text("type"), Category: p.text("category"),
		Types: p.list("valid_attributes"), Enabled: p.flag("enabled", false)}
	if d.Type == "" {
		d.Type = "string"
	}
	if len(d.Types) == 0 {
		d.Types = p.list("matching_attributes")
	}
	switch v := p["entries"].(type) {
	case string:
		d.Entries = strings.Split(v, "\n")
	default:
		d.Entries = texts(v)
	}
	if list, ok := p["WarninglistEntry"].([]any); ok {
		for _, e := range list {
			if m, ok := e.(map[string]any); ok {
				d.Entries = append(d.Entries, text(m["value"]))
			}
		}
	}
	it, err := a.Catalog.AddList(c.ctx(), c.who, d)
	if err != nil {
		err = instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
		return instead(err, unsaved(misp.Outcome{Controller: "Warninglists", Action: "add", Errors: "Could not save the warninglist."}), fault.Invalid, fault.Conflict)
	}
	return c.value(ordered{{"Warninglist", listHead(it)[:8]}})
}

// warninglistToggle switches lists by id or by a name with % in it.
func (a *api) warninglistToggle(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	ids, names := c.params.list("id"), c.params.list("name")
	if c.arg(0) != "" {
		ids = append(ids, c.arg(0))
	}
	list, err := a.Catalog.List(c.ctx(), c.who, catalog.WarningList)
	if err != nil {
		return err
	}
	n, state := 0, ""
	for _, it := range list {
		if !contains(ids, itoa(it.ID)) && !named(it.Name, names, false) {
			continue
		}
		on := c.params.flag("enabled", !it.Enabled)
		if _, err := a.Catalog.Enable(c.ctx(), c.who, catalog.WarningList, itoa(it.ID), on); err != nil {
			return instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
		}
		n++
		state = map[bool]string{true: "enabled", false: "disabled"}[on]
	}
	if n == 0 {
		return c.value(ordered{{"saved", false}, {"errors", "Warninglist not found."}})
	}
	if !c.params.has("enabled") && n > 1 {
		state = "toggled"
	}
	return c.value(ordered{{"saved", true}, {"success", itoa(int64(n)) + " warninglist(s) " + state}})
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// warninglistCheck tells which lists hold each of the values.
func (a *api) warninglistCheck(c *call) error {
	b, err := c.read()
	if err != nil {
		return err
	}
	v, err := decode(b)
	if err != nil {
		return badJSON()
	}
	if m, ok := v.(map[string]any); ok {
		v = m["value"]
		if v == nil {
			var all []any
			for _, e := range m {
				all = append(all, e)
			}
			v = all
		}
	}
	out := ordered{}
	for _, value := range texts(v) {
		hits, err := a.Catalog.Hits(c.ctx(), c.who, "", value)
		if err != nil {
			return err
		}
		var rows []any
		for _, h := range hits {
			rows = append(rows, ordered{{"id", itoa(h.ID)}, {"name", h.Name}, {"matched", h.Matched}})
		}
		if rows != nil {
			key, _ := marshal(value) // a text
			out = append(out, ordered{{strings.Trim(string(key), `"`), rows}}...)
		}
	}
	if len(out) == 0 {
		return c.json([]byte("[]"))
	}
	return c.value(out)
}

// upToDate answers the update of catalogues: they come by import, on the machine.
func (a *api) upToDate(c *call) error {
	if c.controller == "object_templates" { // the templates that were brought up to date: none
		return c.value([]string{})
	}
	texts := map[string]string{"taxonomies": "All taxonomy libraries are up to date already.", "warninglists": "All warninglists are up to date already.",
		"decaying_model": "Default decaying models updated", "noticelists": "All noticelists are up to date already.", "galaxies": "Galaxies updated."}
	return c.done(misp.Outcome{Controller: c.controller, Action: "update", Message: texts[c.controller]})
}
