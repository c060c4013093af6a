package upload_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/intel/upload"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var ctx = context.Background()

// as says who somebody is now.
type as struct{ who func() (ident.Actor, error) }

func (a as) ResolveTx(_ context.Context, _ *store.Tx, _ int64, c ident.Channel) (ident.Actor, error) {
	who, err := a.who()
	who.Channel = c
	return who, err
}

type world struct {
	*inteltest.World
	up     *upload.Service
	who    ident.Actor // of Alfa, writes and publishes
	gone   error       // what is said of the person's account now
	folder string
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := &world{World: inteltest.New(t, db), folder: t.TempDir()}
		blobs, err := blob.New(db, w.folder)
		w.Must(err)
		w.who = w.Person(w.A, access.OrgAdmin, ident.Web)
		w.up = upload.New(upload.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Blobs: blobs, Keys: testkit.Vault(t), People: as{func() (ident.Actor, error) { return w.who, w.gone }}})
		test(t, w)
	})
}

// run does the waiting job of an upload.
func (w *world) run(kind string, u upload.Upload) {
	w.T.Helper()
	for _, d := range w.up.Jobs() {
		if d.Kind == kind {
			b, err := json.Marshal(map[string]int64{"upload": u.ID})
			w.Must(err)
			w.Must(d.Run(ctx, &jobs.Task{Kind: kind, Payload: b}))
			return
		}
	}
	w.T.Fatalf("no job %s", kind)
}

func (w *world) imported(u upload.Upload, o upload.Options) upload.Upload {
	w.T.Helper()
	w.Must(w.up.Start(ctx, w.who, u.UUID, o))
	w.run("intel.upload-import", u)
	got, err := w.up.Upload(ctx, w.who, u.UUID)
	w.Must(err)
	if got.State != upload.Done {
		w.T.Fatalf("state %s after the import", got.State)
	}
	return got
}

