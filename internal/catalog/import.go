package catalog

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"path"
	"strings"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Limits of what is read: one file, one archive packed and unpacked.
const (
	fileLimit    = 64 << 20
	archiveLimit = 128 << 20
	unpackLimit  = 1 << 30
	filesLimit   = 50_000
	ratioLimit   = 100     // unpacked to packed
	ratioFree    = 1 << 20 // below this the ratio does not matter
)

// File is one file of a catalogue's directory or archive.
type File struct {
	Name string
	Open func() (io.ReadCloser, error)
}

// Files are those of a directory, an archive, or one alone.
type Files = iter.Seq2[File, error]

// Counts of one kind.
type Counts struct {
	Read      int `json:"read"`
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
}

// Problem is a file that was not taken in, and why.
type Problem struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// Report is what an import did.
type Report struct {
	Files   int                `json:"files"`
	Kinds   map[string]*Counts `json:"kinds"`
	Entries int64              `json:"entries"`
	Passed  int                `json:"passed"` // files that are no catalogue: manifests, licences
	Refused []Problem          `json:"refused"`
}

// Import takes in every catalogue among files; each goes in whole or not at all,
// and what is not newer than what is here changes nothing. A file that cannot be
// read is reported and the rest goes on. Who may: catalog.write.
func (s *Service) Import(ctx context.Context, who ident.Actor, files Files) (Report, error) {
	rep := Report{Kinds: map[string]*Counts{}, Refused: []Problem{}}
	if err := mayWrite(who); err != nil {
		return rep, err
	}
	for f, err := range files {
		if err != nil {
			return rep, err
		}
		if strings.EqualFold(path.Ext(f.Name), ".zip") {
			if err := s.archive(ctx, who, f, &rep); err != nil {
				return rep, err
			}
			continue
		}
		if err := s.one(ctx, who, f, &rep, false); err != nil {
			return rep, err
		}
	}
	s.match.drop()
	s.names.drop()
	return rep, nil
}

// archive reads a zip; it is held in memory, because a zip's list is at its end.
func (s *Service) archive(ctx context.Context, who ident.Actor, f File, rep *Report) error {
	b, err := readAll(f, archiveLimit)
	if err != nil {
		rep.Refused = append(rep.Refused, Problem{f.Name, err.Error()})
		return nil
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		rep.Refused = append(rep.Refused, Problem{f.Name, "it is no zip archive"})
		return nil
	}
	var total uint64
	for i, e := range z.File {
		// The list may lie about sizes: what is read of a file is bounded by what it takes packed.
		most := max(ratioFree, e.CompressedSize64*ratioLimit)
		if total += e.UncompressedSize64; total > unpackLimit || i > filesLimit || e.UncompressedSize64 > most {
			rep.Refused = append(rep.Refused, Problem{f.Name, "the archive unpacks to too much"})
			return nil
		}
		if e.FileInfo().IsDir() {
			continue
		}
		if err := s.one(ctx, who, File{Name: f.Name + "/" + e.Name, Open: e.Open}, rep, false); err != nil {
			return err
		}
	}
	return nil
}

var errTooLarge = errors.New("the file is too large")

func readAll(f File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = errTooLarge
	}
	return b, err
}

// one takes in one file; an error ends the import, a fault of the file does not.
func (s *Service) one(ctx context.Context, who ident.Actor, f File, rep *Report, builtin bool) error {
	if !strings.EqualFold(path.Ext(f.Name), ".json") {
		rep.Passed++
		return nil
	}
	b, err := readAll(f, fileLimit)
	if err != nil {
		rep.Refused = append(rep.Refused, Problem{f.Name, err.Error()})
		return nil
	}
	p, err := parse(b)
	if err != nil {
		rep.Refused = append(rep.Refused, Problem{f.Name, err.Error()})
		return nil
	}
	if p == nil {
		rep.Passed++
		return nil
	}
	rep.Files++
	p.item.Builtin = builtin
	return s.put(ctx, who, p, rep)
}

