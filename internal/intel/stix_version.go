package intel

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"

	"straza/internal/format/stix"
	"straza/internal/format/taxii"
)

func heldKey(stixID string, shared bool, reach string) string {
	if shared {
		return stixID + " " + reach
	}
	return stixID
}

// put compares an object with what was served before: the same keeps its place,
// a change is a new version, other readers make it new.
func (c *conversion) put(r *stixRow) error {
	sum := sha256.Sum256(r.json)
	r.hash = int64(binary.BigEndian.Uint64(sum[:8]))
	r.event, r.batch, r.earliest = c.event.ID, c.batch, true
	r.reach = itoa(c.event.Audience) + "/" + strconv.Itoa(int(r.tlp)) + r.from.audiences
	r.ver = versionMicros(r.version)
	key := heldKey(r.stixID, r.shared, r.reach)
	h := c.held[key]
	if h != nil {
		if h.seen {
			return nil // the converter said it twice
		}
		h.seen = true
		same := h.hash == r.hash
		if same && h.reach == r.reach {
			return nil
		}
		if r.typ == "indicator" {
			c.renewed = append(c.renewed, r.stixID)
		}
		switch {
		case r.shared:
			c.drop = append(c.drop, h.id)
		case h.reach == r.reach && r.ver != 0 && !r.refs:
			r.earliest = false
			c.replaced = append(c.replaced, h.id)
			c.follow(r, h, same)
		default:
			c.dropAll = append(c.dropAll, r.stixID)
			c.follow(r, h, same)
		}
	} else {
		c.held[key] = &heldStix{seen: true, stixID: r.stixID}
	}
	c.seq++
	r.id, r.seq = c.s.db.NewID(), c.seq
	c.rows = append(c.rows, r)
	if len(c.rows) >= 1000 {
		return c.flush()
	}
	return nil
}

// follow makes an object a version of the one before: STIX wants created to stay
// and modified to rise with every change of content, while a new label on an
// event changes its attributes' markings and not their timestamps.
func (c *conversion) follow(r *stixRow, h *heldStix, same bool) {
	if r.ver == 0 || h.ver == 0 {
		return
	}
	version := r.version
	switch {
	case same && h.ver > r.ver:
		version = stixTime(h.ver)
	case !same && r.ver <= h.ver:
		version = stixTime(max(c.event.Changed, h.ver+1000))
	}
	created := r.created
	if h.created != "" && versionMicros(h.created) <= versionMicros(created) {
		created = h.created
	}
	if version == r.version && created == r.created {
		return
	}
	o := stix.Object{Created: r.created, Modified: r.version, JSON: r.json}.Restamp(created, version)
	r.json, r.created, r.version, r.ver = o.JSON, created, version, versionMicros(version)
}

func stixTime(us int64) string {
	return time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000Z")
}

func versionMicros(s string) int64 {
	if t, ok := taxii.ParseTime(s); ok {
		return t.UnixMicro()
	}
	return 0
}
