package intelmisp

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/fault"
)

func analystRows(read, write adder) {
	read("analyst_data/index", "", (*api).remarkIndex)
	read("analyst_data/view", "", (*api).remarkView)
	write("analyst_data/add", "analyst_data", (*api).remarkAdd)
	write("analyst_data/edit", "analyst_data", (*api).remarkEdit)
	write("analyst_data/delete", "analyst_data", (*api).remarkDelete)
	read("analyst_data/indexminimal", "", (*api).remarkMinimal)
	read("analyst_data/filteranalystdataforpush", "sync", (*api).remarkWanted)
	write("analyst_data/pushanalystdata", "sync", (*api).remarkPush)
}

const notAuthorised = "You are not authorised to do that."

// kindOf reads the kind in a path; any case, singular or plural.
func kindOf(s string) (remark.Kind, bool) {
	for _, k := range remark.Kinds {
		if strings.EqualFold(s, string(k)) || strings.EqualFold(s, string(k)+"s") {
			return k, true
		}
	}
	return "", false
}

// card is how much of organisations an answer about a remark carries.
type card int

const (
	whole   card = iota // everything of the registry's card
	brief               // what stands inside events and remarks
	deepest             // brief, and whether something hangs deeper
)

// remarkWire is the form of one remark. can adds whether the caller may change it.
func (a *api) remarkWire(c *call, n *remark.Remark, orgs card, can bool) (misp.Analyst, error) {
	w := n.Wire()
	w.Orgc, w.Org = a.orgCard(c, n.Origin), a.orgCard(c, n.Org)
	if orgs != whole {
		w.Orgc, w.Org = briefOrg(w.Orgc, false), briefOrg(w.Org, true)
	}
	if can {
		w.CanEdit = misp.B(n.Mine)
	}
	if orgs == deepest {
		w.MaxDepthReached = misp.B(false)
	}
	if n.Group != 0 {
		var err error
		if w.SharingGroup, err = a.groupOf(c, n.Group); err != nil {
			return w, err
		}
	}
	if n.Kind == remark.Relationship {
		var err error
		if w.RelatedObject, err = a.relatedObject(c, n); err != nil {
			return w, err
		}
	}
	for i := range n.Children {
		x, err := a.remarkWire(c, &n.Children[i], brief, true)
		if err != nil {
			return w, err
		}
		switch n.Children[i].Kind {
		case remark.Note:
			w.Notes = append(w.Notes, x)
		case remark.Opinion:
			w.Opinions = append(w.Opinions, x)
		default:
			w.Relationships = append(w.Relationships, x)
		}
	}
	return w, nil
}

// orgCard reads an organisation as the caller may know it, once per request.
func (a *api) orgCard(c *call, o intel.Org) *misp.Org {
	if w, ok := c.cards[o.ID]; ok {
		return ptr(w)
	}
	full := Org{ID: o.ID, UUID: o.UUID, Name: o.Name, Local: o.Local}
	if known, err := a.findOrg(c, itoa(o.ID)); err == nil {
		full = known
	}
	if c.cards == nil {
		c.cards = map[int64]misp.Org{}
	}
	c.cards[o.ID] = orgWire(full)
	return ptr(c.cards[o.ID])
}

func briefOrg(o *misp.Org, described bool) *misp.Org {
	w := &misp.Org{ID: o.ID, Name: o.Name, UUID: o.UUID, Type: o.Type, Sector: o.Sector, Nationality: o.Nationality, Local: o.Local}
	if described {
		w.Description = o.Description
	}
	return w
}

