package intel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/format/taxii"
	"straza/internal/format/tlp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// sharer is the part of Straža that converts published events. It reads all of
// an event; who gets which object is decided when somebody asks.
var sharer = ident.SystemPart("sharer")

// dataShared bounds the attachments that travel inside STIX; larger ones are
// fetched over the MISP surface.
const dataShared = 1 << 20

// stixSource names what must be seen, besides the event, for an object to be.
type stixSource struct {
	object, attribute           int64
	otherObject, otherAttribute int64
	report                      int64
	audiences                   string
}

// stixRow is one converted object.
type stixRow struct {
	id, batch, seq, event int64
	stixID, typ           string
	created, version      string
	ver, hash             int64
	from                  stixSource
	reach                 string
	tlp                   tlp.Level
	shared, listed, refs  bool
	earliest              bool
	json                  []byte
}

// conversion is one run over one event.
type conversion struct {
	s        *Service
	ctx      context.Context
	event    Event
	label    tlp.Level
	batch    int64
	run      int64 // the run that the differences are reckoned against
	seq      int64
	held     map[string]*heldStix
	marks    map[string]stix.Object
	marked   map[string]bool
	at       stixSource // where what is being converted stands
	links    map[string]stixSource
	targets  map[string]string // reference → uuid of its far end
	rows     []*stixRow
	drop     []int64
	dropAll  []string
	replaced []int64
}

// errMoved says that the event changed while it was converted.
var errMoved = errors.New("the event has changed meanwhile")

// shareEvent brings an event's converted objects up to its last change. What is
// not published keeps its rows, which nobody sees, so that what comes back
// unchanged keeps its date of addition.
func (s *Service) shareEvent(ctx context.Context, id int64) error {
	for try := 1; ; try++ {
		c := &conversion{s: s, ctx: ctx, held: map[string]*heldStix{}, marks: map[string]stix.Object{}, marked: map[string]bool{},
			links: map[string]stixSource{}, targets: map[string]string{}}
		todo, err := c.begin(id)
		if err != nil || !todo {
			return err
		}
		err = c.convert()
		if err == nil {
			err = c.settle()
		}
		if err == nil {
			return nil
		}
		if derr := s.dropBatch(context.WithoutCancel(ctx), c.batch); derr != nil || !errors.Is(err, errMoved) || try == 3 {
			return errors.Join(err, derr)
		}
	}
}

// begin reads the event and what was made of it before, and opens a batch.
func (c *conversion) begin(id int64) (todo bool, err error) {
	err = c.s.db.View(c.ctx, func(tx *store.Tx) error {
		changed, err := store.Int64(c.ctx, tx, publishedAt, id)
		if err != nil || changed == 0 {
			return err
		}
		if done, err := store.Int64(c.ctx, tx, stixDone, id, changed); err != nil || done != 0 {
			return err // somebody else was faster
		}
		if c.event, err = readEvent(c.ctx, tx, sharer, strconv.FormatInt(id, 10)); err != nil {
			return err
		}
		uses, err := eventTags(c.ctx, tx, id)
		if err != nil {
			return err
		}
		c.event.Tags = leaving(uses)
		if c.run, err = store.Int64(c.ctx, tx, stixState, id); err != nil {
			return err
		}
		todo = true
		for h, err := range store.Each(c.ctx, tx, scanHeld, haveStix, id) {
			if err != nil {
				return err
			}
			c.held[heldKey(h.stixID, h.shared, h.reach)] = &h
		}
		return nil
	})
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil || !todo {
		return false, err
	}
	level, _ := tlp.Parse(c.event.TLP)
	c.label = level.Or(c.s.untagged)
	return true, c.open()
}

// open begins a batch and clears what an interrupted run has left.
func (c *conversion) open() error {
	c.batch = c.s.db.NewID()
	return c.s.db.Update(c.ctx, func(tx *store.Tx) error {
		now, err := store.Now(c.ctx, tx)
		if err != nil {
			return err
		}
		before := now + 1
		if tx.Engine() == store.PostgreSQL { // another node may be at it
			before = now - 15*60*1e6
		}
		left, err := store.All(c.ctx, tx, store.ScanInt64, leftBatches, c.event.ID, before)
		if err != nil {
			return err
		}
		for _, id := range left {
			if err := dropBatchTx(c.ctx, tx, id); err != nil {
				return err
			}
		}
		_, err = tx.Exec(c.ctx, addBatch, c.batch, c.event.ID, now)
		return err
	}, store.InLane(store.Jobs))
}

