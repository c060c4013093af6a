package intelmisp

import (
	"slices"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
)

func (a *api) allTags(c *call) ([]intel.Tag, error) {
	var out []intel.Tag
	err := a.Intel.Tags(c.ctx(), c.who, func(t intel.Tag) error { out = append(out, t); return nil })
	return out, err
}

func (a *api) tagIndex(c *call) error {
	find := strings.ToLower(c.params.text("searchall"))
	all, err := a.allTags(c)
	if err != nil {
		return err
	}
	mine, err := a.Intel.Favourites(c.ctx(), c.who)
	if err != nil {
		return err
	}
	only := params{"": c.arg(0)}.flag("", false) || c.params.flag("favouritesOnly", false)
	slices.SortFunc(all, func(x, y intel.Tag) int { return strings.Compare(x.Name, y.Name) })
	return c.list(`{"Tag":`, "}", func(yield func([]byte) error) error {
		for _, t := range all { // measured: limit and page count for nothing here
			if only && !mine[t.ID] || find != "" && !strings.Contains(strings.ToLower(t.Name), find) {
				continue
			}
			_, events, attributes, err := a.Intel.Tag(c.ctx(), c.who, itoa(t.ID))
			if fault.Is(err, fault.NotFound) {
				continue // deleted meanwhile
			}
			if err != nil {
				return err
			}
			w := t.Wire()
			w.Favourite, w.Count, w.AttributeCount = misp.B(mine[t.ID]), misp.Count(events), misp.Count(attributes)
			if err := yield(misp.Append(nil, &w)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *api) tagView(c *call) error {
	t, events, attributes, err := a.Intel.Tag(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notAllowed("Invalid Tag"), fault.NotFound)
	}
	w := t.Wire()
	w.Count, w.AttributeCount = misp.Count(events), misp.Count(attributes)
	return c.json(misp.Append(nil, &w)) // flat: this one answer has no wrapper
}

// tagSearch finds by name, % at either end standing for anything.
func (a *api) tagSearch(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	var want []string
	for _, key := range []string{"name", "tag", "tagname"} {
		want = append(want, c.params.list(key)...)
	}
	if v := c.arg(0); v != "" {
		want = append(want, v)
	}
	for k, v := range c.params { // tags/search/tlp:green is read as a named segment
		if s, ok := v.(string); ok && c.r.Method == "GET" && k != "strict" {
			want = append(want, k+":"+s)
		}
	}
	part := c.params.has("tagname") && !c.params.flag("strict_tagname", false)
	return c.list("", "", func(yield func([]byte) error) error {
		return a.Intel.Tags(c.ctx(), c.who, func(t intel.Tag) error {
			if !named(t.Name, want, part) {
				return nil
			}
			w := t.Wire()
			return yield(append(misp.Append([]byte(`{"Tag":`), &w), '}'))
		})
	})
}

func named(name string, want []string, part bool) bool {
	name = strings.ToLower(name)
	for _, w := range want {
		body := strings.ToLower(strings.Trim(w, "%"))
		head, tail := strings.HasPrefix(w, "%") || part, strings.HasSuffix(w, "%") || part
		switch {
		case head && tail && strings.Contains(name, body), head && strings.HasSuffix(name, body),
			tail && strings.HasPrefix(name, body), name == body:
			return true
		}
	}
	return false
}

// tagFields lays the body's fields over a tag.
func tagFields(p params, t *intel.Tag) {
	p = p.sub("Tag")
	if p.has("name") {
		t.Name = p.text("name")
	}
	if p.has("colour") {
		t.Colour = p.text("colour")
	}
	t.Exportable = p.flag("exportable", t.Exportable)
	t.Hidden = p.flag("hide_tag", t.Hidden)
	t.LocalOnly = p.flag("local_only", t.LocalOnly)
	t.Org, t.User = int64(p.number("org_id", int(t.Org))), int64(p.number("user_id", int(t.User)))
	if p.text("numerical_value") != "" {
		n := int64(p.number("numerical_value", 0))
		t.Numerical = &n
	}
}

func (a *api) tagAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	t := intel.Tag{Exportable: true}
	tagFields(c.params, &t)
	out, err := a.Intel.AddTag(c.ctx(), c.who, t)
	if fault.Is(err, fault.Conflict) {
		out, _, _, err = a.Intel.Tag(c.ctx(), c.who, t.Name) // adding what is there gives what is there
	}
	if err != nil {
		return tagFault("add", err)
	}
	return tagAnswer(c, &out)
}

func tagAnswer(c *call, t *intel.Tag) error {
	w := t.Wire()
	return c.json(append(misp.Append([]byte(`{"Tag":`), &w), '}'))
}

func tagFault(action string, err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	text := "Could not " + action + " the Tag. "
	switch {
	case f.Fields["name"] == "intel.fault.tag-label.all":
		return notAllowed(text + "[name]: A label goes with every event and is for everybody.")
	case f.Key == "intel.fault.tag-label":
		return notAllowed(text + "[name]: A label is not renamed or deleted while it is used.")
	case f.Fields["name"] != "":
		return notAllowed(text + "[name]: This field is required.")
	case f.Fields["colour"] != "":
		return notAllowed(text + "[colour]: Colour has to be in the RGB format (#FFFFFF)")
	case f.Kind == fault.Conflict:
		return notAllowed(text + "[name]: A similar name already exists.")
	case f.Kind == fault.NotFound:
		return notFound("Invalid tag")
	}
	return instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
}

func (a *api) tagEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	t, err := a.Intel.EditTag(c.ctx(), c.who, c.arg(0), func(t *intel.Tag) { tagFields(c.params, t) })
	if err != nil {
		return tagFault("edit", err)
	}
	return tagAnswer(c, &t)
}

func (a *api) tagDelete(c *call) error {
	if err := a.Intel.DeleteTag(c.ctx(), c.who, c.arg(0)); err != nil {
		return tagFault("delete", err)
	}
	return c.value(ordered{{"name", "Tag deleted."}, {"message", "Tag deleted."}, {"url", a.Origin + "/tags/delete/" + c.arg(0)}})
}

// target is what a tag is put on, as MISP names it in its answers.
type target struct {
	at   intel.Target
	what string
	id   int64
}

// target finds an event or attribute by UUID or, failing that, by id.
func (a *api) target(c *call, ref string) (t target, err error) {
	if !isRef(ref) {
		return t, notFound(misp.MsgBadTarget)
	}
	e, err := a.Intel.Event(c.ctx(), c.who, ref)
	if err == nil {
		return target{intel.Target{Event: e.Ref()}, "Event", e.ID}, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return t, err
	}
	at, err := a.Intel.Attribute(c.ctx(), c.who, ref)
	if err != nil {
		return t, instead(err, notFound(misp.MsgBadTarget), fault.NotFound)
	}
	return target{intel.Target{Event: itoa(at.EventID), Attribute: itoa(at.ID)}, "Attribute", at.ID}, nil
}

// tagRequest reads uuid, tags and local from the body or the path.
func (a *api) tagRequest(c *call) (t target, tags []string, local bool, err error) {
	if err := c.form(); err != nil {
		return t, nil, false, err
	}
	ref := c.params.text("uuid")
	if ref == "" {
		ref = c.arg(0)
	}
	tags = c.params.list("tag")
	if len(tags) == 0 && c.arg(1) != "" {
		tags = c.args[1:2]
	}
	local = c.params.flag("local", false) || params{"": c.arg(2)}.flag("", false)
	t, err = a.target(c, ref)
	return t, tags, local, err
}

const foreignTags = "Cannot alter the tags of this data, only the organisation that has created the data (orgc) can modify global tags."

// tagName gives the name of a tag that came by id.
func (a *api) tagName(c *call, ref string) (intel.Tag, error) {
	t, _, _, err := a.Intel.Tag(c.ctx(), c.who, ref)
	if fault.Is(err, fault.NotFound) {
		return intel.Tag{Name: ref}, nil
	}
	return t, err
}

func (a *api) tagAttach(c *call) error {
	t, tags, local, err := a.tagRequest(c)
	if err != nil {
		return err
	}
	if len(tags) == 0 {
		return notAllowed("Invalid tag name")
	}
	var said, reasons []string
	for _, ref := range tags {
		tag, err := a.tagName(c, ref)
		if err != nil {
			return err
		}
		if by, err := a.kept(c, tag); err != nil {
			return err
		} else if by != "" {
			reasons = append(reasons, "Invalid Tag. This tag can only be set by a fixed "+by+".")
			continue
		}
		n, err := 0, error(nil)
		if tag.ID == 0 && !access.Allowed(c.who, "misp.tag_editor") {
			err = fault.New(fault.Denied, "no such tag").WithKey("intel.fault.tag-unknown")
		}
		if err == nil {
			t.at.Exact = true // though tags inside an event match in any case
			n, err = a.Intel.Attach(c.ctx(), c.who, t.at, []string{tag.Name}, local)
		}
		if err != nil {
			why, stop := attachReason(err)
			if stop != nil {
				return stop
			}
			reasons = append(reasons, why)
			continue
		}
		if n == 0 {
			said = append(said, t.what+" already has the requested tag attached, no changes had to be made for tag "+tag.Name+".")
			continue
		}
		if tag, err = a.tagName(c, tag.Name); err != nil {
			return err
		}
		said = append(said, scopeOf(local)+" tag "+tag.Name+"("+itoa(tag.ID)+") successfully attached to "+t.what+"("+itoa(t.id)+").")
	}
	failed := ""
	if len(reasons) > 0 {
		m := ordered{}
		for i, why := range reasons {
			m = append(m, ordered{{itoa(int64(i)), why}}...)
		}
		raw, _ := marshal(m) // texts only
		failed = "Failed to attach " + itoa(int64(len(reasons))) + " tags. Reasons: " + string(raw)
	}
	if len(said) == 0 {
		return unsaved(misp.Outcome{Controller: "Tags", Action: "attachTagToObject", Message: "Could not attachTagToObject Tag", Errors: failed})
	}
	if failed != "" {
		said = append(said, failed)
	}
	clash, err := a.clashes(c, t)
	if err != nil {
		return err
	}
	return c.done(misp.Outcome{Controller: "Tags", Action: "attachTagToObject", Message: strings.Join(append(said, clash...), "\n")})
}

// kept tells for whom a tag is kept that the caller does not see.
func (a *api) kept(c *call, tag intel.Tag) (string, error) {
	if tag.ID != 0 {
		return "", nil
	}
	return a.Intel.TagKept(c.ctx(), c.who, tag.Name)
}

// worn are the names of the tags that an event or attribute carries and everybody may be told of.
func (a *api) worn(c *call, t target) (names []string, err error) {
	var tags []intel.TagUse
	if t.what == "Event" {
		e, err := a.Intel.Event(c.ctx(), c.who, t.at.Event)
		if err != nil {
			return nil, err
		}
		tags = e.Tags
	} else {
		at, err := a.Intel.Attribute(c.ctx(), c.who, t.at.Attribute)
		if err != nil {
			return nil, err
		}
		tags = at.Tags
	}
	for i := range tags {
		if tags[i].Exportable {
			names = append(names, tags[i].Name)
		}
	}
	return names, nil
}

// clashes warns, a line each, of taxonomies by which tags on a thing exclude each other.
// The tags stay: who synchronises must be able to pass on what came.
func (a *api) clashes(c *call, t target) (out []string, err error) {
	names, err := a.worn(c, t)
	if err != nil || len(names) < 2 {
		return nil, err
	}
	list, err := a.Catalog.Conflicts(c.ctx(), c.who, names)
	for _, x := range list {
		out = append(out, clash(x))
	}
	return out, err
}

// clash says which tags exclude each other.
func clash(x catalog.Conflict) string {
	return "Warning: " + x.Scope + " is exclusive, only one of these tags may be set: " + strings.Join(x.Tags, ", ") + "."
}

// excluded tells whether a tag would stand beside one that it excludes.
func (a *api) excluded(c *call, t target, tag string) (bool, error) {
	names, err := a.worn(c, t)
	if err != nil || len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, tag) }) {
		return false, err
	}
	list, err := a.Catalog.Conflicts(c.ctx(), c.who, append(names, tag))
	return slices.ContainsFunc(list, func(x catalog.Conflict) bool { return slices.Contains(x.Tags, tag) }), err
}

