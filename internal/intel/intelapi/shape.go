package intelapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

// words are MISP's numbers as machines read them here, by number.
type words []string

var (
	distributions = words{"organisation", "community", "connected", "all", "sharing-group", "inherit"}
	threats       = words{"", "high", "medium", "low", "undefined"} // MISP counts from 1
	analyses      = words{"initial", "ongoing", "complete"}
)

func (w words) of(n int) string {
	if n < 0 || n >= len(w) {
		return strconv.Itoa(n)
	}
	return w[n]
}

// number finds a word. Faults: Invalid on field.
func (w words) number(field, word string) (int64, error) {
	if i := slices.Index(w, word); i >= 0 && word != "" {
		return int64(i), nil
	}
	return 0, fault.Field(field, "web.error.choice", "%s is one of %s", field, strings.TrimSpace(strings.Join(w, " ")))
}

type organisation struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// event is an event's header as machines read it.
type event struct {
	ID            string       `json:"id"`
	Info          string       `json:"info"`
	Date          string       `json:"date"`
	Organisation  organisation `json:"organisation"` // that made it
	Owner         organisation `json:"owner"`        // that holds it here
	Threat        string       `json:"threat"`
	Analysis      string       `json:"analysis"`
	Distribution  string       `json:"distribution"`
	SharingGroup  *string      `json:"sharing_group"`
	TLP           *string      `json:"tlp"`
	PAP           *string      `json:"pap"`
	Tags          []string     `json:"tags"`
	Published     bool         `json:"published"`
	PublishedAt   *string      `json:"published_at"` // the last time
	Extends       *string      `json:"extends"`
	NoCorrelation bool         `json:"disable_correlation"`
	Attributes    int64        `json:"attributes"` // that the caller sees
	Timestamp     string       `json:"timestamp"`  // of the content, by its maker's clock
	Created       string       `json:"created"`
	Updated       string       `json:"updated"`
}

// attribute is one attribute as machines read it.
type attribute struct {
	ID            string   `json:"id"`
	Event         string   `json:"event"`
	Object        *string  `json:"object"`
	Relation      *string  `json:"relation"` // within its object
	Type          string   `json:"type"`
	Category      string   `json:"category"`
	Value         string   `json:"value"`
	Comment       string   `json:"comment"`
	ToIDS         bool     `json:"to_ids"`
	Deleted       bool     `json:"deleted"`
	NoCorrelation bool     `json:"disable_correlation"`
	Distribution  string   `json:"distribution"`
	SharingGroup  *string  `json:"sharing_group"`
	Tags          []string `json:"tags"`
	FirstSeen     *string  `json:"first_seen"`
	LastSeen      *string  `json:"last_seen"`
	DataSize      int64    `json:"data_size"`
	Timestamp     string   `json:"timestamp"`
	Correlations  *int     `json:"correlations,omitempty"` // in searches: equal ones elsewhere that the caller sees
}

func seconds(s int64) string { return time.Unix(s, 0).UTC().Format(time.RFC3339) }
func micros(us int64) string { return clock.FromMicros(us).Format(time.RFC3339Nano) }

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func seen(us *int64) *string {
	if us == nil {
		return nil
	}
	return orNull(micros(*us))
}

func tagsOf(uses []intel.TagUse) []string {
	out := []string{}
	for _, t := range uses {
		out = append(out, t.Name)
	}
	return out
}

// groups knows the sharing groups of the caller by id and UUID, read when first needed.
type groups struct {
	s    *intel.Service
	ctx  context.Context
	who  ident.Actor
	read bool
	list []intel.SharingGroup
}

func (a *api) groups(r *http.Request) *groups {
	return &groups{s: a.s, ctx: r.Context(), who: web.Actor(r)}
}

func (g *groups) all() (_ []intel.SharingGroup, err error) {
	if !g.read {
		g.list, err = g.s.Groups(g.ctx, g.who)
		g.read = err == nil
	}
	return g.list, err
}

// uuid names a group; one that the caller is not in stays unnamed.
func (g *groups) uuid(id int64) (*string, error) {
	if id == 0 {
		return nil, nil
	}
	all, err := g.all()
	for _, x := range all {
		if x.ID == id {
			return orNull(x.UUID), nil
		}
	}
	return nil, err
}

// id finds the group that a caller names. Faults: Invalid.
func (g *groups) id(uuid string) (int64, error) {
	all, err := g.all()
	if err != nil {
		return 0, err
	}
	for _, x := range all {
		if strings.EqualFold(x.UUID, uuid) {
			return x.ID, nil
		}
	}
	return 0, fault.Field("sharing_group", "intel.fault.group", "unknown sharing group, or not authorised")
}

func (g *groups) event(e *intel.Event) (event, error) {
	group, err := g.uuid(e.Group)
	out := event{ID: e.UUID, Info: e.Info, Date: e.Date, Organisation: organisation{e.Origin.UUID, e.Origin.Name},
		Owner: organisation{e.Owner.UUID, e.Owner.Name}, Threat: threats.of(e.Threat), Analysis: analyses.of(e.Analysis),
		Distribution: distributions.of(int(e.Distribution)), SharingGroup: group, PAP: orNull(labelOf("PAP:", e.PAP)), Tags: tagsOf(e.Tags),
		TLP: orNull(labelOf("TLP:", e.TLP)), Published: e.Published, Extends: orNull(e.ExtendsUUID), NoCorrelation: e.NoCorrelation,
		Attributes: e.Attributes, Timestamp: seconds(e.Timestamp), Created: micros(e.Created), Updated: micros(e.Changed)}
	if e.PublishTimestamp > 0 {
		out.PublishedAt = orNull(seconds(e.PublishTimestamp))
	}
	return out, err
}

func labelOf(prefix, word string) string {
	if word == "" {
		return ""
	}
	return prefix + word
}

func (g *groups) attribute(x *intel.Attribute, event string) (attribute, error) {
	group, err := g.uuid(x.Group)
	return attribute{ID: x.UUID, Event: event, Object: orNull(x.ObjectUUID), Relation: orNull(x.Relation), Type: x.Type, Category: x.Category,
		Value: x.Value, Comment: x.Comment, ToIDS: x.ToIDS, Deleted: x.Deleted, NoCorrelation: x.NoCorrelation,
		Distribution: distributions.of(int(x.Distribution)), SharingGroup: group, Tags: tagsOf(x.Tags), FirstSeen: seen(x.FirstSeen),
		LastSeen: seen(x.LastSeen), DataSize: x.DataSize, Timestamp: seconds(x.Timestamp)}, err
}

// ref reads the UUID of the path. Numbers, by which the Service knows things, too,
// name nothing here.
func ref(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if _, err := strconv.ParseInt(id, 10, 64); err == nil {
		return "", fault.New(fault.NotFound, "no UUID")
	}
	return id, nil
}

// moment reads a time of RFC 3339 from the query, nil when it is absent.
func moment(r *http.Request, name string) (*time.Time, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return nil, fault.Field(name, "web.error.date", "%s is a time of RFC 3339", name)
	}
	return &t, nil
}

// tlpTag reads a label and gives the tag that carries it.
func tlpTag(s string) (string, error) {
	l, ok := tlp.Parse(s)
	if !ok {
		return "", fault.Field("tlp", "web.error.choice", "tlp is a label of TLP 2.0")
	}
	return l.Tag(), nil
}
