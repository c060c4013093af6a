package intelmisp

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// Servers are the peers of this installation. Refs are ids or UUIDs; the room
// behind it decides who may.
type Servers interface {
	Servers(ctx context.Context, who ident.Actor) ([]Server, error)
	// SaveServer enters one (ref "") or changes one; key "" keeps the one there is.
	SaveServer(ctx context.Context, who ident.Actor, ref string, s Server, key string) (Server, error)
	DeleteServer(ctx context.Context, who ident.Actor, ref string) error
	TestServer(ctx context.Context, who ident.Actor, ref string) (code int, able any, err error)
	// StartServer begins a "pull" or "push" in the background; technique is "full",
	// "update" or an event.
	StartServer(ctx context.Context, who ident.Actor, ref, way, technique string) error
}

// Server is a peer as MISP shows it. Rules are its JSON texts; Flags hold its
// switches by name.
type Server struct {
	ID, Priority         int64
	Name, URL            string
	Org, RemoteOrg       Org
	Flags                map[string]bool
	PullRules, PushRules string
}

// serverFlags are the switches in the order of MISP's answers, up to the rules and behind them.
var (
	serverFlagsA = strings.Fields("push pull push_sightings push_galaxy_clusters push_analyst_data pull_analyst_data pull_galaxy_clusters")
	serverFlagsB = strings.Fields("publish_without_email unpublish_event self_signed")
	serverFlagsC = strings.Fields("internal skip_proxy remove_missing_tags caching_enabled")
)

// starred stands where a key was: keys are never shown.
const starred = "****************************************"

func serverWire(s Server, key bool) ordered {
	w := ordered{{"id", itoa(s.ID)}, {"name", s.Name}, {"url", s.URL}}
	if key {
		w = append(w, ordered{{"authkey", starred}}...)
	}
	add := func(k string, v any) { w = append(w, ordered{{k, v}}...) }
	flags := func(names []string) {
		for _, n := range names {
			add(n, s.Flags[n])
		}
	}
	add("org_id", itoa(s.Org.ID))
	flags(serverFlagsA)
	add("lastpulledid", nil)
	add("lastpushedid", nil)
	add("organization", nil)
	add("remote_org_id", itoa(s.RemoteOrg.ID))
	flags(serverFlagsB)
	add("pull_rules", rulesOr(s.PullRules, `{"tags":{"OR":[],"NOT":[]},"orgs":{"OR":[],"NOT":[]},"type_attributes":{"NOT":[]},"type_objects":{"NOT":[]},"url_params":""}`))
	add("push_rules", rulesOr(s.PushRules, `{"tags":{"OR":[],"NOT":[]},"orgs":{"OR":[],"NOT":[]}}`))
	add("cert_file", nil)
	add("client_cert_file", nil)
	flags(serverFlagsC)
	add("priority", itoa(s.Priority))
	return w
}

func rulesOr(rules, none string) string {
	if rules == "" {
		return none
	}
	return rules
}

