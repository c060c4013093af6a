package enrich

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/format/expansion"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// Server is one server of modules. Times are µs.
type Server struct {
	ID       int64
	UUID     string
	Name     string
	URL      string // http(s), without a path to the protocol's own addresses
	Enabled  bool
	Patience int // seconds for one question
	Modules  []Module
	Tested   int64
	Fault    string // of the last time it was asked for its modules, a message key

	chosen  map[string]choice
	offered []expansion.Module
	sealed  []byte
}

// Module is a module of a server, and what was decided about it.
type Module struct {
	expansion.Module
	On     bool
	Manner Manner
	Set    []string // names of the settings that have a value; values are never given
}

type choice struct {
	On     bool   `json:"on"`
	Manner Manner `json:"manner"`
}

// Bounds of a question's time in seconds.
const (
	leastPatience, mostPatience = 1, 120
	usualPatience               = 20
)

func (v *Server) check() error {
	var c fault.Collector
	v.Name, v.URL = strings.TrimSpace(v.Name), strings.TrimRight(strings.TrimSpace(v.URL), "/")
	c.Require(v.Name != "" && utf8.RuneCountInString(v.Name) <= 100, "name", "intel.fault.module-name")
	u, err := url.Parse(v.URL)
	c.Require(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && len(v.URL) < 500, "url", "intel.fault.module-url")
	if v.Patience == 0 {
		v.Patience = usualPatience
	}
	c.Require(v.Patience >= leastPatience && v.Patience <= mostPatience, "patience", "intel.fault.module-patience")
	return c.Err("a server of modules")
}

// join lays what was decided over what the server said it has.
func (v *Server) join(set map[string]map[string]string) {
	v.Modules = nil
	for _, m := range v.offered {
		c := v.chosen[m.Name]
		x := Module{Module: m, On: c.On, Manner: c.Manner.Or()}
		for _, k := range m.Config {
			if set[m.Name][k] != "" {
				x.Set = append(x.Set, k)
			}
		}
		v.Modules = append(v.Modules, x)
	}
}

func (v *Server) module(name string) *Module {
	for i := range v.Modules {
		if v.Modules[i].Name == name {
			return &v.Modules[i]
		}
	}
	return nil
}

func thing(v *Server) audit.Thing { return audit.Thing{Kind: "module server", ID: v.ID, Label: v.Name} }

func noServer(ref string) error {
	return fault.New(fault.NotFound, "no server of modules %q", ref).WithKey("intel.fault.no-module-server")
}

// Servers lists the servers by name, settings without their values. Who may: who manages
// them, and whoever may ask their modules.
func (s *Service) Servers(ctx context.Context, who ident.Actor) (out []Server, err error) {
	if !mayManage(who) {
		if err := mayAsk(who); err != nil {
			return nil, err
		}
	}
	return out, s.d.DB.View(ctx, func(tx *store.Tx) error {
		out, err = s.serversTx(ctx, tx)
		return err
	})
}

func (s *Service) serversTx(ctx context.Context, tx *store.Tx) ([]Server, error) {
	list, err := readServers(ctx, tx)
	for i := range list {
		set, err := s.settings(&list[i])
		if err != nil {
			list[i].Fault = "intel.fault.module-settings"
		}
		list[i].join(set)
	}
	return list, err
}

func (s *Service) serverTx(ctx context.Context, tx *store.Tx, ref string) (Server, error) {
	list, err := s.serversTx(ctx, tx)
	for _, v := range list {
		if v.UUID == ref || strings.EqualFold(v.Name, ref) {
			return v, nil
		}
	}
	if err == nil {
		err = noServer(ref)
	}
	return Server{}, err
}

// Server reads one by UUID or name. Faults: NotFound.
func (s *Service) Server(ctx context.Context, who ident.Actor, ref string) (Server, error) {
	list, err := s.Servers(ctx, who)
	for _, v := range list {
		if v.UUID == ref || strings.EqualFold(v.Name, ref) {
			return v, nil
		}
	}
	if err == nil {
		err = noServer(ref)
	}
	return Server{}, err
}

