package remark

import (
	"context"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Kind is what sort of remark one is, as MISP names it.
type Kind string

// The three kinds.
const (
	Note         Kind = "Note"
	Opinion      Kind = "Opinion"
	Relationship Kind = "Relationship"
)

// Kinds lists them in MISP's order; the place is MISP's note_type.
var Kinds = []Kind{Note, Opinion, Relationship}

// targets are what a remark may hang on.
var targets = map[string]bool{"Attribute": true, "Event": true, "EventReport": true, "GalaxyCluster": true, "Galaxy": true, "Object": true,
	"Note": true, "Opinion": true, "Relationship": true, "Organisation": true, "SharingGroup": true}

// Remark is one note, opinion or relationship.
type Remark struct {
	ID           int64
	UUID         string
	Kind         Kind
	Org          intel.Org // holds it here
	Origin       intel.Org // made it
	Distribution intel.Distribution
	Group        int64
	Locked       bool // came from another installation
	Target       string
	TargetType   string
	Authors      string
	Text         string // of a note; the comment of an opinion
	Language     string
	Opinion      int // 0 wholly wrong … 100 wholly right
	Relationship string
	Related      string // what a relationship leads to
	RelatedType  string
	Created      int64 // seconds
	Modified     int64
	Children     []Remark // remarks about this one that the caller sees
	Mine         bool     // the caller may change it

	root  string
	event int64
}

const stamp = "2006-01-02 15:04:05"

// Wire gives a remark in MISP's form, without organisations' cards, children and
// the sign whether it may be changed: adapters add what their answer carries.
func (n *Remark) Wire() misp.Analyst {
	w := misp.Analyst{ID: misp.N(n.ID), UUID: misp.T(n.UUID), ObjectUUID: misp.T(n.Target), ObjectType: misp.T(n.TargetType), Authors: misp.T(n.Authors),
		OrgUUID: misp.T(n.Org.UUID), OrgcUUID: misp.T(n.Origin.UUID), Created: misp.T(clock.FromMicros(n.Created * 1e6).Format(stamp)),
		Modified: misp.T(clock.FromMicros(n.Modified * 1e6).Format(stamp)), Distribution: misp.N(int64(n.Distribution)), SharingGroupID: misp.NullInt(),
		Locked: misp.B(n.Locked), NoteTypeName: misp.T(string(n.Kind))}
	if n.Group != 0 {
		w.SharingGroupID = misp.N(n.Group)
	}
	switch n.Kind {
	case Note:
		w.Note, w.Language, w.NoteType = misp.T(n.Text), misp.T(n.Language), misp.Count(0)
	case Opinion:
		w.Opinion, w.Comment, w.NoteType = misp.N(int64(n.Opinion)), misp.T(n.Text), misp.Count(1)
	case Relationship:
		w.RelationshipType, w.RelatedObjectUUID, w.RelatedObjectType = misp.T(n.Relationship), misp.T(n.Related), misp.T(n.RelatedType)
		w.NoteType = misp.Count(2)
	}
	return w
}

// EventID is the event in which what the remark is about stands, 0 if it is not here.
func (n *Remark) EventID() int64 { return n.event }

// Root is the UUID of what the remark is about in the end: a remark about a remark is
// about what that one is about.
func (n *Remark) Root() string { return n.root }

func (n *Remark) thing() audit.Thing {
	return audit.Thing{Kind: strings.ToLower(string(n.Kind)), ID: n.ID, Label: n.UUID}
}

// mayRemark is the right to write analyst data at all.
func mayRemark(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	if intel.OnWire(who) {
		return access.Check(who, "misp.analyst_data")
	}
	return access.Check(who, "intel.write")
}

// mine tells whether who may change a remark: the organisation that made it, and
// MISP's site administrator.
func mine(who ident.Actor, n *Remark) bool {
	return mayRemark(who) == nil && (who.Org != 0 && n.Origin.ID == who.Org || intel.SeesAll(who))
}

const (
	textMost   = 64 << 10
	authorMost = 1000
	wordMost   = 255
)

// read takes the fields that came over n and checks the whole. Faults: Invalid
// with the field and, as its detail, a sentence in MISP's manner.
func (n *Remark) read(w *misp.Analyst) error {
	var text misp.Text
	switch n.Kind {
	case Note:
		text = w.Note
		n.Language = w.Language.Or(n.Language)
	case Opinion:
		text = w.Comment
		n.Opinion = int(w.Opinion.Or(int64(n.Opinion)))
	case Relationship:
		n.Relationship = strings.TrimSpace(w.RelationshipType.Or(n.Relationship))
		n.Related, n.RelatedType = w.RelatedObjectUUID.Or(n.Related), w.RelatedObjectType.Or(n.RelatedType)
	}
	n.Text, n.Authors = clean(text.Or(n.Text)), strings.TrimSpace(clean(w.Authors.Or(n.Authors)))
	if n.Language == "" {
		n.Language = "en"
	}
	n.Distribution = intel.Distribution(w.Distribution.Level(int64(n.Distribution)))
	n.Group = w.SharingGroupID.Or(n.Group)
	return n.check()
}

func clean(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD") }

func (n *Remark) check() error {
	bad := func(field, key, text string) error { return fault.Field(field, "intel.fault."+key, "%s", text) }
	var ok bool
	if n.Target, ok = store.ParseUUID(n.Target); !ok {
		return bad("object_uuid", "uuid", "Invalid UUID.")
	}
	if !targets[n.TargetType] {
		return bad("object_type", "remark.target", "Invalid object type.")
	}
	if len(n.Text) > textMost || len(n.Authors) > authorMost || len(n.Language) > 16 || len(n.Relationship) > wordMost {
		return bad("note", "remark.long", "The text is too long.")
	}
	switch {
	case n.Kind == Note && strings.TrimSpace(n.Text) == "":
		return bad("note", "remark.empty", "A note needs a text.")
	case n.Kind == Opinion && (n.Opinion < 0 || n.Opinion > 100):
		return bad("opinion", "remark.opinion", "The opinion must be between 0 and 100.")
	case n.Kind == Relationship:
		if n.Related, ok = store.ParseUUID(n.Related); !ok {
			return bad("related_object_uuid", "uuid", "Invalid UUID.")
		}
		if !targets[n.RelatedType] {
			return bad("related_object_type", "remark.target", "Invalid object type.")
		}
	}
	return nil
}

// AddRemark says something of the thing named by w's object_uuid and object_type,
// which need not be here; remarks nested in w hang on the new one. It belongs to
// who's organisation. Without a level its readers are the members here. Who may:
// misp.analyst_data, on pages intel.write. Faults: Denied, Invalid, Conflict when
// the UUID is taken.
func (s *Service) AddRemark(ctx context.Context, who ident.Actor, kind Kind, w misp.Analyst) (n Remark, err error) {
	if err := mayRemark(who); err != nil {
		return n, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		n, err = s.addTx(ctx, tx, who, kind, &w, 0)
		return err
	})
	if err != nil {
		return n, err
	}
	return s.Remark(ctx, who, kind, n.UUID)
}

// nested bounds how deep remarks hang on remarks in one document.
const nested = 5

func (s *Service) addTx(ctx context.Context, tx *store.Tx, who ident.Actor, kind Kind, w *misp.Analyst, depth int) (n Remark, err error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return n, err
	}
	n = Remark{ID: s.d.DB.NewID(), Kind: kind, Target: w.ObjectUUID.Or(""), TargetType: w.ObjectType.Or(""), Distribution: intel.Community,
		Authors: who.Email, Created: now / 1e6, Modified: now / 1e6}
	if n.Authors == "" {
		n.Authors = who.OrgName
	}
	if kind == Opinion && !w.Opinion.Given() {
		n.Opinion = -1
	}
	var ok bool
	if n.UUID, ok = store.ParseUUID(w.UUID.Or("")); !ok {
		if w.UUID.Or("") != "" {
			return n, fault.Field("uuid", "intel.fault.uuid", "Invalid UUID.")
		}
		n.UUID = s.d.DB.NewUUID()
	}
	if n.Org, err = s.d.Intel.OwnOrgTx(ctx, tx, who); err != nil {
		return n, err
	}
	n.Origin = n.Org
	if err := n.read(w); err != nil {
		return n, err
	}
	if taken, err := store.Int64(ctx, tx, remarkTaken, n.UUID); err != nil || taken != 0 {
		return n, orNot(err, fault.New(fault.Conflict, "remark %s exists", n.UUID).WithKey("intel.fault.uuid-taken"))
	}
	if err := s.write(ctx, tx, who, &n, w, true); err != nil {
		return n, err
	}
	if err := s.inside(ctx, tx, who, &n, w, depth); err != nil {
		return n, err
	}
	return n, s.d.Audit.Record(ctx, tx, who, strings.ToLower(string(kind))+".add", n.thing(), map[string]any{"target": n.Target, "distribution": n.Distribution})
}