// relatedObject is what a relationship leads to, where it is here and seen.
func (a *api) relatedObject(c *call, n *remark.Remark) (misp.Raw, error) {
	var b []byte
	var err error
	switch n.RelatedType {
	case "Event":
		var e intel.Event
		if e, err = a.Intel.Event(c.ctx(), c.who, n.Related); err == nil && !a.withheld(c, &e) {
			b, err = a.relatedEventJSON(c, &e)
		}
	case "Attribute":
		var at intel.Attribute
		if at, err = a.Intel.Attribute(c.ctx(), c.who, n.Related); err == nil && !a.partWithheld(c, &at, at.Event) {
			w := at.Wire()
			w.Tag = dropLocal(w.Tag, noLocal(c))
			b = append(misp.Append([]byte(`{"Attribute":`), &w), '}')
		}
	case "Object":
		var o intel.Object
		if o, err = a.Intel.Object(c.ctx(), c.who, n.Related, intel.Without); err == nil && !a.staying(c)(o.EventID) {
			o.Attributes, o.References = nil, nil
			w := o.Wire()
			b = append(misp.Append([]byte(`{"Object":`), &w), '}')
		}
	}
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return b, err
}

func (a *api) relatedEventJSON(c *call, e *intel.Event) ([]byte, error) {
	creator := "0" // numbers of people stay with their organisation
	if e.Origin.ID == c.who.Org || site(c.who) {
		creator = itoa(e.Creator)
	}
	var protected any
	if e.Protected != nil {
		protected = *e.Protected
	}
	return marshal(ordered{{"Event", ordered{{"id", itoa(e.ID)}, {"org_id", itoa(e.Owner.ID)}, {"date", e.Date}, {"info", e.Info}, {"user_id", creator},
		{"uuid", e.UUID}, {"published", e.Published}, {"analysis", strconv.Itoa(e.Analysis)}, {"attribute_count", itoa(e.Attributes)},
		{"orgc_id", itoa(e.Origin.ID)}, {"timestamp", itoa(e.Timestamp)}, {"distribution", strconv.Itoa(int(e.Distribution))},
		{"sharing_group_id", itoa(e.Group)}, {"proposal_email_lock", e.ProposalLock}, {"locked", e.Locked}, {"threat_level_id", strconv.Itoa(e.Threat)},
		{"publish_timestamp", itoa(e.PublishTimestamp)}, {"sighting_timestamp", itoa(e.SightingTimestamp)}, {"disable_correlation", e.NoCorrelation},
		{"extends_uuid", e.ExtendsUUID}, {"protected", protected}}}})
}

// remarkAnswer writes {"Note":…}.
func (a *api) remarkAnswer(c *call, n *remark.Remark, can bool) error {
	w, err := a.remarkWire(c, n, whole, can)
	if err != nil {
		return err
	}
	return c.json(append(misp.Append([]byte(`{"`+string(n.Kind)+`":`), &w), '}'))
}

// said reads the one remark of a request, wrapped in its kind or bare.
func (c *call) said(kind remark.Kind) (misp.Analyst, error) {
	doc, err := c.document()
	if err != nil {
		return misp.Analyst{}, err
	}
	list, _, err := misp.Read[misp.Analyst](doc, misp.Limits{Bytes: plainBytes, Depth: jsonDepth}, string(kind))
	if err != nil || len(list) == 0 {
		return misp.Analyst{}, badJSON()
	}
	return list[0], nil
}

func remarkFault(kind remark.Kind, action string, err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	verb := map[string]string{"add": "add", "edit": "edit"}[action]
	out := misp.Outcome{Controller: "AnalystData", Action: action, Message: "Could not " + verb + " " + string(kind)}
	switch f.Kind {
	case fault.NotFound:
		return notFound("Invalid " + string(kind) + ".")
	case fault.Denied:
		return notAllowed(notAuthorised)
	case fault.Invalid:
		errs := map[string][]string{}
		for field := range f.Fields {
			errs[field] = []string{f.Detail}
		}
		out.Errors = errs
		return unsaved(out)
	case fault.Conflict:
		out.Errors = map[string][]string{"uuid": {"The UUID provided is not unique."}}
		return unsaved(out)
	}
	return err
}

