package feed

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // MISP's feeds name values by it; it protects nothing
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// keyOf is the first 64 bits of a value's MD5: among millions of values two that
// share them are not expected.
func keyOf(value string) int64 {
	sum := md5.Sum([]byte(value))
	return int64(binary.BigEndian.Uint64(sum[:8])) //nolint:gosec // bits, not a number
}

// keyOfHash reads a value's MD5 as feeds write it.
func keyOfHash(hash string) (int64, bool) {
	b, err := hex.DecodeString(hash)
	if err != nil || len(b) != md5.Size {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(b[:8])), true //nolint:gosec // bits, not a number
}

// cache renews what is known of a feed's values.
func (s *Service) cache(ctx context.Context, id int64) error {
	f, _, err := s.begin(ctx, id)
	if err != nil && f.ID == 0 {
		return nil // deleted meanwhile
	}
	run := s.d.DB.NewID()
	if err == nil {
		err = s.fill(ctx, &f, run)
	}
	for err == nil {
		var n int64
		err = s.d.DB.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = dropOld(ctx, tx, f.ID, run)
			return err
		}, store.InLane(store.Bulk))
		if n == 0 {
			break
		}
	}
	fault := words(err)
	return s.d.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if fault != "" {
			now = f.Cached
		}
		_, err = tx.Exec(ctx, noteCache, f.ID, now, fault)
		return err
	})
}

func (s *Service) fill(ctx context.Context, f *Feed, run int64) error {
	name := ""
	if f.Format == FormatMISP {
		name = "hashes.csv"
	}
	src, err := s.open(ctx, f, name)
	if err != nil {
		return err
	}
	defer src.Close()
	var part []held
	flush := func() error {
		err := s.d.DB.Update(ctx, func(tx *store.Tx) error { return putValues(ctx, tx, f.ID, run, part) }, store.InLane(store.Bulk))
		part = part[:0]
		return err
	}
	add := func(h held) error {
		if part = append(part, h); len(part) < 2000 {
			return nil
		}
		return flush()
	}
	if f.Format == FormatMISP {
		err = parseHashes(src, func(hash, event string) error {
			if k, ok := keyOfHash(hash); ok {
				if !fileName(event) {
					event = ""
				}
				return add(held{k, event})
			}
			return nil
		})
	} else {
		var list []misp.Attribute
		if list, err = parseList(f.Format, f.Settings, src); err == nil {
			for _, at := range list {
				if err = add(held{keyOf(at.Value.V), ""}); err != nil {
					return err
				}
			}
		}
	}
	if err != nil {
		return err
	}
	return flush()
}

// FeedHit is a feed that holds a value, and the events of it that do.
type FeedHit struct {
	Feed   Feed
	Events []string
}

// Holding tells which feeds hold a value, by their caches: all for who manages
// feeds, those that are shown to everybody for others.
func (s *Service) Holding(ctx context.Context, who ident.Actor, value string) (out []FeedHit, err error) {
	feeds, err := s.Feeds(ctx, who)
	if err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		list := []int64{keyOf(value)}
		if low := strings.ToLower(value); low != value {
			list = append(list, keyOf(low))
		}
		for _, k := range list {
			rows, err := readHits(ctx, tx, k)
			if err != nil {
				return err
			}
			for _, h := range rows {
				i := slices.IndexFunc(feeds, func(f Feed) bool { return f.ID == h.feed })
				if i < 0 {
					continue
				}
				at := slices.IndexFunc(out, func(x FeedHit) bool { return x.Feed.ID == h.feed })
				if at < 0 {
					at, out = len(out), append(out, FeedHit{Feed: feeds[i]})
				}
				if h.event != "" {
					out[at].Events = append(out[at].Events, h.event)
				}
			}
		}
		return nil
	})
	return out, err
}

// Overlap counts the values that two feeds share.
type Overlap struct {
	Feed, Other int64
	Count       int64
}

// Compare counts what feeds have in common, by their caches. Needs the right to
// manage feeds.
func (s *Service) Compare(ctx context.Context, who ident.Actor) (feeds []Feed, shared []Overlap, err error) {
	if err := mayChange(who); err != nil {
		return nil, nil, err
	}
	if feeds, err = s.Feeds(ctx, who); err != nil {
		return nil, nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		rows, err := readOverlaps(ctx, tx)
		for _, x := range rows {
			shared = append(shared, Overlap{x[0], x[1], x[2]})
		}
		return err
	})
	return feeds, shared, err
}

// Found is one thing that a feed would bring: an indicator of a list, or an event
// of a MISP feed by its header.
type Found struct {
	Type, Value string
	UUID, Info  string
	Timestamp   int64
	Stopped     *Reason // it would be kept out of detection
}

// Preview shows what a feed would bring, at most most of it; nothing is written.
// Needs the right to manage feeds. Faults: as a run's.
func (s *Service) Preview(ctx context.Context, who ident.Actor, id int64, most int) (out []Found, err error) {
	if err := mayChange(who); err != nil {
		return nil, err
	}
	var f Feed
	if err := s.d.DB.View(ctx, func(tx *store.Tx) (err error) { f, err = oneFeed(ctx, tx, id); return err }); err != nil {
		return nil, err
	}
	name := ""
	if f.Format == FormatMISP {
		name = "manifest.json"
	}
	src, err := s.open(ctx, &f, name)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if f.Format == FormatMISP {
		list, err := parseManifest(src)
		for _, x := range list[:min(len(list), most)] {
			out = append(out, Found{UUID: x.UUID, Info: x.Info, Timestamp: x.Timestamp})
		}
		return out, err
	}
	list, err := parseList(f.Format, f.Settings, src)
	for _, at := range list[:min(len(list), most)] {
		x := Found{Type: at.Type.V, Value: at.Value.V}
		if f.ids(x.Type) {
			why, ok, err := s.weigh(ctx, who, x.Type, x.Value)
			if err != nil {
				return nil, err
			}
			if !ok {
				x.Stopped = &why
			}
		}
		out = append(out, x)
	}
	return out, err
}

// PreviewEvent gives one event of a MISP feed as its file has it, at most as large
// as one may be. Needs the right to manage feeds.
func (s *Service) PreviewEvent(ctx context.Context, who ident.Actor, id int64, uuid string) ([]byte, error) {
	if err := mayChange(who); err != nil {
		return nil, err
	}
	var f Feed
	if err := s.d.DB.View(ctx, func(tx *store.Tx) (err error) { f, err = oneFeed(ctx, tx, id); return err }); err != nil {
		return nil, err
	}
	if uuid = strings.ToLower(uuid); f.Format != FormatMISP || !fileName(uuid) {
		return nil, noFeed(id)
	}
	src, err := s.open(ctx, &f, uuid+".json")
	if err != nil {
		return nil, err
	}
	defer src.Close()
	b, err := io.ReadAll(io.LimitReader(src, maxFile))
	if err != nil {
		return nil, err
	}
	var out []byte
	err = misp.DecodeEvents(bytes.NewReader(b), misp.Limits{Bytes: maxFile}, func(e *misp.Event) error {
		out = misp.Append(nil, e)
		return nil
	})
	return out, err
}
