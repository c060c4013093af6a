package intelmisp

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// profile are the fields of MISP's user record that accounts do not have; they are
// kept as settings of the person.
type profile map[string]json.RawMessage

// profileFlags and profileTexts are those fields, with what they are until set.
var (
	profileFlags = map[string]bool{"autoalert": false, "contactalert": false, "notification_daily": false, "notification_weekly": false,
		"notification_monthly": false, "termsaccepted": true, "change_pw": false}
	profileTexts = []string{"gpgkey", "certif_public"}
)

func (p profile) flag(name string) bool {
	if v, ok := p[name]; ok {
		return string(v) == "true"
	}
	return profileFlags[name]
}

func (p profile) text(name, def string) string {
	var s string
	if v, ok := p[name]; ok && json.Unmarshal(v, &s) == nil {
		return s
	}
	return def
}

// profiles reads the records of the people that the caller may know, or of one.
func (a *api) profiles(c *call, person int64) (map[int64]profile, error) {
	list, err := a.Intel.Settings(c.ctx(), c.who, person, true)
	out := map[int64]profile{}
	for _, x := range list {
		if out[x.Person] == nil {
			out[x.Person] = profile{}
		}
		out[x.Person][strings.TrimPrefix(x.Name, "user.")] = x.Value
	}
	return out, err
}

// keepProfile stores the fields of the record that a request names.
func (a *api) keepProfile(c *call, person int64, p params, also map[string]any) error {
	fields := map[string]any{}
	for name := range profileFlags {
		if p.has(name) {
			fields[name] = p.flag(name, false)
		}
	}
	for _, name := range profileTexts {
		if p.has(name) {
			fields[name] = p.text(name)
		}
	}
	if n := p.text("nids_sid"); isDigits(n) {
		fields["nids_sid"] = n
	}
	for k, v := range also {
		if _, given := fields[k]; !given {
			fields[k] = v
		}
	}
	for name, v := range fields {
		b, err := marshal(v)
		if err != nil {
			return err
		}
		if _, err := a.Intel.SetSetting(c.ctx(), c.who, person, "user."+name, b); err != nil {
			return err
		}
	}
	return nil
}

// person is one account as MISP shows it.
type person struct {
	account.Entry
	role    access.Role
	profile profile
	lastKey int64 // s, when one of their keys last opened something
}

// userForm says which of MISP's three forms of a user is written.
type userForm int

const (
	viewed userForm = iota
	saved
	listed
)

func (p person) json(form userForm, key string) ordered {
	sec := itoa(p.Created / 1e6)
	o := ordered{{"id", itoa(p.ID)}}
	add := func(k string, v any) {
		o = append(o, struct {
			Key   string
			Value any
		}{k, v})
	}
	if form != listed {
		add("password", map[userForm]string{viewed: "*****", saved: "******"}[form])
	}
	add("org_id", itoa(p.Org))
	if form != viewed {
		add("server_id", "0")
	}
	add("email", p.Email)
	add("autoalert", p.profile.flag("autoalert"))
	if key != "" {
		add("authkey", key)
	}
	add("invited_by", p.profile.text("invited_by", "0"))
	add("gpgkey", p.profile.text("gpgkey", ""))
	add("certif_public", p.profile.text("certif_public", ""))
	add("nids_sid", p.profile.text("nids_sid", itoa(p.ID%9_000_000+1_000_000)))
	add("termsaccepted", p.profile.flag("termsaccepted"))
	add("newsread", "0")
	add("role_id", itoa(p.role.MISP))
	add("change_pw", p.profile.flag("change_pw"))
	add("contactalert", p.profile.flag("contactalert"))
	add("disabled", p.State == account.Disabled)
	add("expiration", nil)
	add("current_login", "0")
	add("last_login", "0")
	if form == listed {
		add("last_api_access", itoa(p.lastKey))
	}
	add("force_logout", false)
	add("date_created", sec)
	add("date_modified", sec)
	if form == listed {
		add("last_pw_change", sec)
		return o
	}
	add("sub", nil)
	add("external_auth_required", false)
	add("external_auth_key", "")
	add("last_api_access", itoa(p.lastKey))
	for _, n := range []string{"notification_daily", "notification_weekly", "notification_monthly"} {
		add(n, p.profile.flag(n))
	}
	add("totp", map[userForm]any{viewed: "*****", saved: nil}[form])
	add("hotp_counter", nil)
	add("last_pw_change", sec)
	add("totp_is_set", map[bool]string{true: "1", false: "0"}[p.SecondFactor])
	return o
}

