package peer

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"straza/internal/format/tlp"
	"straza/internal/kernel/fault"
)

// Flags are what is exchanged with a peer, by MISP's names of a server's fields.
type Flags struct {
	Push            bool `json:"push"`
	Pull            bool `json:"pull"`
	PushSightings   bool `json:"push_sightings"`
	PullSightings   bool `json:"pull_sightings"` // ours; MISP pulls them with every pull
	PushClusters    bool `json:"push_galaxy_clusters"`
	PullClusters    bool `json:"pull_galaxy_clusters"`
	PushAnalyst     bool `json:"push_analyst_data"`
	PullAnalyst     bool `json:"pull_analyst_data"`
	PushCollections bool `json:"push_collections"`
	PullCollections bool `json:"pull_collections"`
	Caching         bool `json:"caching_enabled"`
	Unpublish       bool `json:"unpublish_event"`       // what comes is not published here
	Quiet           bool `json:"publish_without_email"` // nobody is alerted of what comes
	Internal        bool `json:"internal"`              // same organisation: levels and local tags stay
	SelfSigned      bool `json:"self_signed"`
	SkipProxy       bool `json:"skip_proxy"`
	Retract         bool `json:"accept_retractions"`  // ours: what its maker deleted there is deleted here
	MirrorTags      bool `json:"remove_missing_tags"` // a tag that the sender took off goes here too
}

// Choice is one filter: any of OR, none of NOT. Names, ids or UUIDs.
type Choice struct {
	OR  []string `json:"OR"`
	NOT []string `json:"NOT"`
}

// Rules filter what is pushed or pulled, in the shape in which MISP keeps them.
type Rules struct {
	Tags           Choice `json:"tags"`
	Orgs           Choice `json:"orgs"`
	TypeAttributes Choice `json:"type_attributes"` // NOT alone
	TypeObjects    Choice `json:"type_objects"`    // by template UUID; NOT alone
	URLParams      string `json:"url_params"`      // JSON that goes into the index request as it is
}