// SaveServer enters a server (ref "") or changes one. Faults: Denied, NotFound, Invalid
// by field, Conflict when the name is taken.
func (s *Service) SaveServer(ctx context.Context, who ident.Actor, ref string, change func(*Server)) (v Server, err error) {
	if err := mayChange(who); err != nil {
		return v, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		verb := "module.change"
		if ref == "" {
			verb, v = "module.add", Server{ID: s.d.DB.NewID(), UUID: s.d.DB.NewUUID(), Enabled: true, Patience: usualPatience}
		} else if v, err = s.serverTx(ctx, tx, ref); err != nil {
			return err
		}
		id, uuid, at := v.ID, v.UUID, v.URL
		change(&v)
		v.ID, v.UUID = id, uuid
		if err := v.check(); err != nil {
			return err
		}
		if v.URL != at { // another machine: nothing that was decided or given to the one before goes there
			v.sealed, v.offered, v.chosen, v.Tested, v.Fault = nil, nil, nil, 0, ""
			v.join(nil)
		}
		other, err := s.serverTx(ctx, tx, v.Name)
		if err == nil && other.ID != v.ID {
			return fault.Field("name", "intel.fault.module-taken", "a server of this name is here")
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err := writeServer(ctx, tx, &v); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, verb, thing(&v), map[string]any{"enabled": v.Enabled})
	})
	return v, err
}

// DropServer forgets a server and what its modules answered. Faults: NotFound, Denied.
func (s *Service) DropServer(ctx context.Context, who ident.Actor, ref string) error {
	return s.changeServer(ctx, who, ref, "module.drop", func(tx *store.Tx, v *Server) (map[string]any, error) {
		return nil, dropServer(ctx, tx, v.ID)
	})
}

func (s *Service) changeServer(ctx context.Context, who ident.Actor, ref, verb string, fn func(tx *store.Tx, v *Server) (map[string]any, error)) error {
	if err := mayChange(who); err != nil {
		return err
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		v, err := s.serverTx(ctx, tx, ref)
		if err != nil {
			return err
		}
		detail, err := fn(tx, &v)
		if err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, verb, thing(&v), detail)
	})
}

// Setup says what is decided about one module: whether it is on, how far it asks, its
// settings. A setting that is not named stays as it is, one without a value is taken away.
// Faults: NotFound, Denied, Invalid for a setting that the module does not have.
func (s *Service) Setup(ctx context.Context, who ident.Actor, server, module string, on bool, manner Manner, set map[string]string) error {
	if manner != "" && !slices.Contains(Manners(), manner) {
		return fault.Field("manner", "intel.fault.module-manner", "no manner %q", manner)
	}
	return s.changeServer(ctx, who, server, "module.setup", func(tx *store.Tx, v *Server) (map[string]any, error) {
		m := v.module(module)
		if m == nil {
			return nil, fault.New(fault.NotFound, "no module %q", module).WithKey("intel.fault.no-module")
		}
		if v.chosen == nil {
			v.chosen = map[string]choice{}
		}
		if manner == "" {
			manner = m.Manner
		}
		v.chosen[module] = choice{on, manner}
		if len(set) > 0 {
			if err := s.set(v, m, set); err != nil {
				return nil, err
			}
		}
		return map[string]any{"module": module, "on": on, "manner": string(manner), "settings": len(set)}, writeServer(ctx, tx, v)
	})
}

func (s *Service) cell(id int64) vault.Field {
	return vault.Field{Table: "intel_module_server", Column: "config", Row: id}
}

// settings are the values by module and name.
func (s *Service) settings(v *Server) (out map[string]map[string]string, err error) {
	if len(v.sealed) == 0 {
		return map[string]map[string]string{}, nil
	}
	b, err := s.d.Keys.Open(s.cell(v.ID), v.sealed)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}

