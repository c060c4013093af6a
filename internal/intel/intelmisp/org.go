package intelmisp

import (
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/registry"
)

// Org is an organisation as MISP shows it: the registry's card and the words that
// MISP's clients use beside it. Times are Unix seconds.
type Org struct {
	ID               int64
	UUID, Name       string
	Local            bool
	Created, Changed int64
	Card             intel.OrgCard
}

func orgOf(who ident.Actor) intel.Org {
	return intel.Org{ID: who.Org, UUID: who.OrgUUID, Name: who.OrgName}
}

func asOrg(o registry.Organisation) Org {
	x := Org{ID: o.ID, UUID: o.UUID, Name: o.Name, Local: o.Local, Created: o.Created.Unix(), Changed: o.Updated.Unix()}
	x.Card = intel.OrgCard{Org: o.ID, Nationality: o.Country, Sector: o.Sector}
	return x
}

// orgs lists the organisations the caller may know that are members here (scope
// "local"), that peers named ("external"), or both ("all").
func (a *api) orgs(c *call, scope string) ([]Org, error) {
	if a.Registry == nil {
		o := orgOf(c.who)
		return []Org{{ID: o.ID, UUID: o.UUID, Name: o.Name, Local: true}}, nil
	}
	var out []Org
	for _, foreign := range []bool{true, false} {
		if scope == "local" && foreign || scope == "external" && !foreign {
			continue
		}
		for cursor := ""; ; {
			list, next, err := a.Registry.List(c.ctx(), c.who, registry.Filter{State: registry.Active, Foreign: foreign}, registry.Page{Cursor: cursor, Limit: 200})
			if err != nil {
				return nil, err
			}
			for _, o := range list {
				out = append(out, asOrg(o))
			}
			if cursor = next; next == "" {
				break
			}
		}
	}
	slices.SortStableFunc(out, func(x, y Org) int { return strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)) })
	return out, a.withCards(c, out)
}

func (a *api) withCards(c *call, list []Org) error {
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	cards, err := a.Intel.OrgCards(c.ctx(), c.who, ids)
	for i := range list {
		if card, ok := cards[list[i].ID]; ok {
			list[i].Card = card
		}
	}
	return err
}

// isLocal tells whether an organisation is a member here.
func (a *api) isLocal(c *call, id int64) bool {
	if a.Registry == nil {
		return id == c.who.Org
	}
	m, err := a.Registry.Orgs(c.ctx(), c.who, []int64{id})
	return err == nil && m[id].Local
}

// registered finds an organisation that the caller may know by id or UUID.
func (a *api) registered(c *call, ref string) (registry.Organisation, error) {
	none := fault.New(fault.NotFound, "organisation %s", ref)
	if a.Registry == nil {
		return registry.Organisation{}, none
	}
	uuid := ref
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil {
		m, err := a.Registry.Orgs(c.ctx(), c.who, []int64{id})
		if err != nil || m[id].UUID == "" {
			return registry.Organisation{}, none
		}
		uuid = m[id].UUID
	}
	if len(uuid) != 36 {
		return registry.Organisation{}, none
	}
	o, err := a.Registry.Get(c.ctx(), c.who, uuid) // with the test of who sees the card
	if err == nil && o.State != registry.Active {
		err = none
	}
	return o, err
}

func (a *api) findOrg(c *call, ref string) (Org, error) {
	if a.Registry == nil && (ref == itoa(c.who.Org) || strings.EqualFold(ref, c.who.OrgUUID)) {
		o := orgOf(c.who)
		return Org{ID: o.ID, UUID: o.UUID, Name: o.Name, Local: true}, nil
	}
	o, err := a.registered(c, ref)
	if err != nil {
		return Org{}, instead(err, notFound("Invalid organisation"), fault.NotFound, fault.Denied)
	}
	one := []Org{asOrg(o)}
	err = a.withCards(c, one)
	return one[0], err
}

func stamp(sec int64) string { return misp.FormatSeen(unix(sec))[:19] }

func date(sec int64) string { return strings.Replace(stamp(sec), "T", " ", 1) }

