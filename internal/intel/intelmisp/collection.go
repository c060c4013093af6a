package intelmisp

import (
	"context"
	"net/http"
	"strconv"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/kernel/fault"
)

func collectionRows(read, write adder) {
	read("collections/index", "", (*api).collectionIndex)
	read("collections/view", "", (*api).collectionView)
	write("collections/add", "add", (*api).collectionAdd)
	write("collections/edit", "add", (*api).collectionEdit)
	write("collections/delete", "add", (*api).collectionDelete)
	read("collection_elements/index", "", (*api).elementIndex)
	write("collection_elements/add", "add", (*api).elementAdd)
	write("collection_elements/addelementtocollection", "add", (*api).elementAddTo)
	write("collection_elements/delete", "add", (*api).elementDelete)
	read("collections/indexminimal", "sync", (*api).collectionMinimal)
	read("collections/filtercollectionsforpush", "sync", (*api).collectionWanted)
	write("collections/capturecollection", "sync", (*api).collectionCapture)
}

const noCollection = "Invalid collection"

// collectionWire is a collection with its elements; they always stand there, so that who
// reads knows an empty one from a short answer (spec misp §7.4 row 9).
func (a *api) collectionWire(c *call, x *dossier.Dossier) (ordered, error) {
	person := "0" // numbers of people stay with their organisation
	if x.Origin.ID == c.who.Org || site(c.who) {
		person = itoa(x.Person)
	}
	var group any = "0"
	if x.Group != 0 {
		group = itoa(x.Group)
	}
	elements := make([]any, len(x.Elements))
	for i, e := range x.Elements {
		elements[i] = elementJSON(x.ID, &e)
	}
	out := ordered{{"Collection", ordered{{"id", itoa(x.ID)}, {"uuid", x.UUID}, {"org_id", itoa(x.Org.ID)}, {"orgc_id", itoa(x.Origin.ID)}, {"user_id", person},
		{"created", dossier.Stamp(x.Created)}, {"modified", dossier.Stamp(x.Modified)}, {"distribution", strconv.Itoa(int(x.Distribution))},
		{"sharing_group_id", group}, {"name", x.Name}, {"type", x.Type}, {"description", x.Description}, {"locked", x.Locked}}},
		{"Orgc", orgBrief(x.Origin)}, {"Org", orgBrief(x.Org)}}
	if x.Group != 0 {
		g, err := a.groupOf(c, x.Group)
		if err != nil {
			return nil, err
		}
		if g != nil {
			out = append(out, ordered{{"SharingGroup", *g}}...)
		}
	}
	return append(out, ordered{{"CollectionElement", elements}}...), nil
}

func orgBrief(o intel.Org) ordered {
	return ordered{{"id", itoa(o.ID)}, {"name", o.Name}, {"uuid", o.UUID}}
}

func elementJSON(parent int64, e *dossier.Element) ordered {
	return ordered{{"id", itoa(e.ID)}, {"uuid", e.UUID}, {"element_uuid", e.Target}, {"element_type", e.Kind}, {"collection_id", itoa(parent)}, {"description", e.Description}}
}

// collectionIndex lists what the caller sees; my_collections and org_collections narrow,
// uuid[] names them.
func (a *api) collectionIndex(c *call) error {
	if c.r.Method == http.MethodPost {
		if err := c.form(); err != nil {
			return err
		}
	}
	var f dossier.Filter
	if c.params.has("uuid") {
		f.UUIDs = append([]string{}, c.params.list("uuid")...)
	}
	switch fold(c.arg(0)) {
	case "mycollections":
		f.Person = max(c.who.Person, 1)
	case "orgcollections":
		f.Org = max(c.who.Org, 1)
	}
	return c.list("", "", func(yield func([]byte) error) error {
		return a.Dossiers.Dossiers(c.ctx(), c.who, f, func(x *dossier.Dossier) error {
			w, err := a.collectionWire(c, x)
			if err != nil {
				return err
			}
			b, err := marshal(w)
			if err != nil {
				return err
			}
			return yield(b)
		})
	})
}

func (a *api) collectionView(c *call) error {
	x, err := a.Dossiers.Dossier(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound(noCollection), fault.NotFound)
	}
	return a.collectionAnswer(c, &x)
}

func (a *api) collectionAnswer(c *call, x *dossier.Dossier) error {
	w, err := a.collectionWire(c, x)
	if err != nil {
		return err
	}
	return c.value(w)
}

// collectionSaid reads the one collection of a request.
func (c *call) collectionSaid() (misp.Collection, error) {
	doc, err := c.document()
	if err != nil {
		return misp.Collection{}, err
	}
	list, err := misp.ReadCollections(doc, misp.Limits{Bytes: plainBytes})
	if err != nil || len(list) != 1 {
		return misp.Collection{}, badJSON()
	}
	return list[0], nil
}

func collectionFault(action string, err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	switch f.Kind {
	case fault.NotFound:
		return notFound(noCollection)
	case fault.Denied:
		return forbidden(misp.MsgNoPermission)
	case fault.Conflict:
		return unsaved(misp.Outcome{Controller: "Collections", Action: action, Errors: map[string][]string{"uuid": {"The UUID provided is not unique."}}})
	case fault.Invalid:
		errs := map[string][]string{}
		for field := range f.Fields {
			errs[field] = []string{f.Detail}
		}
		return unsaved(misp.Outcome{Controller: "Collections", Action: action, Errors: errs})
	}
	return err
}