// inside takes the remarks that came nested in a document: they hang on n.
func (s *Service) inside(ctx context.Context, tx *store.Tx, who ident.Actor, n *Remark, w *misp.Analyst, depth int) error {
	if depth >= nested {
		return nil
	}
	for i, list := range [][]misp.Analyst{w.Notes, w.Opinions, w.Relationships} {
		for j := range list {
			c := &list[j]
			c.ObjectUUID, c.ObjectType = misp.T(n.UUID), misp.T(string(n.Kind))
			if _, err := s.capture(ctx, tx, who, Kinds[i], c, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// write puts a remark with its audience and where its chain ends.
func (s *Service) write(ctx context.Context, tx *store.Tx, who ident.Actor, n *Remark, w *misp.Analyst, fresh bool) (err error) {
	level := n.Distribution
	if level == intel.Inherit { // a remark has an audience of its own: what would inherit stays at home
		level = intel.OwnOrg
	}
	audience, err := s.d.Intel.AudienceTx(ctx, tx, who, n.Org.ID, &level, &n.Group, w.SharingGroup)
	if err != nil {
		return err
	}
	n.Distribution = level
	if fresh {
		if n.root, n.event, err = rootOf(ctx, tx, n); err != nil {
			return err
		}
		return insertRemark(ctx, tx, n, audience)
	}
	return updateRemark(ctx, tx, n, audience)
}

// EditRemark changes the fields that came; remarks nested in w are added or
// changed. Who may: the organisation that made it. Faults: NotFound, Denied, Invalid.
func (s *Service) EditRemark(ctx context.Context, who ident.Actor, kind Kind, ref string, w misp.Analyst) (n Remark, err error) {
	if err := mayRemark(who); err != nil {
		return n, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if n, err = readRemark(ctx, tx, who, kind, ref); err != nil {
			return err
		}
		if !mine(who, &n) {
			return denied(who, "change remark", n.ID)
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if err := n.read(&w); err != nil {
			return err
		}
		n.Modified = max(now/1e6, n.Modified+1)
		if err := s.write(ctx, tx, who, &n, &w, false); err != nil {
			return err
		}
		if err := s.inside(ctx, tx, who, &n, &w, 0); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, strings.ToLower(string(kind))+".edit", n.thing(), map[string]any{"distribution": n.Distribution})
	})
	if err != nil {
		return n, err
	}
	return s.Remark(ctx, who, kind, n.UUID)
}

// DeleteRemark removes a remark; those about it stay. Who may: the organisation
// that made it. Faults: NotFound, Denied.
func (s *Service) DeleteRemark(ctx context.Context, who ident.Actor, kind Kind, ref string) (n Remark, err error) {
	if err := mayRemark(who); err != nil {
		return n, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if n, err = readRemark(ctx, tx, who, kind, ref); err != nil {
			return err
		}
		if !mine(who, &n) {
			return denied(who, "delete remark", n.ID)
		}
		if _, err := tx.Exec(ctx, dropRemark, n.ID); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, strings.ToLower(string(kind))+".delete", n.thing(), map[string]any{"target": n.Target})
	})
	return n, err
}

// Remark reads one with what hangs on it. Faults: NotFound.
func (s *Service) Remark(ctx context.Context, who ident.Actor, kind Kind, ref string) (n Remark, err error) {
	if err := intel.MayRead(who); err != nil {
		return n, err
	}
	err = s.view(ctx, who, "remark.view", audit.Thing{Kind: strings.ToLower(string(kind)), Label: ref}, func(tx *store.Tx) error {
		if n, err = readRemark(ctx, tx, who, kind, ref); err != nil {
			return err
		}
		list := []Remark{n}
		err = fillRemarks(ctx, tx, who, list, nested)
		n = list[0]
		return err
	})
	return n, err
}

// Remarks streams remarks of a kind by id; with uuids only those.
func (s *Service) Remarks(ctx context.Context, who ident.Actor, kind Kind, uuids []string, yield func(*Remark) error) error {
	if err := intel.MayRead(who); err != nil {
		return err
	}
	if err := s.view(ctx, who, "remark.list", audit.Thing{Kind: "remark", Label: string(kind)}, func(*store.Tx) error { return nil }); err != nil {
		return err
	}
	for after := int64(0); ; {
		var list []Remark
		err := s.d.DB.View(ctx, func(tx *store.Tx) (err error) {
			list, err = listRemarks(ctx, tx, who, kind, uuids, after)
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			after = list[i].ID
			if err := yield(&list[i]); err != nil {
				return err
			}
		}
	}
}

// remarkedMost is how many remarks the answer of one event or thing carries.
const remarkedMost = 10_000

// Of reads what is said of an event and of everything in it, by the UUID of what
// it is said of, each with what hangs on it. Faults: NotFound.
func (s *Service) Of(ctx context.Context, who ident.Actor, event string) (out map[string][]Remark, err error) {
	if err := intel.MayRead(who); err != nil {
		return nil, err
	}
	err = s.view(ctx, who, "remark.list", audit.Thing{Kind: "event", Label: event}, func(tx *store.Tx) error {
		e, err := s.d.Intel.EventTx(ctx, tx, who, event)
		if err != nil {
			return err
		}
		if some, err := store.Int64(ctx, tx, anyOn, e.ID); err != nil || some == 0 {
			return err // most events: the question who sees which of none is not asked
		}
		list, err := remarksIn(ctx, tx, who, e.ID, remarkedMost)
		out = tree(list)
		return err
	})
	return out, err
}

// On reads what is said of one thing, by its UUID.
func (s *Service) On(ctx context.Context, who ident.Actor, uuid string) (out []Remark, err error) {
	if err := intel.MayRead(who); err != nil {
		return nil, err
	}
	uuid, ok := store.ParseUUID(uuid)
	if !ok {
		return nil, nil
	}
	err = s.view(ctx, who, "remark.list", audit.Thing{Kind: "remark", Label: uuid}, func(tx *store.Tx) error {
		if out, err = remarksAbout(ctx, tx, who, []string{uuid}); err != nil {
			return err
		}
		return fillRemarks(ctx, tx, who, out, nested)
	})
	return out, err
}

// tree hangs remarks on the remarks that they are about; what is left is by target.
func tree(list []Remark) map[string][]Remark {
	at := map[string][]int{} // children by parent
	here := map[string]bool{}
	for i := range list {
		here[list[i].UUID] = true
		at[list[i].Target] = append(at[list[i].Target], i)
	}
	var hang func(i, depth int) Remark
	hang = func(i, depth int) Remark {
		n := list[i]
		if depth < nested {
			for _, c := range at[n.UUID] {
				n.Children = append(n.Children, hang(c, depth+1))
			}
		}
		return n
	}
	out := map[string][]Remark{}
	for i := range list {
		if !here[list[i].Target] {
			out[list[i].Target] = append(out[list[i].Target], hang(i, 0))
		}
	}
	return out
}

// In tells whether a remark that who sees hangs on an event or on anything in it.
// Faults: NotFound.
func (s *Service) In(ctx context.Context, who ident.Actor, kind Kind, ref string, event int64) (bool, error) {
	n, err := s.Remark(ctx, who, kind, ref)
	return err == nil && n.event == event && event != 0, err
}
