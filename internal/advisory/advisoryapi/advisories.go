package advisoryapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/advisory"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
)

// warning is an advisory as machines read it.
type warning struct {
	ID        string    `json:"id"`
	Number    string    `json:"number"`
	State     string    `json:"state"`
	Level     string    `json:"level"`
	TLP       string    `json:"tlp"`
	Readers   string    `json:"readers"`
	Title     i18n.Text `json:"title"`
	Lead      i18n.Text `json:"lead"`
	Affects   i18n.Text `json:"affects"`
	Steps     i18n.Text `json:"steps"`
	Body      i18n.Text `json:"body"`
	Created   string    `json:"created"`
	Updated   string    `json:"updated"`
	Published *string   `json:"published"`
	Until     *string   `json:"until"`
	Withdrawn *string   `json:"withdrawn"`
	Reason    *string   `json:"reason"`
	Editions  []edition `json:"editions,omitempty"` // in a single warning
	Version   int64     `json:"version"`
}

type edition struct {
	Edition   int64     `json:"edition"`
	Published string    `json:"published"`
	Note      i18n.Text `json:"note"`
}

func rfc(us int64) string { return clock.FromMicros(us).Format(time.RFC3339Nano) }

func moment(us int64) *string {
	if us == 0 {
		return nil
	}
	s := rfc(us)
	return &s
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// spoken gives a text with the Latin that is derived from the Cyrillic.
func spoken(t i18n.Text) i18n.Text {
	out := i18n.Text{}
	for _, l := range []i18n.Lang{i18n.SrCyrl, i18n.En} {
		if t[l] != "" {
			out[l] = t[l]
		}
	}
	if t[i18n.SrCyrl] != "" {
		out[i18n.SrLatn] = t.In(i18n.SrLatn)
	}
	return out
}

func warningOf(a advisory.Advisory) warning {
	return warning{ID: a.UUID, Number: a.Number, State: a.State, Level: a.Level, TLP: "TLP:" + a.TLP, Readers: a.Readers,
		Title: spoken(a.Title), Lead: spoken(a.Lead), Affects: spoken(a.Affects), Steps: spoken(a.Steps), Body: spoken(a.Body),
		Created: rfc(a.Created), Updated: rfc(a.Updated), Published: moment(a.Published), Until: moment(a.Until), Withdrawn: moment(a.Withdrawn),
		Reason: orNull(a.Reason), Version: a.Version}
}

// tag is the entity tag: what is shown depends on who asks, the version does not.
func tag(a advisory.Advisory) string {
	t := strconv.FormatInt(a.Version, 10)
	if !a.Own {
		t += "-public"
	}
	return t
}

type keyset struct {
	Updated int64 `json:"u"`
	ID      int64 `json:"i"`
	Oldest  bool  `json:"o"` // a cursor belongs to one order
}

func (a *api) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := advisory.Filter{State: q.Get("state"), Level: q.Get("level"), Text: q.Get("q")}
	if f.State != "" && f.State != advisory.Draft && f.State != advisory.Published && f.State != advisory.Withdrawn {
		return fault.Field("state", "web.error.choice", "state is draft, published or withdrawn")
	}
	if f.Level != "" && !slices.Contains(advisory.Levels, f.Level) {
		return fault.Field("level", "web.error.choice", "level is one of %v", advisory.Levels)
	}
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 200 {
			return fault.Field("limit", "web.error.number", "limit is 1 to 200")
		}
		f.Limit = n
	}
	if v := q.Get("updated_since"); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return fault.Field("updated_since", "web.error.date", "updated_since is a time of RFC 3339")
		}
		f.UpdatedSince, f.Oldest = clock.Micros(t), true
	}
	k := keyset{Oldest: f.Oldest}
	if err := web.DecodeCursor(q.Get("cursor"), &k); err != nil {
		return err
	}
	if k.Oldest != f.Oldest {
		return fault.Field("cursor", "web.error.form", "the cursor belongs to another order")
	}
	f.UpdatedBefore, f.IDBefore = k.Updated, k.ID
	list, more, err := a.s.List(r.Context(), web.Actor(r), f)
	if err != nil {
		return err
	}
	items, next := make([]warning, len(list)), ""
	for i, x := range list {
		items[i] = warningOf(x)
	}
	if more {
		last := list[len(list)-1]
		next = web.EncodeCursor(keyset{last.Updated, last.ID, f.Oldest})
	}
	return web.JSON(w, http.StatusOK, web.NewList(items, next))
}

