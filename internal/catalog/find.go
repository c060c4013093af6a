package catalog

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Clusters streams the clusters of a galaxy that the caller sees, by id.
// Faults: NotFound.
func (s *Service) Clusters(ctx context.Context, who ident.Actor, galaxy string, yield func(Cluster) error) error {
	it, _, err := s.Get(ctx, who, Galaxy, galaxy)
	if err != nil {
		return err
	}
	return s.ClustersWhere(ctx, who, ClusterFilter{Galaxy: it.ID}, yield)
}

// ClusterFilter narrows a list of clusters; what is empty narrows nothing. Deleted
// lists the deleted ones only, Both those too.
type ClusterFilter struct {
	Galaxy    int64
	Types     []string // of galaxies
	UUIDs     []string
	IDs       []int64
	Tags      []string
	Own       *bool
	Published *bool
	Org       int64 // that made it
	Text      string
	Deleted   bool
	Both      bool
}

const clusterBatch = 500

// ClustersWhere streams clusters by id as far as the caller sees them. A site
// administrator's list of clusters of one's own is audited before it begins.
func (s *Service) ClustersWhere(ctx context.Context, who ident.Actor, f ClusterFilter, yield func(Cluster) error) error {
	if err := mayRead(who); err != nil {
		return err
	}
	all := seesAll(who) && (f.Own != nil && *f.Own || f.Org != 0 || f.Deleted)
	want := i18n.Fold(f.Text)
	for after, first := int64(0), true; ; first = false {
		var list []Cluster
		read := func(tx *store.Tx) (err error) {
			list, err = findClusters(ctx, tx, who, f, all, after, clusterBatch)
			return err
		}
		if err := s.viewAs(ctx, who, all && first, read); err != nil {
			return err
		}
		for _, c := range list {
			after = c.ID
			if want != "" && !c.holds(want) {
				continue
			}
			if err := yield(c); err != nil {
				return err
			}
		}
		if len(list) < clusterBatch {
			return nil
		}
	}
}

// viewAs reads, with an audit line before it when the caller reads as a site
// administrator past audiences.
func (s *Service) viewAs(ctx context.Context, who ident.Actor, all bool, read func(tx *store.Tx) error) error {
	if !all {
		return s.db.View(ctx, read)
	}
	return s.db.ViewLogged(ctx, func(tx *store.Tx) error {
		return s.log.Record(ctx, tx, who, "cluster.list", audit.Thing{Kind: "cluster"}, map[string]any{"as": "site administrator"})
	}, read)
}

// holds tells whether a cluster's value or another of its names holds folded text.
func (c Cluster) holds(want string) bool {
	return strings.Contains(i18n.Fold(c.Value), want) || strings.Contains(alsoFold(openBody(c.Body).Meta), want)
}

// Cluster reads one cluster by id or UUID. A site administrator's read past its
// audience is audited. Faults: NotFound.
func (s *Service) Cluster(ctx context.Context, who ident.Actor, ref string) (c Cluster, err error) {
	if err := mayRead(who); err != nil {
		return c, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		c, err = clusterBy(ctx, tx, who, ref, false)
		return err
	})
	if !fault.Is(err, fault.NotFound) || !seesAll(who) {
		return c, err
	}
	err = s.db.ViewLogged(ctx, func(tx *store.Tx) error {
		return s.log.Record(ctx, tx, who, "cluster.view", audit.Thing{Kind: "cluster", Label: ref}, map[string]any{"as": "site administrator"})
	}, func(tx *store.Tx) error {
		c, err = clusterBy(ctx, tx, who, ref, true)
		return err
	})
	return c, err
}

// ClustersOfTags finds the clusters that tags stand for and that the caller sees:
// lower-case tag → cluster.
func (s *Service) ClustersOfTags(ctx context.Context, who ident.Actor, tags []string) (map[string]Cluster, error) {
	if err := mayRead(who); err != nil || len(tags) == 0 {
		return nil, err
	}
	out := map[string]Cluster{}
	err := s.db.View(ctx, func(tx *store.Tx) error {
		for part := range slices.Chunk(tags, 500) {
			list, err := clustersByTag(ctx, tx, who, part)
			if err != nil {
				return err
			}
			for _, c := range list {
				out[strings.ToLower(c.Tag())] = c
			}
		}
		return nil
	})
	return out, err
}

