package enrich

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"

	"straza/internal/format/expansion"
	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Placeholder is the UUID that stands for the attribute in questions and answers: ours
// is nobody's business.
const Placeholder = "00000000-0000-4000-8000-000000000001"

// How long an answer is used instead of asking again, and how long it is kept; µs.
const (
	fresh   = int64(3600 * 1e6)
	keep    = int64(30 * 86400 * 1e6)
	regrets = int64(7 * 86400 * 1e6) // how long something taken over can be taken back
)

// Question is what is asked: about an attribute that who asks may see, or about a bare
// value; of a module, on the server named, or on the first where it is on.
type Question struct {
	Attribute   string // id or UUID
	Type, Value string // without Attribute
	Server      string // UUID or name
	Module      string
	Again       bool // ask though there is a fresh answer
}

// Given is what a module answered, now or before.
type Given struct {
	Server, Module string // names
	Asked          int64  // µs
	Before         bool   // it was kept from an earlier question
	Said           string // the module's own words why there is nothing
	Offers         []Offer
	Skipped        int // entries that could not be read or were too many
	Raw            []byte
}

// Choice is a module that may be asked about a value, or the reason why not.
type Choice struct {
	Server, ServerName string // UUID, name
	Module, Title      string
	Description        string
	Manner             Manner
	Held               string // message key; "" = it may be asked
}

// subject is what a question is about, and what the guard has to know of it.
type subject struct {
	typ, value string
	event      *intel.Event
	attribute  *intel.Attribute
	asked
}

// about reads what a question is about. A bare value has the strictest label of the
// events in which who asks sees it.
func (s *Service) about(ctx context.Context, who ident.Actor, q Question) (x subject, err error) {
	if q.Attribute != "" {
		a, err := s.d.Intel.Attribute(ctx, who, q.Attribute)
		if err != nil {
			return x, err
		}
		e, err := s.d.Intel.Event(ctx, who, strconv.FormatInt(a.EventID, 10))
		if err != nil {
			return x, err
		}
		return s.aboutAttribute(ctx, who, &e, &a)
	}
	v, bad := misp.Normalise(q.Type, q.Value)
	if _, known := misp.DefaultOf(q.Type); !known || bad != nil {
		return x, fault.Field("value", "intel.fault.enrich-value", "%q is no value of type %q", q.Value, q.Type)
	}
	x.typ, x.value = q.Type, v.Value
	x.Level, x.PAP = s.d.Intel.Label(ctx, who, &intel.Event{}, nil)
	none := x.Level
	met := tlp.None
	err = s.d.Intel.SearchAttributes(ctx, who, intel.Query{Value: intel.Filter{Or: []string{strings.Trim(x.value, "%")}}, Limit: 200, WithTags: true}, func(a *intel.Attribute) error {
		level, pap := s.d.Intel.Label(ctx, who, a.Event, a.Tags)
		met, x.PAP = max(met, level), max(x.PAP, pap)
		return nil
	})
	if err != nil {
		return x, err
	}
	x.Level = met.Or(none)
	return x, s.owners(ctx, who, &x)
}

func (s *Service) aboutAttribute(ctx context.Context, who ident.Actor, e *intel.Event, a *intel.Attribute) (x subject, err error) {
	x = subject{typ: a.Type, value: a.Value, event: e, attribute: a}
	x.Level, x.PAP = s.d.Intel.Label(ctx, who, e, a.Tags)
	x.Own = who.Org != 0 && e.Origin.ID == who.Org
	return x, s.owners(ctx, who, &x)
}

func (s *Service) owners(ctx context.Context, who ident.Actor, x *subject) (err error) {
	x.Ours, err = s.belongs(ctx, x.typ, x.value)
	x.Lead = access.Allowed(who, "intel.enrich-own")
	return err
}

// choices are the modules that take a subject.
func choices(list []Server, x subject) (out []Choice) {
	for i := range list {
		v := &list[i]
		for j := range v.Modules {
			m := &v.Modules[j]
			if !v.Enabled || !m.On || !m.Takes(x.typ) {
				continue
			}
			x.Manner = m.Manner
			c := Choice{Server: v.UUID, ServerName: v.Name, Module: m.Name, Title: m.Title, Description: m.Description, Manner: m.Manner, Held: may(x.asked)}
			out = append(out, c)
		}
	}
	return out
}

