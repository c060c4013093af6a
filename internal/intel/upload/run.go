package upload

import (
	"context"
	"maps"
	"slices"

	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// importing is one run of an import.
type importing struct {
	s       *Service
	ctx     context.Context
	u       *Upload
	who     ident.Actor
	res     Result
	reasons tally
	verdict map[fits]bool
	hold    bool // of the event under way: it was to be published
	read    int64
}

type fits struct {
	level intel.Distribution
	group int64
	label tlp.Level
}

// importJob imports a file in the name of its person, with their rights of now. What
// another run of the same import stored counts as stored.
func (s *Service) importJob(ctx context.Context, id int64) error {
	u, who, found, err := s.begin(ctx, id)
	if fault.Is(err, fault.Denied) && found { // the person lost the right meanwhile
		u.Result.Fault = "fault.denied"
		return s.finish(ctx, &u, Done)
	}
	if err != nil || !found || u.State != Importing {
		return err
	}
	im := &importing{s: s, ctx: ctx, u: &u, who: who, verdict: map[fits]bool{}}
	left, err := im.run()
	if key, detail := broken(err); key != "" { // what stood before the break is here
		im.res.Fault, u.Found.Detail = key, detail
	} else if err != nil {
		return err
	}
	im.reasons.remains(left)
	im.res.Reasons = im.reasons.list
	u.Result, u.Events = im.res, im.read
	return s.finish(ctx, &u, Done)
}

func (im *importing) run() ([]stix.Remains, error) {
	opt := intel.AddOptions{Upsert: im.u.Options.Update, Also: im.note}
	r, err := im.s.open(im.ctx, im.u)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if im.u.Format == STIX {
		in := intel.STIX{Limits: stix.Limits{Bytes: MaxBytes}, Read: im.s.stixOptions(im.u), Grouping: im.grouping, Wrap: im.shaped}
		return im.s.d.Intel.ImportSTIX(im.ctx, im.who, r, in, opt, im.done)
	}
	src := im.shaped(intel.Grouped(im.ctx, intel.FromReader(r, mispLimits), im.grouping))
	return nil, im.s.d.Intel.Import(im.ctx, im.who, src, opt, im.done)
}

// grouping: a file's groups are known by UUID, as the person may use them; nothing of
// theirs is taken in, because nobody vouches for a file.
func (im *importing) grouping() *intel.Grouping {
	g := intel.NewGrouping(nil, func(_ context.Context, w *misp.SharingGroup) (int64, error) {
		return im.s.group(im.ctx, im.who, w.UUID.Or(""))
	})
	g.Foreign = true
	return g
}

// shaped gives each event the reach, the label and the state that were chosen. A header
// comes twice and grows between: what is done is the same when done again.
func (im *importing) shaped(src intel.Source) intel.Source {
	return func(fn func(misp.Item) error) error {
		return src(func(it misp.Item) error {
			switch it.Kind {
			case misp.ItemStart:
				it.Event.Published = misp.Flag{}
			case misp.ItemEnd:
				if err := im.shape(it.Event); err != nil {
					return err
				}
			}
			return fn(it)
		})
	}
}

const noGroup = "its sharing group is not known here, or not for the caller: only the own organisation sees it"

func (im *importing) shape(e *misp.Event) error {
	came := Reach{Level: intel.Distribution(e.Distribution.Level(silent)), Group: e.SharingGroupID.Or(0)}
	if came.Said = int64(came.Level) != silent; came.Level == intel.Group && came.Group == 0 { // a group that is not for us
		im.reasons.add("sharing_group", noGroup, 1)
		came = Reach{Level: intel.OwnOrg, Said: true}
	}
	reach := Narrowed(came, im.u.Options)
	e.Distribution, e.SharingGroupID, e.SharingGroup, e.Published = misp.N(int64(reach.Level)), misp.N(reach.Group), nil, misp.Flag{}
	label := tlp.FromTags(tagNames(e))
	if chosen, ok := tlp.Parse(im.u.Options.Label); ok && label == tlp.None {
		label = chosen
		e.Tag = append(e.Tag, misp.Tag{Name: misp.T(chosen.Tag())})
	}
	im.hold = false
	if !im.u.Options.Publish {
		return nil
	}
	allowed, err := im.allowed(fits{reach.Level, reach.Group, label})
	if err != nil {
		return err
	}
	im.hold = !allowed
	e.Published = misp.B(allowed)
	return nil
}

// allowed tells whether a label lets an event have these readers.
func (im *importing) allowed(f fits) (bool, error) {
	if ok, known := im.verdict[f]; known {
		return ok, nil
	}
	var tags []string
	if f.label != tlp.None {
		tags = []string{f.label.Tag()}
	}
	r, err := im.s.d.Intel.WhoSees(im.ctx, im.who, f.level, f.group, tags)
	if err == nil {
		im.verdict[f] = r.Verdict.Answer != tlp.Hold
	}
	return im.verdict[f], err
}

// note remembers an event within the act that stores it.
func (im *importing) note(ctx context.Context, tx *store.Tx, saved intel.Saved) error {
	_, err := tx.Exec(ctx, addEvent, im.s.d.DB.NewID(), im.u.ID, saved.ID, saved.State == "created")
	if err == nil {
		_, err = tx.Exec(ctx, stampEvent, im.u.ID, saved.ID)
	}
	return err
}

// done counts what became of an event.
func (im *importing) done(saved intel.Saved, err error) error {
	im.read++
	t := &im.res.Events
	t.Read++
	switch k := fault.KindOf(err); k {
	case "":
	case fault.Internal, fault.Unavailable:
		return err
	case fault.Conflict:
		return im.exists(saved, err)
	default:
		t.Refused++
		im.refuse(Refusal{UUID: saved.UUID, Key: keyOf(err)})
		return im.beat()
	}
	switch saved.State {
	case "created":
		t.Created++
	case "updated":
		t.Updated++
	default:
		return im.unchanged(saved)
	}
	if im.hold {
		im.res.Held++
	}
	im.res.Attributes.Add(saved.Attributes)
	im.res.Objects.Add(saved.Objects)
	for _, d := range saved.Dropped {
		im.reasons.add(d.Field, d.Text, 1)
	}
	return im.beat()
}

// exists: an event that is here already stays as it is, unless an earlier run of this
// import brought it.
func (im *importing) exists(saved intel.Saved, err error) error {
	f := fault.Of(err)
	if f.Key != "intel.fault.event-exists" {
		im.res.Events.Refused++
		im.refuse(Refusal{UUID: saved.UUID, Key: f.Key})
		return im.beat()
	}
	return im.unchanged(saved)
}

func (im *importing) unchanged(saved intel.Saved) error {
	var n int64
	if saved.UUID != "" {
		err := im.s.d.DB.View(im.ctx, func(tx *store.Tx) (err error) {
			n, err = store.Int64(im.ctx, tx, wasStored, im.u.ID, saved.UUID, true)
			return err
		})
		if err != nil {
			return err
		}
	}
	if n > 0 {
		im.res.Events.Created++
	} else {
		im.res.Events.Unchanged++
	}
	return im.beat()
}

// keyOf is the sentence for an event that was refused: its field's, where it has one.
func keyOf(err error) string {
	f := fault.Of(err)
	for _, field := range slices.Sorted(maps.Keys(f.Fields)) {
		return f.Fields[field]
	}
	return f.Key
}

func (im *importing) refuse(r Refusal) {
	if len(im.res.Refused) < reasonsKept {
		im.res.Refused = append(im.res.Refused, r)
	}
}

// beat lets the page say how far the job is; every event of a few, every fiftieth of many.
func (im *importing) beat() error {
	if im.read%50 != 0 && im.read > 50 {
		return nil
	}
	return im.s.d.DB.Update(im.ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(im.ctx, countDone, im.u.ID, im.read)
		return err
	}, store.InLane(store.Jobs))
}
