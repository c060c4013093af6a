package incidentapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"straza/internal/incident"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// kase is a case as machines read it; ids are numbers of people's, never ours.
type kase struct {
	ID            string            `json:"id"`
	Number        string            `json:"number"`
	Title         string            `json:"title"`
	Summary       *string           `json:"summary,omitempty"` // in a single case
	State         string            `json:"state"`
	WaitingFor    *string           `json:"waiting_for"`
	Lead          *string           `json:"lead"`
	Severity      *string           `json:"severity"`
	Computed      *string           `json:"severity_computed"`
	Why           *string           `json:"severity_reason"`
	Facts         map[string]string `json:"facts"`
	TLP           string            `json:"tlp"`
	PAP           string            `json:"pap"`
	RSIT          []string          `json:"rsit"`
	National      []string          `json:"national"`
	Sectors       []string          `json:"sectors"`
	Tags          []string          `json:"tags"`
	Organisations []string          `json:"organisations"`
	Aware         *string           `json:"aware"`
	Answered      *string           `json:"answered"`
	Due           *string           `json:"due"` // of the nearest clock, in lists
	Opened        *string           `json:"opened"`
	Updated       *string           `json:"updated"`
	Closed        *string           `json:"closed"`
	Merged        []string          `json:"merged,omitempty"` // numbers that lead here
	Version       int64             `json:"version"`
}

func moment(us int64) *string {
	if us == 0 {
		return nil
	}
	s := clock.FromMicros(us).Format(time.RFC3339Nano)
	return &s
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func filled(s []string) []string { return append([]string{}, s...) }

func caseOf(c incident.Case) kase {
	k := kase{ID: c.UUID, Number: c.Number, Title: c.Title, State: string(c.State), WaitingFor: orNull(c.Waiting), Lead: orNull(c.LeadName),
		Severity: orNull(c.Severity), Computed: orNull(c.Computed), Why: orNull(c.Why), Facts: c.Facts, TLP: "TLP:" + c.TLP, PAP: "PAP:" + c.PAP,
		RSIT: filled(c.Classes), National: filled(c.National), Sectors: filled(c.Sectors), Tags: filled(c.Tags), Organisations: []string{},
		Aware: moment(c.Aware), Answered: moment(c.Answered), Opened: moment(c.Opened), Updated: moment(c.Updated), Closed: moment(c.Closed), Version: c.Version}
	for _, o := range c.Orgs {
		k.Organisations = append(k.Organisations, o.Name)
	}
	if c.Clock != nil {
		k.Due = moment(c.Clock.Due)
	}
	return k
}

type keyset struct {
	Key  int64  `json:"k"`
	ID   int64  `json:"i"`
	Sort string `json:"s"` // a cursor belongs to one order
}

func (a *api) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := incident.Filter{State: q.Get("state"), Severity: q.Get("severity"), Class: q.Get("class"), Query: q.Get("q"), Sort: q.Get("sort"), Mine: q.Get("mine") == "true"}
	limit, err := web.PageSize(r, 50, 500)
	if err != nil {
		return err
	}
	p := incident.Page{Limit: limit}
	if v := q.Get("updated_since"); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return fault.Field("updated_since", "web.error.date", "updated_since is a time of RFC 3339")
		}
		if f.UpdatedSince = clock.Micros(t); f.Sort == "" { // who follows changes reads them in their order
			f.Sort = "updated"
		}
	}
	k := keyset{Sort: f.Sort}
	if err := web.DecodeCursor(q.Get("cursor"), &k); err != nil {
		return err
	}
	if k.Sort != f.Sort {
		return fault.Field("cursor", "web.error.form", "the cursor belongs to another order")
	}
	p.Key, p.ID = k.Key, k.ID
	list, more, err := a.s.List(r.Context(), web.Actor(r), f, p)
	if err != nil {
		return err
	}
	out, next := make([]kase, len(list)), ""
	for i, c := range list {
		out[i] = caseOf(c)
	}
	if more {
		key, id := list[len(list)-1].Keys(f.Sort)
		next = web.EncodeCursor(keyset{key, id, f.Sort})
	}
	return web.JSON(w, http.StatusOK, web.NewList(out, next))
}

func (a *api) show(w http.ResponseWriter, r *http.Request) error {
	f, err := a.s.Read(r.Context(), web.Actor(r), r.PathValue("number"))
	if err != nil {
		return err
	}
	k := caseOf(f.Case)
	k.Summary, k.Merged = &f.Summary, f.Merged
	if web.ETag(w, r, strconv.FormatInt(f.Version, 10)) {
		return nil
	}
	return web.JSON(w, http.StatusOK, k)
}