// KnownOf is Known of an attribute or a bare value, as a question names it.
func (s *Service) KnownOf(ctx context.Context, who ident.Actor, q Question) ([]Fact, []Offer, error) {
	if q.Attribute != "" {
		a, err := s.d.Intel.Attribute(ctx, who, q.Attribute)
		if err != nil {
			return nil, nil, err
		}
		q.Type, q.Value = a.Type, a.Value
	}
	v, bad := misp.Normalise(q.Type, q.Value)
	if _, known := misp.DefaultOf(q.Type); !known || bad != nil {
		return nil, nil, fault.Field("value", "intel.fault.enrich-value", "%q is no value of type %q", q.Value, q.Type)
	}
	return s.Known(ctx, who, q.Type, v.Value)
}

// Choices are the modules that may be asked about an attribute or a value, the held ones
// with their reason.
func (s *Service) Choices(ctx context.Context, who ident.Actor, q Question) ([]Choice, error) {
	if err := mayAsk(who); err != nil {
		return nil, err
	}
	x, err := s.about(ctx, who, q)
	if err != nil {
		return nil, err
	}
	list, err := s.Servers(ctx, who)
	return choices(list, x), err
}

// Ask asks a module, or gives its fresh answer from before. The guard decides first, and
// the audit line, which names module and type and no value, is there before anything
// leaves. Faults: NotFound, Denied (the right, or the reason of the guard), Unavailable
// and Invalid for what the other side did, with a key that says what.
func (s *Service) Ask(ctx context.Context, who ident.Actor, q Question) (g Given, err error) {
	if err := mayAsk(who); err != nil {
		return g, err
	}
	x, err := s.about(ctx, who, q)
	if err != nil {
		return g, err
	}
	v, m, err := s.find(ctx, who, q, x.typ)
	if err != nil {
		return g, err
	}
	x.Manner = m.Manner
	if !q.Again {
		if old, ok, err := s.before(ctx, who, v, m.Name, x); err != nil || ok {
			return old, err
		}
	}
	config, err := s.allow(ctx, who, v, m, x)
	if err != nil {
		return g, err
	}
	body, err := expansion.Query{Module: m.Name, Type: x.typ, Value: x.value, UUID: Placeholder, Standard: m.Standard, Config: config}.Encode()
	if err != nil {
		return g, err
	}
	raw, err := s.exchange(ctx, v, http.MethodPost, "/query", body)
	if err != nil {
		return g, foreign(err)
	}
	a, err := expansion.ReadAnswer(bytes.NewReader(raw))
	if err != nil {
		return g, foreign(err)
	}
	k := kept{id: s.d.DB.NewID(), server: v.ID, module: m.Name, typ: x.typ, value: x.value, standard: m.Standard}
	if k.answer, err = pack(raw); err != nil {
		return g, err
	}
	if err := s.hold(ctx, who, &k); err != nil {
		return g, err
	}
	g = Given{Server: v.Name, Module: m.Name, Asked: k.asked, Raw: raw}
	return g, s.offer(ctx, who, &g, a, x)
}

// foreign makes a fault of what the other side did.
func foreign(err error) error {
	key := keyOf(err)
	if key == "intel.fault.module-silent" || fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Invalid) {
		if f := fault.Of(err); f != nil && f.Key != "" {
			return err
		}
		return fault.New(fault.Unavailable, "the server of modules").WithKey(key).Because(err)
	}
	return fault.New(fault.Unavailable, "the answer of a module").WithKey(key).Because(err)
}

// find gives the module that a question names, where it is on.
func (s *Service) find(ctx context.Context, who ident.Actor, q Question, typ string) (*Server, *Module, error) {
	list, err := s.Servers(ctx, who)
	if err != nil {
		return nil, nil, err
	}
	for i := range list {
		v := &list[i]
		if !v.Enabled || q.Server != "" && v.UUID != q.Server && !strings.EqualFold(v.Name, q.Server) {
			continue
		}
		m := v.module(q.Module)
		if m == nil || !m.On {
			continue
		}
		if !m.Takes(typ) {
			return nil, nil, fault.Field("module", "intel.fault.module-type", "module %q does not take %q", m.Name, typ)
		}
		return v, m, nil
	}
	return nil, nil, fault.New(fault.NotFound, "no module %q that is on", q.Module).WithKey("intel.fault.no-module")
}