func mispDoc(events ...*misp.Event) io.Reader {
	var b strings.Builder
	b.WriteString(`{"response":[`)
	for i, e := range events {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"Event":`)
		b.Write(misp.Append(nil, e))
		b.WriteByte('}')
	}
	b.WriteString("]}")
	return strings.NewReader(b.String())
}

const (
	one = "5b9a1b2c-0000-4000-8000-000000000001"
	two = "5b9a1b2c-0000-4000-8000-000000000002"
)

func event(uuid, info string, level intel.Distribution, tags ...string) *misp.Event {
	e := inteltest.Event(info, level, inteltest.Attr("ip-dst", "198.51.100.7"), inteltest.Attr("ip-dst", "no address"))
	e.UUID, e.Timestamp, e.Published = misp.T(uuid), misp.N(1_700_000_000), misp.B(true)
	for _, t := range tags {
		e.Tag = append(e.Tag, misp.Tag{Name: misp.T(t)})
	}
	return e
}

// What is in a file is told before anything of it is stored.
func TestLook(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := event(one, "jedan", intel.All, "tlp:amber")
		e.Object = []misp.Object{{Name: misp.T("file"), Attribute: []misp.Attribute{inteltest.Attr("filename", "a.exe")}, ObjectReference: []misp.ObjectReference{{ReferencedUUID: misp.T(two)}}}}
		u, err := w.up.Add(ctx, w.who, "a.json", mispDoc(e, event(two, "dva", intel.OwnOrg)))
		w.Must(err)
		f := u.Found
		if u.State != upload.Read || u.Format != upload.MISP || f.Events != 2 || f.Attributes != 5 || f.Objects != 1 || f.References != 1 {
			t.Errorf("found %+v in state %s", f, u.State)
		}
		if len(f.Reasons) != 1 || f.Reasons[0].Count != 2 || f.Reasons[0].Type != "ip-dst" {
			t.Errorf("what has no place: %+v", f.Reasons)
		}
		if l, _ := f.Widest(); f.Labels["AMBER"] != 1 || f.Labels[""] != 1 || l != 0 {
			t.Errorf("labels %v, widest %v", f.Labels, l)
		}
		if f.Heads[0].State != "new" || f.Heads[0].Attributes != 3 {
			t.Errorf("heads %+v", f.Heads)
		}
		if _, err := w.Intel.Event(ctx, w.who, one); !fault.Is(err, fault.NotFound) {
			t.Errorf("looking has stored the event: %v", err)
		}
	})
}

// Nobody but the person learns of an upload; not even a colleague.
func TestUploadsAreTheirPersons(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u, err := w.up.Add(ctx, w.who, "a.json", mispDoc(event(one, "jedan", intel.OwnOrg)))
		w.Must(err)
		for _, who := range []ident.Actor{w.Person(w.A, access.OrgAdmin, ident.Web), w.Person(w.B, access.OrgAdmin, ident.Web), w.Person(w.CERT, access.Admin, ident.Web)} {
			for name, act := range map[string]func() error{
				"see": func() error { _, err := w.up.Upload(ctx, who, u.UUID); return err }, "drop": func() error { return w.up.Drop(ctx, who, u.UUID) },
				"start": func() error { return w.up.Start(ctx, who, u.UUID, upload.Options{}) }, "undo": func() error { _, err := w.up.Undo(ctx, who, u.UUID); return err },
				"read": func() error { _, err := w.up.Brought(ctx, who, u.UUID, 0); return err },
			} {
				if k := fault.KindOf(act()); k != fault.NotFound && k != fault.Denied {
					t.Errorf("%s of %s may %s: %v", who.Roles, who.OrgName, name, k)
				}
			}
			if list, err := w.up.Uploads(ctx, who); err == nil && len(list) > 0 {
				t.Errorf("%s lists %d", who.OrgName, len(list))
			}
		}
		reader := w.Person(w.A, access.ReadOnly, ident.Web)
		if _, err := w.up.Add(ctx, reader, "a.json", mispDoc(event(two, "dva", intel.OwnOrg))); !fault.Is(err, fault.Denied) {
			t.Errorf("a reader may bring a file: %v", err)
		}
	})
}

// What is imported is a draft that the own organisation sees, whatever its level.
func TestImportIsADraft(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u, err := w.up.Add(ctx, w.who, "a.json", mispDoc(event(one, "jedan", intel.Community)))
		w.Must(err)
		u = w.imported(u, upload.Options{})
		if r := u.Result; r.Events.Created != 1 || r.Attributes.Created != 1 || len(r.Reasons) != 1 {
			t.Errorf("result %+v", r)
		}
		e, err := w.Intel.Event(ctx, w.who, one)
		w.Must(err)
		if e.Published || e.Distribution != intel.Community {
			t.Errorf("published %v, level %d", e.Published, e.Distribution)
		}
		if _, err := w.Intel.Event(ctx, w.Person(w.B, access.OrgAdmin, ident.Web), one); !fault.Is(err, fault.NotFound) {
			t.Errorf("another organisation sees the draft: %v", err)
		}
		if left, _ := os.ReadDir(w.folder); len(left) > 1 && w.DB.Engine == store.SQLite {
			for _, d := range left {
				if files, _ := os.ReadDir(w.folder + "/" + d.Name()); len(files) > 0 {
					t.Errorf("the file is still there: %s", files[0].Name())
				}
			}
		}
	})
}

// Publishing at once: only what its label allows, the rest stays a draft and is counted.
func TestImportPublishesWhatTheLabelAllows(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u, err := w.up.Add(ctx, w.who, "a.json", mispDoc(event(one, "jedan", intel.Community, "tlp:green"), event(two, "dva", intel.Community, "tlp:red")))
		w.Must(err)
		u = w.imported(u, upload.Options{Publish: true})
		if u.Result.Events.Created != 2 || u.Result.Held != 1 {
			t.Errorf("result %+v", u.Result)
		}
		other := w.Person(w.B, access.OrgAdmin, ident.Web)
		if _, err := w.Intel.Event(ctx, other, one); err != nil {
			t.Errorf("the green one: %v", err)
		}
		if _, err := w.Intel.Event(ctx, other, two); !fault.Is(err, fault.NotFound) {
			t.Errorf("the red one: %v", err)
		}
		member := w.who
		member.Perms = map[string]bool{"intel.read": true, "intel.write": true}
		again, err := w.up.Add(ctx, w.who, "b.json", mispDoc(event("5b9a1b2c-0000-4000-8000-000000000003", "tri", intel.OwnOrg)))
		w.Must(err)
		if err := w.up.Start(ctx, member, again.UUID, upload.Options{Publish: true}); !fault.Is(err, fault.Denied) {
			t.Errorf("who may not publish publishes: %v", err)
		}
	})
}

// An import is taken back whole, but for what somebody changed since and what was here
// before; then the file may be imported again.
func TestUndo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		old := w.Add(w.who, inteltest.Event("pre", intel.OwnOrg, inteltest.Attr("domain", "pre.example")))
		here := event(old.UUID, "pre", intel.OwnOrg)
		here.Timestamp = misp.N(4_000_000_000)
		doc := func() io.Reader {
			return mispDoc(here, event(one, "jedan", intel.OwnOrg), event(two, "dva", intel.OwnOrg))
		}
		u, err := w.up.Add(ctx, w.who, "a.json", doc())
		w.Must(err)
		if u.Found.Here.Older != 1 {
			t.Errorf("here %+v", u.Found.Here)
		}
		u = w.imported(u, upload.Options{Update: true})
		if u.Result.Events.Created != 2 || u.Result.Events.Updated != 1 {
			t.Fatalf("result %+v", u.Result)
		}
		list, err := w.up.Brought(ctx, w.who, u.UUID, 0)
		w.Must(err)
		if len(list) != 3 {
			t.Errorf("%d events remembered", len(list))
		}
		_, _, err = w.Intel.AddAttributes(ctx, w.who, two, []misp.Attribute{inteltest.Attr("domain", "kasnije.example")}, false)
		w.Must(err)
		u, err = w.up.Undo(ctx, w.who, u.UUID)
		w.Must(err)
		if u.Result.Gone != 1 || u.Result.Kept != 1 {
			t.Errorf("gone %d, kept %d", u.Result.Gone, u.Result.Kept)
		}
		for ref, want := range map[string]bool{one: false, two: true, old.UUID: true} {
			if _, err := w.Intel.Event(ctx, w.who, ref); fault.Is(err, fault.NotFound) == want {
				t.Errorf("event %s is there: %v, want %v", ref, err == nil, want)
			}
		}
		u, err = w.up.Add(ctx, w.who, "a.json", doc())
		w.Must(err)
		if u = w.imported(u, upload.Options{}); u.Result.Events.Created != 1 || u.Result.Events.Unchanged != 2 {
			t.Errorf("the second time %+v", u.Result.Events)
		}
		if u, err = w.up.Undo(ctx, w.who, u.UUID); err != nil || u.State != upload.Undone {
			t.Errorf("the second undo: %v, %s", err, u.State)
		}
		if _, err := w.up.Undo(ctx, w.who, u.UUID); !fault.Is(err, fault.Conflict) {
			t.Errorf("undone twice: %v", err)
		}
	})
}

// Who may name the maker of an event takes back what others made, too, as long as it is
// as it was brought; a colleague does not.
func TestUndoOfOthersEvents(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.who = w.Person(w.A, access.Sync, ident.Web)
		e := event(one, "tuđ", intel.OwnOrg)
		e.Orgc = &misp.Org{Name: misp.T("Neko"), UUID: misp.T(two)}
		u, err := w.up.Add(ctx, w.who, "a.json", mispDoc(e))
		w.Must(err)
		u = w.imported(u, upload.Options{})
		have, err := w.Intel.Event(ctx, w.who, one)
		w.Must(err)
		if have.Origin.Name != "Neko" {
			t.Fatalf("made by %s", have.Origin.Name)
		}
		if err := w.Intel.TakeOutEvent(ctx, w.Person(w.A, access.OrgAdmin, ident.Web), one, have.Changed); !fault.Is(err, fault.Denied) {
			t.Errorf("a colleague takes it out: %v", err)
		}
		if u, err = w.up.Undo(ctx, w.who, u.UUID); err != nil || u.Result.Gone != 1 || u.State != upload.Undone {
			t.Errorf("%v %s %+v", err, u.State, u.Result)
		}
	})
}

// A job that was cut off and runs again counts what it stored, and doubles nothing.
func TestImportRunsAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u, err := w.up.Add(ctx, w.who, "a.json", mispDoc(event(one, "jedan", intel.OwnOrg), event(two, "dva", intel.OwnOrg)))
		w.Must(err)
		w.Must(w.up.Start(ctx, w.who, u.UUID, upload.Options{}))
		stop, cancel := context.WithCancel(ctx)
		cancel()
		for _, d := range w.up.Jobs() {
			if d.Kind == "intel.upload-import" {
				b, _ := json.Marshal(map[string]int64{"upload": u.ID})
				if err := d.Run(stop, &jobs.Task{Kind: d.Kind, Payload: b}); err == nil {
					t.Fatal("a cancelled job ended well")
				}
			}
		}
		for range 2 {
			w.run("intel.upload-import", u)
		}
		u, err = w.up.Upload(ctx, w.who, u.UUID)
		w.Must(err)
		if u.State != upload.Done || u.Result.Events.Created != 2 {
			t.Errorf("%s %+v", u.State, u.Result)
		}
	})
}

// A file that breaks off is told of, and nothing of it is lost that was whole.
func TestBrokenFiles(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, doc := range map[string]string{"cut": `{"Event":{"info":"x","Attribute":[{"type":"ip-dst"`, "bundle": `{"type":"bundle","id":"bundle--x","objects":[{"type":`,
			"empty": `{"response":[]}`, "noobjects": `{"type":"bundle","objects":[]}`} {
			u, err := w.up.Add(ctx, w.who, name, strings.NewReader(doc))
			w.Must(err)
			if u.State != upload.Broken || u.Found.Fault == "" {
				t.Errorf("%s: %s %+v", name, u.State, u.Found)
			}
			if err := w.up.Start(ctx, w.who, u.UUID, upload.Options{}); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s is imported: %v", name, err)
			}
			w.Must(w.up.Drop(ctx, w.who, u.UUID))
		}
		for name, doc := range map[string]string{"nothing": "", "text": "evil.example", "xml": "<a/>"} {
			if _, err := w.up.Add(ctx, w.who, name, strings.NewReader(doc)); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.up.Add(ctx, w.who, "endless", io.MultiReader(strings.NewReader(`{"a":"`), endless{})); !fault.Is(err, fault.Limited) {
			t.Errorf("endless: %v", err)
		}
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// A large file is looked through by a job, in parts that each open only in their place.
func TestLargeFile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := event(one, "velik", intel.OwnOrg)
		for range 3000 {
			a := inteltest.Attr("text", strings.Repeat("x", 1000))
			e.Attribute = append(e.Attribute, a)
		}
		u, err := w.up.Add(ctx, w.who, "a.json", mispDoc(e))
		w.Must(err)
		if u.State != upload.Reading || u.Size < 3_000_000 {
			t.Fatalf("%s, %d bytes", u.State, u.Size)
		}
		w.run("intel.upload-look", u)
		u, err = w.up.Upload(ctx, w.who, u.UUID)
		w.Must(err)
		if u.State != upload.Read || u.Found.Attributes != 3002 {
			t.Errorf("%s %+v", u.State, u.Found)
		}
	})
}

// A file that waits for its person, who lost the right to import meanwhile, does not wait
// on: it ends with a sentence, and nothing of it is kept.
func TestLookAfterTheRightIsLost(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, lose := range map[string]func(who ident.Actor) (ident.Actor, error){
			"reads only":           func(ident.Actor) (ident.Actor, error) { return w.Person(w.A, access.ReadOnly, ident.Web), nil },
			"another organisation": func(ident.Actor) (ident.Actor, error) { return w.Person(w.B, access.OrgAdmin, ident.Web), nil },
			"no account":           func(who ident.Actor) (ident.Actor, error) { return who, account.Unauthenticated() },
		} {
			e := event(one, "velik", intel.OwnOrg)
			for range 3000 {
				e.Attribute = append(e.Attribute, inteltest.Attr("text", strings.Repeat("x", 1000)))
			}
			before := w.who
			u, err := w.up.Add(ctx, w.who, "a.json", mispDoc(e))
			w.Must(err)
			w.who, w.gone = lose(w.who)
			w.run("intel.upload-look", u)
			w.who, w.gone = before, nil
			u, err = w.up.Upload(ctx, w.who, u.UUID)
			w.Must(err)
			if u.State != upload.Broken || u.Found.Fault != "intel.fault.file.right" || u.Found.Events != 0 {
				t.Errorf("%s: %s %+v", name, u.State, u.Found)
			}
			if err := w.up.Start(ctx, w.who, u.UUID, upload.Options{}); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: it may be imported: %v", name, err)
			}
		}
	})
}

// STIX: reports of others have no level and take the one that was chosen.
func TestSTIX(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := event(one, "jedan", intel.Connected)
		list, err := stix.Convert(e, stix.Options{Plain: true})
		w.Must(err)
		foreign := stix.AppendBundle(nil, list)
		u, err := w.up.Add(ctx, w.who, "a.json", strings.NewReader(string(foreign)))
		w.Must(err)
		if u.Format != upload.STIX || u.Found.Events != 1 || u.Found.Levels[0].Said {
			t.Fatalf("%s %+v", u.Format, u.Found)
		}
		u = w.imported(u, upload.Options{Choose: true, Level: intel.Community, Label: "AMBER"})
		got, err := w.Intel.Event(ctx, w.who, one)
		w.Must(err)
		if got.Distribution != intel.Community || got.TLP != "AMBER" {
			t.Errorf("level %d, label %q, %+v", got.Distribution, got.TLP, u.Result)
		}
	})
}

func TestNarrowed(t *testing.T) {
	t.Parallel()
	say := func(l intel.Distribution, group int64) upload.Reach {
		return upload.Reach{Level: l, Group: group, Said: true}
	}
	choose := func(l intel.Distribution, group int64) upload.Options {
		return upload.Options{Choose: true, Level: l, Group: group}
	}
	own := say(intel.OwnOrg, 0)
	for _, x := range []struct {
		came upload.Reach
		o    upload.Options
		want upload.Reach
	}{
		{upload.Reach{}, upload.Options{}, own}, {upload.Reach{}, choose(intel.All, 0), say(intel.All, 0)}, {upload.Reach{}, choose(intel.Group, 7), say(intel.Group, 7)},
		{own, choose(intel.All, 0), own}, {own, choose(intel.Group, 7), own},
		{say(intel.Community, 0), upload.Options{}, say(intel.Community, 0)}, {say(intel.Community, 0), choose(intel.All, 0), say(intel.Community, 0)},
		{say(intel.All, 0), choose(intel.Community, 0), say(intel.Community, 0)}, {say(intel.All, 0), choose(intel.OwnOrg, 0), own},
		{say(intel.Connected, 0), choose(intel.All, 0), say(intel.Connected, 0)},
		{say(intel.Group, 7), upload.Options{}, say(intel.Group, 7)}, {say(intel.Group, 7), choose(intel.Group, 7), say(intel.Group, 7)},
		{say(intel.Group, 7), choose(intel.Group, 8), own}, {say(intel.Group, 7), choose(intel.All, 0), say(intel.Group, 7)},
		{say(intel.Group, 7), choose(intel.Community, 0), own}, {say(intel.Group, 7), choose(intel.Connected, 0), own},
		{say(intel.Community, 0), choose(intel.Group, 7), own}, {say(intel.Connected, 0), choose(intel.Group, 7), own}, {say(intel.All, 0), choose(intel.Group, 7), say(intel.Group, 7)},
	} {
		got := upload.Narrowed(x.came, x.o)
		if got != x.want {
			t.Errorf("%+v with %+v is %+v, want %+v", x.came, x.o, got, x.want)
		}
		if again := upload.Narrowed(got, x.o); again != got {
			t.Errorf("%+v with %+v is not the same when done again: %+v", x.came, x.o, again)
		}
	}
}

// TestWhatIsKeptOfAFileIsBounded: whatever the words of a file, what is kept of it beside
// the counts fits into a row.
func TestWhatIsKeptOfAFileIsBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		long := strings.Repeat("x", 50_000)
		var list []*misp.Event
		for i := range 20 {
			n := string(rune('a' + i))
			e := event(long+n, long, intel.Group)
			e.SharingGroup = &misp.SharingGroup{UUID: misp.T(long + n), Name: misp.T(long)}
			e.Attribute = []misp.Attribute{inteltest.Attr(long+n, "x")}
			list = append(list, e)
		}
		u, err := w.up.Add(ctx, w.who, long, mispDoc(list...))
		w.Must(err)
		w.run("intel.upload-look", u) // it is too large to be looked through at once
		u, err = w.up.Upload(ctx, w.who, u.UUID)
		w.Must(err)
		b, err := json.Marshal(u)
		w.Must(err)
		if u.State != upload.Read || u.Found.Events != 20 || len(b) > 50_000 {
			t.Errorf("%s, %d events, %d bytes", u.State, u.Found.Events, len(b))
		}
		done := w.imported(u, upload.Options{})
		if b, err = json.Marshal(done.Result); err != nil || len(b) > 50_000 {
			t.Errorf("the result: %d bytes, %v", len(b), err)
		}
	})
}
