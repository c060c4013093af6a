package intel

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"straza/internal/format/stix"
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
	groups   map[int64]string  // sharing groups by id
	unnamed  error             // why one could not be read
	rows     []*stixRow
	drop     []int64
	dropAll  []string
	replaced []int64
	renewed  []string // indicators: what ended them before does not end what they are now
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
		uses, err := eventTags(c.ctx, tx, sharer, id)
		if err != nil {
			return err
		}
		c.event.Tags = TagsOut(uses)
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

// emit takes an object from the converter.
func (c *conversion) emit(o stix.Object) error {
	if o.Type == "marking-definition" {
		c.marks[o.ID] = o // written with what carries it
		return nil
	}
	r := &stixRow{stixID: o.ID, typ: o.Type, created: o.Created, version: o.Modified, from: c.at, json: o.JSON, listed: true, tlp: c.label}
	switch {
	case o.Type == "extension-definition", o.Type == "identity" && stix.Author(o.JSON) == "": // makers; whom an event is about has one
		r.from, r.shared, r.listed = stixSource{}, true, false
	case o.Type == "report":
		r.from, r.refs, r.listed = stixSource{}, true, false
		r.json = stix.WithRefs(o.JSON, nil)
	default:
		if at, ok := c.links[o.Source]; ok && (o.Type == "relationship" || o.Type == "note") {
			r.from = at
		}
	}
	for _, id := range stix.Marks(o.JSON) {
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
		if _, err := lockClock(c.ctx, tx); err != nil {
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
		if err := c.s.dropped(c.ctx, tx, c.event.ID, c.dropAll); err != nil {
			return err
		}
		last, err := store.Int64(c.ctx, tx, readStixClock) // what left moved it
		if err != nil {
			return err
		}
		if err := c.remove(tx); err != nil {
			return err
		}
		if err := c.number(tx, last); err != nil {
			return err
		}
		return c.s.collectTx(c.ctx, tx, c.event.ID)
	}, store.InLane(store.Jobs))
}

// remove takes out what is no more; rows of this batch are not yet among them.
func (c *conversion) remove(tx *store.Tx) error {
	if err := supersede(c.ctx, tx, c.replaced); err != nil {
		return err
	}
	if err := dropEnds(c.ctx, tx, c.event.ID, c.renewed); err != nil {
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