// allow asks the guard, writes the audit line and gives the module's settings.
func (s *Service) allow(ctx context.Context, who ident.Actor, v *Server, m *Module, x subject) (config map[string]string, err error) {
	held := may(x.asked)
	on := audit.Thing{Kind: "module server", ID: v.ID, Label: v.Name}
	detail := map[string]any{"module": m.Name, "manner": string(m.Manner), "type": x.typ, "tlp": x.Level.String(), "pap": x.PAP.String(), "ours": x.Ours}
	if x.attribute != nil {
		on = audit.Thing{Kind: "attribute", ID: x.attribute.ID, Label: x.attribute.UUID}
		detail["server"], detail["event"] = v.Name, x.event.ID
	}
	verb := "enrich.ask"
	if held != "" {
		verb, detail["held"] = "enrich.held", held
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := s.serverTx(ctx, tx, v.UUID)
		if err != nil {
			return err
		}
		set, err := s.settings(&now)
		if err != nil {
			return err
		}
		config = set[m.Name]
		return s.d.Audit.Record(ctx, tx, who, verb, on, detail)
	})
	if err == nil && held != "" {
		err = fault.New(fault.Denied, "held back: %s", held).WithKey(held)
	}
	return config, err
}

// hold keeps an answer for the organisation that asked, and forgets what is old.
func (s *Service) hold(ctx context.Context, who ident.Actor, k *kept) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		k.asked = now
		if err := sweep(ctx, tx, now-keep, now-regrets); err != nil {
			return err
		}
		audience, err := access.InternTx(ctx, tx, access.Audience{Owner: who.Org, Level: access.LevelOwn})
		if err != nil {
			return err
		}
		return keepAnswer(ctx, tx, audience, misp.CorrelationKey(k.value), *k)
	})
}

// before gives a module's fresh answer, when there is one that who may see.
func (s *Service) before(ctx context.Context, who ident.Actor, v *Server, module string, x subject) (g Given, ok bool, err error) {
	list, now, err := s.answers(ctx, who, x)
	for _, k := range list {
		if k.server == v.ID && k.module == module && now-k.asked < fresh {
			g, err = s.again(ctx, who, v.Name, k, x)
			return g, err == nil, err
		}
	}
	return g, false, err
}

func (s *Service) answers(ctx context.Context, who ident.Actor, x subject) (list []kept, now int64, err error) {
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if now, err = store.Now(ctx, tx); err != nil {
			return err
		}
		list, err = readAnswers(ctx, tx, who, misp.CorrelationKey(x.value), x.typ, x.value)
		return err
	})
	return list, now, err
}

// again reads a kept answer.
func (s *Service) again(ctx context.Context, who ident.Actor, server string, k kept, x subject) (g Given, err error) {
	g = Given{Server: server, Module: k.module, Asked: k.asked, Before: true}
	z, err := gzip.NewReader(bytes.NewReader(k.answer))
	if err != nil {
		return g, err
	}
	if g.Raw, err = io.ReadAll(io.LimitReader(z, expansion.MaxAnswer+1)); err != nil {
		return g, err
	}
	a, err := expansion.ReadAnswer(bytes.NewReader(g.Raw))
	if err != nil {
		return g, foreign(err)
	}
	return g, s.offer(ctx, who, &g, a, x)
}

// offer turns an answer into what can be ticked.
func (s *Service) offer(ctx context.Context, who ident.Actor, g *Given, a expansion.Answer, x subject) error {
	g.Said, g.Skipped = a.Said, a.Skipped
	g.Offers = offersOf(a, x.typ, x.value, g)
	for i := range g.Offers {
		g.Offers[i].seal(g.Server + "\x00" + g.Module)
	}
	return s.warn(ctx, who, g.Offers)
}

func readAll(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, expansion.MaxAnswer+1))
}