// dress adds to accounts what is not the account's: role, record, last use of a key.
func (a *api) dressPeople(c *call, list []account.Entry) ([]person, error) {
	roles, err := a.roles(c)
	if err != nil {
		return nil, err
	}
	one, find := int64(0), "*"
	if len(list) == 1 {
		one, find = list[0].ID, list[0].UUID
	}
	records, err := a.profiles(c, one)
	if err != nil {
		return nil, err
	}
	keys, err := a.Accounts.Keys(c.ctx(), c.who, find)
	if err != nil {
		return nil, err
	}
	last := map[int64]int64{}
	for _, k := range keys {
		last[k.Person] = max(last[k.Person], k.LastUsed/1e6)
	}
	out := make([]person, len(list))
	for i, e := range list {
		out[i] = person{e, roleOf(roles, e.Roles), records[e.ID], last[e.ID]}
	}
	return out, nil
}

// one reads an account that the caller may know. Faults: NotFound.
func (a *api) person(c *call, id int64) (person, error) {
	if a.Accounts == nil {
		if id != c.who.Person {
			return person{}, notFound(noUser)
		}
		e := account.Entry{Person: account.Person{ID: id, Email: c.who.Email, Org: c.who.Org}}
		return person{Entry: e, role: access.Role{Name: "user", MISP: 3}}, nil
	}
	e, err := a.Accounts.PersonByID(c.ctx(), c.who, id)
	if err != nil {
		return person{}, instead(err, notFound(noUser), fault.NotFound, fault.Denied)
	}
	list, err := a.dressPeople(c, []account.Entry{e})
	if err != nil {
		return person{}, err
	}
	return list[0], nil
}

const noUser = "Invalid user or not authorised."

// creator names who made an event, for their own organisation.
func (a *api) creator(c *call, id int64) (string, error) {
	if id == c.who.Person {
		return c.who.Email, nil
	}
	if a.Accounts == nil || id == 0 {
		return "", errNoFeature
	}
	return a.Accounts.EmailOf(c.ctx(), c.who, id)
}

// meant reads which user a call is about: "me", nothing, or an id.
func (c *call) meant(arg string) (int64, error) {
	if arg == "" || arg == "me" {
		return c.who.Person, nil
	}
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil {
		return 0, notFound(noUser)
	}
	return id, nil
}

// userView answers users/view/me, without which no client starts.
func (a *api) userView(c *call) error {
	id, err := c.meant(c.arg(0))
	if err != nil {
		return err
	}
	p, err := a.person(c, id)
	if err != nil {
		return err
	}
	return a.userWhole(c, p)
}

// userWhole is a user with role, settings and organisation.
func (a *api) userWhole(c *call, p person) error {
	role := p.role
	if p.ID == c.who.Person {
		role = ownRole(c.who, role)
	}
	o, err := a.findOrg(c, itoa(p.Org))
	if err != nil {
		o = Org{ID: p.Org, UUID: p.OrgUUID, Name: p.OrgName, Local: true}
	}
	settings, err := a.Intel.Settings(c.ctx(), c.who, p.ID, false)
	if err != nil {
		return err
	}
	own := []any{}
	for _, x := range settings {
		if x.Person == p.ID {
			own = append(own, settingJSON(x))
		}
	}
	user := p.json(viewed, "")
	if c.admin {
		admins, err := a.orgAdmins(c, p)
		if err != nil {
			return err
		}
		user = append(user, ordered{{"orgAdmins", admins}}...)
	}
	return c.value(ordered{{"User", user}, {"Role", roleJSON(role)}, {"UserSetting", own}, {"Organisation", orgWire(o)}})
}

