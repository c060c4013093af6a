package pack

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Messages are the sentences of the package's faults.
//
//go:embed messages/*.json
var Messages embed.FS

// Held is what a room made of its packs, in force now. The library replaces it as a
// whole, so that one request sees one state of the law if it asks once.
type Held[T any] struct{ p atomic.Pointer[T] }

// Now gives what is in force. It is nil until a reader has set it.
func (h *Held[T]) Now() *T { return h.p.Load() }

// Set replaces it.
func (h *Held[T]) Set(v *T) { h.p.Store(v) }

// Fixed holds one value for good: for tests and for what has no library.
func Fixed[T any](v *T) func() *T { return func() *T { return v } }

// Reader makes a room's own rules of the packs in force on a day; use puts them in
// force. It is called with shelves that may never come into force (a trial before a
// file is accepted), so only use may change anything.
type Reader func(s *Shelf, day string) (use func(), err error)

// Read is the usual reader: make builds a T, Held takes it.
func Read[T any](h *Held[T], build func(s *Shelf, day string) (*T, error)) Reader {
	return func(s *Shelf, day string) (func(), error) {
		v, err := build(s, day)
		if err != nil {
			return nil, err
		}
		return func() { h.Set(v) }, nil
	}
}

// Deps are what the library stands on. Own are the packs that come with the program.
type Deps struct {
	DB    *store.DB
	Audit *audit.Log
	Clock clock.Clock
	Own   []fs.FS
}

// Library keeps an installation's packs in its database, takes new ones, and tells
// the rooms when another version comes into force: because it was added, withdrawn,
// or because its day has come.
type Library struct {
	d       Deps
	mu      sync.Mutex
	readers []Reader
	shelf   *Shelf
	token   int64
	day     string
}

// Item is one stored version, as a list shows it.
type Item struct {
	Name      string    `json:"name"`
	Version   int       `json:"version"`
	From      string    `json:"from"`
	Until     string    `json:"until,omitempty"`
	Source    string    `json:"source"`
	File      string    `json:"file"`
	Sum       string    `json:"sha256"`
	Own       bool      `json:"own"`       // it came with the program
	InForce   bool      `json:"in_force"`  // today
	Withdrawn bool      `json:"withdrawn"` // kept for what was begun under it, never in force
	Added     time.Time `json:"added"`
	Text      string    `json:"-"` // the file, from Get only
}

// Open brings the program's own packs into the database by checksum and reads all.
// A version that an administrator laid down stays even when the program later ships
// one of the same number.
func Open(ctx context.Context, d Deps) (*Library, error) {
	l := &Library{d: d}
	own, err := Load(d.Own...)
	if err != nil {
		return nil, err
	}
	if err := d.DB.Update(ctx, func(tx *store.Tx) error { return l.bringIn(ctx, tx, own) }); err != nil {
		return nil, err
	}
	_, err = l.load(ctx)
	return l, err
}

