package intelmisp

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// blockEntry is an entry of a block list; the two have names of their own.
func blockEntry(list intel.BlockList, b intel.Block, plain bool) ordered {
	at := date(b.Created / 1e6)
	if list == intel.EventBlocks {
		return ordered{{"id", itoa(b.ID)}, {"event_uuid", b.UUID}, {"created", at}, {"event_info", b.Name}, {"comment", b.Comment}, {"event_orgc", b.Orgc}}
	}
	o := ordered{{"id", itoa(b.ID)}, {"org_uuid", b.UUID}, {"created", at}, {"org_name", b.Name}, {"comment", b.Comment}}
	if plain {
		return o
	}
	stopped := ordered{{"blocked_amount", false}, {"blocked_last_time", false}}
	if b.Stopped > 0 {
		stopped = ordered{{"blocked_amount", itoa(b.Stopped)}, {"blocked_last_time", itoa(b.LastStopped / 1e6)}}
	}
	return append(o, ordered{{"blocked_data", stopped}}...)
}

func (c *call) blockList() intel.BlockList {
	if c.controller == "org_blocklists" {
		return intel.OrgBlocks
	}
	return intel.EventBlocks
}

func entryFields(c *call, b *intel.Block) {
	for _, p := range []params{c.params, c.params.sub("EventBlocklist"), c.params.sub("OrgBlocklist")} {
		for key, to := range map[string]*string{"event_info": &b.Name, "org_name": &b.Name, "event_orgc": &b.Orgc, "comment": &b.Comment} {
			if p.has(key) {
				*to = p.text(key)
			}
		}
	}
}

