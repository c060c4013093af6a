package intelmisp

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

// version is what clients and peers ask first; it decides what they dare.
func (a *api) version(c *call) error {
	uuid := "-"
	if access.Allowed(c.who, "misp.sync") && a.UUID != "" {
		uuid = a.UUID
	}
	return c.value(struct {
		Version     string   `json:"version"`
		Recommended string   `json:"pymisp_recommended_version"`
		Sync        bool     `json:"perm_sync"`
		Sighting    bool     `json:"perm_sighting"`
		Galaxy      bool     `json:"perm_galaxy_editor"`
		Analyst     bool     `json:"perm_analyst_data"`
		UUID        string   `json:"uuid"`
		Encoding    []string `json:"request_encoding"`
		Filter      bool     `json:"filter_sightings"`
	}{Version, Version, access.Allowed(c.who, "misp.sync"), access.Allowed(c.who, "misp.sighting"),
		access.Allowed(c.who, "misp.galaxy_editor"), access.Allowed(c.who, "misp.analyst_data"), uuid, []string{"gzip"}, true})
}

func (a *api) pymispVersion(c *call) error { return c.value(map[string]string{"version": Version}) }

func (a *api) describeTypes(c *call) error { return c.json(misp.DescribeTypes()) }

// postTest lets a peer see that what it sends arrives.
func (a *api) postTest(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	body := map[string]any{}
	if c.params.has("testString") {
		body["testString"] = c.params["testString"]
	}
	return c.value(map[string]any{"body": body, "headers": map[string]string{
		"Content-type": mediaType(c.r.Header.Get("Content-Type")), "Accept": mediaType(c.r.Header.Get("Accept")), "Authorization": "OK"}})
}

// mediaType gives back only what is a media type: this answer must not carry
// whatever somebody put into a header.
func mediaType(s string) string {
	for _, t := range []string{"application/json", "application/xml", "text/csv"} {
		if strings.HasPrefix(strings.ToLower(s), t) {
			return t
		}
	}
	return ""
}

// perms are MISP's flags in the order of its role table.
var perms = strings.Fields(`add modify modify_org publish delegate sync admin audit auth site_admin regexp_access tagger template
	sharing_group tag_editor sighting object_template publish_zmq publish_kafka decaying galaxy_editor warninglist
	view_feed_correlations analyst_data skip_otp server_sign`)

// roleJSON is a role as MISP shows it.
func roleJSON(r Role) map[string]any {
	m := map[string]any{"id": itoa(r.ID), "name": title(r), "created": "2020-01-01 00:00:00", "modified": "2020-01-01 00:00:00",
		"default_role": r.Default, "memory_limit": nil, "max_execution_time": nil, "restricted_to_site_admin": false,
		"enforce_rate_limit": false, "rate_limit_count": "0"}
	for _, p := range perms {
		m["perm_"+p] = slices.Contains(r.Perms, "misp."+p)
	}
	level := 0
	for i, p := range []string{"misp.modify", "misp.modify_org", "misp.publish"} {
		if slices.Contains(r.Perms, p) {
			level = i + 1
		}
	}
	m["permission"] = strconv.Itoa(level)
	m["permission_description"] = []string{"read_only", "manage_own", "manage_org", "publish"}[level]
	return m
}

// titles are MISP's names of its six roles.
var titles = []string{1: "admin", 2: "Org Admin", 3: "User", 4: "Publisher", 5: "Sync user", 6: "Read Only"}

func title(r Role) string {
	if r.ID > 0 && int(r.ID) < len(titles) {
		return titles[r.ID]
	}
	return r.Name
}

// ownRole is the caller's role as their rights stand now: a key may be narrower
// than the role it was made under, and the client should know.
func ownRole(who ident.Actor, r Role) Role {
	r.Perms = nil
	for p, ok := range who.Perms {
		if ok {
			r.Perms = append(r.Perms, p)
		}
	}
	return r
}

func (a *api) roles(c *call) ([]Role, error) {
	if a.People == nil {
		return nil, nil
	}
	return a.People.Roles(c.r.Context(), c.who)
}

// userJSON is an account as MISP shows it; what only MISP has is at its default.
func userJSON(p Person, role int64) map[string]any {
	return map[string]any{"id": itoa(p.ID), "password": "*****", "org_id": itoa(p.Org.ID), "email": p.Email, "autoalert": false,
		"invited_by": "0", "gpgkey": nil, "certif_public": "", "nids_sid": "0", "termsaccepted": true, "newsread": "0",
		"role_id": itoa(role), "change_pw": false, "contactalert": false, "disabled": p.Disabled, "expiration": nil,
		"current_login": itoa(p.LastLogin), "last_login": itoa(p.LastLogin), "force_logout": false, "date_created": itoa(p.Created),
		"date_modified": itoa(p.Changed), "sub": nil, "external_auth_required": false, "external_auth_key": nil,
		"last_api_access": itoa(p.LastKey), "notification_daily": false, "notification_weekly": false, "notification_monthly": false,
		"totp": "*****", "hotp_counter": nil, "last_pw_change": nil, "totp_is_set": "0"}
}