func dropBatchTx(ctx context.Context, tx *store.Tx, id int64) error {
	if _, err := tx.Exec(ctx, dropRows, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, dropBatch, id)
	return err
}

func (s *Service) dropBatch(ctx context.Context, id int64) error {
	return s.db.Update(ctx, func(tx *store.Tx) error { return dropBatchTx(ctx, tx, id) }, store.InLane(store.Jobs))
}

// convert streams the event through the converter.
func (c *conversion) convert() error {
	w := c.event.Wire()
	if err := c.reports(w); err != nil {
		return err
	}
	conv := stix.New(w, stix.Options{Default: c.s.untagged}, c.emit)
	if err := c.attributes(conv); err != nil {
		return err
	}
	if err := c.objects(conv); err != nil {
		return err
	}
	if err := c.relations(); err != nil {
		return err
	}
	c.at = stixSource{}
	if err := conv.Close(); err != nil {
		return err
	}
	return c.flush()
}

func (c *conversion) reports(w *misp.Event) error {
	return c.s.db.View(c.ctx, func(tx *store.Tx) error {
		list, err := listReports(c.ctx, tx, sharer, c.event.ID, Without)
		for i := range list {
			w.EventReport = append(w.EventReport, list[i].Wire())
			c.links[list[i].UUID] = stixSource{report: list[i].ID, audiences: audienceText(list[i].audience)}
		}
		return err
	})
}

func (c *conversion) attributes(conv *stix.Converter) error {
	after := [2]int64{}
	return pages(0, func(n int) (int, error) {
		var list []Attribute
		var data map[int64][]byte
		err := c.s.db.View(c.ctx, func(tx *store.Tx) (err error) {
			if list, err = listAttributes(c.ctx, tx, sharer, c.event.ID, after, "= 0", Without, n); err != nil {
				return err
			}
			if err = attachTags(c.ctx, tx, pointers(list)); err != nil {
				return err
			}
			data, err = attachments(c.ctx, tx, list)
			return err
		})
		for i := range list {
			a := &list[i]
			after[1] = a.ID
			if err == nil {
				c.attribute(conv, a, data[a.ID], nil)
			}
		}
		return len(list), err
	})
}

// attribute converts one attribute that stands alone, or is told apart from its
// object because fewer may see it.
func (c *conversion) attribute(conv *stix.Converter, a *Attribute, data []byte, in *Object) {
	c.at = stixSource{object: a.ObjectID, attribute: a.ID, audiences: audienceText(a.audience)}
	if in != nil {
		c.at.audiences = audienceText(a.audience, in.audience)
	} else if a.audience == nil {
		c.at.audiences = ""
	}
	w := wireOut(a, data)
	conv.Attribute(&w)
}

// wireOut is an attribute as it may leave: without local tags.
func wireOut(a *Attribute, data []byte) misp.Attribute {
	a.Tags = leaving(a.Tags)
	w := a.Wire()
	if len(data) > 0 {
		w.Data = misp.T(base64.StdEncoding.EncodeToString(data))
	}
	return w
}

// leaving keeps the tags that may leave.
func leaving(uses []TagUse) []TagUse {
	var out []TagUse
	for _, u := range uses {
		if u.Exportable && !u.Local && !u.LocalOnly {
			out = append(out, u)
		}
	}
	return out
}

func attachments(ctx context.Context, tx *store.Tx, list []Attribute) (map[int64][]byte, error) {
	out := map[int64][]byte{}
	for i := range list {
		a := &list[i]
		if a.DataSize == 0 || a.DataSize > dataShared {
			continue
		}
		b, err := readData(ctx, tx, a.ID)
		if err != nil {
			return nil, err
		}
		out[a.ID] = b
	}
	return out, nil
}