// attachReason tells why one tag was not put on; stop ends the request instead.
func attachReason(err error) (why string, stop error) {
	f := fault.Of(err)
	if f == nil {
		return "", err
	}
	switch f.Key {
	case "intel.fault.tag-unknown":
		return "Tag not found and insufficient privileges to create it.", nil
	case "intel.fault.local-tag":
		return "Local tags can only be added by users of the host organisation.", nil
	}
	switch f.Kind {
	case fault.Invalid:
		return "Invalid tag name.", nil
	case fault.Denied:
		return "", forbidden(foreignTags)
	}
	return "", err
}

func scopeOf(local bool) string {
	if local {
		return "Local"
	}
	return "Global"
}

func (a *api) tagDetach(c *call) error {
	t, tags, local, err := a.tagRequest(c)
	if err != nil {
		return err
	}
	var said []string
	for _, ref := range tags {
		tag, err := a.tagName(c, ref)
		if err != nil {
			return err
		}
		if err := a.Intel.Detach(c.ctx(), c.who, t.at, []string{tag.Name}); err != nil {
			err = instead(err, notFound("Could not remove tag as it is not attached to the target "+t.what), fault.NotFound)
			return instead(err, forbidden(foreignTags), fault.Denied)
		}
		said = append(said, scopeOf(local)+" tag "+tag.Name+" ("+itoa(tag.ID)+") successfully removed from "+t.what+"("+itoa(t.id)+").")
	}
	if len(said) == 0 {
		return notFound("Invalid Tag.")
	}
	return c.done(misp.Outcome{Controller: "Tags", Action: "removeTagFromObject", Message: strings.Join(said, "\n")})
}