// nameIndex holds the folded names of all imported clusters in one text, so that
// a search as one types is one walk through two megabytes.
type nameIndex struct {
	mu      sync.Mutex
	text    string  // every cluster: \x00 value \n other names
	starts  []int32 // where each begins
	ids     []int64
	loaded  bool
	as      int64
	checked time.Time
}

func (x *nameIndex) drop() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.loaded, x.checked = false, time.Time{}
}

// names gives the index in force, loading it when catalogues have changed.
func (s *Service) namesNow(ctx context.Context) (text string, starts []int32, ids []int64, err error) {
	x := &s.names
	x.mu.Lock()
	defer x.mu.Unlock()
	now := s.db.Clock.Now()
	if x.loaded && now.Sub(x.checked) < recheck && !now.Before(x.checked) {
		return x.text, x.starts, x.ids, nil
	}
	err = s.db.View(store.Present(ctx), func(tx *store.Tx) error {
		last, err := store.Int64(ctx, tx, lastChange, Galaxy)
		if err != nil || x.loaded && last == x.as {
			return err
		}
		var b strings.Builder
		x.starts, x.ids = nil, nil
		var id int64
		var value, also string
		for _, err := range store.Each(ctx, tx, func(r store.Scanner) (struct{}, error) { return struct{}{}, r.Scan(&id, &value, &also) }, importedNames) {
			if err != nil {
				return err
			}
			x.starts = append(x.starts, int32(b.Len()))
			x.ids = append(x.ids, id)
			b.WriteString("\x00" + value + "\n" + also)
		}
		x.text, x.loaded, x.as = b.String(), true, last
		return nil
	})
	x.checked = now
	return x.text, x.starts, x.ids, err
}

// search finds at most limit places of want in the index: values that are want,
// that begin with it, that hold it, then other names that do.
func search(text string, starts []int32, ids []int64, want string, limit int) []int64 {
	const ranks = 4
	var found [ranks][]int64
	for from := 0; len(found[0])+len(found[1])+len(found[2]) < limit*8; {
		i := strings.Index(text[from:], want)
		if i < 0 {
			break
		}
		i += from
		k, _ := slices.BinarySearch(starts, int32(i+1))
		k--
		end := len(text)
		if k+1 < len(starts) {
			end = int(starts[k+1])
		}
		from = end
		r, value := ranks-1, int(starts[k])+1
		nl := value + strings.IndexByte(text[value:end], '\n')
		switch {
		case i == value && i+len(want) == nl:
			r = 0
		case i == value:
			r = 1
		case i < nl:
			r = 2
		}
		if len(found[r]) < limit {
			found[r] = append(found[r], ids[k])
		}
	}
	return slices.Concat(found[0], found[1], found[2], found[3])
}

// FindClusters lists at most limit clusters whose value, or another name of it,
// holds the text, in either script and any case; the best first.
func (s *Service) FindClusters(ctx context.Context, who ident.Actor, text string, limit int) (out []Cluster, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	want := strings.Trim(i18n.Fold(text), "\x00\n")
	if want == "" || limit <= 0 {
		return nil, nil
	}
	names, starts, ids, err := s.namesNow(ctx)
	if err != nil {
		return nil, err
	}
	best := search(names, starts, ids, want, limit)
	all := seesAll(who)
	err = s.viewAs(ctx, who, all, func(tx *store.Tx) error {
		own, err := ownNamed(ctx, tx, who, all, want)
		if err != nil {
			return err
		}
		best = append(own, best...) // one's own stand first
		best = best[:min(len(best), limit)]
		if len(best) == 0 {
			return nil
		}
		at := make(map[int64]int, len(best))
		for i, id := range best {
			at[id] = i
		}
		out, err = clustersByID(ctx, tx, who, all, best)
		slices.SortFunc(out, func(a, b Cluster) int { return at[a.ID] - at[b.ID] })
		return err
	})
	return out, err
}