func (a *api) remarkAdd(c *call) error {
	kind, ok := kindOf(c.arg(0))
	if !ok {
		return notFound("Invalid type.")
	}
	w, err := c.said(kind)
	if err != nil {
		return err
	}
	if c.arg(1) != "" {
		w.ObjectUUID = misp.T(c.arg(1))
	}
	if c.arg(2) != "" {
		w.ObjectType = misp.T(c.arg(2))
	}
	n, err := a.Remarks.AddRemark(c.ctx(), c.who, kind, w)
	if err != nil {
		return remarkFault(kind, "add", err)
	}
	return a.remarkAnswer(c, &n, true)
}

func (a *api) remarkEdit(c *call) error {
	kind, ok := kindOf(c.arg(0))
	if !ok {
		return notFound("Invalid type.")
	}
	w, err := c.said(kind)
	if err != nil {
		return err
	}
	n, err := a.Remarks.EditRemark(c.ctx(), c.who, kind, c.arg(1), w)
	if err != nil {
		return remarkFault(kind, "edit", err)
	}
	n.Children = remarksGiven(&w, n.Children)
	return a.remarkAnswer(c, &n, true)
}

// remarksGiven leaves children out of an answer to a request that had none.
func remarksGiven(w *misp.Analyst, children []remark.Remark) []remark.Remark {
	if len(w.Notes)+len(w.Opinions)+len(w.Relationships) == 0 {
		return nil
	}
	return children
}

func (a *api) remarkDelete(c *call) error {
	kind, ok := kindOf(c.arg(0))
	if !ok {
		return notFound("Invalid type.")
	}
	n, err := a.Remarks.DeleteRemark(c.ctx(), c.who, kind, c.arg(1))
	if err != nil {
		return remarkFault(kind, "delete", err)
	}
	text := string(kind) + " deleted."
	return c.value(ordered{{"saved", true}, {"success", true}, {"name", text}, {"message", text},
		{"url", "/" + strings.ToLower(string(kind)) + "s/delete/" + itoa(n.ID)}, {"id", n.ID}})
}

func (a *api) remarkView(c *call) error {
	kind, ok := kindOf(c.arg(0))
	if !ok {
		return notFound("Invalid type.")
	}
	n, err := a.Remarks.Remark(c.ctx(), c.who, kind, c.arg(1))
	if err != nil {
		return remarkFault(kind, "view", err)
	}
	if a.remarkStays(c)(&n) {
		return notFound("Invalid " + string(kind) + ".")
	}
	return a.remarkAnswer(c, &n, false)
}

// remarkIndex lists a kind, or the ones named; a limit counts together with a page only, as measured.
func (a *api) remarkIndex(c *call) error {
	kind, ok := kindOf(c.arg(0))
	if !ok {
		return notFound("Invalid type.")
	}
	if c.r.Method == http.MethodPost {
		if err := c.form(); err != nil {
			return err
		}
	}
	var uuids []string
	if c.params.has("uuid") {
		uuids = append([]string{}, c.params.list("uuid")...)
	}
	limit, page, n := 0, c.params.count("page", 0), 0
	if page > 0 {
		limit = max(c.params.count("limit", 60), 1)
	}
	stays := a.remarkStays(c)
	return c.begin(http.StatusOK).list("", "", func(yield func([]byte) error) error {
		return a.Remarks.Remarks(c.ctx(), c.who, kind, uuids, func(r *remark.Remark) error {
			if stays(r) {
				return nil
			}
			if n++; limit > 0 && (n <= (page-1)*limit || n > page*limit) {
				return nil
			}
			w, err := a.remarkWire(c, r, whole, true)
			if err != nil {
				return err
			}
			return yield(append(misp.Append([]byte(`{"`+string(kind)+`":`), &w), '}'))
		})
	})
}

// remarkMinimal answers {kind: {uuid: last change}}; a kind without any is an empty list.
func (a *api) remarkMinimal(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	found, err := a.Remarks.Modified(c.ctx(), c.who, c.params.list("orgc_name"))
	if err != nil {
		return err
	}
	var out ordered
	stays := a.remarkStays(c)
	for _, k := range remark.Kinds {
		var list ordered
		for _, n := range found[k] {
			if stays(&n) {
				continue
			}
			w := n.Wire()
			list = append(list, ordered{{n.UUID, w.Modified.V}}...)
		}
		out = append(out, ordered{{string(k), orNone(list)}}...)
	}
	return c.value(out)
}