func (a *api) serverIndex(c *call) error {
	list := []Server{}
	if a.Servers != nil {
		var err error
		if list, err = a.Servers.Servers(c.ctx(), c.who); err != nil {
			return err
		}
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for _, s := range list {
			b, err := marshal(ordered{{"Server", append(serverWire(s, false), ordered{{"cache_timestamp", false}}...)},
				{"Organisation", serverOrg(s.Org)}, {"RemoteOrg", serverOrg(s.RemoteOrg)}, {"User", []any{}}})
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

func serverOrg(o Org) ordered {
	return ordered{{"id", itoa(o.ID)}, {"name", o.Name}, {"uuid", o.UUID}, {"nationality", o.Card.Nationality}, {"sector", o.Card.Sector}, {"type", o.Card.Type}}
}

// server finds one by its id.
func (a *api) server(c *call) (Server, error) {
	if a.Servers == nil {
		return Server{}, notFound("Invalid server")
	}
	list, err := a.Servers.Servers(c.ctx(), c.who)
	if err != nil {
		return Server{}, err
	}
	for _, s := range list {
		if itoa(s.ID) == c.arg(0) {
			return s, nil
		}
	}
	return Server{}, notFound("Invalid server")
}

// fields takes what came over what there is.
func (s *Server) fields(p params) (key string, err error) {
	if p.has("name") {
		s.Name = p.text("name")
	}
	if p.has("url") {
		s.URL = p.text("url")
	}
	if s.Flags == nil {
		s.Flags = map[string]bool{}
	}
	for _, list := range [][]string{serverFlagsA, serverFlagsB, serverFlagsC} {
		for _, n := range list {
			if p.has(n) {
				s.Flags[n] = p.flag(n, false)
			}
		}
	}
	for name, to := range map[string]*string{"pull_rules": &s.PullRules, "push_rules": &s.PushRules} {
		if !p.has(name) {
			continue
		}
		if text, ok := p[name].(string); ok {
			*to = text
			continue
		}
		b, err := json.Marshal(p[name])
		if err != nil {
			return "", badJSON()
		}
		*to = string(b)
	}
	if p.has("remote_org_id") {
		s.RemoteOrg = Org{}
		s.RemoteOrg.ID, _ = strconv.ParseInt(p.text("remote_org_id"), 10, 64)
	}
	s.Priority = int64(p.number("priority", int(max(s.Priority, 1))))
	if key = p.text("authkey"); key == starred {
		key = ""
	}
	return key, nil
}

func (a *api) serverAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Servers == nil {
		return forbidden(notHere)
	}
	p := c.params.sub("Server")
	if !p.has("remote_org_id") {
		return notAllowed("No remote org ID set. Please pass it as remote_org_id")
	}
	var s Server
	key, err := s.fields(p)
	if err != nil {
		return err
	}
	if s, err = a.Servers.SaveServer(c.ctx(), c.who, "", s, key); err != nil {
		return serverFault("add", err)
	}
	return c.value(ordered{{"Server", serverWire(s, true)}})
}

func (a *api) serverEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	s, err := a.server(c)
	if err != nil {
		return err
	}
	key, err := s.fields(c.params.sub("Server"))
	if err != nil {
		return err
	}
	if s, err = a.Servers.SaveServer(c.ctx(), c.who, itoa(s.ID), s, key); err != nil {
		return serverFault("edit", err)
	}
	return c.value(ordered{{"Server", serverWire(s, true)}})
}

// serverFields are MISP's names of our fields, with its sentences.
var serverFields = map[string][2]string{"url": {"url", "Please enter a valid base-url."}, "key": {"authkey", "A authkey of a length of 40 is required."},
	"name": {"name", "Please enter a unique name."}, "remote": {"remote_org_id", "Invalid organisation."}, "rules": {"pull_rules", "Invalid json format."}}

func serverFault(action string, err error) error {
	f := fault.Of(err)
	if f == nil || f.Kind != fault.Invalid {
		return instead(err, notFound("Invalid server"), fault.NotFound)
	}
	errs := map[string][]string{}
	for field := range f.Fields {
		if m, ok := serverFields[field]; ok {
			errs[m[0]] = []string{m[1]}
		} else {
			errs[field] = []string{"Please check this field."}
		}
	}
	return unsaved(misp.Outcome{Controller: "Servers", Action: action, Errors: errs})
}

func (a *api) serverDelete(c *call) error {
	s, err := a.server(c)
	if err != nil {
		return err
	}
	if err := a.Servers.DeleteServer(c.ctx(), c.who, itoa(s.ID)); err != nil {
		return instead(err, notFound("Invalid server"), fault.NotFound)
	}
	return c.done(misp.Outcome{Controller: "Servers", Action: "delete", Message: "Server deleted", ID: "Server deleted"})
}

// serverTest gives MISP's number; what the other side is stands beside it.
func (a *api) serverTest(c *call) error {
	s, err := a.server(c)
	if err != nil {
		return err
	}
	code, able, err := a.Servers.TestServer(c.ctx(), c.who, itoa(s.ID))
	if err != nil {
		return instead(err, notFound("Invalid server"), fault.NotFound)
	}
	out := ordered{{"status", code}, {"client_certificate", nil}}
	if code == 1 {
		out = append(out, ordered{{"info", able}}...)
	}
	return c.value(out)
}

func (a *api) serverPull(c *call) error { return a.serverStart(c, "pull", "Pull") }

func (a *api) serverPush(c *call) error { return a.serverStart(c, "push", "Push") }

func (a *api) serverStart(c *call, way, word string) error {
	s, err := a.server(c)
	if err != nil {
		return err
	}
	technique := c.arg(1)
	if technique == "" {
		technique = "full"
	}
	if isDigits(technique) { // their number of an event says nothing here
		technique = "full"
	}
	if err := a.Servers.StartServer(c.ctx(), c.who, itoa(s.ID), way, technique); err != nil {
		return serverFault(way, err)
	}
	return c.done(misp.Outcome{Controller: "Servers", Action: way, ID: itoa(s.ID), Message: word + " queued for background execution. Job ID: " + itoa(s.ID)})
}

// serverSync gives what the other side imports to enter us: our address and name,
// never a key, which somebody there has to be given.
func (a *api) serverSync(c *call) error {
	o := orgOf(c.who)
	if a.Registry == nil {
		return forbidden(notHere)
	}
	if host, err := a.Registry.Host(c.ctx(), ident.SystemPart("setup")); err == nil {
		o = intel.Org{ID: host.ID, UUID: host.UUID, Name: host.Name}
	}
	return c.value(ordered{{"Server", ordered{{"url", a.Origin}, {"uuid", a.UUID}, {"authkey", starred},
		{"Organisation", ordered{{"name", o.Name}, {"uuid", o.UUID}}}}}})
}

// serverImport enters a peer from what its createSync gave, with the key put in.
func (a *api) serverImport(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Servers == nil {
		return forbidden(notHere)
	}
	p := c.params.sub("Server")
	org := p.sub("Organisation")
	s := Server{Name: p.text("url"), URL: p.text("url"), RemoteOrg: Org{UUID: org.text("uuid"), Name: org.text("name")}, Priority: 1, Flags: map[string]bool{}}
	if p.has("name") {
		s.Name = p.text("name")
	}
	s, err := a.Servers.SaveServer(c.ctx(), c.who, "", s, p.text("authkey"))
	if err != nil {
		return serverFault("import", err)
	}
	return c.value(ordered{{"Server", serverWire(s, true)}})
}