// orgWire is the form of answers to changes; views show less and count people.
func orgWire(o Org) misp.Org {
	w := misp.Org{ID: misp.N(o.ID), Name: misp.T(o.Name), UUID: misp.T(o.UUID), DateCreated: misp.T(date(o.Created)), DateModified: misp.T(date(o.Changed)),
		Description: textOrNull(o.Card.Description), Type: misp.T(o.Card.Type), Nationality: misp.T(o.Card.Nationality), Sector: misp.T(o.Card.Sector),
		CreatedBy: misp.N(o.Card.CreatedBy), Contacts: textOrNull(o.Card.Contacts), Local: misp.B(o.Local), RestrictedToDomain: misp.Raw("null"), LandingPage: misp.NullText()}
	if o.Card.Domains != nil {
		b, err := marshal(o.Card.Domains)
		if err == nil {
			w.RestrictedToDomain = misp.Raw(b)
		}
	}
	return w
}

func textOrNull(s *string) misp.Text {
	if s == nil {
		return misp.NullText()
	}
	return misp.T(*s)
}

// orgShown is an organisation in lists and views: who entered it is for the site
// administrator alone.
func (a *api) orgShown(c *call, o Org, people int64, view bool) []byte {
	w := orgWire(o)
	w.UserCount = misp.N(people)
	if view {
		w.LandingPage = misp.Text{}
	}
	if !site(c.who) {
		w.CreatedBy = misp.Int{}
	} else if w.CreatedByEmail = misp.T("Unknown"); a.Accounts != nil && o.Card.CreatedBy != 0 {
		if e, err := a.Accounts.PersonByID(c.ctx(), c.who, o.Card.CreatedBy); err == nil {
			w.CreatedByEmail = misp.T(e.Email)
		}
	}
	return append(misp.Append([]byte(`{"Organisation":`), &w), '}')
}

