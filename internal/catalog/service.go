package catalog

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"

	"github.com/klauspost/compress/zstd"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Deps is what the room needs.
type Deps struct {
	DB    *store.DB
	Audit *audit.Log
}

// Service is the door to the catalogues. Safe for concurrent use.
type Service struct {
	db    *store.DB
	log   *audit.Log
	match matcher
	names nameIndex
}

// New makes the room.
func New(d Deps) *Service { return &Service{db: d.DB, log: d.Audit} }

func mayRead(who ident.Actor) error {
	if who.LoggedIn() || who.Kind == ident.System || who.Kind == ident.Operator {
		return nil
	}
	return access.Check(who, "catalog.read")
}

// List gives the catalogues of a kind, or of all kinds, by name.
func (s *Service) List(ctx context.Context, who ident.Actor, kinds ...string) (out []Item, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	if len(kinds) == 0 {
		kinds = Kinds()
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		for _, k := range kinds {
			list, err := store.All(ctx, tx, scanItem, ofKind, k)
			if err != nil {
				return err
			}
			out = append(out, list...)
		}
		return nil
	})
	return out, err
}

// Get reads one catalogue, by id, key, UUID or name, with its upstream JSON (a
// galaxy without its clusters). Faults: NotFound.
func (s *Service) Get(ctx context.Context, who ident.Actor, kind, ref string) (it Item, body json.RawMessage, err error) {
	if err := mayRead(who); err != nil {
		return it, nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if it, err = readItem(ctx, tx, kind, ref); err != nil {
			return err
		}
		body, err = bodyOf(ctx, tx, it.ID)
		return err
	})
	return it, body, err
}

// Entries lists the tags of a taxonomy. Faults: NotFound.
func (s *Service) Entries(ctx context.Context, who ident.Actor, taxonomy string) ([]Entry, error) {
	_, entries, err := s.taxonomy(ctx, who, taxonomy)
	return entries, err
}

// Enable switches a catalogue on or off. Who may: catalog.write. Faults: NotFound.
func (s *Service) Enable(ctx context.Context, who ident.Actor, kind, ref string, on bool) (it Item, err error) {
	if err := mayWrite(who); err != nil {
		return it, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if it, err = readItem(ctx, tx, kind, ref); err != nil || it.Enabled == on {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, setEnabled, it.ID, on, now); err != nil {
			return err
		}
		it.Enabled = on
		tx.AfterCommit(s.match.drop)
		return s.log.Record(ctx, tx, who, "catalog.enable", audit.Thing{Kind: kind, ID: it.ID, Label: it.Name}, map[string]any{"enabled": on})
	})
	return it, err
}

func mayWrite(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	if (who.Channel == ident.MISP) && access.Allowed(who, "misp.site_admin") {
		return nil
	}
	return access.Check(who, "catalog.write")
}

func digits(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0
}

// Encoders are a pool, because each holds 1.6 MB and they rest for weeks; the decoder
// is one for all: DecodeAll is safe for concurrent use.
var (
	packers = sync.Pool{New: func() any {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
		if err != nil {
			panic("catalog: " + err.Error()) // constants above
		}
		return z
	}}
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(fileLimit*2))
)

func pack(b []byte) []byte {
	z := packers.Get().(*zstd.Encoder)
	defer packers.Put(z)
	return z.EncodeAll(b, nil)
}

func unpack(b []byte) ([]byte, error) { return unpacker.DecodeAll(b, nil) }