func (a *api) blockIndex(c *call) error {
	list, err := a.Intel.Blocks(c.ctx(), c.who, c.blockList(), "")
	if err != nil {
		return err
	}
	uuid := cmp.Or(c.params.text("event_uuid"), c.params.text("org_uuid"), c.params.text("value"))
	return c.list("", "", func(yield func([]byte) error) error {
		for _, x := range list {
			if uuid != "" && !strings.EqualFold(uuid, x.UUID) {
				continue
			}
			b, err := marshal(blockEntry(c.blockList(), x, false))
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

func (a *api) blockAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	var words intel.Block
	entryFields(c, &words)
	uuids := texts(c.params["uuids"])
	if s := c.params.text("uuids"); s != "" { // a text has one a line
		uuids = strings.Fields(s)
	}
	done, failed, err := a.Intel.AddBlocks(c.ctx(), c.who, c.blockList(), uuids, words)
	if err != nil {
		return err
	}
	return c.value(ordered{{"result", ordered{{"successes", done}, {"fails", failed}}}, {"message", "Done. Added " + itoa(int64(len(done))) +
		" new entries to the blocklist. " + itoa(int64(len(failed))) + " entries could not be saved."}})
}

const noBlock = "Invalid blocklist entry"

func (a *api) blockEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	b, err := a.Intel.ChangeBlock(c.ctx(), c.who, c.blockList(), c.arg(0), func(b *intel.Block) { entryFields(c, b) })
	if err != nil {
		return instead(err, notFound(noBlock), fault.NotFound)
	}
	return c.value(ordered{{map[intel.BlockList]string{intel.EventBlocks: "EventBlocklist", intel.OrgBlocks: "OrgBlocklist"}[c.blockList()],
		blockEntry(c.blockList(), b, true)}})
}

func (a *api) blockDelete(c *call) error {
	if _, err := a.Intel.RemoveBlock(c.ctx(), c.who, c.blockList(), c.arg(0)); err != nil {
		return instead(err, notFound(noBlock), fault.NotFound)
	}
	return c.done(misp.Outcome{Controller: c.controller, Action: "delete", Message: "Blocklist entry removed", ID: c.arg(0)})
}

// register takes a request of somebody without an account. What they learn is the
// same whether the address is known here or not.
func (a *api) register(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Accounts == nil {
		return forbidden(notHere)
	}
	p := c.params.sub("User")
	q := account.Request{Email: p.text("email"), OrgName: p.text("org_name"), OrgUUID: p.text("org_uuid"), Message: p.text("message"),
		Agent: c.r.UserAgent(), Wishes: []string{}}
	for _, w := range []string{"publish", "sync", "admin"} {
		if p.flag("perm_"+w, false) || p.flag("custom_perms", false) && p.flag(w, false) {
			q.Wishes = append(q.Wishes, w)
		}
	}
	err := a.Accounts.Ask(c.ctx(), account.From{Addr: web.ClientIP(c.r), Channel: "misp"}, q)
	if err != nil {
		err = instead(err, notAllowed("Self registration is currently disabled."), fault.Denied)
		return instead(err, unsaved(misp.Outcome{Controller: "Users", Action: "register", Message: "Request could not be created.",
			Errors: map[string][]string{"email": {"Please enter a valid email address."}}}), fault.Invalid)
	}
	return c.done(misp.Outcome{Controller: "Users", Action: "register", Message: "Request sent. The administrators of this community have been notified."})
}

func fingerprint(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }

func inboxJSON(q account.Request) ordered {
	data := ordered{{"email", q.Email}, {"org_name", q.OrgName}}
	if q.OrgUUID != "" {
		data = append(data, ordered{{"org_uuid", q.OrgUUID}}...)
	}
	for _, w := range q.Wishes {
		data = append(data, ordered{{"perm_" + w, "1"}}...)
	}
	data = append(data, ordered{{"message", q.Message}}...)
	return ordered{{"Inbox", ordered{{"id", itoa(q.ID)}, {"uuid", q.UUID}, {"title", "User registration for " + q.Email + "."}, {"type", "registration"},
		{"ip", q.Address}, {"user_agent", q.Agent}, {"user_agent_sha256", fingerprint(q.Agent)}, {"comment", q.Message}, {"deleted", false},
		{"timestamp", itoa(q.Created / 1e6)}, {"store_as_file", false}, {"data", data}}}}
}

func (a *api) registrations(c *call) error {
	list, err := a.waiting(c)
	if err != nil {
		return err
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for _, q := range list {
			b, err := marshal(inboxJSON(q))
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

func (a *api) waiting(c *call) ([]account.Request, error) {
	if a.Accounts == nil {
		return nil, nil
	}
	return a.Accounts.Requests(c.ctx(), c.who)
}

// chosen are the requests that a call names: one in the path, or a list.
func (a *api) chosen(c *call) (out []account.Request, err error) {
	if err := c.form(); err != nil {
		return nil, err
	}
	refs := append(texts(c.params["id"]), texts(c.params.sub("User")["id"])...)
	if c.arg(0) != "" {
		refs = append(refs, c.arg(0))
	}
	list, err := a.waiting(c)
	for _, q := range list {
		if slices.Contains(refs, itoa(q.ID)) || slices.Contains(refs, q.UUID) {
			out = append(out, q)
		}
	}
	if err == nil && len(out) == 0 {
		err = notFound("Invalid registration")
	}
	return out, err
}

func (a *api) discardRegistrations(c *call) error {
	list, err := a.chosen(c)
	if err != nil {
		return err
	}
	n := int64(0)
	for _, q := range list {
		if err := a.Accounts.DiscardRequest(c.ctx(), c.who, q.ID); err == nil {
			n++
		} else if !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return c.done(misp.Outcome{Controller: "Users", Action: "discardRegistrations", Message: itoa(n) + " registration(s) discarded."})
}

// acceptRegistrations makes the accounts that were asked for; their owners get an
// invitation by letter. The organisation is the one given, else the one they named.
func (a *api) acceptRegistrations(c *call) error {
	list, err := a.chosen(c)
	if err != nil {
		return err
	}
	p := c.params.sub("User")
	role, err := a.roleGiven(c, p.text("role_id"))
	if err != nil {
		return userFault("acceptRegistrations", err)
	}
	n := int64(0)
	for _, q := range list {
		org, err := a.findOrg(c, cmp.Or(p.text("org_id"), q.OrgUUID))
		if err != nil && p.text("org_id") == "" {
			org, err = a.orgNamed(c, q.OrgName)
		}
		if err != nil {
			return forbidden("No organisation selected. Supply an Organisation ID")
		}
		if _, _, err := a.Accounts.AcceptRequest(c.ctx(), c.who, q.ID, []string{role}, org.ID); err != nil {
			return userFault("acceptRegistrations", err)
		}
		n++
	}
	return c.done(misp.Outcome{Controller: "Users", Action: "acceptRegistrations", Message: itoa(n) + " registration(s) accepted."})
}

// orgNamed finds a member organisation by its exact name.
func (a *api) orgNamed(c *call, name string) (Org, error) {
	list, err := a.orgs(c, "local")
	for _, o := range list {
		if o.Name == name && name != "" {
			return o, nil
		}
	}
	return Org{}, cmp.Or(err, notFound("Invalid organisation"))
}

// logs answers admin/logs/index out of the audit log: who did what to which thing
// and when. Contents of changes are not in it.
func (a *api) logs(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Log == nil {
		return c.json([]byte("[]"))
	}
	p := c.params.sub("Log")
	f := audit.Filter{Limit: min(max(p.number("limit", 60), 1), 500)}
	f.Kind = kindOfModel[strings.ToLower(p.text("model"))]
	if n := p.number("model_id", 0); n > 0 {
		f.Object = int64(n)
	}
	if n := p.number("user_id", 0); n > 0 {
		f.Person = int64(n)
	}
	if p.text("model") != "" && f.Kind == "" {
		return c.json([]byte("[]"))
	}
	read := a.Log.OwnLines // who may not read the log sees what they did themselves
	if access.Allowed(c.who, "audit.read") {
		read = a.Log.Lines
	}
	f.Skip = (max(p.count("page", 1), 1) - 1) * f.Limit
	lines, err := read(c.ctx(), c.who, f)
	if err != nil {
		return instead(err, forbidden("This page is too far from the newest line. Ask for fewer lines, by model, model_id or user_id."), fault.Invalid)
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for _, l := range lines {
			b, err := marshal(ordered{{"Log", ordered{{"id", itoa(l.ID)}, {"title", l.Verb + " " + l.Label}, {"created", date(l.At / 1e6)}, {"model", modelOf(l.Kind)},
				{"model_id", itoa(l.Object)}, {"action", l.Verb}, {"user_id", itoa(l.Person)}, {"change", string(l.Detail)}, {"email", l.Actor},
				{"org", itoa(l.Org)}, {"description", ""}, {"ip", ""}}}})
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

// kindOfModel maps MISP's model names onto the kinds of our log.
var kindOfModel = map[string]string{"user": "person", "event": "event", "attribute": "attribute", "object": "object", "organisation": "organisation",
	"authkey": "key", "role": "role", "sharinggroup": "group", "tag": "tag", "server": "peer", "feed": "feed", "usersetting": "setting"}

func modelOf(kind string) string {
	for m, k := range kindOfModel {
		if k == kind {
			return strings.ToUpper(m[:1]) + m[1:]
		}
	}
	return kind
}

var queueNames = []string{"cache", "default", "email", "prio", "update"}

// queues are MISP's five names of queues; here one runner serves all kinds of
// jobs, so each tells of it.
func (a *api) queues(c *call) (ordered, error) {
	states, running := map[string]int64{}, false
	if a.House != nil {
		var err error
		if states, running, err = a.House.Waiting(c.ctx()); err != nil {
			return nil, err
		}
	}
	out := ordered{}
	for i, q := range queueNames {
		n := int64(0)
		if i == 1 {
			n = states["waiting"]
		}
		out = append(out, ordered{{q, ordered{{"ok", running}, {"jobCount", n}}}}...)
	}
	return append(out, ordered{{"proc_accessible", true}, {"controls", false}, {"supervisord_status", running}}...), nil
}

func (a *api) workers(c *call) error {
	q, err := a.queues(c)
	if err != nil {
		return err
	}
	return c.value(q)
}

// workerStart answers those who make sure that workers run: here one runner does all jobs
// and lives as long as the program. It is true that it runs, or it is said that it does not.
func (a *api) workerStart(c *call) error {
	running := false
	if a.House != nil {
		var err error
		if _, running, err = a.House.Waiting(c.ctx()); err != nil {
			return err
		}
	}
	out := misp.Outcome{Controller: "Servers", Action: "restartWorkers", Message: "Restarting workers."}
	switch c.action {
	case "startworker":
		if !slices.Contains(queueNames, c.arg(0)) {
			return notAllowed("Invalid worker type.")
		}
		out.Action, out.Message, out.ID = "startWorker", "Worker start signal sent", c.arg(0)
	case "restartdeadworkers":
		out.Action = "restartDeadWorkers"
	}
	if !running {
		out.Message, out.Errors = "", "No jobs run here: "+byOperator
		return unsaved(out)
	}
	return c.done(out)
}

// schemaDiagnostic tells of our own schema, in MISP's form.
func (a *api) schemaDiagnostic(c *call) error {
	var s Schema
	if a.House != nil {
		var err error
		if s, err = a.House.Schema(c.ctx()); err != nil {
			return err
		}
	}
	wrong := map[string][]string{}
	for _, m := range slices.Concat(s.Missing, s.Bad) {
		wrong[m] = append(wrong[m], "migration not as in this program")
	}
	diagnostic := any(wrong)
	if len(wrong) == 0 {
		diagnostic = []string{}
	}
	text := ""
	if s.Have != s.Want {
		text = "The database is not at the version that this program wants."
	}
	indexes := map[string]any{}
	for _, t := range slices.Sorted(maps.Keys(s.TablesColumns)) {
		indexes[t] = map[string]bool{"id": true}
	}
	return c.value(ordered{{"dataSource", s.Engine}, {"actual_db_version", itoa(s.Have)}, {"checked_table_column", []string{"column_name"}},
		{"diagnostic", diagnostic}, {"diagnostic_index", []string{}}, {"expected_db_version", itoa(s.Want)}, {"error", text}, {"update_locked", false},
		{"remaining_lock_time", 0}, {"update_fail_number_reached", false}, {"indexes", indexes}, {"columnPerTable", s.TablesColumns}})
}