// orgAdmins are the administrators of a person's organisation, by id.
func (a *api) orgAdmins(c *call, p person) (map[string]string, error) {
	list, err := a.Accounts.People(c.ctx(), c.who, account.PeopleFilter{Org: p.Org, Limit: 1000})
	out := map[string]string{}
	for _, e := range list {
		if slices.Contains(e.Roles, access.OrgAdmin) && e.State == account.Active {
			out[itoa(e.ID)] = e.Email
		}
	}
	return out, err
}

func (a *api) userIndex(c *call) error {
	if a.Accounts == nil {
		return c.json([]byte("[]"))
	}
	var all []account.Entry
	f := account.PeopleFilter{Limit: 500, Search: c.params.text("searchall")}
	if f.Search == "" {
		f.Search = c.params.text("value")
	}
	for {
		list, err := a.Accounts.People(c.ctx(), c.who, f)
		if err != nil {
			return err
		}
		all = append(all, list...)
		if len(list) < f.Limit {
			break
		}
		f.After = list[len(list)-1].ID
	}
	if org := c.params.text("searchorg"); org != "" {
		all = slices.DeleteFunc(all, func(e account.Entry) bool { return itoa(e.Org) != org && e.OrgName != org })
	}
	people, err := a.dressPeople(c, all)
	if err != nil {
		return err
	}
	return c.list("", "", formed(people, func(p person) any {
		return ordered{{"User", p.json(listed, "")}, {"Role", ordered{{"id", itoa(p.role.MISP)}, {"name", title(p.role)},
			{"perm_auth", has(p.role, "misp.auth")}, {"perm_site_admin", has(p.role, "misp.site_admin")}, {"perm_admin", has(p.role, "misp.admin")}}},
			{"Organisation", ordered{{"id", itoa(p.Org)}, {"name", p.OrgName}}}}
	}))
}

// userAdd makes an account; its key is shown once, in this answer.
func (a *api) userAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Accounts == nil {
		return forbidden(notHere)
	}
	p := c.params.sub("User")
	n := account.NewPerson{Email: p.text("email"), Name: p.text("email"), Password: p.text("password"), Org: c.who.Org}
	if id, err := strconv.ParseInt(p.text("org_id"), 10, 64); err == nil && id > 0 {
		n.Org = id
	}
	if _, err := a.findOrg(c, itoa(n.Org)); err != nil {
		return userFault("admin_add", fault.Field("org_id", "account.org", "no organisation"))
	}
	role, err := a.roleGiven(c, p.text("role_id"))
	if err != nil {
		return userFault("admin_add", err)
	}
	n.Roles = []string{role}
	made, _, err := a.Accounts.Add(c.ctx(), c.who, n)
	if err != nil {
		return userFault("admin_add", err)
	}
	if err := a.keepProfile(c, made.ID, p, map[string]any{"invited_by": itoa(c.who.Person), "termsaccepted": false, "change_pw": true}); err != nil {
		return err
	}
	_, key, err := a.Accounts.AddKey(c.ctx(), c.who, made.UUID, account.NewKey{Scopes: []string{"misp"}})
	if err != nil { // the person stands; a key is made on the account page
		key = ""
	}
	x, err := a.person(c, made.ID)
	if err != nil {
		return err
	}
	return c.value(ordered{{"User", x.json(saved, key)}})
}

// roleGiven is the role with MISP's number; none given is the default role.
func (a *api) roleGiven(c *call, id string) (string, error) {
	all, err := a.roles(c)
	if err != nil {
		return "", err
	}
	if id == "" {
		if id, err = a.defaultRole(c); err != nil {
			return "", err
		}
	}
	for _, r := range all {
		if itoa(r.MISP) == id {
			return r.Name, nil
		}
	}
	return "", fault.Field("role_id", "fault.role", "no role %s", id)
}

// userEdit changes another's account (admin/users/edit) or the own (users/edit).
// Address and password of others are not changed here: who could, could enter in
// their name.
func (a *api) userEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Accounts == nil {
		return forbidden(notHere)
	}
	id, err := c.meant(c.arg(0))
	if err == nil && !c.admin && id != c.who.Person {
		err = notFound(noUser)
	}
	if err != nil {
		return err
	}
	before, err := a.person(c, id)
	if err != nil {
		return err
	}
	p := c.params.sub("User")
	if err := a.changePerson(c, before, p); err != nil {
		return userFault(map[bool]string{true: "admin_edit", false: "edit"}[c.admin], err)
	}
	if err := a.keepProfile(c, id, p, nil); err != nil {
		return err
	}
	after, err := a.person(c, id)
	if err != nil {
		return err
	}
	if !c.admin {
		return a.userWhole(c, after)
	}
	return c.value(ordered{{"User", after.json(saved, "")}})
}

