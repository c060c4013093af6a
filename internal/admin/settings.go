package admin

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

const settingsAt = "/administration/settings"

// settingsPage is what a CERT and the house decide: each setting with its meaning and
// its default, and who changed it.
type settingsPage struct {
	listPage
	Certs    []ui.Tab // when there are several to choose from
	CERT     registry.Organisation
	Fields   []any
	History  ui.Table
	Accounts *policyPart // nil for who may not set it
	Seal     *ui.Facts   // the installation's OpenPGP key; nil as above
}

// policyPart is the form of the account policy.
type policyPart struct {
	Version  string
	Fields   []ui.Field
	Roles    ui.Choices
	History  ui.Table
	NeedsNow bool // a fresh proof is asked when it is saved
}

func (p *pages) settings(w http.ResponseWriter, r *http.Request) error {
	page, err := p.settingsPage(r, nil, nil)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "settings", page)
}

// settingsPage shows what is in force, or what was typed into one of the forms.
func (p *pages) settingsPage(r *http.Request, cert, policy *web.Form) (*settingsPage, error) {
	page := &settingsPage{listPage: *newList(r, "settings")}
	list, err := p.certsOf(r)
	if err != nil {
		return nil, err
	}
	if page.CERT = chosen(r, list); len(list) > 1 {
		for _, o := range list {
			page.Certs = append(page.Certs, ui.Tab{Label: o.Names.In(web.Lang(r)), Href: settingsAt + "?cert=" + o.UUID, Here: o.ID == page.CERT.ID})
		}
	}
	if page.CERT.ID != 0 {
		if err := p.certPart(r, page, cert); err != nil {
			return nil, err
		}
	}
	if access.Allowed(web.Actor(r), "admin.settings") {
		if page.Accounts, err = p.policyPart(r, policy); err != nil {
			return nil, err
		}
		if page.Seal, err = p.sealFacts(r); err != nil {
			return nil, err
		}
	}
	for _, f := range []*web.Form{cert, policy} {
		if f != nil {
			page.Errors = f.Summary(append(slices.Clone(intake.SettingNames), policyNames...)...)
		}
	}
	return page, nil
}

// certsOf are the CERTs that the asker may set: all for an administrator, else the own.
func (p *pages) certsOf(r *http.Request) ([]registry.Organisation, error) {
	who := web.Actor(r)
	list, err := p.d.Registry.CERTs(r.Context(), who)
	if err != nil || access.Allowed(who, "admin.settings") {
		return list, err
	}
	return slices.DeleteFunc(list, func(o registry.Organisation) bool { return o.ID != who.CERT }), nil
}

// chosen is the CERT that the address names, else the own one, else the host.
func chosen(r *http.Request, list []registry.Organisation) (o registry.Organisation) {
	if len(list) > 0 {
		o = list[0]
	}
	asked := r.FormValue("cert")
	for _, c := range list {
		if asked == "" && c.ID == web.Actor(r).CERT || asked == c.UUID {
			o = c
		}
	}
	return o
}

func (p *pages) certPart(r *http.Request, page *settingsPage, f *web.Form) error {
	set, err := p.d.Intake.Settings(r.Context(), web.Actor(r), page.CERT.ID)
	if err != nil {
		return err
	}
	if f == nil {
		f = web.NewForm(r, url.Values{})
		for name, v := range set {
			f.Values.Set(name, v)
		}
	}
	for _, name := range intake.SettingNames {
		page.Fields = append(page.Fields, certField(r, f, name))
	}
	changes, err := p.d.Intake.SettingChanges(r.Context(), web.Actor(r), page.CERT.ID)
	if err != nil {
		return err
	}
	page.History = historyTable(r)
	for _, c := range changes {
		page.History.Rows = append(page.History.Rows, ui.Row{Cells: []any{c.At, settingWord(r, c.Name), shown(r, c.Name, c.Value), p.named(r, c.Person, "")}})
	}
	return nil
}

// certField is one setting with its meaning and its default in words.
func certField(r *http.Request, f *web.Form, name string) any {
	hint := web.T(r, "admin.set."+name+".hint") + " " + web.T(r, "admin.set.default", "value", shown(r, name, intake.SettingDefault(name)))
	if intake.SettingYesNo(name) {
		c := f.Choices(name, "admin.set."+name, ui.Option{Value: "yes", Label: web.T(r, "admin.yes")}, ui.Option{Value: "no", Label: web.T(r, "admin.no")})
		c.Hint, c.Compact = hint, true
		return c
	}
	field := f.Field(name, "admin.set."+name)
	field.Hint, field.MaxLength = hint, 300
	switch name {
	case intake.MaxFileMB, intake.MaxFiles:
		field.Type, field.Width = "number", "short"
	case intake.CodePrefix:
		field.Mono, field.Width = true, "short"
	case intake.SitePhone:
		field.Type, field.Width = "tel", "half"
	case intake.SiteEmail:
		field.Type = "email"
	}
	return field
}

