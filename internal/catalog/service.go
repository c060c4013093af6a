package catalog

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
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
	_, body, err := s.Get(ctx, who, Taxonomy, taxonomy)
	if err != nil {
		return nil, err
	}
	var m machinetag
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	return m.entries(), nil
}

// Clusters streams the clusters of a galaxy by id. Faults: NotFound.
func (s *Service) Clusters(ctx context.Context, who ident.Actor, galaxy string, yield func(Cluster) error) error {
	it, _, err := s.Get(ctx, who, Galaxy, galaxy)
	if err != nil {
		return err
	}
	for after := int64(0); ; {
		var list []Cluster
		if err := s.db.View(ctx, func(tx *store.Tx) error {
			list, err = listClusters(ctx, tx, it.ID, after, 500)
			return err
		}); err != nil || len(list) == 0 {
			return err
		}
		for _, c := range list {
			if err := yield(c); err != nil {
				return err
			}
			after = c.ID
		}
	}
}

// Cluster reads one cluster by id or UUID. Faults: NotFound.
func (s *Service) Cluster(ctx context.Context, who ident.Actor, ref string) (c Cluster, err error) {
	if err := mayRead(who); err != nil {
		return c, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		c, err = clusterBy(ctx, tx, ref)
		return err
	})
	return c, err
}

// ClustersOfTags finds the clusters that tags stand for: lower-case tag → cluster.
func (s *Service) ClustersOfTags(ctx context.Context, who ident.Actor, tags []string) (map[string]Cluster, error) {
	if err := mayRead(who); err != nil || len(tags) == 0 {
		return nil, err
	}
	out := map[string]Cluster{}
	err := s.db.View(ctx, func(tx *store.Tx) error {
		list, err := clustersByTag(ctx, tx, tags[:min(len(tags), 500)])
		for _, c := range list {
			out[strings.ToLower(c.Tag())] = c
		}
		return err
	})
	return out, err
}

// FindClusters lists at most limit clusters whose value holds the text, in
// either script and any case.
func (s *Service) FindClusters(ctx context.Context, who ident.Actor, text string, limit int) (out []Cluster, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	want := i18n.Fold(text)
	err = s.db.View(ctx, func(tx *store.Tx) error {
		var ids []int64
		for after := int64(0); len(ids) < limit; {
			list, err := foldedClusters(ctx, tx, after, 10_000)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				break
			}
			for _, f := range list {
				if after = f.id; strings.Contains(f.fold, want) && len(ids) < limit {
					ids = append(ids, f.id)
				}
			}
		}
		out, err = clustersByID(ctx, tx, ids)
		return err
	})
	return out, err
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

// One encoder and decoder for all: EncodeAll and DecodeAll are safe for concurrent use.
var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(fileLimit*2))
)

func pack(b []byte) []byte { return packer.EncodeAll(b, nil) }

func unpack(b []byte) ([]byte, error) { return unpacker.DecodeAll(b, nil) }