func (c *conversion) objects(conv *stix.Converter) error {
	after := int64(0)
	return pages(0, func(int) (int, error) {
		var list []Object
		data := map[int64][]byte{}
		err := c.s.db.View(c.ctx, func(tx *store.Tx) (err error) {
			if list, err = listObjects(c.ctx, tx, sharer, c.event.ID, after, Without, 100); err != nil {
				return err
			}
			if err = fillObjects(c.ctx, tx, sharer, list, Without); err != nil {
				return err
			}
			for i := range list {
				more, err := attachments(c.ctx, tx, list[i].Attributes)
				if err != nil {
					return err
				}
				for id, b := range more {
					data[id] = b
				}
			}
			return nil
		})
		for i := range list {
			after = list[i].ID
			if err == nil {
				c.object(conv, &list[i], data)
			}
		}
		return len(list), err
	})
}

// object converts an object with those of its attributes that everybody sees who
// sees the object; the others stand alone, each under its own audience.
func (c *conversion) object(conv *stix.Converter, o *Object, data map[int64][]byte) {
	here := stixSource{object: o.ID, audiences: audienceText(o.audience)}
	whole := *o
	whole.Attributes = nil
	var apart []Attribute
	for _, a := range o.Attributes {
		if c.narrower(&a, o) {
			apart = append(apart, a)
		} else {
			whole.Attributes = append(whole.Attributes, a)
		}
	}
	for _, r := range o.References {
		c.links[r.UUID] = here
		c.targets[r.UUID] = r.TargetUUID
	}
	if len(whole.Attributes) > 0 || len(apart) == 0 {
		c.at = here
		w := whole.Wire()
		w.Attribute = w.Attribute[:0]
		for i := range whole.Attributes {
			w.Attribute = append(w.Attribute, wireOut(&whole.Attributes[i], data[whole.Attributes[i].ID]))
		}
		conv.Object(&w)
	}
	for i := range apart {
		c.attribute(conv, &apart[i], data[apart[i].ID], o)
	}
}

// narrower tells whether an attribute may be hidden from somebody who sees its
// object.
func (c *conversion) narrower(a *Attribute, o *Object) bool {
	if a.audience == nil || *a.audience == c.event.Audience || o.audience != nil && *a.audience == *o.audience {
		return false
	}
	wide := func(d Distribution) bool { return d == Community || d == Connected || d == All }
	return !wide(a.Distribution) || !wide(c.event.Distribution) && !wide(o.Distribution)
}

// relations finds where references point to: a relationship is seen by who sees
// both ends.
func (c *conversion) relations() error {
	var uuids []string
	for _, u := range c.targets {
		uuids = append(uuids, u)
	}
	return c.s.db.View(c.ctx, func(tx *store.Tx) error {
		ends, err := farEnds(c.ctx, tx, c.event.ID, uuids)
		for ref, u := range c.targets {
			from, to := c.links[ref], ends[u]
			from.otherObject, from.otherAttribute, from.audiences = to.object, to.attribute, from.audiences+">"+to.reach
			c.links[ref] = from
		}
		return err
	})
}

func audienceText(list ...*int64) string {
	var b strings.Builder
	for _, a := range list {
		b.WriteByte('.')
		if a != nil {
			b.WriteString(itoa(*a))
		}
	}
	return b.String()
}

// emit takes an object from the converter.
func (c *conversion) emit(o stix.Object) error {
	if o.Type == "marking-definition" {
		c.marks[o.ID] = o // written with what carries it
		return nil
	}
	r := &stixRow{stixID: o.ID, typ: o.Type, created: o.Created, version: o.Modified, from: c.at, json: o.JSON, listed: true, tlp: c.label}
	switch o.Type {
	case "identity":
		r.from, r.shared, r.listed = stixSource{}, true, false
	case "report":
		r.from, r.refs, r.listed = stixSource{}, true, false
		r.json = withRefs(o.JSON, nil)
	default:
		if at, ok := c.links[o.Source]; ok && (o.Type == "relationship" || o.Type == "note") {
			r.from = at
		}
	}
	for _, id := range marksOf(o.JSON) {
		r.tlp = max(r.tlp, stix.LevelOf(id))
		if err := c.mark(id, r.from); err != nil {
			return err
		}
	}
	return c.put(r)
}