func (a *api) orgIndex(c *call) error {
	scope := c.params.text("scope")
	if scope == "" {
		scope = "local"
	}
	list, err := a.orgs(c, scope)
	if err != nil {
		return err
	}
	if q := strings.ToLower(c.params.text("searchall")); q != "" {
		list = slices.DeleteFunc(list, func(o Org) bool { return !strings.Contains(strings.ToLower(o.Name+" "+o.UUID), q) })
	}
	people, err := a.headcount(c)
	if err != nil {
		return err
	}
	list = c.page(len(list), func(from, to int) []Org { return list[from:to] })
	return c.list("", "", func(yield func([]byte) error) error {
		for i := range list {
			if err := yield(a.orgShown(c, list[i], people[list[i].ID], false)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *api) headcount(c *call) (map[int64]int64, error) {
	if a.Accounts == nil {
		return nil, nil
	}
	return a.Accounts.CountByOrg(c.ctx(), c.who)
}

// page cuts what limit and page ask for out of n things; without a limit all.
func (c *call) page(n int, cut func(from, to int) []Org) []Org {
	limit := c.params.count("limit", 0)
	if limit == 0 {
		return cut(0, n)
	}
	from := min((max(c.params.count("page", 1), 1)-1)*limit, n)
	return cut(from, min(from+limit, n))
}

func (a *api) orgView(c *call) error {
	o, err := a.findOrg(c, c.arg(0))
	if err != nil {
		return err
	}
	people, err := a.headcount(c)
	if err != nil {
		return err
	}
	return c.json(a.orgShown(c, o, people[o.ID], true))
}

func orgAnswer(c *call, o Org) error {
	w := orgWire(o)
	return c.json(append(misp.Append([]byte(`{"Organisation":`), &w), '}'))
}

// orgFields reads what a client says of an organisation.
func orgFields(p params, o *Org) {
	p = p.sub("Organisation")
	for key, to := range map[string]*string{"name": &o.Name, "uuid": &o.UUID, "type": &o.Card.Type, "nationality": &o.Card.Nationality, "sector": &o.Card.Sector} {
		if p.has(key) {
			*to = strings.TrimSpace(p.text(key))
		}
	}
	for key, to := range map[string]**string{"description": &o.Card.Description, "contacts": &o.Card.Contacts} {
		if p.has(key) {
			s := p.text(key)
			*to = &s
		}
	}
	if p.has("restricted_to_domain") {
		o.Card.Domains = append([]string{}, texts(p["restricted_to_domain"])...)
	}
	o.Local = p.flag("local", o.Local)
}

func (a *api) orgAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Registry == nil {
		return forbidden(notHere)
	}
	o := Org{Local: true}
	orgFields(c.params, &o)
	made, err := a.enter(c, o)
	if err != nil {
		return orgFault("admin_add", err)
	}
	card := o.Card
	card.Org, card.CreatedBy = made.ID, c.who.Person
	if err := a.Intel.SetOrgCard(c.ctx(), c.who, card); err != nil {
		return err
	}
	x := asOrg(made)
	x.Card = card
	return orgAnswer(c, x)
}

// enter adds an organisation; one that was taken away under the same name, or
// that peers' data named under the same UUID, is meant by it.
func (a *api) enter(c *call, o Org) (registry.Organisation, error) {
	if !o.Local {
		return a.Registry.Meet(c.ctx(), c.who, o.UUID, o.Name)
	}
	made, err := a.Registry.Add(c.ctx(), c.who, registry.Draft{UUID: o.UUID, Name: o.Name, Kind: "other", Country: countryOf(o.Card.Nationality)})
	if !fault.Is(err, fault.Conflict) {
		return made, err
	}
	list, _, find := a.Registry.List(c.ctx(), c.who, registry.Filter{Query: o.Name, State: registry.Withdrawn}, registry.Page{})
	for _, x := range list {
		if find == nil && x.Name == o.Name && (o.UUID == "" || strings.EqualFold(o.UUID, x.UUID)) {
			return a.Registry.Restore(c.ctx(), c.who, x.UUID, x.Version)
		}
	}
	return made, err
}

// countryOf takes a nationality for a country where it is a code of ISO 3166;
// other words stand on MISP's card only.
func countryOf(nationality string) string {
	if len(nationality) == 2 {
		return strings.ToUpper(nationality)
	}
	return ""
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
	before, err := a.registered(c, c.arg(0))
	if err != nil {
		return orgFault("admin_edit", err)
	}
	one := []Org{asOrg(before)}
	if err := a.withCards(c, one); err != nil {
		return err
	}
	o := one[0]
	orgFields(c.params, &o)
	if o.Card.Domains == nil {
		o.Card.Domains = []string{}
	}
	patch := registry.Patch{}
	if o.Name != before.Name {
		patch.Name = &o.Name
	}
	if code := countryOf(o.Card.Nationality); code != "" && code != before.Country {
		patch.Country = &code
	}
	made, err := a.Registry.Change(c.ctx(), c.who, before.UUID, before.Version, patch)
	if err != nil {
		return orgFault("admin_edit", err)
	}
	if err := a.Intel.SetOrgCard(c.ctx(), c.who, o.Card); err != nil {
		return err
	}
	x := asOrg(made)
	x.Card = o.Card
	return orgAnswer(c, x)
}

// orgDelete withdraws an organisation that nobody belongs to and that made nothing.
func (a *api) orgDelete(c *call) error {
	o, err := a.registered(c, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid organisation"), fault.NotFound, fault.Denied)
	}
	used := unsaved(misp.Outcome{Controller: "Organisations", Action: "admin_delete", Errors: []string{}, ID: c.arg(0)})
	people, err := a.headcount(c)
	if err != nil {
		return err
	}
	events, err := a.Intel.StatisticsOfOrgs(c.ctx(), c.who)
	if err != nil {
		return err
	}
	if people[o.ID] > 0 || events[o.ID].Events > 0 {
		return used
	}
	if _, err := a.Registry.Withdraw(c.ctx(), c.who, o.UUID, o.Version); err != nil {
		return instead(err, used, fault.Conflict, fault.Invalid)
	}
	return c.done(misp.Outcome{Controller: "Organisations", Action: "admin_delete", Message: "Organisation deleted", ID: c.arg(0)})
}