func (a *api) changePerson(c *call, before person, p params) error {
	if e := p.text("email"); e != "" && !strings.EqualFold(e, before.Email) {
		return fault.Field("email", "fault.denied", "an address is changed by its owner")
	}
	if p.text("password") != "" {
		return fault.Field("password", "fault.denied", "a password is chosen by its owner")
	}
	if !c.admin { // users/edit is about one's own record only
		return nil
	}
	if err := a.Accounts.MayTouch(c.ctx(), c.who, before.UUID); err != nil { // also where only fields of the record change
		return err
	}
	roles, org := before.Roles, int64(0)
	if id := p.text("role_id"); id != "" && id != itoa(before.role.MISP) {
		name, err := a.roleGiven(c, id)
		if err != nil {
			return err
		}
		roles = []string{name}
	}
	if id, err := strconv.ParseInt(p.text("org_id"), 10, 64); err == nil && id != before.Org {
		if _, err := a.findOrg(c, itoa(id)); err != nil {
			return fault.Field("org_id", "account.org", "no organisation")
		}
		org = id
	}
	if org != 0 || !slices.Equal(roles, before.Roles) {
		if _, err := a.Accounts.SetRoles(c.ctx(), c.who, before.UUID, roles, org); err != nil {
			return err
		}
	}
	if off := p.flag("disabled", before.State == account.Disabled); off != (before.State == account.Disabled) {
		act := a.Accounts.Enable
		if off {
			act = a.Accounts.Disable
		}
		if _, err := act(c.ctx(), c.who, before.UUID); err != nil {
			return err
		}
	}
	return nil
}

func (a *api) userDelete(c *call) error {
	id, err := c.meant(c.arg(0))
	if err != nil || a.Accounts == nil {
		return notFound(noUser)
	}
	p, err := a.person(c, id)
	if err != nil {
		return err
	}
	if _, err := a.Accounts.Remove(c.ctx(), c.who, p.UUID); err != nil {
		return userFault("admin_delete", err)
	}
	return c.done(misp.Outcome{Controller: "Users", Action: "admin_delete", Message: "User deleted.", ID: c.arg(0)})
}

// changePassword: a key alone must not become a way into the pages, so the
// password in use goes with it.
func (a *api) changePassword(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Accounts == nil {
		return forbidden(notHere)
	}
	p := c.params.sub("User")
	_, err := a.Accounts.SetPassword(c.ctx(), c.who, account.From{Addr: web.ClientIP(c.r), Channel: c.who.Channel}, p.text("current_password"), p.text("password"))
	if err != nil {
		return userFault("change_pw", err)
	}
	return c.done(misp.Outcome{Controller: "Users", Action: "change_pw", Message: "Password Changed."})
}

// The texts of MISP's validation, by field.
var userTexts = map[string]string{"email": "Please enter a valid email address.", "org_id": "Please specify the organisation ID where you are working.",
	"org": "Please specify the organisation ID where you are working.", "role_id": "Please select a role.", "role": "Please select a role.",
	"password": "Password must be at least 10 characters long, not easy to guess and without your name in it."}

func userFault(action string, err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	if f.Kind == fault.Invalid || f.Kind == fault.Conflict {
		errs := map[string][]string{}
		for field, key := range f.Fields {
			text := userTexts[field]
			if key == "fault.denied" {
				text = "This is changed by the owner of the account, on this installation's own pages."
			}
			if text == "" {
				text = "Please check this field."
			}
			errs[field] = []string{text}
		}
		switch f.Key {
		case "account.taken":
			errs["email"] = []string{"An account with this email address already exists."}
		case "account.last-admin":
			errs["role_id"] = []string{"This is the last administrator."}
		}
		return unsaved(misp.Outcome{Controller: "Users", Action: action, Errors: errs})
	}
	err = instead(err, notFound(noUser), fault.NotFound)
	return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
}
