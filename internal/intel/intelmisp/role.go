package intelmisp

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// perms are MISP's flags in the order of its role table.
var perms = strings.Fields(`add modify modify_org publish delegate sync admin audit auth site_admin regexp_access tagger template
	sharing_group tag_editor sighting object_template publish_zmq publish_kafka decaying galaxy_editor warninglist
	view_feed_correlations analyst_data skip_otp`)

// levels are MISP's four steps of what one may change.
var levels = []struct{ flag, name string }{{"", "read_only"}, {"modify", "manage_own"}, {"modify_org", "manage_org"}, {"publish", "publish"}}

func has(r access.Role, perm string) bool { return slices.Contains(r.Permissions, perm) }

// roleJSON is a role as MISP shows it.
func roleJSON(r access.Role) map[string]any {
	m := map[string]any{"id": itoa(r.MISP), "name": title(r), "created": "2020-01-01 00:00:00", "modified": "2020-01-01 00:00:00",
		"default_role": r.MISP == fixedDefault, "memory_limit": nil, "max_execution_time": nil, "restricted_to_site_admin": false,
		"enforce_rate_limit": false, "rate_limit_count": "0"}
	for _, p := range perms {
		m["perm_"+p] = has(r, "misp."+p)
	}
	level := 0
	for i, l := range levels {
		if has(r, "misp."+l.flag) {
			level = i
		}
	}
	m["permission"], m["permission_description"] = strconv.Itoa(level), levels[level].name
	if r.Own() {
		m["memory_limit"], m["max_execution_time"] = "", ""
	}
	return m
}

// titles are MISP's names of its six roles.
var titles = []string{1: "admin", 2: "Org Admin", 3: "User", 4: "Publisher", 5: "Sync user", 6: "Read Only"}

func title(r access.Role) string {
	if r.MISP > 0 && int(r.MISP) < len(titles) {
		return titles[r.MISP]
	}
	return cmp.Or(r.Title, r.Name)
}

// ownRole is the caller's role as their rights stand now: a key may be narrower
// than the role it was made under, and the client should know.
func ownRole(who ident.Actor, r access.Role) access.Role {
	r.Permissions = nil
	for p, ok := range who.Perms {
		if ok {
			r.Permissions = append(r.Permissions, p)
		}
	}
	return r
}

// roles lists the roles that MISP's clients know, by number.
func (a *api) roles(c *call) ([]access.Role, error) {
	if a.Accounts == nil {
		return nil, nil
	}
	all, err := a.Accounts.Roles(c.ctx(), c.who)
	all = slices.DeleteFunc(all, func(r access.Role) bool { return r.MISP == 0 })
	slices.SortFunc(all, func(x, y access.Role) int { return cmp.Compare(x.MISP, y.MISP) })
	return all, err
}

// roleOf is the role whose number stands for what somebody holds: people of a
// CERT's team appear as Org Admins, whose flags are nearest to what they may do.
func roleOf(all []access.Role, held []string) access.Role {
	want := access.ReadOnly
	for _, name := range held {
		if name == access.Lead || name == access.Analyst {
			want = access.OrgAdmin
			break
		}
		if slices.ContainsFunc(all, func(r access.Role) bool { return r.Name == name }) {
			want = name
			break
		}
	}
	for _, r := range all {
		if r.Name == want {
			return r
		}
	}
	return access.Role{Name: want, MISP: 6}
}

const (
	fixedDefault   = 3 // User, until another one is set
	defaultSetting = "role.default"
)

func (a *api) defaultRole(c *call) (string, error) {
	raw, found, err := a.Intel.HouseSetting(c.ctx(), c.who, defaultSetting)
	var id string
	if err != nil || !found || json.Unmarshal(raw, &id) != nil {
		return strconv.Itoa(fixedDefault), err
	}
	return id, nil
}

func (a *api) roleAnswer(c *call, r access.Role, list bool) (map[string]any, error) {
	def, err := a.defaultRole(c)
	m := roleJSON(r)
	m["default_role"] = itoa(r.MISP) == def
	if list {
		m["default"] = m["default_role"]
	}
	return m, err
}

