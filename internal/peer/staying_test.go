package peer_test

import (
	"slices"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/intel/remark"
	"straza/internal/kernel/ident"
	"straza/internal/peer"
)

// TestWhatHangsOnPartsThatStay: what is said of an attribute, object or report that the peer may
// not have stays with it, so does what is said of that, a reference to it, and its place in a
// collection; what hangs on an event that was labelled more strictly since stays as well.
func TestWhatHangsOnPartsThatStay(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		const open, own, red = "51515151-1111-4111-8111-111111111111", "51515151-2222-4111-8111-111111111111", "51515151-3333-4111-8111-111111111111"
		const whole, hidden, shown, secret = "51515151-4444-4111-8111-111111111111", "51515151-5555-4111-8111-111111111111", "51515151-6666-4111-8111-111111111111", "51515151-7777-4111-8111-111111111111"
		wire := here.Lead
		wire.Channel = ident.MISP
		p := here.knows(there, "there", peer.Flags{Push: true, PushSightings: true, PushAnalyst: true, PushCollections: true})
		labelled := attr(red, "domain", "red.example.org", 5)
		labelled.Tag = []misp.Tag{{Name: misp.T("tlp:red")}}
		object := func(uuid string, level int64, to ...string) misp.Object {
			o := misp.Object{UUID: misp.T(uuid), Name: misp.T("file"), MetaCategory: misp.T("file"), Distribution: misp.N(level), Timestamp: misp.N(1_700_000_000),
				Attribute: []misp.Attribute{{ObjectRelation: misp.T("filename"), Type: misp.T("filename"), Value: misp.T(uuid[:12] + ".exe")}}}
			for _, u := range to {
				o.ObjectReference = append(o.ObjectReference, misp.ObjectReference{ReferencedUUID: misp.T(u), RelationshipType: misp.T("contains")})
			}
			return o
		}
		e := here.made(&misp.Event{Info: misp.T("Parts"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr(open, "domain", "open.example.org", 5), attr(own, "domain", "own.example.org", 0), labelled},
			Object: []misp.Object{object(whole, 5, open, own, red, hidden), object(hidden, 0)},
			EventReport: []misp.EventReport{{UUID: misp.T(shown), Name: misp.T("shown"), Content: misp.T("x"), Distribution: misp.N(5)},
				{UUID: misp.T(secret), Name: misp.T("secret"), Content: misp.T("x"), Distribution: misp.N(0)}}})
		say := func(typ, about, text string) remark.Remark {
			n, err := here.Remarks.AddRemark(ctx, wire, remark.Note, misp.Analyst{ObjectUUID: misp.T(about), ObjectType: misp.T(typ), Note: misp.T(text), Distribution: misp.N(3)})
			here.Must(err)
			return n
		}
		say("Event", e.UUID, "of the event")
		say("Attribute", open, "of open")
		say("Attribute", own, "of own")
		say("Note", say("Attribute", red, "of red").UUID, "of the note of red")
		say("Object", whole, "of whole")
		say("Object", hidden, "of hidden")
		say("EventReport", shown, "of shown")
		say("EventReport", secret, "of secret")
		quiet, err := here.Remarks.AddRemark(ctx, wire, remark.Note, misp.Analyst{ObjectUUID: misp.T(open), ObjectType: misp.T("Attribute"), Note: misp.T("ours alone"), Distribution: misp.N(0)})
		here.Must(err)
		say("Note", quiet.UUID, "of ours alone")
		d := here.keeps("parts", intel.Connected, dossier.Element{Target: open, Kind: "Attribute"}, dossier.Element{Target: red, Kind: "Attribute"}, dossier.Element{Target: hidden, Kind: "Object"})

		part := ident.SystemPart("peer")
		said := func() (out []string) {
			there.Must(there.Remarks.Remarks(ctx, part, remark.Note, nil, func(r *remark.Remark) error { out = append(out, r.Text); return nil }))
			slices.Sort(out)
			return out
		}
		here.push(p, peer.Options{})
		if got := said(); !slices.Equal(got, []string{"of open", "of shown", "of the event", "of whole"}) {
			t.Errorf("said there: %q", got)
		}
		ob, err := there.Intel.Object(ctx, part, whole, intel.Without)
		there.Must(err)
		if len(ob.References) != 1 || ob.References[0].TargetUUID != open {
			t.Errorf("references there: %+v", ob.References)
		}
		if got, ok := there.dossier(d.UUID); !ok || len(got.Elements) != 1 || got.Elements[0].Target != open {
			t.Errorf("collection there: %v %+v", ok, got.Elements)
		}

		// Stricter now than when it was sent.
		_, err = here.Intel.Attach(ctx, wire, intel.Target{Event: e.UUID}, []string{"tlp:red"}, false)
		here.Must(err)
		say("Event", e.UUID, "of the event, later")
		_, _, err = here.Intel.AddSightings(ctx, wire, nil, []string{"open.example.org"}, intel.Sighting{Source: "sensor"})
		here.Must(err)
		here.push(p, peer.Options{})
		if got := said(); len(got) != 4 {
			t.Errorf("said there of what stays now: %q", got)
		}
		n := 0
		there.Must(there.Intel.Sightings(ctx, part, intel.SightingFilter{Event: e.UUID}, func(*intel.Sighting) error { n++; return nil }))
		if n != 0 {
			t.Errorf("%d sightings there", n)
		}
	})
}
