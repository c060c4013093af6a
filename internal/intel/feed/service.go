package feed

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"

	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/registry"
)

// World is the guarded way to other people's servers: *outbound.Client.
type World interface {
	Do(r *http.Request) (*http.Response, error)
}

// Keys seal what other people's servers must not lose; *vault.Vault fills it.
type Keys interface {
	Seal(f vault.Field, plaintext []byte) ([]byte, error)
	Open(f vault.Field, ciphertext []byte) ([]byte, error)
}

// People says who somebody is at this moment: *account.Service.
type People interface {
	ResolveTx(ctx context.Context, tx *store.Tx, person int64, c ident.Channel) (ident.Actor, error)
}

// Deps is what the chamber needs.
type Deps struct {
	DB       *store.DB
	Audit    *audit.Log
	Intel    *intel.Service
	Lists    intel.Lists
	Registry *registry.Service
	World    World
	Keys     Keys
	People   People
	Folder   string // of local feeds; "" = there are none
}

// Service is the door to feeds. Safe for concurrent use.
type Service struct{ d Deps }

// New makes the chamber.
func New(d Deps) *Service { return &Service{d: d} }

// mayManage: the site administrator on the wire, who keeps catalogues elsewhere.
func mayManage(who ident.Actor) bool {
	if intel.OnWire(who) {
		return access.Allowed(who, "misp.site_admin")
	}
	return access.Allowed(who, "catalog.write")
}

func mayChange(who ident.Actor) error {
	if who.ReadOnly || !mayManage(who) {
		return fault.New(fault.Denied, "%s keeps no feeds", who).WithKey("fault.denied")
	}
	return nil
}

func thing(f *Feed) audit.Thing { return audit.Thing{Kind: "feed", ID: f.ID, Label: f.Name} }

// Feeds lists feeds by id: all for who manages them, for others who read threat
// data those whose hits are shown to everybody. The values of headers are never given.
func (s *Service) Feeds(ctx context.Context, who ident.Actor) (out []Feed, err error) {
	if err := intel.MayRead(who); err != nil && !mayManage(who) {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		all, err := readFeeds(ctx, tx, 0)
		for i := range all {
			if mayManage(who) || all[i].Visible {
				out = append(out, s.shown(all[i]))
			}
		}
		return err
	})
	return out, err
}

// shown is a feed without what its headers hold.
func (s *Service) shown(f Feed) Feed {
	headers, err := s.headers(&f)
	for _, h := range headers {
		name, _, _ := strings.Cut(h, ":")
		f.Headers = append(f.Headers, strings.TrimSpace(name)+": *****")
	}
	if err != nil {
		f.Fault = "intel.fault.feed-headers"
	}
	f.sealed = nil
	return f
}

// Feed reads one. Faults: NotFound.
func (s *Service) Feed(ctx context.Context, who ident.Actor, id int64) (Feed, error) {
	all, err := s.Feeds(ctx, who)
	for _, f := range all {
		if f.ID == id {
			return f, nil
		}
	}
	if err == nil {
		err = noFeed(id)
	}
	return Feed{}, err
}

func noFeed(id int64) error {
	return fault.New(fault.NotFound, "no feed %d", id).WithKey("intel.fault.no-feed")
}

// Save enters a feed (id 0) or changes one; change gets it without its headers,
// and headers it leaves alone stay. Whoever changes a feed is from then on the one
// in whose name it runs. Faults: Denied, NotFound, Invalid by field.
func (s *Service) Save(ctx context.Context, who ident.Actor, id int64, change func(*Feed)) (f Feed, err error) {
	if err := mayChange(who); err != nil {
		return f, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		f = Feed{ID: s.d.DB.NewID(), Format: FormatMISP, Input: Network, Terms: Terms{Distribution: 3, Fixed: true}}
		if id != 0 {
			if f, err = oneFeed(ctx, tx, id); err != nil {
				return err
			}
		}
		was, sealed := f.ID, f.sealed
		change(&f)
		f.ID, f.sealed, f.Person = was, sealed, who.Person
		if err := f.check(); err != nil {
			return err
		}
		if f.Headers != nil {
			if err := s.seal(&f); err != nil {
				return err
			}
		}
		verb := "feed.change"
		if id == 0 {
			verb = "feed.add"
		}
		if err := writeFeed(ctx, tx, &f); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, verb, thing(&f), map[string]any{"format": f.Format, "input": f.Input, "enabled": f.Enabled,
			"publish": f.Publish, "distribution": f.Distribution, "headers": f.Headers != nil})
	})
	f.Headers = nil
	return s.shown(f), err
}