// eventTag answers events/addTag and removeTag, attributeTag those of attributes:
// older doors that say yes and no with status 200.
func (a *api) eventTag(c *call) error     { return a.oldTag(c, "event") }
func (a *api) attributeTag(c *call) error { return a.oldTag(c, "attribute") }

func (a *api) oldTag(c *call, what string) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub(strings.ToUpper(what[:1]) + what[1:])
	ref, tag := c.arg(0), c.arg(1)
	if ref == "" {
		ref = p.text(what)
	}
	if tag == "" {
		tag = p.text("tag")
	}
	no := func(why string) error { return c.value(ordered{{"saved", false}, {"errors", why}}) }
	t, err := a.target(c, ref)
	if err != nil || !strings.EqualFold(t.what, what) {
		return no("Invalid " + what + ".")
	}
	known, err := a.tagName(c, tag)
	if err != nil {
		return err
	}
	if known.ID == 0 {
		return no("Invalid Tag.")
	}
	local := p.flag("local", false) || c.params.flag("local", false)
	if c.action == "removetag" {
		err = a.Intel.Detach(c.ctx(), c.who, t.at, []string{known.Name})
		if err == nil {
			return c.value(ordered{{"saved", true}, {"success", "Tag removed."}, {"check_publish", true}})
		}
		return instead(instead(err, forbidden(misp.MsgNoPermission), fault.Denied), no("Tag could not be removed."), fault.NotFound)
	}
	stands, err := a.excluded(c, t, known.Name)
	if err != nil {
		return err
	}
	if stands {
		return no("Tag is not allowed due to taxonomy exclusivity settings")
	}
	n, err := a.Intel.Attach(c.ctx(), c.who, t.at, []string{known.Name}, local)
	switch {
	case err != nil:
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	case n == 0:
		return no("Tag is already attached to this " + what + ".")
	}
	return c.value(ordered{{"saved", true}, {"success", "Tag added."}, {"check_publish", true}})
}
