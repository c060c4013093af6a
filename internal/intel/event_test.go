package intel_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var ctx = context.Background()

// whole reads an event back as a wire type, with all that who sees.
func whole(t testing.TB, s *intel.Service, who ident.Actor, ref string) *misp.Event {
	t.Helper()
	e, err := s.Event(ctx, who, ref)
	must(t, err)
	w := e.Wire()
	all := intel.Part{Deleted: intel.With}
	must(t, s.Attributes(ctx, who, ref, all, func(a *intel.Attribute) error {
		w.Attribute = append(w.Attribute, a.Wire())
		return nil
	}))
	must(t, s.Objects(ctx, who, ref, all, func(o *intel.Object) error {
		w.Object = append(w.Object, o.Wire())
		return nil
	}))
	reports, err := s.Reports(ctx, who, ref, intel.With)
	must(t, err)
	for i := range reports {
		w.EventReport = append(w.EventReport, reports[i].Wire())
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const corpus = "../../../shared/data/misp-events"

// TestCorpusReadsBackEqual takes every real event in and compares all that the
// sender can expect back, field by field.
func TestCorpusReadsBackEqual(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob(filepath.Join(corpus, "*.json"))
	if len(files) == 0 {
		t.Skip("no corpus beside this tree")
	}
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Sync, ident.MISP)
		for _, f := range files {
			b, err := os.ReadFile(f)
			must(t, err)
			must(t, misp.DecodeEvents(bytes.NewReader(b), misp.Limits{}, func(want *misp.Event) error {
				n := 0
				err := w.Intel.Import(ctx, who, intel.FromReader(bytes.NewReader(b), misp.Limits{}), intel.AddOptions{}, func(s intel.Saved, err error) error {
					if n++; s.State != "created" || s.Attributes.Refused != 0 {
						t.Errorf("%s: %+v", filepath.Base(f), s)
					}
					return err
				})
				if err != nil || n != 1 {
					t.Errorf("%s: %d events, %v", filepath.Base(f), n, err)
				}
				got := whole(t, w.Intel, who, want.UUID.V)
				if diff := cmp.Diff(portable(want), portable(got), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-sent +read):\n%s", filepath.Base(f), diff)
				}
				return nil
			}))
		}
	})
}

// portable strips what is another installation's own (ids, owners) and what a
// view adds from elsewhere.
func portable(e *misp.Event) *misp.Event {
	out := *e
	out.ID, out.OrgID, out.OrgcID, out.UserID, out.Org, out.Orgc = misp.Int{}, misp.Int{}, misp.Int{}, misp.Int{}, nil, nil
	out.EventCreatorEmail, out.RelatedEvent, out.Galaxy, out.ShadowAttribute, out.Feed = misp.Text{}, nil, nil, nil, nil
	out.CryptographicKey, out.AttributeCount, out.SightingTimestamp = nil, misp.Int{}, misp.Int{}
	out.ExtendsUUID, out.Protected = misp.T(e.ExtendsUUID.V), misp.Flag{}
	out.Tag = portableTags(e.Tag)
	out.Attribute, out.Object, out.EventReport = nil, nil, nil
	for _, a := range e.Attribute {
		out.Attribute = append(out.Attribute, portableAttribute(a))
	}
	for _, o := range e.Object {
		o.ID, o.EventID = misp.Int{}, misp.Int{}
		var attrs []misp.Attribute
		for _, a := range o.Attribute {
			attrs = append(attrs, portableAttribute(a))
		}
		var refs []misp.ObjectReference
		for _, r := range o.ObjectReference {
			refs = append(refs, misp.ObjectReference{UUID: r.UUID, Timestamp: r.Timestamp, ReferencedUUID: r.ReferencedUUID,
				RelationshipType: r.RelationshipType, Comment: r.Comment, Deleted: r.Deleted, ReferencedType: r.ReferencedType})
		}
		o.Attribute, o.ObjectReference = attrs, refs
		out.Object = append(out.Object, o)
	}
	for _, r := range e.EventReport {
		r.ID, r.EventID = misp.Int{}, misp.Int{}
		out.EventReport = append(out.EventReport, r)
	}
	return &out
}

func portableAttribute(a misp.Attribute) misp.Attribute {
	a.ID, a.EventID, a.ObjectID, a.Galaxy, a.ShadowAttribute, a.Sighting = misp.Int{}, misp.Int{}, misp.Int{}, nil, nil, nil
	if a.ObjectRelation.V == "" {
		a.ObjectRelation = misp.Text{}
	}
	if a.FirstSeen.V == "" {
		a.FirstSeen = misp.Text{}
	}
	if a.LastSeen.V == "" {
		a.LastSeen = misp.Text{}
	}
	a.Tag = portableTags(a.Tag)
	return a
}

func portableTags(tags []misp.Tag) []misp.Tag {
	var out []misp.Tag
	for _, t := range tags {
		out = append(out, misp.Tag{Name: t.Name, Colour: t.Colour, Local: misp.B(t.Local.V)})
	}
	return out
}