// put stores one catalogue when it is newer.
func (s *Service) put(ctx context.Context, who ident.Actor, p *parsed, rep *Report) error {
	c := rep.Kinds[p.item.Kind]
	if c == nil {
		c = &Counts{}
		rep.Kinds[p.item.Kind] = c
	}
	var state *int
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		state = &c.Unchanged
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		old, err := readItem(ctx, tx, p.item.Kind, p.item.Key)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		it := p.item
		it.ID, it.Changed = old.ID, now
		fresh := old.ID == 0
		if fresh {
			it.ID = s.db.NewID()
		}
		it.Enabled = it.Enabled && fresh || old.Enabled
		if p.item.Kind == Galaxy {
			changed, err := s.putGalaxy(ctx, tx, p, it, old)
			if err != nil || !changed {
				return err
			}
		} else {
			// What was imported is never replaced by what is built in.
			if !fresh && (it.Builtin && !old.Builtin || it.Builtin == old.Builtin && it.Version <= old.Version) {
				return nil
			}
			if err := writeItem(ctx, tx, it, p.body); err != nil {
				return err
			}
		}
		if state = &c.Updated; fresh {
			state = &c.Created
		}
		return s.log.Record(ctx, tx, who, "catalog.import", audit.Thing{Kind: it.Kind, ID: it.ID, Label: it.Name},
			map[string]any{"version": it.Version, "entries": it.Entries})
	}, store.InLane(store.Bulk))
	if err != nil {
		return err
	}
	c.Read++
	*state++
	rep.Entries += p.item.Entries
	return nil
}

// putGalaxy joins the two files of a galaxy, whichever comes first: its own text,
// and its clusters. Each has a version of its own; the one of the clusters is
// kept in the item, the other in the body. What was imported is never replaced by what
// is built in, and takes its place: clusters of the same UUID stay the same.
func (s *Service) putGalaxy(ctx context.Context, tx *store.Tx, p *parsed, it, old Item) (changed bool, err error) {
	if it.Builtin && old.ID != 0 && !old.Builtin {
		return false, nil
	}
	if p.head {
		// The galaxy's own file: its body replaces what the cluster file left.
		if old.ID != 0 {
			have, err := bodyOf(ctx, tx, old.ID)
			if err != nil {
				return false, err
			}
			if p.body, err = withHead(p.body, have); err != nil || bytes.Equal(have, p.body) {
				return false, err
			}
			it.Entries, it.Version = old.Entries, old.Version
		} else {
			if p.body, err = withHead(p.body, []byte("{}")); err != nil {
				return false, err
			}
			it.Version = 0
		}
		return true, writeItem(ctx, tx, it, p.body)
	}
	if old.ID != 0 && it.Version <= old.Version {
		return false, nil
	}
	body := p.body
	if old.ID != 0 && old.Class != "" {
		if body, err = bodyOf(ctx, tx, old.ID); err != nil {
			return false, err
		}
		if body, err = withHead(body, p.body); err != nil {
			return false, err
		}
		it.UUID, it.Name, it.Class, it.Description = old.UUID, old.Name, old.Class, old.Description
	}
	if err := writeItem(ctx, tx, it, body); err != nil {
		return false, err
	}
	return true, writeClusters(ctx, tx, it.ID, p.clusters)
}

// withHead adds what the cluster file says of all its clusters to the galaxy's own
// text: who wrote them, and after what.
func withHead(galaxy, clusters []byte) ([]byte, error) {
	var to, from map[string]json.RawMessage
	if err := json.Unmarshal(galaxy, &to); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(clusters, &from); err != nil {
		return nil, err
	}
	for _, key := range []string{"authors", "category", "source"} {
		if v, ok := from[key]; ok {
			to[key] = v
		}
	}
	return json.Marshal(to)
}