// orNone: PHP writes an empty map as a list.
func orNone(list ordered) any {
	if len(list) == 0 {
		return []any{}
	}
	return list
}

// remarkWanted tells a pushing peer which of its remarks to send.
func (a *api) remarkWanted(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	var out ordered
	for _, k := range remark.Kinds {
		var list ordered
		if offered, ok := c.params[string(k)].(map[string]any); ok {
			times := map[string]int64{}
			for u, v := range offered {
				at, _ := misp.ParseTime(text(v))
				times[u] = at.Unix()
			}
			want, err := a.Remarks.Wanted(c.ctx(), c.who, k, times)
			if err != nil {
				return instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
			}
			for _, u := range want {
				list = append(list, ordered{{u, text(offered[u])}}...)
			}
		}
		out = append(out, ordered{{string(k), orNone(list)}}...)
	}
	return c.value(out)
}

// remarkPush takes remarks of a peer: {kind: one or a list}.
func (a *api) remarkPush(c *call) error {
	b, err := c.read()
	if err != nil {
		return err
	}
	var list []intel.Said
	for _, k := range remark.Kinds {
		if !strings.Contains(string(b), `"`+string(k)+`"`) {
			continue
		}
		part, err := c.pushed(k)
		if err != nil {
			return err
		}
		list = append(list, part...)
	}
	imported, passed, refused, err := a.Remarks.PushRemarks(c.ctx(), c.who, list)
	if err != nil {
		return instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
	}
	tally := strconv.Itoa(imported) + " imported, " + strconv.Itoa(passed) + " ignored, " + strconv.Itoa(refused) + " failed."
	if imported == 0 && refused > 0 {
		return unsaved(misp.Outcome{Controller: "AnalystData", Action: "pushAnalystData", Message: "Could not import analyst data. " + tally, Errors: tally})
	}
	return c.done(misp.Outcome{Controller: "AnalystData", Action: "pushAnalystData", Message: "Analyst Data imported. " + tally})
}

// pushed reads the remarks under one kind of a pushed document.
func (c *call) pushed(kind remark.Kind) (out []intel.Said, err error) {
	v, err := decode(c.raw)
	if err != nil {
		return nil, badJSON()
	}
	var take func(v any) error
	take = func(v any) error {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				if err := take(e); err != nil {
					return err
				}
			}
		case map[string]any:
			if inner, ok := v[string(kind)]; ok && v["object_uuid"] == nil {
				return take(inner)
			}
			if v["object_uuid"] == nil {
				return nil
			}
			raw, err := marshal(v)
			if err != nil {
				return err
			}
			list, _, err := misp.Read[misp.Analyst](strings.NewReader(string(raw)), misp.Limits{Depth: jsonDepth}, string(kind))
			if err != nil || len(list) == 0 {
				return badJSON()
			}
			out = append(out, intel.Said{Kind: string(kind), Analyst: list[0]})
		}
		return nil
	}
	return out, take(v)
}

// saidOf sorts what is said of a thing into MISP's three lists.
func (a *api) saidOf(c *call, list []remark.Remark, orgs card, notes, opinions, relationships *[]misp.Analyst) error {
	for i := range list {
		n := list[i]
		if orgs == whole {
			n.Children = nil // measured: what hangs deeper stands in events' own remarks and in views
		}
		w, err := a.remarkWire(c, &n, orgs, true)
		if err != nil {
			return err
		}
		switch n.Kind {
		case remark.Note:
			*notes = append(*notes, w)
		case remark.Opinion:
			*opinions = append(*opinions, w)
		default:
			*relationships = append(*relationships, w)
		}
	}
	return nil
}