// ParseRules reads rules as MISP's forms and exports write them: a JSON text, an
// object, lists of numbers or texts, [] for nothing.
func ParseRules(text string) (r Rules, err error) {
	if text = strings.TrimSpace(text); text == "" || text == "[]" {
		return r, nil
	}
	var raw struct {
		Tags           json.RawMessage `json:"tags"`
		Orgs           json.RawMessage `json:"orgs"`
		TypeAttributes json.RawMessage `json:"type_attributes"`
		TypeObjects    json.RawMessage `json:"type_objects"`
		URLParams      string          `json:"url_params"`
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return r, fault.Field("rules", "peer.fault.rules", "the rules are not JSON of MISP's form").Because(err)
	}
	r.URLParams = strings.TrimSpace(raw.URLParams)
	if r.URLParams != "" && !json.Valid([]byte(r.URLParams)) {
		return r, fault.Field("rules", "peer.fault.rules", "url_params is not JSON")
	}
	for _, c := range []struct {
		from json.RawMessage
		to   *Choice
	}{{raw.Tags, &r.Tags}, {raw.Orgs, &r.Orgs}, {raw.TypeAttributes, &r.TypeAttributes}, {raw.TypeObjects, &r.TypeObjects}} {
		if err := c.to.read(c.from); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (c *Choice) read(b json.RawMessage) error {
	if len(b) == 0 || b[0] != '{' {
		return nil // null or []
	}
	var raw struct {
		OR  []any `json:"OR"`
		NOT []any `json:"NOT"`
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	if err := d.Decode(&raw); err != nil {
		return fault.Field("rules", "peer.fault.rules", "a filter is {\"OR\":[…],\"NOT\":[…]}").Because(err)
	}
	texts := func(list []any) (out []string) {
		for _, v := range list {
			switch v := v.(type) {
			case string:
				if v = strings.TrimSpace(v); v != "" {
					out = append(out, v)
				}
			case json.Number:
				out = append(out, v.String())
			}
		}
		return out
	}
	c.OR, c.NOT = texts(raw.OR), texts(raw.NOT)
	return nil
}

func (c Choice) empty() bool { return len(c.OR)+len(c.NOT) == 0 }

// lets tells whether something with these names passes; case is ignored.
func (c Choice) lets(names ...string) bool {
	has := func(list []string) bool {
		return slices.ContainsFunc(list, func(w string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return n != "" && strings.EqualFold(w, n) })
		})
	}
	return (len(c.OR) == 0 || has(c.OR)) && !has(c.NOT)
}

// MarshalJSON writes empty lists as [], as MISP's readers expect.
func (c Choice) MarshalJSON() ([]byte, error) {
	type plain struct {
		OR  []string `json:"OR"`
		NOT []string `json:"NOT"`
	}
	p := plain(c)
	if p.OR == nil {
		p.OR = []string{}
	}
	if p.NOT == nil {
		p.NOT = []string{}
	}
	return json.Marshal(p)
}

// Code is the outcome of a connection test, by MISP's numbers (spec misp §7.3).
type Code int

// The outcomes.
const (
	Untested    Code = 0
	OK          Code = 1
	Unreachable Code = 2
	Unexpected  Code = 3
	Forbidden   Code = 4
	Password    Code = 5
	Terms       Code = 6
	BodyLost    Code = 8  // the answer to our test does not carry what we sent
	HeaderLost  Code = 9  // the other side did not get our headers
	NoPostTest  Code = 10 // the test call itself was refused
)

// Key is the message that says a code in words.
func (c Code) Key() string {
	switch c {
	case OK, Unreachable, Unexpected, Forbidden, Password, Terms, BodyLost, HeaderLost, NoPostTest:
		return "peer.code." + string(rune('0'+c/10)) + string(rune('0'+c%10))
	}
	return "peer.code.00"
}

// Able is what the other side says our key may do there.
type Able struct {
	Sync        bool     `json:"perm_sync"`
	Sighting    bool     `json:"perm_sighting"`
	Galaxy      bool     `json:"perm_galaxy_editor"`
	Analyst     bool     `json:"perm_analyst_data"`
	Collections bool     `json:"collection_sync"`
	Filter      bool     `json:"filter_sightings"`
	Encoding    []string `json:"request_encoding"`
	Short       bool     `json:"short_groups"`      // a Straža: a sharing group may be repeated by its UUID
	Retract     bool     `json:"retraction"`        // a Straža: it tells of what was deleted by its maker
	Signer      string   `json:"signer"`            // and signs with this
	Resumable   bool     `json:"resumable_cursors"` // a Straža: its list of events can be gone on with
	Version     string   `json:"version"`
	UUID        string   `json:"uuid"`
}

// Health is how it stands with a peer.
type Health struct {
	Code      Code
	Detail    string
	Checked   int64 // µs of the last test or run, 0 = never
	Failures  int   // in a row
	OpenUntil int64 // µs: until then nobody is sent there
	Able      Able
}

// Peer is one other installation.
type Peer struct {
	ID        int64
	UUID      string
	Name      string
	URL       string // without a closing slash
	Org       int64  // whose events become what is pulled
	RemoteOrg int64  // who they are
	Flags
	PushRules, PullRules Rules
	Ceiling              tlp.Level // the strictest label that goes there
	BlockedTypes         []string  // attribute types that do not go there
	Every                int       // minutes between pulls, 0 = by hand only
	Patience             int       // seconds for one exchange
	CA                   string    // PEM of the certificate that signed theirs, "" = the system's
	Priority             int
	Health               Health
	Pulled, Pushed       int64 // µs of the last whole run
	Created, Changed     int64 // µs

	etag      string
	cursor    string // the other side's place to go on from; "+" before it: in the midst of its list
	signer    string // the key that it signed with first
	retracted int64  // the last of its retractions that was read
	secret    []byte
}

// Defaults of a new peer.
const (
	patience    = 300 // MISP's own client waits as long
	patienceMax = 3600
)

// check brings a peer into its stored form or says what is wrong with it.
func (p *Peer) check() error {
	var c fault.Collector
	p.Name = strings.TrimSpace(p.Name)
	c.Require(p.Name != "" && len(p.Name) <= 200, "name", "peer.fault.name")
	p.URL = strings.TrimRight(strings.TrimSpace(p.URL), "/")
	u, err := url.Parse(p.URL)
	c.Require(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" && len(p.URL) <= 500, "url", "peer.fault.url")
	c.Require(p.Every >= 0 && p.Every <= 7*24*60, "every", "peer.fault.every")
	if p.Patience == 0 {
		p.Patience = patience
	}
	c.Require(p.Patience >= 5 && p.Patience <= patienceMax, "patience", "peer.fault.patience")
	if p.Ceiling == tlp.None {
		p.Ceiling = tlp.Green
	}
	if p.CA = strings.TrimSpace(p.CA); p.CA != "" {
		c.Require(roots(p.CA) != nil, "ca", "peer.fault.ca")
	}
	return c.Err("the peer")
}

// open tells whether the breaker keeps everybody from going there.
func (p *Peer) open(now int64) bool { return p.Health.OpenUntil > now }

// Wait is how long after the nth failure in a row nobody is sent there: half a
// minute, doubling, an hour at most.
func Wait(failures int) time.Duration {
	if failures > 8 {
		return time.Hour
	}
	return min(30*time.Second<<max(failures-1, 0), time.Hour)
}

// Text is the rules as MISP keeps them, "" for none.
func (r Rules) Text() string {
	if r.Tags.empty() && r.Orgs.empty() && r.TypeAttributes.empty() && r.TypeObjects.empty() && r.URLParams == "" {
		return ""
	}
	return text(r)
}
