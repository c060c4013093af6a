package intelmisp

import (
	"math"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

func orgOf(who ident.Actor) intel.Org {
	return intel.Org{ID: who.Org, UUID: who.OrgUUID, Name: who.OrgName}
}

// orgs lists the organisations the caller may know; without a directory their own.
func (a *api) orgs(c *call) ([]Org, error) {
	if a.Orgs == nil {
		o := orgOf(c.who)
		return []Org{{ID: o.ID, UUID: o.UUID, Name: o.Name, Local: true}}, nil
	}
	return a.Orgs.Orgs(c.ctx(), c.who)
}

// isLocal tells whether an organisation is a member here.
func (a *api) isLocal(c *call, id int64) bool {
	if a.Orgs == nil {
		return id == c.who.Org
	}
	o, err := a.Orgs.Org(c.ctx(), c.who, itoa(id))
	return err == nil && o.Local
}

// creator names who made an event, for their own organisation.
func (a *api) creator(c *call, person int64) (Person, error) {
	if person == c.who.Person {
		return Person{ID: person, Email: c.who.Email}, nil
	}
	if a.People == nil || person == 0 {
		return Person{}, errNoFeature
	}
	return a.People.Person(c.ctx(), c.who, person)
}

func stamp(sec int64) string { return misp.FormatSeen(unix(sec))[:19] }

// orgWire is the form of answers to changes; views show less and count people.
func orgWire(o Org) misp.Org {
	w := misp.Org{ID: misp.N(o.ID), Name: misp.T(o.Name), UUID: misp.T(o.UUID), DateCreated: misp.T(date(o.Created)), DateModified: misp.T(date(o.Changed)),
		Description: misp.T(o.Description), Type: misp.T(o.Type), Nationality: misp.T(o.Nationality), Sector: misp.T(o.Sector), CreatedBy: misp.N(0),
		Contacts: misp.TextOrNull(o.Contacts), Local: misp.B(o.Local), RestrictedToDomain: misp.Raw("null"), LandingPage: misp.NullText()}
	if o.Changed > o.Created && o.Created > 0 {
		w.RestrictedToDomain = misp.Raw("[]") // measured: null until somebody edits the organisation
	}
	return w
}

func date(sec int64) string { return strings.Replace(stamp(sec), "T", " ", 1) }

func (a *api) orgIndex(c *call) error {
	list, err := a.orgs(c)
	if err != nil {
		return err
	}
	scope := c.params.text("scope")
	if scope == "" {
		scope = "local"
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for i := range list {
			o := list[i]
			if scope != "all" && o.Local != (scope == "local") {
				continue
			}
			w := orgWire(o)
			w.CreatedBy, w.UserCount = misp.Int{}, misp.N(o.User)
			if err := yield(append(misp.Append([]byte(`{"Organisation":`), &w), '}')); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *api) findOrg(c *call, ref string) (Org, error) {
	if a.Orgs == nil {
		if ref == itoa(c.who.Org) || strings.EqualFold(ref, c.who.OrgUUID) {
			list, err := a.orgs(c)
			return list[0], err
		}
		return Org{}, notFound("Invalid organisation")
	}
	o, err := a.Orgs.Org(c.ctx(), c.who, ref)
	return o, instead(err, notFound("Invalid organisation"), fault.NotFound)
}

func (a *api) orgView(c *call) error {
	o, err := a.findOrg(c, c.arg(0))
	if err != nil {
		return err
	}
	w := orgWire(o)
	w.CreatedBy, w.LandingPage, w.UserCount = misp.Int{}, misp.Text{}, misp.N(o.User)
	return c.json(append(misp.Append([]byte(`{"Organisation":`), &w), '}'))
}

func orgAnswer(c *call, o Org) error {
	w := orgWire(o)
	return c.json(append(misp.Append([]byte(`{"Organisation":`), &w), '}'))
}

func orgFields(p params, o *Org) {
	p = p.sub("Organisation")
	for key, to := range map[string]*string{"name": &o.Name, "uuid": &o.UUID, "description": &o.Description, "type": &o.Type,
		"nationality": &o.Nationality, "sector": &o.Sector, "contacts": &o.Contacts} {
		if p.has(key) {
			*to = p.text(key)
		}
	}
	o.Local = p.flag("local", o.Local)
}

func (a *api) orgAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Orgs == nil {
		return forbidden(notHere)
	}
	o := Org{Local: true}
	orgFields(c.params, &o)
	o, err := a.Orgs.AddOrg(c.ctx(), c.who, o)
	if err != nil {
		return orgFault("admin_add", err)
	}
	return orgAnswer(c, o)
}

func orgFault(action string, err error) error {
	f := fault.Of(err)
	if f == nil || f.Kind != fault.Invalid && f.Kind != fault.Conflict {
		return instead(err, notFound("Invalid organisation"), fault.NotFound)
	}
	errs := map[string][]string{}
	for field := range f.Fields {
		errs[field] = []string{map[string]string{"name": "Please specify a name for the organisation.", "uuid": misp.MsgUUIDFormat}[field]}
	}
	if len(errs) == 0 {
		errs["name"] = []string{"An organisation with this name already exists."}
	}
	return unsaved(misp.Outcome{Controller: "Organisations", Action: action, Errors: errs})
}

func (a *api) orgEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Orgs == nil {
		return forbidden(notHere)
	}
	o, err := a.Orgs.EditOrg(c.ctx(), c.who, c.arg(0), func(o *Org) { orgFields(c.params, o) })
	if err != nil {
		return orgFault("admin_edit", err)
	}
	return orgAnswer(c, o)
}

func (a *api) orgDelete(c *call) error {
	if a.Orgs == nil {
		return forbidden(notHere)
	}
	if err := a.Orgs.DeleteOrg(c.ctx(), c.who, c.arg(0)); err != nil {
		err = instead(err, notFound("Invalid organisation"), fault.NotFound)
		return instead(err, unsaved(misp.Outcome{Controller: "Organisations", Action: "admin_delete", Errors: "Organisation could not be deleted.",
			ID: c.arg(0)}), fault.Conflict, fault.Invalid)
	}
	return c.done(misp.Outcome{Controller: "Organisations", Action: "admin_delete", Message: "Organisation deleted", ID: c.arg(0)})
}

func (a *api) userIndex(c *call) error {
	list := []Person{}
	if a.People != nil {
		var err error
		if list, err = a.People.People(c.ctx(), c.who); err != nil {
			return err
		}
	}
	all, err := a.roles(c)
	if err != nil {
		return err
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for _, p := range list {
			r := roleNamed(all, p.Role)
			b, err := marshal(ordered{{"User", userJSON(p, r.ID)}, {"Role", map[string]any{"id": itoa(r.ID), "name": title(r), "perm_auth": true, "perm_site_admin": r.ID == 1}},
				{"Organisation", ordered{{"id", itoa(p.Org.ID)}, {"name", p.Org.Name}}}, {"UserSetting", map[string]any{}}})
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

func (c *call) newPerson() (n NewPerson) {
	p := c.params.sub("User")
	txt := func(key string) *string {
		if !p.has(key) {
			return nil
		}
		s := p.text(key)
		return &s
	}
	num := func(key string) *int64 {
		v, err := strconv.ParseInt(p.text(key), 10, 64)
		if err != nil {
			return nil
		}
		return &v
	}
	n = NewPerson{Email: txt("email"), Password: txt("password"), Org: num("org_id"), Role: num("role_id"), From: web.ClientIP(c.r)}
	if p.has("disabled") {
		off := p.flag("disabled", false)
		n.Disabled = &off
	}
	return n
}

// userAdd makes an account; its key is shown once, in this answer.
func (a *api) userAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.People == nil {
		return forbidden(notHere)
	}
	p, key, err := a.People.AddPerson(c.ctx(), c.who, c.newPerson())
	if err != nil {
		return userFault("admin_add", err)
	}
	return a.userAnswer(c, p, key)
}

func (a *api) userEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.People == nil {
		return forbidden(notHere)
	}
	id, err := strconv.ParseInt(c.arg(0), 10, 64)
	if err != nil {
		return notFound("Invalid user")
	}
	p, err := a.People.EditPerson(c.ctx(), c.who, id, c.newPerson())
	if err != nil {
		return userFault("admin_edit", err)
	}
	return a.userAnswer(c, p, "")
}

func (a *api) userAnswer(c *call, p Person, key string) error {
	all, err := a.roles(c)
	if err != nil {
		return err
	}
	u := userJSON(p, roleNamed(all, p.Role).ID)
	if key != "" {
		u["authkey"] = key
	}
	return c.value(map[string]any{"User": u})
}

func userFault(action string, err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	if f.Kind == fault.Invalid || f.Kind == fault.Conflict {
		errs := map[string][]string{}
		for field := range f.Fields {
			errs[field] = []string{"Please check this field."}
		}
		return unsaved(misp.Outcome{Controller: "Users", Action: action, Errors: errs})
	}
	err = instead(err, notFound("Invalid user"), fault.NotFound)
	return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
}

func (a *api) roleIndex(c *call) error {
	all, err := a.roles(c)
	if err != nil {
		return err
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for _, r := range all {
			b, err := marshal(map[string]any{"Role": roleJSON(r)})
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

func (a *api) roleView(c *call) error {
	all, err := a.roles(c)
	if err != nil {
		return err
	}
	for _, r := range all {
		if itoa(r.ID) == c.arg(0) {
			return c.value(map[string]any{"Role": roleJSON(r)})
		}
	}
	return notFound("Invalid Role")
}

// percentOf writes 37.5% as MISP does: at most two digits, none that say nothing.
func percentOf(n, sum int64) string {
	return strconv.FormatFloat(math.Round(float64(n)*10000/float64(sum))/100, 'f', -1, 64) + "%"
}