func (a *api) show(w http.ResponseWriter, r *http.Request) error {
	x, eds, err := a.s.Get(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	if web.ETag(w, r, tag(x)) {
		return nil
	}
	return web.JSON(w, http.StatusOK, whole(x, eds))
}

func whole(x advisory.Advisory, eds []advisory.Edition) warning {
	out := warningOf(x)
	for _, e := range eds {
		out.Editions = append(out.Editions, edition{e.Edition, rfc(e.At), spoken(e.Note)})
	}
	return out
}

// answer reads what is there after an act and writes it with its entity tag.
func (a *api) answer(w http.ResponseWriter, r *http.Request, ref string, status int) error {
	x, eds, err := a.s.Get(r.Context(), web.Actor(r), ref)
	if err != nil {
		return err
	}
	if status == http.StatusCreated {
		w.Header().Set("Location", base+"/"+x.UUID)
	}
	w.Header().Set("ETag", `"`+tag(x)+`"`)
	return web.JSON(w, status, whole(x, eds))
}

// change is what a client may write; what is absent stays (RFC 7396).
type change struct {
	Level   *string         `json:"level"`
	TLP     *string         `json:"tlp"`
	Readers *string         `json:"readers"`
	Title   texts           `json:"title"`
	Lead    texts           `json:"lead"`
	Affects texts           `json:"affects"`
	Steps   texts           `json:"steps"`
	Body    texts           `json:"body"`
	Until   json.RawMessage `json:"until"` // null goes back to 30 days
}

// texts are the languages that change; nil takes one out.
type texts map[i18n.Lang]*string

// over gives a text with the change over it; Latin is derived, so what comes of it
// is not kept.
func (c texts) over(t i18n.Text) (i18n.Text, error) {
	out := i18n.Text{i18n.SrCyrl: t[i18n.SrCyrl], i18n.En: t[i18n.En]}
	for l, v := range c {
		switch {
		case !l.Valid():
			return nil, fault.New(fault.Invalid, "languages are sr-Cyrl and en")
		case v != nil:
			out[l] = strings.TrimSpace(strings.ReplaceAll(*v, "\x00", ""))
		default:
			out[l] = ""
		}
	}
	delete(out, i18n.SrLatn)
	for _, l := range i18n.Langs {
		if out[l] == "" {
			delete(out, l)
		}
	}
	return out, nil
}

// draft gives the fields of a warning with the change over them.
func (c change) draft(a advisory.Advisory) (d advisory.Draftable, err error) {
	d = advisory.Draftable{Level: a.Level, TLP: a.TLP, Readers: a.Readers, Until: a.Until}
	for _, x := range []struct {
		from, to *string
	}{{c.Level, &d.Level}, {c.Readers, &d.Readers}, {c.TLP, &d.TLP}} {
		if x.from != nil {
			*x.to = *x.from
		}
	}
	d.TLP = strings.TrimPrefix(strings.ToUpper(d.TLP), "TLP:")
	for _, x := range []struct {
		name string
		c    texts
		was  i18n.Text
		to   *i18n.Text
	}{{"title", c.Title, a.Title, &d.Title}, {"lead", c.Lead, a.Lead, &d.Lead}, {"affects", c.Affects, a.Affects, &d.Affects},
		{"steps", c.Steps, a.Steps, &d.Steps}, {"body", c.Body, a.Body, &d.Body}} {
		if *x.to, err = x.c.over(x.was); err != nil {
			return d, fault.Field(x.name, "web.error.choice", "languages of %s are sr-Cyrl and en", x.name)
		}
	}
	if len(c.Until) == 0 {
		return d, nil
	}
	var until *time.Time
	if err := json.Unmarshal(c.Until, &until); err != nil {
		return d, fault.Field("until", "web.error.date", "until is a time of RFC 3339 or null")
	}
	if d.Until = 0; until != nil {
		d.Until = clock.Micros(*until)
	}
	return d, nil
}

func (a *api) create(w http.ResponseWriter, r *http.Request) error {
	key, err := web.IdempotencyKey(r)
	if err != nil {
		return err
	}
	var c change
	if err := web.ReadJSON(r, &c); err != nil {
		return err
	}
	d, err := c.draft(advisory.Advisory{TLP: "CLEAR"})
	if err != nil {
		return err
	}
	d.Once = key
	number, err := a.s.Create(r.Context(), web.Actor(r), d)
	if err != nil {
		return err
	}
	return a.answer(w, r, number, http.StatusCreated)
}

// change reads what is there, puts the change over it and saves it at the version
// that was read: nobody's words in between are lost.
func (a *api) change(w http.ResponseWriter, r *http.Request) error {
	v, err := web.IfVersion(r)
	if err != nil {
		return err
	}
	var c change
	if err := web.ReadJSON(r, &c); err != nil {
		return err
	}
	x, v, err := a.at(r, v)
	if err != nil {
		return err
	}
	d, err := c.draft(x)
	if err != nil {
		return err
	}
	if err := a.s.Edit(r.Context(), web.Actor(r), x.UUID, v, d); err != nil {
		return err
	}
	return a.answer(w, r, x.UUID, http.StatusOK)
}

// at finds the warning of the path; version 0 becomes the one that is there.
func (a *api) at(r *http.Request, version int64) (advisory.Advisory, int64, error) {
	x, _, err := a.s.Get(r.Context(), web.Actor(r), r.PathValue("id"))
	if version == 0 {
		version = x.Version
	}
	return x, version, err
}

func (a *api) publish(w http.ResponseWriter, r *http.Request) error {
	v, err := web.IfVersion(r)
	if err != nil {
		return err
	}
	var in struct {
		Note texts `json:"note"`
	}
	if err := readOptional(r, &in); err != nil {
		return err
	}
	note, err := in.Note.over(nil)
	if err != nil {
		return fault.Field("note", "web.error.choice", "languages of the note are sr-Cyrl and en")
	}
	for _, t := range note {
		if len([]rune(t)) > 300 {
			return fault.Field("note", "advisory.text.long", "a note has at most 300 characters")
		}
	}
	x, v, err := a.at(r, v)
	if err != nil {
		return err
	}
	if err := a.s.Publish(r.Context(), web.Actor(r), x.UUID, v, note); err != nil {
		return err
	}
	return a.answer(w, r, x.UUID, http.StatusOK)
}

// readOptional reads an object that may be left out altogether.
func readOptional(r *http.Request, v any) error {
	raw, err := io.ReadAll(r.Body)
	if err != nil || len(bytes.TrimSpace(raw)) == 0 {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return web.ReadJSON(r, v)
}

func (a *api) withdraw(w http.ResponseWriter, r *http.Request) error {
	v, err := web.IfVersion(r)
	if err != nil {
		return err
	}
	var in struct {
		Reason string `json:"reason"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	x, v, err := a.at(r, v)
	if err != nil {
		return err
	}
	if err := a.s.Withdraw(r.Context(), web.Actor(r), x.UUID, v, strings.ReplaceAll(in.Reason, "\x00", "")); err != nil {
		return err
	}
	return a.answer(w, r, x.UUID, http.StatusOK)
}