func (a *api) collectionAdd(c *call) error {
	w, err := c.collectionSaid()
	if err != nil {
		return err
	}
	x, err := a.Dossiers.AddDossier(c.ctx(), c.who, dossier.FromWire(&w))
	if err != nil {
		return collectionFault("add", err)
	}
	return a.collectionAnswer(c, &x)
}

func (a *api) collectionEdit(c *call) error {
	w, err := c.collectionSaid()
	if err != nil {
		return err
	}
	x, err := a.Dossiers.EditDossier(c.ctx(), c.who, c.arg(0), dossier.FromWire(&w))
	if err != nil {
		return collectionFault("edit", err)
	}
	return a.collectionAnswer(c, &x)
}

func (a *api) collectionDelete(c *call) error {
	if _, err := a.Dossiers.DeleteDossier(c.ctx(), c.who, c.arg(0)); err != nil {
		return collectionFault("delete", err)
	}
	return c.done(misp.Outcome{Controller: "Collections", Action: "delete", Message: "Collection deleted.", ID: c.arg(0)})
}

func (a *api) elementIndex(c *call) error {
	x, err := a.Dossiers.Dossier(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound(noCollection), fault.NotFound)
	}
	return c.list("", "", formed(x.Elements, func(x dossier.Element) any {
		return ordered{{"CollectionElement", elementJSON(x.ID, &x)}}
	}))
}

func (a *api) elementAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("CollectionElement")
	return a.addElement(c, c.arg(0), dossier.Element{UUID: p.text("uuid"), Target: p.text("element_uuid"), Kind: p.text("element_type"), Description: p.text("description")})
}

// elementAddTo is addElementToCollection/<type>/<uuid> with the collection in the body.
func (a *api) elementAddTo(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("CollectionElement")
	return a.addElement(c, p.text("collection_id"), dossier.Element{Target: c.arg(1), Kind: c.arg(0), Description: p.text("description")})
}

func (a *api) addElement(c *call, ref string, e dossier.Element) error {
	if e.Kind == "" {
		var err error
		if e.Kind, err = a.Dossiers.KindOf(c.ctx(), c.who, e.Target); err != nil {
			return err
		}
	}
	x, err := a.Dossiers.Dossier(c.ctx(), c.who, ref)
	if err == nil {
		e, err = a.Dossiers.AddElement(c.ctx(), c.who, itoa(x.ID), e)
	}
	if err != nil {
		return collectionFault("add", err)
	}
	return c.value(ordered{{"CollectionElement", elementJSON(x.ID, &e)}})
}

func (a *api) elementDelete(c *call) error {
	if _, err := a.Dossiers.DropElement(c.ctx(), c.who, c.arg(0)); err != nil {
		return instead(collectionFault("delete", err), notFound("Invalid collection element"), fault.NotFound)
	}
	return c.done(misp.Outcome{Controller: "CollectionElements", Action: "delete", Message: "CollectionElement deleted.", ID: c.arg(0)})
}

// collectionMinimal answers {uuid: last change}; none is an empty list.
func (a *api) collectionMinimal(c *call) error {
	found, err := a.Dossiers.Modified(c.ctx(), c.who)
	if err != nil {
		return err
	}
	out := map[string]string{}
	for u, at := range found {
		out[u] = dossier.Stamp(at)
	}
	if len(out) == 0 {
		return c.json([]byte("[]"))
	}
	return c.value(out)
}

// collectionWanted tells a pushing peer which of its collections to send: it offers
// {uuid: last change} and gets those back that are wanted.
func (a *api) collectionWanted(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	times := map[string]int64{}
	for u := range c.params {
		at, ok := misp.ParseTime(c.params.text(u))
		if ok {
			times[u] = at.Unix()
		}
	}
	want, err := a.Dossiers.Wanted(c.ctx(), c.who, times)
	if err != nil {
		return instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
	}
	out := map[string]string{}
	for _, u := range want {
		out[u] = c.params.text(u)
	}
	if len(out) == 0 {
		return c.json([]byte("[]"))
	}
	return c.value(out)
}

// collectionCapture takes a collection of a peer as the peer holds it: the step off its
// level is taken here, because the sender sends it raw (spec misp §7.5 row 10).
func (a *api) collectionCapture(c *call) error {
	w, err := c.collectionSaid()
	if err != nil {
		return err
	}
	no := func(why string) error {
		return unsaved(misp.Outcome{Controller: "Collections", Action: "captureCollection", Message: "Could not capture the collection.", Errors: why})
	}
	if n := w.Distribution.V; n == int64(intel.Community) || n == int64(intel.Connected) {
		w.Distribution = misp.N(n - 1)
	}
	from := intel.Sender{Here: a.Origin, Org: c.who.Org}
	g := intel.NewGrouping(nil, func(ctx context.Context, w *misp.SharingGroup) (int64, error) {
		return a.Intel.CaptureGroup(ctx, c.who, w, from)
	})
	g.Foreign = true
	if err := g.Part(c.ctx(), &w.Distribution, &w.SharingGroupID, &w.SharingGroup, int64(intel.OwnOrg)); err != nil {
		return err
	}
	if !w.Distribution.Given() {
		w.Distribution = misp.N(int64(intel.OwnOrg))
	}
	what, err := a.Dossiers.Receive(c.ctx(), c.who, &w)
	if err != nil {
		return instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
	}
	said := map[dossier.Took]string{dossier.Created: "Collection added.", dossier.Updated: "Collection updated.", dossier.Passed: "Collection is not newer, or not yours to change."}[what]
	if what == dossier.Refused {
		return no("The collection is not valid.")
	}
	return c.done(misp.Outcome{Controller: "Collections", Action: "captureCollection", Message: said})
}