// draft is what POST takes; PATCH takes the same with state and reasons.
type draft struct {
	Title         *string           `json:"title"`
	Summary       *string           `json:"summary"`
	State         *string           `json:"state"`
	Reason        string            `json:"reason"` // why it waits
	Severity      *string           `json:"severity"`
	Why           string            `json:"severity_reason"`
	Facts         map[string]string `json:"facts"`
	TLP           *string           `json:"tlp"`
	PAP           *string           `json:"pap"`
	RSIT          *[]string         `json:"rsit"`
	National      *[]string         `json:"national"`
	Sectors       *[]string         `json:"sectors"`
	Tags          *[]string         `json:"tags"`
	Organisations []string          `json:"organisations"` // names, POST only
	Aware         string            `json:"aware"`         // POST only
	RootCause     *string           `json:"root_cause"`
	Impact        *string           `json:"impact"`
	Lessons       *string           `json:"lessons"`
	Retention     *string           `json:"retention"`
	Version       int64             `json:"version"`
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func texts(p *[]string) []string {
	if p == nil {
		return nil
	}
	return *p
}

// bare takes the prefix off a label.
func bare(p *string, prefix string) *string {
	if p == nil {
		return nil
	}
	s := strings.TrimPrefix(strings.ToUpper(*p), prefix)
	return &s
}

func (a *api) open(w http.ResponseWriter, r *http.Request) error {
	key, err := web.IdempotencyKey(r)
	if err != nil {
		return err
	}
	var in draft
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	d := incident.Draft{Title: text(in.Title), Summary: text(in.Summary), Severity: text(in.Severity), Why: in.Why, TLP: text(bare(in.TLP, "TLP:")), PAP: text(bare(in.PAP, "PAP:")),
		Classes: texts(in.RSIT), National: texts(in.National), Sectors: texts(in.Sectors)}
	for _, name := range in.Organisations {
		d.Orgs = append(d.Orgs, incident.Org{Name: name})
	}
	if in.Aware != "" {
		t, err := time.Parse(time.RFC3339, in.Aware)
		if err != nil {
			return fault.Field("aware", "web.error.date", "aware is a time of RFC 3339")
		}
		d.Aware = clock.Micros(t)
	}
	number, err := a.s.Open(r.Context(), web.Actor(r), d, key)
	if err != nil {
		return err
	}
	w.Header().Set("Location", base+"/"+number)
	return a.answer(w, r, number, http.StatusCreated)
}

func (a *api) answer(w http.ResponseWriter, r *http.Request, number string, status int) error {
	c, err := a.s.Get(r.Context(), web.Actor(r), number)
	if err != nil {
		return err
	}
	k := caseOf(c)
	k.Summary = &c.Summary
	return web.JSON(w, status, k)
}

// patch changes fields, then the state: each an act of its own, so that each can be
// undone. version, or If-Match, refuses a lost race.
func (a *api) patch(w http.ResponseWriter, r *http.Request) error {
	var in draft
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	if tag := web.IfMatch(r); tag != "" && in.Version == 0 {
		n, err := strconv.ParseInt(tag, 10, 64)
		if err != nil {
			return fault.New(fault.Conflict, "If-Match is no version of ours").WithKey("incident.fault.stale")
		}
		in.Version = n
	}
	number, who := r.PathValue("number"), web.Actor(r)
	p := incident.Patch{Title: in.Title, Summary: in.Summary, TLP: bare(in.TLP, "TLP:"), PAP: bare(in.PAP, "PAP:"), Classes: in.RSIT, National: in.National, Sectors: in.Sectors,
		Tags: in.Tags, RootCause: in.RootCause, Impact: in.Impact, Lessons: in.Lessons, Retention: in.Retention, Facts: in.Facts, Severity: in.Severity, Why: in.Why}
	d, err := a.s.Edit(r.Context(), who, number, in.Version, p)
	if err != nil {
		return err
	}
	if in.State != nil {
		version := int64(0)
		if in.Version != 0 {
			version = d.Case.Version
		}
		if _, err := a.s.Move(r.Context(), who, number, version, incident.State(*in.State), in.Reason); err != nil {
			return err
		}
	}
	return a.answer(w, r, number, http.StatusOK)
}

func (a *api) undo(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Act string `json:"act"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	id, err := strconv.ParseInt(in.Act, 10, 64)
	if err != nil {
		return fault.Field("act", "web.error.number", "act is the id that the act's answer gave")
	}
	if _, err := a.s.Undo(r.Context(), web.Actor(r), r.PathValue("number"), id); err != nil {
		return err
	}
	return a.answer(w, r, r.PathValue("number"), http.StatusOK)
}