// person reads one account; the caller's own is known even without a directory.
func (a *api) person(c *call, id int64) (Person, error) {
	if a.People != nil {
		return a.People.Person(c.r.Context(), c.who, id)
	}
	if id == c.who.Person {
		return Person{ID: id, Email: c.who.Email, Org: orgOf(c.who)}, nil
	}
	return Person{}, notFound("Invalid user")
}

// userView answers users/view/me, without which no client starts.
func (a *api) userView(c *call) error {
	id := c.who.Person
	if ref := c.arg(0); ref != "me" && ref != "" {
		n, err := strconv.ParseInt(ref, 10, 64)
		if err != nil || n != id && !access.Allowed(c.who, "misp.admin") {
			return notFound("Invalid user")
		}
		id = n
	}
	p, err := a.person(c, id)
	if err != nil {
		return instead(err, notFound("Invalid user"), "not-found", "denied")
	}
	all, err := a.roles(c)
	if err != nil {
		return err
	}
	role := roleNamed(all, p.Role)
	if id == c.who.Person {
		role = ownRole(c.who, role)
	}
	o := Org{ID: p.Org.ID, UUID: p.Org.UUID, Name: p.Org.Name, Local: true}
	if whole, err := a.findOrg(c, itoa(o.ID)); err == nil {
		o = whole
	}
	return c.value(ordered{{"User", userJSON(p, role.ID)}, {"Role", roleJSON(role)}, {"UserSetting", []any{}}, {"Organisation", orgWire(o)}})
}

func roleNamed(all []Role, name string) Role {
	for _, r := range all {
		if r.Name == name {
			return r
		}
	}
	return Role{ID: 3, Name: name}
}

// ordered is a JSON object whose keys stay in their order.
type ordered []struct {
	Key   string
	Value any
}

// MarshalJSON writes the keys as they stand.
func (o ordered) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, kv := range o {
		if i > 0 {
			b = append(b, ',')
		}
		v, err := marshal(kv.Value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, '"'), kv.Key...), '"', ':')
		b = append(b, v...)
	}
	return append(b, '}'), nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// setting answers the few settings that clients read.
func (a *api) setting(c *call) error {
	known := map[string]struct {
		value       any
		description string
		typ         string
	}{
		"MISP.baseurl":                        {a.Origin, "The base url of the application.", "string"},
		"MISP.org":                            {c.who.OrgName, "The organisation of this installation.", "string"},
		"MISP.uuid":                           {a.UUID, "The UUID of this installation.", "string"},
		"MISP.live":                           {true, "Whether the installation is open.", "boolean"},
		"MISP.default_event_distribution":     {"1", "The distribution of an event that names none.", "string"},
		"MISP.default_attribute_distribution": {"event", "The distribution of an attribute that names none.", "string"},
		"MISP.unpublishedprivate":             {false, "Whether unpublished events are seen by their organisation alone.", "boolean"},
		"MISP.background_jobs":                {true, "Whether jobs run in the background.", "boolean"},
		"Plugin.Sightings_policy":             {"0", "Who sees sightings.", "string"},
		"Plugin.ZeroMQ_enable":                {false, "Whether events go to a message bus.", "boolean"},
		"Security.advanced_authkeys":          {true, "Whether keys are kept as hashes, with expiry and addresses.", "boolean"},
		"Security.allow_self_registration":    {false, "Whether anybody may ask for an account.", "boolean"},
	}
	name := strings.Join(c.args, "/")
	s, ok := known[name]
	if !ok {
		return notFound("Setting " + name + " is invalid.")
	}
	return c.value(ordered{{"level", 0}, {"description", s.description}, {"value", s.value}, {"errorMessage", ""}, {"test", ""},
		{"type", s.typ}, {"null", true}, {"name", name}})
}

// settingEdit refuses: settings of this installation are changed on its own pages.
func (a *api) settingEdit(c *call) error {
	return forbidden("This setting cannot be changed over this interface.")
}

// syncRules names the organisations and tags by which a peer may filter.
func (a *api) syncRules(c *call) error {
	out := struct {
		Organisations []string `json:"organisations"`
		Tags          []string `json:"tags"`
	}{[]string{}, []string{}}
	orgs, err := a.orgs(c)
	if err != nil {
		return err
	}
	for _, o := range orgs {
		out.Organisations = append(out.Organisations, o.Name)
	}
	tags, err := a.allTags(c)
	if err != nil {
		return err
	}
	for _, t := range tags {
		out.Tags = append(out.Tags, t.Name)
	}
	slices.Sort(out.Organisations)
	slices.Sort(out.Tags)
	return c.value(out)
}

func (a *api) empty(c *call) error { return c.json([]byte("[]")) }

// queryACL: clients ask for actions without a permission; there are none, since
// an action without a row is refused.
func (a *api) queryACL(c *call) error { return c.json([]byte("[]")) }

func (a *api) heartbeat(c *call) error {
	return c.value(map[string]string{"timestamp": itoa(now(c).Unix())})
}

func now(c *call) time.Time { return web.Now(c.r) }