func (a *api) roleIndex(c *call) error {
	all, err := a.roles(c)
	if err != nil {
		return err
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for _, r := range all {
			m, err := a.roleAnswer(c, r, true)
			if err != nil {
				return err
			}
			b, err := marshal(map[string]any{"Role": m})
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

const noRole = "Invalid Role"

func (a *api) findRole(c *call) (access.Role, error) {
	all, err := a.roles(c)
	if err != nil {
		return access.Role{}, err
	}
	for _, r := range all {
		if itoa(r.MISP) == c.arg(0) {
			return r, nil
		}
	}
	return access.Role{}, notFound(noRole)
}

func (a *api) roleView(c *call) error {
	r, err := a.findRole(c)
	if err != nil {
		return err
	}
	return a.showRole(c, r)
}

func (a *api) showRole(c *call, r access.Role) error {
	m, err := a.roleAnswer(c, r, false)
	if err != nil {
		return err
	}
	return c.value(map[string]any{"Role": m})
}

// roleFlags reads the flags of a request over those there are; given is false
// where it names none.
func roleFlags(p params, have []string) (flags []string, given bool) {
	set := map[string]bool{}
	for _, f := range have {
		if strings.HasPrefix(f, "misp.") {
			set[f] = true
		}
	}
	for _, f := range perms {
		if p.has("perm_" + f) {
			set["misp."+f], given = p.flag("perm_"+f, false), true
		}
	}
	if p.has("permission") {
		given = true
		for i, l := range levels[1:] {
			set["misp."+l.flag] = i < p.number("permission", 0)
		}
	}
	flags = []string{}
	for _, f := range perms {
		if set["misp."+f] {
			flags = append(flags, "misp."+f)
		}
	}
	return flags, given
}

func (a *api) roleAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Accounts == nil {
		return forbidden(notHere)
	}
	p := c.params.sub("Role")
	flags, _ := roleFlags(p, nil)
	r, err := a.Accounts.AddRole(c.ctx(), c.who, p.text("name"), flags)
	if err != nil {
		return roleFault("admin_add", err)
	}
	return a.showRole(c, r)
}

func (a *api) roleEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	before, err := a.findRole(c)
	if err != nil {
		return err
	}
	p := c.params.sub("Role")
	flags, given := roleFlags(p, before.Permissions)
	if !given {
		flags = nil
	}
	r, err := a.Accounts.ChangeRole(c.ctx(), c.who, before.MISP, cmp.Or(p.text("name"), title(before)), flags)
	if err != nil {
		return roleFault("admin_edit", err)
	}
	return a.showRole(c, r)
}

func (a *api) roleDelete(c *call) error {
	before, err := a.findRole(c)
	if err != nil {
		return err
	}
	if _, err := a.Accounts.DropRole(c.ctx(), c.who, before.MISP); err != nil {
		return roleFault("admin_delete", err)
	}
	return c.done(misp.Outcome{Controller: "Roles", Action: "delete", Message: "Role deleted.", ID: before.MISP})
}

func (a *api) roleDefault(c *call) error {
	r, err := a.findRole(c)
	if err != nil {
		return err
	}
	if has(r, "misp.site_admin") {
		return forbidden(misp.MsgNoPermission) // whoever is added without a role would be an administrator
	}
	if err := a.Intel.SetHouseSetting(c.ctx(), c.who, defaultSetting, []byte(strconv.Quote(itoa(r.MISP)))); err != nil {
		return err
	}
	return c.done(misp.Outcome{Controller: "Roles", Action: "set_default", Message: "Default role set.", ID: itoa(r.MISP)})
}

func roleFault(action string, err error) error {
	no := func(errs any) error { return unsaved(misp.Outcome{Controller: "Roles", Action: action, Errors: errs}) }
	err = instead(err, no(map[string][]string{"name": {"valueNotEmpty"}}), fault.Invalid)
	err = instead(err, no("Somebody has this role."), fault.Conflict)
	err = instead(err, forbidden("The six built-in roles are not changed."), fault.NotFound)
	return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
}
