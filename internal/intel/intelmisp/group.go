package intelmisp

import (
	"net/http"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// The apostrophe is escaped in MISP's own answer.
const noGroup = "Sharing group doesn&#039;t exist or you do not have permission to access it."

// groupInside is the form of a group inside an event.
func groupInside(g *intel.SharingGroup, local *misp.Server) *misp.SharingGroup {
	w := g.Wire()
	for i := range w.Servers {
		if w.Servers[i].ServerID.V == 0 {
			w.Servers[i].Server = local
		}
	}
	return w
}

// self is this installation as a member server.
func (a *api) self() *misp.Server {
	return &misp.Server{ID: misp.N(0), Name: misp.T("Local instance"), URL: misp.T(a.Origin)}
}

// groupParts is a group as its own views show it: the head apart from its members.
func (a *api) groupParts(c *call, g *intel.SharingGroup, view bool) ([]byte, error) {
	w := g.Wire()
	head := *w
	head.Organisation, head.Orgs, head.Servers, head.SyncOrg = nil, nil, nil, nil
	if view {
		head.SyncOrgName, head.SyncOrg = misp.T(g.Owner.Name), g.Owner.Wire()
	}
	for i := range w.Orgs {
		if view {
			w.Orgs[i].Organisation.Local = misp.B(g.Orgs[i].Org.Local)
		}
	}
	for i := range w.Servers {
		if w.Servers[i].ServerID.V == 0 {
			w.Servers[i].Server = nil
			if view {
				w.Servers[i].Server = a.self()
			}
		}
	}
	return marshal(ordered{{"SharingGroup", head}, {"Organisation", a.groupOwner(c, g, view)}, {"SharingGroupOrg", members(w.Orgs)},
		{"SharingGroupServer", hosts(w.Servers)}})
}

// groupOwner is short in answers to changes and whole in views.
func (a *api) groupOwner(c *call, g *intel.SharingGroup, view bool) misp.Org {
	if view {
		if o, err := a.findOrg(c, itoa(g.Owner.ID)); err == nil {
			return orgWire(o)
		}
		return orgWire(Org{ID: g.Owner.ID, UUID: g.Owner.UUID, Name: g.Owner.Name, Local: true})
	}
	return *g.Owner.Wire()
}

// members and hosts write the two lists; the wire types marshal inside a group only.
func members(list []misp.SharingGroupOrg) []any {
	out := []any{}
	for _, m := range list {
		out = append(out, ordered{{"id", itoa(m.ID.V)}, {"sharing_group_id", itoa(m.SharingGroupID.V)}, {"org_id", itoa(m.OrgID.V)},
			{"extend", m.Extend.V}, {"Organisation", *m.Organisation}})
	}
	return out
}

func hosts(list []misp.SharingGroupServer) []any {
	out := []any{}
	for _, h := range list {
		o := ordered{{"id", itoa(h.ID.V)}, {"sharing_group_id", itoa(h.SharingGroupID.V)}, {"server_id", itoa(h.ServerID.V)}, {"all_orgs", h.AllOrgs.V}}
		if h.Server != nil {
			o = append(o, ordered{{"Server", ordered{{"id", itoa(h.Server.ID.V)}, {"name", h.Server.Name.V}, {"url", h.Server.URL.V}}}}...)
		}
		out = append(out, o)
	}
	return out
}

// hostsListed is the shorter form of the index; a server that is this one is [].
func hostsListed(list []misp.SharingGroupServer) []any {
	out := []any{}
	for _, h := range list {
		var server any = []any{}
		if h.Server != nil && h.ServerID.V != 0 {
			server = ordered{{"id", itoa(h.Server.ID.V)}, {"name", h.Server.Name.V}, {"url", h.Server.URL.V}}
		}
		out = append(out, ordered{{"all_orgs", h.AllOrgs.V}, {"server_id", itoa(h.ServerID.V)}, {"sharing_group_id", itoa(h.SharingGroupID.V)}, {"Server", server}})
	}
	return out
}

func (a *api) groupIndex(c *call) error {
	list, err := a.Intel.Groups(c.ctx(), c.who)
	if err != nil {
		return err
	}
	return c.list(`{"response":`, "}", func(yield func([]byte) error) error {
		for i := range list {
			g := &list[i]
			w := g.Wire()
			mine := g.Owner.ID == c.who.Org || site(c.who)
			b, err := marshal(ordered{{"SharingGroup", ordered{{"id", itoa(g.ID)}, {"uuid", g.UUID}, {"name", g.Name}, {"description", g.Description},
				{"releasability", g.Releasability}, {"local", g.Local}, {"active", g.Active}, {"roaming", g.Roaming}, {"org_count", itoa(int64(len(g.Orgs)))}}},
				{"Organisation", *w.Organisation}, {"SharingGroupOrg", members(w.Orgs)}, {"SharingGroupServer", hostsListed(w.Servers)},
				{"editable", mine}, {"deletable", mine}})
			if err == nil {
				err = yield(b)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *api) groupView(c *call) error {
	g, err := a.Intel.SharingGroup(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notAllowed(noGroup), fault.NotFound)
	}
	if c.r.Method == http.MethodHead {
		return c.json(nil)
	}
	return a.groupAnswer(c, &g, true)
}

func (a *api) groupAnswer(c *call, g *intel.SharingGroup, view bool) error {
	b, err := a.groupParts(c, g, view)
	if err != nil {
		return err
	}
	return c.json(b)
}

// groupFields reads a group from a request; members are given by id or UUID.
func groupFields(p params) intel.SharingGroup {
	head := p.sub("SharingGroup")
	g := intel.SharingGroup{Name: strings.TrimSpace(head.text("name")), Releasability: head.text("releasability"), Description: head.text("description"),
		UUID: head.text("uuid"), Active: head.flag("active", true), Roaming: head.flag("roaming", false)}
	for _, from := range []params{p, head} {
		list, _ := from["SharingGroupOrg"].([]any)
		for _, v := range list {
			m, _ := v.(map[string]any)
			e := params(m)
			o := intel.Org{ID: int64(e.number("org_id", 0)), UUID: e.text("uuid"), Name: e.text("name")}
			if in, ok := e["Organisation"].(map[string]any); ok && o.UUID == "" {
				o.UUID, o.Name = params(in).text("uuid"), params(in).text("name")
			}
			g.Orgs = append(g.Orgs, intel.GroupOrg{Org: o, Extend: e.flag("extend", false)})
		}
		if len(g.Orgs) > 0 {
			break
		}
	}
	for _, from := range []params{p, head} {
		list, _ := from["SharingGroupServer"].([]any)
		for _, v := range list {
			m, _ := v.(map[string]any)
			e := params(m)
			g.Servers = append(g.Servers, intel.GroupServer{Server: int64(e.number("server_id", 0)), AllOrgs: e.flag("all_orgs", false)})
		}
		if len(g.Servers) > 0 {
			break
		}
	}
	return g
}

func (a *api) groupAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	no := unsaved(misp.Outcome{Controller: "SharingGroups", Action: "add", Errors: "Could not save sharing group."})
	g := groupFields(c.params)
	if g.Name == "" || g.Releasability == "" {
		return no
	}
	if !site(c.who) && !inGroup(g, c.who.Org, c.who.OrgUUID) {
		return no // measured: who is no site administrator must list the own organisation
	}
	if len(g.Servers) == 0 {
		g.Servers = []intel.GroupServer{{}} // this installation
	}
	g.Apart = site(c.who) // measured: who may do everything need not be in
	out, err := a.Intel.AddGroup(c.ctx(), c.who, g)
	if fault.Is(err, fault.Conflict) && site(c.who) && g.UUID == "" {
		g.Name += "_" + itoa(now(c).UnixMicro()%10000) // measured: theirs is stored with digits behind the name
		out, err = a.Intel.AddGroup(c.ctx(), c.who, g)
	}
	if err != nil {
		return instead(err, no, fault.Invalid, fault.Conflict, fault.NotFound)
	}
	return a.groupAnswer(c, &out, false)
}

func inGroup(g intel.SharingGroup, org int64, uuid string) bool {
	for _, m := range g.Orgs {
		if m.Org.ID == org || strings.EqualFold(m.Org.UUID, uuid) && uuid != "" {
			return true
		}
	}
	return false
}

func (a *api) groupEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("SharingGroup")
	_, err := a.Intel.EditGroup(c.ctx(), c.who, c.arg(0), func(g *intel.SharingGroup) {
		for key, to := range map[string]*string{"name": &g.Name, "releasability": &g.Releasability, "description": &g.Description} {
			if p.has(key) {
				*to = p.text(key)
			}
		}
		g.Active, g.Roaming = p.flag("active", g.Active), p.flag("roaming", g.Roaming)
	})
	if err != nil {
		return groupFault("edit", err)
	}
	g, err := a.Intel.SharingGroup(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return err
	}
	return a.groupAnswer(c, &g, false)
}

func groupFault(action string, err error) error {
	err = instead(err, notAllowed(noGroup), fault.NotFound, fault.Denied)
	return instead(err, unsaved(misp.Outcome{Controller: "SharingGroups", Action: action, Errors: "Could not save sharing group."}), fault.Invalid, fault.Conflict)
}

func (a *api) groupDelete(c *call) error {
	g, err := a.Intel.SharingGroup(c.ctx(), c.who, c.arg(0))
	if err == nil {
		err = a.Intel.DeleteGroup(c.ctx(), c.who, c.arg(0))
	}
	if err != nil {
		no := unsaved(misp.Outcome{Controller: "SharingGroups", Action: "delete", Errors: "The sharing group could not be deleted.", ID: c.arg(0)})
		return groupFault("delete", instead(err, no, fault.Conflict))
	}
	return c.done(misp.Outcome{Controller: "SharingGroups", Action: "delete", Message: "SharingGroup deleted", ID: itoa(g.ID)})
}

// groupAnd reads the group and the other thing that an act is about: both of the path, or both
// of the body, where the other has a name.
func (a *api) groupAnd(c *call, name string) (g intel.SharingGroup, other string, err error) {
	if err := c.form(); err != nil {
		return g, "", err
	}
	ref, other := c.arg(0), c.arg(1)
	if ref == "" {
		ref, other = c.params.text("sg_id"), c.params.text(name)
	}
	g, err = a.Intel.SharingGroup(c.ctx(), c.who, ref)
	return g, other, instead(err, notAllowed("No valid sharing group ID provided."), fault.NotFound)
}

// groupOrg answers addOrg and removeOrg.
func (a *api) groupOrg(c *call) error {
	g, org, err := a.groupAnd(c, "org_id")
	if err != nil {
		return err
	}
	o := intel.Org{UUID: org}
	if isDigits(org) {
		o = intel.Org{ID: int64(params{"": org}.number("", 0))}
	}
	adding := c.action == "addorg"
	if adding {
		extend := params{"": c.arg(2)}.flag("", false) || c.params.flag("extend", false)
		err = a.Intel.AddGroupOrg(c.ctx(), c.who, itoa(g.ID), o, extend)
	} else {
		err = a.Intel.RemoveGroupOrg(c.ctx(), c.who, itoa(g.ID), o)
	}
	if err != nil {
		err = instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
		return instead(err, notAllowed("Invalid organisation."), fault.NotFound, fault.Invalid)
	}
	msg := "Organisation added to the sharing group."
	if !adding {
		msg = "Organisation removed from the sharing group."
	}
	return c.done(misp.Outcome{Controller: "SharingGroups", Action: map[bool]string{true: "addOrg", false: "removeOrg"}[adding], Message: msg})
}

// groupServer answers addServer and removeServer. This installation is in every group: it is
// neither added nor taken out so (measured).
func (a *api) groupServer(c *call) error {
	g, number, err := a.groupAnd(c, "server_id")
	if err != nil {
		return err
	}
	no := notAllowed("Invalid Server.")
	if number == "" || number == "0" || a.Servers == nil {
		return no
	}
	list, err := a.Servers.Servers(c.ctx(), c.who)
	if err != nil {
		return instead(err, no, fault.Denied, fault.NotFound)
	}
	at := slices.IndexFunc(list, func(s Server) bool { return itoa(s.ID) == number })
	if at < 0 {
		return no
	}
	adding := c.action == "addserver"
	if adding {
		all := params{"": c.arg(2)}.flag("", false) || c.params.flag("all_orgs", false)
		err = a.Intel.SetGroupServer(c.ctx(), c.who, itoa(g.ID), intel.GroupServer{Server: list[at].ID, URL: list[at].URL, Name: list[at].Name, AllOrgs: all})
	} else {
		err = a.Intel.RemoveGroupServer(c.ctx(), c.who, itoa(g.ID), list[at].ID)
	}
	if err != nil {
		err = instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
		return instead(err, no, fault.NotFound, fault.Invalid)
	}
	out := misp.Outcome{Controller: "SharingGroups", Action: "addServer", Message: "Server added to the sharing group."}
	if !adding {
		out.Action, out.Message = "removeServer", "Server removed from the sharing group."
	}
	return c.done(out)
}
