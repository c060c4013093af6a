package registryapi

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/registry"
)

// record writes an organisation's card.
func record(o registry.Organisation) registry.Record { return registry.RecordOf(o, registry.Parts{}) }

// answer writes an organisation with its entity tag.
func answer(w http.ResponseWriter, status int, o registry.Organisation) error {
	w.Header().Set("ETag", `"`+tag(o)+`"`)
	return web.JSON(w, status, record(o))
}

// tag is the entity tag. What is shown depends on who asks, the version does not:
// both make the tag.
func tag(o registry.Organisation) string {
	t := strconv.FormatInt(o.Version, 10)
	if !o.Details {
		t += "-card"
	}
	return t
}

// version reads If-Match: 0 = whatever is there. A tag that is none of ours cannot
// be the current one.
func version(r *http.Request) (int64, error) {
	m := web.IfMatch(r)
	if m == "" || m == "*" {
		return 0, nil
	}
	v, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSuffix(m, "--gzip"), "-card"), 10, 64)
	if err != nil || v < 1 {
		return 0, fault.New(fault.Conflict, "If-Match is none of our tags").WithKey("registry.fault.stale")
	}
	return v, nil
}

func filter(r *http.Request) (registry.Filter, error) {
	q := r.URL.Query()
	f := registry.Filter{Query: q.Get("q"), Kind: q.Get("kind"), Sector: q.Get("sector"), CERT: q.Get("cert"),
		State: registry.State(q.Get("state")), Freshness: registry.Freshness(q.Get("contact_freshness")), Sort: q.Get("sort")}
	if v := q.Get("updated_since"); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return f, fault.Field("updated_since", "registry.fault.time", "no RFC 3339 time")
		}
		f.UpdatedSince = t
	}
	return f, nil
}

func (a *api) list(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	page, err := pageOf(r)
	if err != nil {
		return err
	}
	orgs, next, err := a.s.List(r.Context(), web.Actor(r), f, page)
	if err != nil {
		return err
	}
	items := make([]registry.Record, len(orgs))
	for i, o := range orgs {
		items[i] = record(o)
	}
	return web.JSON(w, http.StatusOK, web.NewList(items, next))
}

// body is what a client may write of an organisation; every member is optional in
// a change, name is needed in a new one. null empties a member.
type body struct {
	Name           opt[string]              `json:"name"`
	Names          opt[i18n.Text]           `json:"names"`
	Aliases        opt[[]string]            `json:"aliases"`
	Kind           opt[string]              `json:"kind"`
	Sector         opt[string]              `json:"sector"`
	Country        opt[string]              `json:"country"`
	RegistrationNo opt[string]              `json:"registration_no"`
	TaxNo          opt[string]              `json:"tax_no"`
	Seat           opt[string]              `json:"seat"`
	Website        opt[string]              `json:"website"`
	Note           opt[string]              `json:"note"`
	Disclosure     opt[registry.Disclosure] `json:"disclosure"`
}

// opt tells a member that is absent from one that is null (RFC 7396).
type opt[T any] struct {
	set bool
	v   T
}

// UnmarshalJSON is called for null, too, because opt is no pointer.
func (o *opt[T]) UnmarshalJSON(b []byte) error {
	o.set = true
	return json.Unmarshal(b, &o.v)
}

func (o opt[T]) pointer() *T {
	if !o.set {
		return nil
	}
	return &o.v
}

func (b body) patch() registry.Patch {
	return registry.Patch{Name: b.Name.pointer(), Names: b.Names.pointer(), Aliases: b.Aliases.pointer(), Kind: b.Kind.pointer(),
		Sector: b.Sector.pointer(), Country: b.Country.pointer(), RegistrationNo: b.RegistrationNo.pointer(), TaxNo: b.TaxNo.pointer(),
		Seat: b.Seat.pointer(), Website: b.Website.pointer(), Note: b.Note.pointer(), Disclosure: b.Disclosure.pointer()}
}

func (b body) draft() registry.Draft {
	return registry.Draft{Name: b.Name.v, Names: b.Names.v, Aliases: b.Aliases.v, Kind: b.Kind.v, Sector: b.Sector.v,
		Country: b.Country.v, RegistrationNo: b.RegistrationNo.v, TaxNo: b.TaxNo.v, Seat: b.Seat.v, Website: b.Website.v,
		Note: b.Note.v, Disclosure: b.Disclosure.v}
}

func (a *api) add(w http.ResponseWriter, r *http.Request) error {
	key, err := web.IdempotencyKey(r)
	if err != nil {
		return err
	}
	var b struct {
		body
		ID string `json:"id"`
	}
	if err := web.ReadJSON(r, &b); err != nil {
		return err
	}
	draft := b.draft()
	draft.UUID, draft.Once = b.ID, key
	o, err := a.s.Add(r.Context(), web.Actor(r), draft)
	if err != nil {
		return err
	}
	w.Header().Set("Location", base+"/"+o.UUID)
	return answer(w, http.StatusCreated, o)
}

func (a *api) show(w http.ResponseWriter, r *http.Request) error {
	o, err := a.s.Get(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	if web.ETag(w, r, tag(o)) {
		return nil
	}
	return web.JSON(w, http.StatusOK, record(o))
}

func (a *api) change(w http.ResponseWriter, r *http.Request) error {
	v, err := version(r)
	if err != nil {
		return err
	}
	var b body
	if err := web.ReadJSON(r, &b); err != nil {
		return err
	}
	o, err := a.s.Change(r.Context(), web.Actor(r), r.PathValue("id"), v, b.patch())
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, o)
}

func (a *api) withdraw(w http.ResponseWriter, r *http.Request) error {
	v, err := version(r)
	if err != nil {
		return err
	}
	o, err := a.s.Withdraw(r.Context(), web.Actor(r), r.PathValue("id"), v)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, o)
}

func (a *api) restore(w http.ResponseWriter, r *http.Request) error {
	v, err := version(r)
	if err != nil {
		return err
	}
	o, err := a.s.Restore(r.Context(), web.Actor(r), r.PathValue("id"), v)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, o)
}

// match is the answer of a look-up.
type match struct {
	Organisation *registry.Record `json:"organisation"` // null: nobody that the caller may see
	By           string           `json:"by,omitempty"`
	Value        string           `json:"value,omitempty"`
}

func (a *api) lookup(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	c := registry.Clue{Email: q.Get("email"), Domain: q.Get("domain")}
	if ip := q.Get("ip"); ip != "" {
		addr, err := netip.ParseAddr(ip)
		if err != nil {
			return fault.Field("ip", "registry.fault.address", "no address")
		}
		c.Address = addr
	}
	if c == (registry.Clue{}) {
		return fault.Field("ip", "registry.fault.clue", "ip, domain or email is needed")
	}
	m, found, err := a.s.Recognise(r.Context(), web.Actor(r), c)
	if err != nil {
		return err
	}
	out := match{By: m.By, Value: m.Value}
	if found {
		rec := record(m.Organisation)
		out.Organisation = &rec
	}
	return web.JSON(w, http.StatusOK, out)
}