func (l *Library) bringIn(ctx context.Context, tx *store.Tx, own *Shelf) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	for _, p := range own.Packs() {
		old, found, err := find(ctx, tx, p.Name, p.Version)
		switch {
		case err != nil:
		case !found:
			_, err = tx.Exec(ctx, insertFile, l.d.DB.NewID(), p.Name, p.Version, p.File, p.Sum, p.text, true, now)
		case old.own && old.sum != p.Sum:
			_, err = tx.Exec(ctx, renewFile, old.id, p.File, p.Sum, p.text, now)
		case !old.own && old.sum != p.Sum:
			slog.Warn("a pack of this installation stands before the program's own", "pack", p.Name, "version", p.Version)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// load reads the shelf when it has changed since; changed tells so.
func (l *Library) load(ctx context.Context) (changed bool, err error) {
	var token int64
	shelf := &Shelf{}
	err = l.d.DB.View(ctx, func(tx *store.Tx) error {
		var err error
		if token, err = store.Int64(ctx, tx, lastChange); err != nil || token == l.token {
			return err
		}
		for r, err := range store.Each(ctx, tx, scanWhole, allFiles) {
			if err != nil {
				return err
			}
			if err := shelf.add(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || token == l.token {
		return false, err
	}
	l.shelf, l.token = shelf, token
	return true, nil
}

// add puts a stored file on the shelf; a withdrawn one only serves what was begun
// under it.
func (s *Shelf) add(r row) error {
	p, err := Parse(r.file, []byte(r.body))
	if err != nil {
		return err
	}
	p.withdrawn = r.withdrawn != 0
	return s.put(p)
}

func (l *Library) today() string { return l.d.Clock.Now().UTC().Format(time.DateOnly) }

// Follow reads the packs with r now, and again whenever something else is in force.
func (l *Library) Follow(r Reader) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.day = l.today()
	use, err := r(l.shelf, l.day)
	if err != nil {
		return err
	}
	use()
	l.readers = append(l.readers, r)
	return nil
}

// Refresh looks whether another node or a new day brought other packs into force.
func (l *Library) Refresh(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed, err := l.load(ctx)
	if err != nil || !changed && l.day == l.today() {
		return err
	}
	l.day = l.today()
	uses, err := l.tryAll(l.shelf, l.day)
	if err != nil {
		return err // what was in force stays
	}
	for _, use := range uses {
		use()
	}
	return nil
}

// Run refreshes every two seconds until ctx ends: this is how nodes beside each
// other come to the same law.
func (l *Library) Run(ctx context.Context) {
	t := time.NewTicker(2 * time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if err := l.Refresh(ctx); err != nil && ctx.Err() == nil {
			slog.Error("packs", "error", err)
		}
	}
}

func (l *Library) tryAll(s *Shelf, day string) (uses []func(), err error) {
	for _, r := range l.readers {
		use, err := r(s, day)
		if err != nil {
			return nil, err
		}
		uses = append(uses, use)
	}
	return uses, nil
}

// try holds a shelf against every room, on every day on which something changes.
func (l *Library) try(s *Shelf) error {
	days := map[string]bool{l.today(): true}
	for _, p := range s.packs {
		if p.From > l.today() {
			days[p.From] = true
		}
		if p.Until >= l.today() {
			end, _ := time.Parse(time.DateOnly, p.Until)
			days[end.AddDate(0, 0, 1).Format(time.DateOnly)] = true
		}
	}
	for day := range days {
		if _, err := l.tryAll(s, day); err != nil {
			return broken(err)
		}
	}
	return nil
}

// broken tells a person what is wrong with a file, with its line.
func broken(err error) error {
	why := err.Error()
	var at *Error
	if errors.As(err, &at) {
		why = at.Error()
	}
	e := fault.Field("text", "pack.fault.broken", "%s", why)
	e.Args = []any{"why", why}
	return e
}

// List gives every stored version, newest first within a name. Needs admin.use.
func (l *Library) List(ctx context.Context, who ident.Actor) (out []Item, err error) {
	if err := access.Check(who, "admin.use"); err != nil {
		return nil, err
	}
	if err := l.Refresh(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.d.DB.View(ctx, func(tx *store.Tx) error {
		for r, err := range store.Each(ctx, tx, scanRow, listFiles) {
			if err != nil {
				return err
			}
			out = append(out, l.item(r))
		}
		return nil
	})
	return out, err
}

// item fills in what only the file itself says, from the shelf.
func (l *Library) item(r row) Item {
	it := Item{Name: r.name, Version: r.version, File: r.file, Sum: r.sum, Own: r.own, Withdrawn: r.withdrawn != 0, Added: clock.FromMicros(r.added), Text: r.body}
	if p, ok := l.shelf.Version(r.name, r.version); ok {
		it.From, it.Until, it.Source = p.From, p.Until, p.Source
		at, ok := l.shelf.At(r.name, l.today())
		it.InForce = ok && at == p
	}
	return it
}

// Get gives one version with its text. Needs admin.use. Faults: NotFound.
func (l *Library) Get(ctx context.Context, who ident.Actor, name string, version int) (it Item, err error) {
	if err := access.Check(who, "admin.use"); err != nil {
		return it, err
	}
	if err := l.Refresh(ctx); err != nil {
		return it, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.d.DB.View(ctx, func(tx *store.Tx) error {
		r, found, err := find(ctx, tx, name, version)
		if err == nil && !found {
			err = fault.New(fault.NotFound, "pack %s version %d", name, version)
		}
		it = l.item(r)
		return err
	})
	return it, err
}

// Add takes a file. Every room reads it first, for every day on which something
// changes, so that a broken pack is never in force. Needs admin.settings. Faults:
// Invalid on "text", with file and line, or when this version is there with other
// content. The same file again changes nothing.
func (l *Library) Add(ctx context.Context, who ident.Actor, file string, data []byte) (it Item, err error) {
	if err := access.Check(who, "admin.settings"); err != nil {
		return it, err
	}
	p, err := Parse(file, data)
	if err != nil {
		return it, broken(err)
	}
	err = l.change(ctx, func(tx *store.Tx, trial *Shelf, now int64) error {
		if old, ok := trial.Version(p.Name, p.Version); ok {
			if old.Sum == p.Sum {
				return nil
			}
			e := fault.Field("text", "pack.fault.version", "%s version %d is there with other content", p.Name, p.Version)
			e.Args = []any{"name", p.Name, "version", p.Version}
			return e
		}
		if _, known := trial.any(p.Name); !known {
			e := fault.Field("text", "pack.fault.unknown", "nothing reads a pack called %s", p.Name)
			e.Args = []any{"name", p.Name}
			return e
		}
		if err := trial.put(p); err != nil {
			return err
		}
		id := l.d.DB.NewID()
		if _, err := tx.Exec(ctx, insertFile, id, p.Name, p.Version, p.File, p.Sum, p.text, false, now); err != nil {
			return err
		}
		return l.d.Audit.Record(ctx, tx, who, "pack.add", thing(id, p), map[string]any{"sha256": p.Sum, "from": p.From, "until": p.Until})
	})
	if err != nil {
		return it, err
	}
	return l.Get(ctx, who, p.Name, p.Version)
}

// Withdraw takes a version out of force (it stays for what was begun under it);
// Restore takes that back. Needs admin.settings. Faults: NotFound; Invalid when a
// room could not work without it.
func (l *Library) Withdraw(ctx context.Context, who ident.Actor, name string, version int) error {
	return l.shelve(ctx, who, name, version, true)
}

// Restore is the inverse of Withdraw.
func (l *Library) Restore(ctx context.Context, who ident.Actor, name string, version int) error {
	return l.shelve(ctx, who, name, version, false)
}

func (l *Library) shelve(ctx context.Context, who ident.Actor, name string, version int, away bool) error {
	if err := access.Check(who, "admin.settings"); err != nil {
		return err
	}
	return l.change(ctx, func(tx *store.Tx, trial *Shelf, now int64) error {
		r, found, err := find(ctx, tx, name, version)
		if err != nil || !found {
			return errors.Join(err, fault.New(fault.NotFound, "pack %s version %d", name, version))
		}
		if (r.withdrawn != 0) == away {
			return nil
		}
		p, _ := trial.Version(name, version)
		p.withdrawn = away
		verb, at := "pack.restore", int64(0)
		if away {
			verb, at = "pack.withdraw", now
		}
		if _, err := tx.Exec(ctx, shelveFile, r.id, at, now); err != nil {
			return err
		}
		return l.d.Audit.Record(ctx, tx, who, verb, thing(r.id, p), nil)
	})
}

// change runs do on a copy of the shelf, lets every room try the result, and puts it
// in force after the commit.
func (l *Library) change(ctx context.Context, do func(tx *store.Tx, trial *Shelf, now int64) error) error {
	if err := l.Refresh(ctx); err != nil {
		return err
	}
	err := l.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		trial := l.shelf.clone()
		if err := do(tx, trial, now); err != nil {
			return err
		}
		return l.try(trial)
	})
	if err != nil {
		return err
	}
	return l.Refresh(ctx)
}

func thing(id int64, p *Pack) audit.Thing {
	return audit.Thing{Kind: "pack", ID: id, Label: strings.Join([]string{p.Name, p.label()}, " ")}
}