func (s *Service) set(v *Server, m *Module, values map[string]string) error {
	all, err := s.settings(v)
	if err != nil {
		return err
	}
	mine := all[m.Name]
	if mine == nil {
		mine = map[string]string{}
	}
	for k, x := range values {
		switch {
		case !slices.Contains(m.Config, k):
			return fault.Field("set", "intel.fault.module-setting", "the module has no setting %q; it has: %s", k, strings.Join(m.Config, ", "))
		case len(x) > 10_000:
			return fault.Field("set", "intel.fault.module-setting", "the value of %q is too long", k)
		case x == "":
			delete(mine, k)
		default:
			mine[k] = x
		}
	}
	all[m.Name] = mine
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	v.sealed, err = s.d.Keys.Seal(s.cell(v.ID), b)
	return err
}

// Test asks a server for its modules and keeps the list: whether it is there, and what it
// has. The server's state says what went wrong. Faults: NotFound, Denied; what the other
// side did is in Fault.
func (s *Service) Test(ctx context.Context, who ident.Actor, ref string) (v Server, err error) {
	if err := mayChange(who); err != nil {
		return v, err
	}
	if v, err = s.Server(ctx, who, ref); err != nil {
		return v, err
	}
	var list []expansion.Module
	body, fault1 := s.exchange(ctx, &v, http.MethodGet, "/modules", nil)
	if fault1 == nil {
		list, _, fault1 = expansion.ReadModules(bytes.NewReader(body))
	}
	err = s.changeServer(ctx, who, ref, "module.test", func(tx *store.Tx, now *Server) (map[string]any, error) {
		at, err := store.Now(ctx, tx)
		if err != nil {
			return nil, err
		}
		if now.Tested, now.Fault = at, ""; fault1 != nil {
			now.Fault = keyOf(fault1)
		} else {
			now.offered = list
		}
		set, err := s.settings(now)
		if err != nil {
			return nil, err
		}
		now.join(set)
		v = *now
		return map[string]any{"modules": len(now.offered), "fault": now.Fault}, writeServer(ctx, tx, now)
	})
	return v, err
}

// keyOf is the message of what went wrong with the other side.
func keyOf(err error) string {
	var bad *expansion.Fault
	if errors.As(err, &bad) {
		return bad.Key
	}
	if f := fault.Of(err); f != nil {
		for _, key := range f.Fields {
			return key
		}
		if f.Key != "" {
			return f.Key
		}
	}
	if fault.Is(err, fault.Limited) {
		return expansion.TooLarge
	}
	if fault.Is(err, fault.Invalid) {
		return "intel.fault.module-url"
	}
	return "intel.fault.module-silent"
}

// exchange asks a server one thing, within its patience.
func (s *Service) exchange(ctx context.Context, v *Server, method, path string, body []byte) ([]byte, error) {
	select {
	case s.at <- struct{}{}:
		defer func() { <-s.at }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, stop := context.WithTimeout(ctx, time.Duration(v.Patience)*time.Second)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, method, v.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, "no address").WithKey("intel.fault.module-url").Because(err)
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.d.World.Do(r)
	if err != nil {
		return nil, late(ctx, err)
	}
	defer resp.Body.Close()
	raw, err := readAll(resp.Body)
	if err != nil {
		return nil, late(ctx, err)
	}
	if resp.StatusCode != http.StatusOK && !bytes.HasPrefix(bytes.TrimSpace(raw), []byte(`{"error"`)) {
		return nil, fault.New(fault.Unavailable, "the server of modules answers %d", resp.StatusCode).WithKey("intel.fault.module-status")
	}
	return raw, nil
}

// late names what took longer than the server's patience.
func late(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault.New(fault.Unavailable, "the server of modules took too long").WithKey("intel.fault.module-late").Because(err)
	}
	return err
}