// mark writes a marking definition once for each circle of readers of what
// carries it, so that it tells nobody of labels that they do not see.
func (c *conversion) mark(id string, from stixSource) error {
	m, ok := c.marks[id]
	key := id + from.audiences
	if !ok || c.marked[id] || c.marked[key] {
		return nil
	}
	c.marked[key] = true
	if from.audiences == "" || strings.Trim(from.audiences, ".") == "" {
		c.marked[id] = true
		from = stixSource{}
	}
	return c.put(&stixRow{stixID: id, typ: m.Type, created: m.Created, version: m.Modified, from: from, json: m.JSON,
		tlp: max(c.label, stix.LevelOf(id)), shared: true})
}

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
		switch {
		case same && h.reach == r.reach:
			return nil
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
	r.json = bytes.Replace(r.json, []byte(`"created":"`+r.created+`","modified":"`+r.version+`"`), []byte(`"created":"`+created+`","modified":"`+version+`"`), 1)
	r.created, r.version, r.ver = created, version, versionMicros(version)
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

func (c *conversion) flush() error {
	rows := c.rows
	c.rows = nil
	if len(rows) == 0 {
		return nil
	}
	return c.s.db.Update(c.ctx, func(tx *store.Tx) error {
		_, err := tx.CopyIn(c.ctx, "intel_stix", stixColumns, columnsOf(rows))
		return err
	}, store.InLane(store.Bulk))
}

// settle numbers the batch and lets it be seen, all at once.
func (c *conversion) settle() error {
	for _, h := range c.held {
		if h.seen || h.id == 0 {
			continue
		}
		if h.shared {
			c.drop = append(c.drop, h.id)
		} else {
			c.dropAll = append(c.dropAll, h.stixID)
		}
	}
	return c.s.db.Update(c.ctx, func(tx *store.Tx) error {
		last, err := lockClock(c.ctx, tx)
		if err != nil {
			return err
		}
		changed, err := store.Int64(c.ctx, tx, publishedAt, c.event.ID)
		if err != nil {
			return err
		}
		run, err := store.Int64(c.ctx, tx, stixState, c.event.ID)
		if err != nil {
			return err
		}
		if changed != c.event.Changed || run != c.run {
			return errMoved
		}
		if err := c.remove(tx); err != nil {
			return err
		}
		return c.number(tx, last)
	}, store.InLane(store.Jobs))
}

// remove takes out what is no more; rows of this batch are not yet among them.
func (c *conversion) remove(tx *store.Tx) error {
	if err := supersede(c.ctx, tx, c.replaced); err != nil {
		return err
	}
	return dropStix(c.ctx, tx, c.event.ID, c.batch, c.drop, c.dropAll)
}

func (c *conversion) number(tx *store.Tx, last int64) error {
	now, err := store.Now(c.ctx, tx)
	if err != nil {
		return err
	}
	base := max(now, last)
	if c.seq == 0 {
		if err := dropBatchTx(c.ctx, tx, c.batch); err != nil {
			return err
		}
	} else {
		n, err := tx.Exec(c.ctx, numberBatch, c.batch, base, base+c.seq)
		if err != nil {
			return err
		}
		if n == 0 {
			return errMoved
		}
		if _, err := tx.Exec(c.ctx, moveStixClock, base+c.seq); err != nil {
			return err
		}
	}
	_, err = tx.Exec(c.ctx, noteState, c.event.ID, c.event.Changed, c.batch)
	return err
}

// marksOf lists an object's markings.
func marksOf(json []byte) []string { return idList(json, `,"object_marking_refs":[`) }

// idList reads a list of identifiers that the converter wrote; in a text the
// quotes of the name would be escaped.
func idList(json []byte, key string) []string {
	_, rest, ok := bytes.Cut(json, []byte(key))
	if !ok {
		return nil
	}
	list, _, _ := bytes.Cut(rest, []byte{']'})
	return strings.Split(strings.ReplaceAll(string(list), `"`, ""), ",")
}

// withRefs puts references into a report.
func withRefs(json []byte, ids []string) []byte {
	const key = `,"object_refs":[`
	head, rest, ok := bytes.Cut(json, []byte(key))
	if !ok {
		return json
	}
	_, tail, _ := bytes.Cut(rest, []byte{']'})
	out := make([]byte, 0, len(json)+len(ids)*60)
	out = append(append(out, head...), key...)
	for i, id := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), id...), '"')
	}
	return append(append(out, ']'), tail...)
}