func (s *Service) cell(id int64) vault.Field {
	return vault.Field{Table: "intel_feed", Column: "headers", Row: id}
}

func (s *Service) seal(f *Feed) (err error) {
	if f.sealed = nil; len(f.Headers) == 0 {
		return nil
	}
	b, err := json.Marshal(f.Headers)
	if err == nil {
		f.sealed, err = s.d.Keys.Seal(s.cell(f.ID), b)
	}
	return err
}

func (s *Service) headers(f *Feed) (out []string, err error) {
	if len(f.sealed) == 0 {
		return nil, nil
	}
	b, err := s.d.Keys.Open(s.cell(f.ID), f.sealed)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	return out, err
}

// Delete forgets a feed and its cache; the events it made stay. Faults: NotFound, Denied.
func (s *Service) Delete(ctx context.Context, who ident.Actor, id int64) error {
	if err := mayChange(who); err != nil {
		return err
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		f, err := oneFeed(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := dropFeed(ctx, tx, id); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "feed.delete", thing(&f), nil)
	})
}

// What a job may be about.
const (
	jobFetch = "intel.feed-fetch"
	jobCache = "intel.feed-cache"
	jobRound = "intel.feed-round"
)

type task struct {
	Feed int64 `json:"feed"`
}

// Queue asks for a fetch or (cache) a renewal of the cache: of one feed, or with id
// 0 of all that are switched on for it. It gives how many. Faults: NotFound,
// Conflict "intel.fault.feed-off" for one that is switched off, Denied.
func (s *Service) Queue(ctx context.Context, who ident.Actor, cache bool, id int64) (n int, err error) {
	if err := mayChange(who); err != nil {
		return 0, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		n = 0
		all, err := readFeeds(ctx, tx, id)
		if err != nil {
			return err
		}
		if id != 0 && len(all) == 0 {
			return noFeed(id)
		}
		for i := range all {
			f := &all[i]
			if !cache && !f.Enabled || cache && id == 0 && !f.Caching {
				if id != 0 {
					return fault.New(fault.Conflict, "feed %d is switched off", id).WithKey("intel.fault.feed-off")
				}
				continue
			}
			n++
			if err := enqueue(ctx, tx, cache, f.ID); err != nil {
				return err
			}
		}
		return s.d.Audit.Record(ctx, tx, who, "feed.queue", audit.Thing{Kind: "feed", ID: id}, map[string]any{"cache": cache, "feeds": n})
	})
	return n, err
}

func enqueue(ctx context.Context, tx *store.Tx, cache bool, id int64) error {
	j := jobs.Job{Kind: jobFetch, Key: "feed-" + itoa(id), Payload: task{id}, Priority: 5}
	if cache {
		j.Kind = jobCache
	}
	return jobs.Enqueue(ctx, tx, j)
}

// open gets a file of a feed: base is its own address, or a file beside it.
func (s *Service) open(ctx context.Context, f *Feed, name string) (io.ReadCloser, error) {
	at := f.URL
	if f.Format == FormatMISP {
		at = strings.TrimSuffix(strings.TrimSuffix(at, "manifest.json"), "/") + "/" + name
	}
	if f.Input == Local {
		if s.d.Folder == "" {
			return nil, fault.New(fault.Invalid, "no folder of local feeds").WithKey("intel.fault.feed-local")
		}
		root, err := os.OpenRoot(s.d.Folder) // no way out of it, by dots or links
		if err != nil {
			return nil, fault.New(fault.Unavailable, "the folder of local feeds").Because(err)
		}
		defer root.Close()
		file, err := root.Open(at)
		if err != nil {
			return nil, fault.New(fault.Unavailable, "a local feed").WithKey("intel.fault.feed-silent").Because(err)
		}
		return file, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, fault.New(fault.Invalid, "no address").WithKey("intel.fault.feed-url").Because(err)
	}
	headers, err := s.headers(f)
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ":")
		r.Header.Set(strings.TrimSpace(k), strings.TrimSpace(v))
	}
	resp, err := s.d.World.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fault.New(fault.Unavailable, "the feed answers %d", resp.StatusCode).WithKey("intel.fault.feed-silent")
	}
	return resp.Body, nil
}
