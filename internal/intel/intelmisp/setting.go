package intelmisp

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
)

func settingJSON(x intel.Setting) ordered {
	return ordered{{"id", itoa(x.ID)}, {"setting", x.Name}, {"value", x.Value}, {"user_id", itoa(x.Person)}, {"timestamp", itoa(x.Timestamp)}}
}

// whose reads whose setting a call is about; only who manages them may name others.
func (a *api) whose(c *call, arg string) (int64, error) {
	id, err := c.meant(cmp.Or(arg, c.params.sub("UserSetting").text("user_id")))
	if err != nil || id == c.who.Person {
		return c.who.Person, err
	}
	p, err := a.person(c, id)
	if err == nil && c.action == "setsetting" {
		err = instead(a.Accounts.MayTouch(c.ctx(), c.who, p.UUID), forbidden(misp.MsgNoPermission), fault.Denied)
	}
	return id, err
}

func (a *api) userSettingIndex(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	list, err := a.Intel.Settings(c.ctx(), c.who, int64(c.params.number("user_id", 0)), false)
	if err != nil {
		return err
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for _, x := range list {
			if name := c.params.text("setting"); name != "" && name != x.Name {
				continue
			}
			b, err := marshal(ordered{{"UserSetting", settingJSON(x)}})
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

const noSetting = "Invalid setting."

func (a *api) userSettingSet(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("UserSetting")
	id, err := a.whose(c, c.arg(0))
	if err != nil {
		return err
	}
	value := p["value"]
	if s, ok := value.(string); ok { // clients send JSON as text
		if v, err := decode([]byte(s)); err == nil {
			if _, scalar := v.(json.Number); !scalar {
				value = v
			}
		}
	}
	b, err := marshal(value)
	if err != nil {
		return err
	}
	name := cmp.Or(c.arg(1), p.text("setting"))
	if strings.HasPrefix(name, "user.") {
		return notAllowed(noSetting)
	}
	x, err := a.Intel.SetSetting(c.ctx(), c.who, id, name, b)
	if err != nil {
		return instead(err, notAllowed(noSetting), fault.Invalid, fault.NotFound)
	}
	return c.value(ordered{{"UserSetting", settingJSON(x)}})
}

// namedSetting finds one by user and name, or by its id.
func (a *api) namedSetting(c *call) (intel.Setting, error) {
	if err := c.form(); err != nil {
		return intel.Setting{}, err
	}
	p := c.params.sub("UserSetting")
	list, err := a.Intel.Settings(c.ctx(), c.who, 0, false)
	if err != nil {
		return intel.Setting{}, err
	}
	name, person := p.text("setting"), c.who.Person
	if len(c.args) > 1 {
		name = c.arg(1)
	}
	if id, err := strconv.ParseInt(cmp.Or(c.arg(0), p.text("user_id")), 10, 64); err == nil && name != "" {
		person = id
	}
	for _, x := range list {
		if name != "" && x.Name == name && x.Person == person || name == "" && itoa(x.ID) == c.arg(0) {
			return x, nil
		}
	}
	return intel.Setting{}, notFound(noSetting)
}

func (a *api) userSettingGet(c *call) error {
	x, err := a.namedSetting(c)
	if err != nil {
		return err
	}
	if c.action == "view" {
		return c.value(ordered{{"UserSetting", settingJSON(x)}})
	}
	return c.value(settingJSON(x))
}

func (a *api) userSettingDelete(c *call) error {
	x, err := a.namedSetting(c)
	if err == nil && x.Person != c.who.Person {
		c.action = "setsetting"
		_, err = a.whose(c, itoa(x.Person))
	}
	if err != nil {
		return err
	}
	if x, err = a.Intel.DropSetting(c.ctx(), c.who, x.ID); err != nil {
		return instead(err, notFound(noSetting), fault.NotFound)
	}
	return c.done(misp.Outcome{Controller: "UserSettings", Action: "delete", Message: "Setting deleted.", ID: itoa(x.ID)})
}

// serverSetting is one of the settings of a MISP server that clients read.
type serverSetting struct {
	name, typ   string // typ is boolean, numeric or string
	description string
	value       func(a *api, c *call) (any, error) // what it is when nobody set it
	set         func(a *api, c *call, v any) error // nil: it is not changed over this interface
	error       func(a *api, c *call) string
}

func fixed(v any) func(*api, *call) (any, error) {
	return func(*api, *call) (any, error) { return v, nil }
}

// serverSettings are the names that are answered; every other is none.
var serverSettings = []serverSetting{
	{name: "MISP.baseurl", typ: "string", description: "The base url of the application (in the format https://www.mymispinstance.com or https://myserver.com/misp). Several features depend on this setting being correctly set to function.",
		value: func(a *api, _ *call) (any, error) { return a.Origin, nil }, error: wrongHost},
	{name: "MISP.org", typ: "string", description: "The organisation that runs this installation.", value: hostName},
	{name: "MISP.uuid", typ: "string", description: "The UUID of this installation.", value: func(a *api, _ *call) (any, error) { return a.UUID, nil }},
	{name: "MISP.live", typ: "boolean", description: "Whether the installation is open.", value: fixed(true)},
	{name: "MISP.default_event_distribution", typ: "string", description: "The distribution of an event that names none.", value: fixed("1")},
	{name: "MISP.default_attribute_distribution", typ: "string", description: "The distribution of an attribute that names none.", value: fixed("event")},
	{name: "MISP.unpublishedprivate", typ: "boolean", description: "Whether unpublished events are seen by their organisation alone.", value: fixed(false)},
	{name: "MISP.background_jobs", typ: "boolean", description: "Whether jobs run in the background.", value: fixed(true)},
	{name: "MISP.max_correlations_per_event", typ: "numeric", description: "How many related events an event's answer lists.", value: fixed(relatedMost), set: keepNumber},
	{name: "MISP.footermidleft", typ: "string", description: "A text for footers; it is kept and given back, and shown nowhere here.", value: fixed(""), set: keepText},
	{name: intel.SightingPolicy, typ: "string", description: "Who sees the sightings of others: 0 the event's owner, 1 who sighted it too, 2 everybody who sees the event.", value: fixed("0"), set: keepPolicy},
	{name: "Plugin.ZeroMQ_enable", typ: "boolean", description: "Whether events go to a message bus.", value: fixed(false)},
	{name: "Security.advanced_authkeys", typ: "boolean", description: "Whether keys are kept as hashes, with expiry and addresses.", value: fixed(true)},
	{name: "Security.allow_self_registration", typ: "boolean", description: "Whether anybody may ask for an account.", value: registrationOpen, set: openRegistration},
	{name: "Security.password_policy_length", typ: "numeric", description: "The least number of characters of a password.", value: fixed(10)},
}

func wrongHost(a *api, c *call) string {
	if _, rest, ok := strings.Cut(a.Origin, "://"); ok && strings.EqualFold(rest, c.r.Host) {
		return ""
	}
	return "The currently set baseurl does not match the URL through which you have accessed the page. Disregard this if you are accessing the page via an alternate URL (for example via IP address)."
}

func hostName(a *api, c *call) (any, error) {
	if a.Registry == nil {
		return c.who.OrgName, nil
	}
	o, err := a.Registry.Host(c.ctx(), c.who)
	return o.Name, instead(err, nil, fault.NotFound)
}

func registrationOpen(a *api, c *call) (any, error) {
	if a.Accounts == nil {
		return false, nil
	}
	return a.Accounts.RequestsOpen(c.ctx())
}

func openRegistration(a *api, c *call, v any) error {
	if a.Accounts == nil {
		return forbidden(notHere)
	}
	return a.Accounts.OpenRequests(c.ctx(), c.who, params{"": v}.flag("", false))
}

func keepNumber(a *api, c *call, v any) error {
	n, err := strconv.Atoi(text(v))
	if err != nil || n < 0 || n > 10_000 {
		return errNotNumeric
	}
	return a.keepSetting(c, n)
}

func keepPolicy(a *api, c *call, v any) error {
	if p := text(v); p == "0" || p == "1" || p == "2" {
		return a.keepSetting(c, p)
	}
	return errNotNumeric
}

func keepText(a *api, c *call, v any) error { return a.keepSetting(c, text(v)) }

func (a *api) keepSetting(c *call, v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	return a.Intel.SetHouseSetting(c.ctx(), c.who, settingName(c), b)
}

func settingName(c *call) string { return strings.Join(c.args[:min(len(c.args), 1)], "") }

func (a *api) findSetting(c *call) (serverSetting, error) {
	name := settingName(c)
	for _, s := range serverSettings {
		if s.name == name {
			return s, nil
		}
	}
	return serverSetting{}, notFound("Setting " + name + " is invalid.")
}

// valueOf is what was set, else what is built in.
func (a *api) valueOf(c *call, s serverSetting) (any, error) {
	raw, found, err := a.Intel.HouseSetting(c.ctx(), c.who, s.name)
	if err != nil || found {
		return raw, err
	}
	return s.value(a, c)
}

func (a *api) settingWire(c *call, s serverSetting) (ordered, error) {
	v, err := a.valueOf(c, s)
	if err != nil {
		return nil, err
	}
	wrong := ""
	if s.error != nil {
		wrong = s.error(a, c)
	}
	test := map[string]string{"string": "testForEmpty", "boolean": "testBool", "numeric": "testForNumeric"}[s.typ]
	if s.name == "MISP.baseurl" {
		test = "testBaseURL"
	}
	return ordered{{"level", 0}, {"description", s.description}, {"value", v}, {"errorMessage", wrong}, {"test", test},
		{"type", s.typ}, {"null", true}, {"name", s.name}}, nil
}

func (a *api) setting(c *call) error {
	s, err := a.findSetting(c)
	if err != nil {
		return err
	}
	w, err := a.settingWire(c, s)
	if err != nil {
		return err
	}
	return c.value(w)
}

// settingIndex answers servers/serverSettings: the settings, the queues, versions.
func (a *api) settingIndex(c *call) error {
	final := []any{}
	for _, s := range serverSettings {
		w, err := a.settingWire(c, s)
		if err != nil {
			return err
		}
		final = append(final, append(w, ordered{{"setting", s.name}}...))
	}
	queues, err := a.queues(c)
	if err != nil {
		return err
	}
	version := ordered{{"current", "v" + Version}, {"newest", "v" + Version}, {"upToDate", "same"}}
	return c.value(ordered{{"version", version}, {"finalSettings", final}, {"workers", queues}})
}

// settingEdit changes the few that may be changed from here; 403 tells of the rest.
func (a *api) settingEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	s, err := a.findSetting(c)
	if err != nil {
		return err
	}
	if s.set == nil {
		return forbidden("This setting cannot be changed over this interface.")
	}
	if !access.Allowed(c.who, "admin.settings") {
		return forbidden(misp.MsgNoPermission)
	}
	if err := s.set(a, c, c.params.sub("Server")["value"]); err != nil {
		if err == errNotNumeric {
			return unsaved(misp.Outcome{Controller: "Servers", Action: "serverSettingsEdit", Message: "Could not change the setting.", Errors: err.Error()})
		}
		return err
	}
	return c.done(misp.Outcome{Controller: "Servers", Action: "serverSettingsEdit", Message: "Field updated"})
}