// shown is a setting's value in words.
func shown(r *http.Request, name, value string) string {
	switch {
	case value == "":
		return web.T(r, "admin.set.empty")
	case intake.SettingYesNo(name):
		return web.T(r, "admin."+value)
	}
	return value
}

func settingWord(r *http.Request, name string) string { return web.T(r, "admin.set."+name) }

func historyTable(r *http.Request) ui.Table {
	return ui.Table{Caption: web.T(r, "admin.set.history"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "admin.audit.when"), Width: "mark"},
		{Label: web.T(r, "admin.set.what")}, {Label: web.T(r, "admin.set.value")}, {Label: web.T(r, "admin.audit.who"), Drop: 1}},
		Empty: &ui.Empty{Icon: "history", Title: web.T(r, "admin.set.never")}}
}

// saveSettings changes a CERT's settings, all or none.
func (p *pages) saveSettings(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	list, err := p.certsOf(r)
	if err != nil {
		return err
	}
	cert := chosen(r, list)
	if cert.ID == 0 || cert.UUID != f.Values.Get("cert") {
		return fault.New(fault.NotFound, "no such CERT among those that may be set")
	}
	values := map[string]string{}
	for _, name := range intake.SettingNames {
		if f.Values.Has(name) {
			values[name] = f.Values.Get(name)
		}
	}
	_, err = p.d.Intake.SetAll(r.Context(), web.Actor(r), cert.ID, values)
	if f.Fail(err) {
		page, err := p.settingsPage(r, f, nil)
		if err != nil {
			return err
		}
		return p.t.Invalid(w, r, "settings", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(settingsAt+"?cert="+cert.UUID, web.Done("admin.set.saved"))
}

// spans are the times of the account policy: in which unit a person types each.
var spans = []struct {
	name string
	unit time.Duration
	of   func(*account.Policy) *time.Duration
}{
	{"second_grace", 24 * time.Hour, func(p *account.Policy) *time.Duration { return &p.SecondGrace }},
	{"session_idle", time.Minute, func(p *account.Policy) *time.Duration { return &p.SessionIdle }},
	{"session_absolute", time.Hour, func(p *account.Policy) *time.Duration { return &p.SessionAbsolute }},
	{"step_up_age", time.Minute, func(p *account.Policy) *time.Duration { return &p.StepUpAge }},
	{"invitation_life", 24 * time.Hour, func(p *account.Policy) *time.Duration { return &p.InvitationLife }},
	{"reset_life", time.Minute, func(p *account.Policy) *time.Duration { return &p.ResetLife }},
}

// policyNames are the fields of the account policy in the order of the page.
var policyNames = []string{"second_factor", "second_grace", "session_idle", "session_absolute", "step_up_age", "invitation_life", "reset_life"}

func (p *pages) policyPart(r *http.Request, f *web.Form) (*policyPart, error) {
	pol, version, err := p.d.People.Policy(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	part := &policyPart{Version: strconv.FormatInt(version, 10)}
	part.NeedsNow = account.NeedsStepUp(p.d.People.Fresh(r.Context(), web.Actor(r)))
	usual := account.DefaultPolicy()
	if f == nil {
		f = web.NewForm(r, url.Values{"second_factor": pol.SecondFactor})
		for _, x := range spans {
			f.Values.Set(x.name, amount(*x.of(&pol), x.unit))
		}
	}
	for _, x := range spans {
		field := f.Field(x.name, "admin.set."+x.name)
		field.Type, field.Width = "number", "short"
		field.Hint = web.T(r, "admin.set."+x.name+".hint") + " " + web.T(r, "admin.set.default", "value", amount(*x.of(&usual), x.unit))
		part.Fields = append(part.Fields, field)
	}
	var options []ui.Option
	var asked []string
	for _, name := range roles {
		options = append(options, ui.Option{Value: name, Label: web.T(r, "admin.role."+name)})
		if slices.Contains(usual.SecondFactor, name) {
			asked = append(asked, web.T(r, "admin.role."+name))
		}
	}
	part.Roles = f.Choices("second_factor", "admin.set.second_factor", options...)
	part.Roles.Many, part.Roles.Compact = true, true
	part.Roles.Hint = web.T(r, "admin.set.second_factor.hint") + " " + web.T(r, "admin.set.default", "value", strings.Join(asked, ", "))
	part.History, err = p.policyHistory(r)
	return part, err
}

// amount is a span in its unit; a part of a unit keeps its decimals.
func amount(d, unit time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(unit), 'f', -1, 64)
}

// policyHistory shows who changed the account policy: the audit log keeps each state.
func (p *pages) policyHistory(r *http.Request) (ui.Table, error) {
	t := historyTable(r)
	lines, err := p.d.Audit.History(r.Context(), "setting", 0, 500)
	if err != nil {
		return t, err
	}
	var states []audit.Line
	for _, l := range lines {
		if l.Verb == "settings.account" && len(states) < 20 {
			states = append(states, l)
		}
	}
	for i, l := range states {
		var now, before map[string]any
		if json.Unmarshal(l.Detail, &now) != nil {
			continue
		}
		if i+1 < len(states) {
			_ = json.Unmarshal(states[i+1].Detail, &before) // what does not read compares as nothing
		} else if raw, err := json.Marshal(account.DefaultPolicy()); err == nil {
			_ = json.Unmarshal(raw, &before)
		}
		var words []string
		for _, name := range slices.Sorted(maps.Keys(now)) {
			if name != "second_since" && slices.Contains(policyNames, name) && !same(now[name], before[name]) {
				words = append(words, web.T(r, "admin.set."+name)+": "+policyValue(r, name, now[name]))
			}
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{clock.FromMicros(l.At), web.T(r, "admin.set.accounts"), strings.Join(words, "; "), p.named(r, l.Person, l.Actor)}})
	}
	return t, nil
}

func same(a, b any) bool {
	x, _ := json.Marshal(a) // both come from JSON
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

func policyValue(r *http.Request, name string, v any) string {
	if list, ok := v.([]any); ok {
		var words []string
		for _, x := range list {
			if s, ok := x.(string); ok {
				words = append(words, web.T(r, "admin.role."+s))
			}
		}
		return strings.Join(words, ", ")
	}
	for _, x := range spans {
		if n, ok := v.(float64); ok && x.name == name {
			return amount(time.Duration(n), x.unit)
		}
	}
	return ""
}

// savePolicy changes the account policy; it asks a fresh proof.
func (p *pages) savePolicy(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	pol, _, err := p.d.People.Policy(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	for _, x := range spans {
		n, bad := strconv.ParseFloat(strings.ReplaceAll(f.Needed(x.name, 10), ",", "."), 64)
		f.Require(bad == nil && n >= 0 && n < 100000, x.name, "web.error.number")
		*x.of(&pol) = time.Duration(n * float64(x.unit))
	}
	if pol.SecondFactor = f.Many("second_factor"); pol.SecondFactor == nil {
		pol.SecondFactor = []string{}
	}
	if err = f.Err("account policy"); err == nil {
		err = p.d.People.SetPolicy(r.Context(), web.Actor(r), f.Int("version"), pol)
	}
	if account.NeedsStepUp(err) {
		return web.Redirect("/account/confirm?next="+settingsAt, nil)
	}
	if f.Fail(err) {
		page, err := p.settingsPage(r, nil, f)
		if err != nil {
			return err
		}
		return p.t.Invalid(w, r, "settings", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(settingsAt, web.Done("admin.set.saved"))
}

// named is a person by name, or who else acted.
func (p *pages) named(r *http.Request, person int64, actor string) any {
	if person == 0 {
		return who(r, actor)
	}
	names, err := p.d.People.Named(r.Context(), web.Actor(r), []int64{person})
	if n, ok := names[person]; err == nil && ok {
		return n.Name
	}
	return ui.Machine("person:" + strconv.FormatInt(person, 10))
}

// who names an actor that is no person: the machine's operator, a part of the program.
func who(r *http.Request, actor string) any {
	kind, name, _ := strings.Cut(actor, ":")
	switch kind {
	case "", "operator":
		if name == "" {
			return web.T(r, "admin.who.operator")
		}
		return ui.Name{Text: web.T(r, "admin.who.operator"), Sub: []any{ui.Machine(name)}}
	case "system":
		return ui.Name{Text: web.T(r, "admin.who.system"), Sub: []any{ui.Machine(name)}}
	case "reporter":
		return web.T(r, "admin.who.reporter")
	case "anonymous":
		return web.T(r, "admin.who.anonymous")
	}
	return ui.Machine(actor)
}
