package intelweb

import (
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

const (
	galaxyFile  = `{"name":"Attack Pattern","namespace":"mitre-attack","icon":"map","type":"mitre-attack-pattern","uuid":"c4e851fa-775f-11e7-8163-b774922098cd","version":1,"kill_chain_order":{"attack-Linux":["initial-access","impact"],"attack-PRE":["reconnaissance"]}}`
	clusterFile = `{"name":"Attack Pattern","type":"mitre-attack-pattern","uuid":"dcb864dc-775f-11e7-9fbb-1f41b4996683","version":1,"category":"attack-pattern","source":"x","description":"x","authors":["x"],"values":[
	{"value":"Exploit Public-Facing Application - T1190","uuid":"3f886f2a-874f-4333-b794-aa6075009b1c","meta":{"external_id":"T1190","kill_chain":["attack-Linux:initial-access"]}},
	{"value":"Data Encrypted for Impact - T1486","uuid":"b80d107d-fa0d-4b60-9684-b0433e8bdba0","meta":{"external_id":"T1486","kill_chain":["attack-Linux:impact"]}},
	{"value":"Phishing - T1566","uuid":"a62a8db3-f23a-4d8f-afd6-9dbc77e7813b","meta":{"external_id":"T1566","kill_chain":["attack-Linux:initial-access"]}}]}`
)

// TestAttackOnPages: the matrix of an event and of a list lights what the reader sees
// marked, and says what to import while there is no catalogue.
func TestAttackOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, w, people := desk(t, db)
		tag := func(v string) []misp.Tag {
			return []misp.Tag{{Name: misp.T(`misp-galaxy:mitre-attack-pattern="` + v + `"`)}}
		}
		secret := misp.Attribute{Type: misp.T("domain"), Value: misp.T("tajna.example"), Distribution: misp.N(0), Tag: tag("Data Encrypted for Impact - T1486")}
		open := misp.Attribute{Type: misp.T("domain"), Value: misp.T("javna.example"), Tag: tag("Exploit Public-Facing Application - T1190")}
		in := inteltest.Event("Капија 400", intel.Community, open, secret)
		in.Tag = tag("Exploit Public-Facing Application - T1190")
		e := w.Add(people["ana"], in)
		hidden := inteltest.Event("Скривен", intel.OwnOrg)
		hidden.Tag = tag("Data Encrypted for Impact - T1486")
		h := w.Add(people["ana"], hidden)
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		at, from := "/console/events/"+e.Ref()+"/attack", "/portal/events/"+e.Ref()+"/attack"
		s.Shows("ana", at, 200, "straza catalog import")
		_, err := w.Lists.Import(t.Context(), ident.SystemPart("importer"), func(yield func(catalog.File, error) bool) {
			for name, text := range map[string]string{"galaxies/mitre-attack-pattern.json": galaxyFile, "clusters/mitre-attack-pattern.json": clusterFile} {
				if !yield(catalog.File{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}, nil) {
					return
				}
			}
		})
		w.Must(err)
		s.Shows("ana", at, 200, "T1190", "T1486", "Initial access", "Reconnaissance")
		if page := s.Shows("ana", at+"?all=1", 200, "T1566"); !strings.Contains(page, `data-level="0"`) {
			t.Error("an unused technique is lit")
		}
		for _, path := range []string{from, "/portal/events/attack"} {
			if page := s.Shows("alfa", path, 200, "T1190"); strings.Contains(page, "T1486") {
				t.Errorf("%s tells of a technique that the reader does not see marked", path)
			}
		}
		s.Shows("ana", "/console/events/attack?q=Скривен", 200, "T1486")
		s.Shows("alfa", "/portal/events/"+h.Ref()+"/attack", 404)
		s.Shows("ana", "/console/events/attack?q=nema-toga", 200, "No technique is marked")
	})
}

// TestTimelineOnPages: what an event's authors and sightings say of time, narrowed to
// days, and nothing of what the reader does not see.
func TestTimelineOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s, w, people := desk(t, db)
		open := misp.Attribute{Type: misp.T("domain"), Value: misp.T("javna.example"), FirstSeen: misp.T("2026-03-05T10:00:00.000000+00:00"), LastSeen: misp.T("2026-04-09T10:00:00.000000+00:00")}
		secret := misp.Attribute{Type: misp.T("domain"), Value: misp.T("tajna.example"), Distribution: misp.N(0), FirstSeen: misp.T("2026-03-06T10:00:00.000000+00:00")}
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community, open, secret))
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		_, _, err := w.Intel.AddSightings(t.Context(), people["ana"], nil, []string{"tajna.example"}, intel.Sighting{Seen: now.Now().Unix()})
		w.Must(err)
		at, from := "/console/events/"+e.Ref()+"/timeline", "/portal/events/"+e.Ref()+"/timeline"
		page := s.Shows("ana", at, 200, "javna.example", "tajna.example", "first seen", "last seen", "published", "1 sighting", "Sightings by week")
		if first, last := strings.Index(page, "published"), strings.Index(page, "first seen"); first > last {
			t.Error("the older stands before the newer")
		}
		if page := s.Shows("alfa", from, 200, "javna.example"); strings.Contains(page, "tajna") || strings.Contains(page, "sighting") && strings.Contains(page, "1 sighting") {
			t.Error("the timeline tells of a value that the reader does not see")
		}
		if page := s.Shows("ana", at+"?from=2026-03-01&to=2026-03-31", 200, "javna.example", "first seen"); strings.Contains(page, "last seen") || strings.Contains(page, "1 sighting") {
			t.Error("what was outside the range stands in it")
		}
		s.Shows("ana", at+"?from=2020-01-01&to=2020-01-02", 200, "Nothing in this time")
		s.Shows("ana", at+"?from=yesterday", 200, "javna.example")
	})
}

// TestCorrelationsOnPages: shared values and the events that have them, drawn and
// listed, narrowed by type; what one side hides is in neither.
func TestCorrelationsOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, w, people := desk(t, db)
		domain := func(v string, d int64) misp.Attribute {
			return misp.Attribute{Type: misp.T("domain"), Value: misp.T(v), Distribution: misp.N(d)}
		}
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community, domain("zajednicka.example", 5), domain("skrivena.example", 0), misp.Attribute{Type: misp.T("ip-dst"), Value: misp.T("198.51.100.9")}))
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		o := w.Add(people["ana"], inteltest.Event("Други догађај", intel.Community, domain("zajednicka.example", 5), domain("skrivena.example", 5), misp.Attribute{Type: misp.T("ip-src"), Value: misp.T("198.51.100.9")}))
		w.Must(w.Intel.Publish(t.Context(), people["ana"], o.Ref()))
		w.Add(people["ana"], inteltest.Event("Тајни догађај", intel.OwnOrg, domain("zajednicka.example", 5)))
		at, from := "/console/events/"+e.Ref()+"/correlations", "/portal/events/"+e.Ref()+"/correlations"
		page := s.Shows("ana", at, 200, "zajednicka.example", "skrivena.example", "198.51.100.9", "Други догађај", "Тајни догађај", "Shared values: 3", "<svg")
		if n := strings.Count(page, `class="sz-link"`); n != 4 {
			t.Errorf("%d lines are drawn, not 4", n)
		}
		if page := s.Shows("alfa", from, 200, "zajednicka.example", "Други догађај", "Shared values: 2"); strings.Contains(page, "skrivena") || strings.Contains(page, "Тајни") {
			t.Error("the drawing tells of what the reader does not see")
		}
		if page := s.Shows("ana", at+"?type=ip-dst", 200, "198.51.100.9", "Shared values: 1"); strings.Count(page, `class="sz-link"`) != 1 {
			t.Error("the filter does not count in the drawing")
		}
		s.Shows("ana", at+"?type=md5", 200, "No shared values")
	})
}

// TestDrawIsBounded: the drawing keeps its bounds and draws only lines between what is drawn.
func TestDrawIsBounded(t *testing.T) {
	t.Parallel()
	var links []link
	for v := range int64(100) {
		for e := range int64(1 + v%7) {
			links = append(links, link{intel.Attribute{ID: v, Value: "v"}, &intel.Event{ID: 1000 + e*13 + v%3, Info: "e"}})
		}
	}
	pairs := pairsOf("/x", links)
	values, events := tallies(pairs)
	g := draw(pairs, values, events, 10)
	if len(g.Left) != 10 || len(g.Right) != 10 || g.Height != 10*graphStep+16 || g.Left[0].N < g.Left[9].N {
		t.Fatalf("%d left, %d right, height %d", len(g.Left), len(g.Right), g.Height)
	}
	for _, l := range g.Lines {
		if l.Y1 > g.Height || l.Y2 > g.Height || l.Y1 < 0 || l.Y2 < 0 {
			t.Fatalf("a line leaves the drawing: %+v", l)
		}
	}
}

// TestDecayOnPages: what a model in force makes of a value, by the sightings that the
// reader sees, stands on its page; a model for other types says nothing.
func TestDecayOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s, w, people := desk(t, db)
		boss := people["ana"]
		boss.Perms = map[string]bool{"catalog.read": true, "catalog.write": true}
		for name, typ := range map[string]string{"Домени": "domain", "Отисци": "md5"} {
			it, err := w.Lists.SaveModel(t.Context(), boss, "", func(d *catalog.ModelDraft) {
				d.Name, d.Formula, d.Types = name, catalog.FormulaPolynomial, []string{typ}
				d.Parameters = catalog.Parameters{Lifetime: 10, Speed: 1, Threshold: 30, Default: 80}
			})
			w.Must(err)
			_, err = w.Lists.Enable(t.Context(), boss, it.Kind, strconv.FormatInt(it.ID, 10), true)
			w.Must(err)
		}
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community, misp.Attribute{Type: misp.T("domain"), Value: misp.T("javna.example"), Timestamp: misp.N(now.Now().Unix())}))
		var at string
		w.Must(w.Intel.SearchAttributes(t.Context(), people["ana"], intel.Query{Value: intel.Filter{Or: []string{"javna.example"}}}, func(a *intel.Attribute) error {
			at = "/console/events/" + e.Ref() + "/attributes/" + a.UUID
			return nil
		}))
		if page := s.Shows("ana", at, 200, "Decay", "Домени", "80 / 100", "until"); strings.Contains(page, "Отисци") {
			t.Error("a model for other types scores it")
		}
		now.Add(9 * 24 * time.Hour)
		s.Shows("ana", at, 200, "8 / 100", "below the threshold of 30")
	})
}

// TestVersionsOnPages: two versions side by side, filtered and as a file; an old value
// is told to those who saw it while it stood there, and to nobody else.
func TestVersionsOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s, w, people := desk(t, db)
		in := inteltest.Event("Капија 400", intel.Community, inteltest.Attr("domain", "javna.example"),
			misp.Attribute{Type: misp.T("text"), Value: misp.T("tajna-rec"), Distribution: misp.N(0)})
		e := w.Add(people["ana"], in)
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		now.Add(time.Minute)
		w.Must(w.Intel.Attributes(t.Context(), people["ana"], e.Ref(), intel.Part{}, func(a *intel.Attribute) error {
			_, err := w.Intel.EditAttribute(t.Context(), people["ana"], a.UUID, misp.Attribute{Value: misp.T("nova-" + a.Value), Distribution: misp.N(5)})
			return err
		}))
		now.Add(time.Minute)
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		first := ""
		versions, err := w.Intel.Versions(t.Context(), people["ana"], e.Ref())
		w.Must(err)
		first = stamp(versions[1].At)
		at, from := "/console/events/"+e.Ref()+"/versions", "/portal/events/"+e.Ref()+"/versions"
		s.Shows("ana", at, 200, "No differences")
		s.Shows("ana", at+"?from="+first, 200, "tajna-rec", "nova-tajna-rec", "javna.example", "nova-javna.example", "changed", "Who changed it")
		if page := s.Shows("alfa", from+"?from="+first, 200, "javna.example", "nova-javna.example"); strings.Contains(page, `>tajna-rec`) || strings.Contains(page, "Who changed it") {
			t.Error("an old value is told to who did not see it")
		}
		if page := s.Shows("ana", at+"?q=tajna&from="+first, 200, "nova-tajna-rec"); strings.Contains(page, "javna.example") {
			t.Error("the filter lets another value through")
		}
		s.Shows("ana", at+"?kind=report&from="+first, 200, "No differences")
		s.Shows("ana", at+"?from="+first+"&format=csv", 200, "attribute,changed,", "javna.example,nova-javna.example", "export_from")
		s.Shows("ana", at+"?from=x", 422)
	})
}

// TestReferencesOnPages: an event's objects and what they point to, drawn and listed; what
// the reader does not see is not named. Sightings stand in the table as a line.
func TestReferencesOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, w, people := desk(t, db)
		in := inteltest.Event("Капија 400", intel.Community, inteltest.Attr("domain", "javna.example"), misp.Attribute{Type: misp.T("domain"), Value: misp.T("tajna.example"), Distribution: misp.N(0)})
		e := w.Add(people["ana"], in)
		uuid := map[string]string{}
		w.Must(w.Intel.Attributes(t.Context(), people["ana"], e.Ref(), intel.Part{}, func(a *intel.Attribute) error { uuid[a.Value] = a.UUID; return nil }))
		object := func(name, value string) intel.Object {
			o, err := w.Intel.AddObject(t.Context(), people["ana"], e.Ref(), misp.Object{Name: misp.T(name), Attribute: []misp.Attribute{inteltest.Attr("filename", value)}}, false)
			w.Must(err)
			return o
		}
		a, b := object("file", "prvi.bin"), object("file", "drugi.bin")
		object("file", "sam.bin")
		for _, x := range [][2]string{{b.UUID, "drops"}, {uuid["javna.example"], "connects-to"}, {uuid["tajna.example"], "beacons-to"}} {
			_, err := w.Intel.AddReference(t.Context(), people["ana"], a.UUID, misp.ObjectReference{ReferencedUUID: misp.T(x[0]), RelationshipType: misp.T(x[1])})
			w.Must(err)
		}
		_, _, err := w.Intel.AddSightings(t.Context(), people["ana"], nil, []string{"javna.example"}, intel.Sighting{})
		w.Must(err)
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		at := "/console/events/" + e.Ref()
		page := s.Shows("ana", at+"/references", 200, "drops → file: drugi.bin", "connects-to → domain: javna.example", "beacons-to → domain: tajna.example", "Objects: 3. References: 3. Objects without any: 1.", "<svg")
		if n := strings.Count(page, `class="sz-link"`); n != 3 {
			t.Errorf("%d lines are drawn, not 3", n)
		}
		if page := s.Shows("alfa", "/portal/events/"+e.Ref()+"/references", 200, "connects-to"); strings.Contains(page, "tajna.example") {
			t.Error("the drawing names what the reader does not see")
		}
		if page := s.Shows("ana", at+"/references?type=drops", 200, "References: 1."); strings.Contains(page, "beacons-to →") {
			t.Error("the filter does not count in the drawing")
		}
		s.Shows("ana", at, 200, "Sightings: 1; by day in the last twelve days: 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1")
		s.Shows("ana", at+"/attributes/"+uuid["javna.example"], 200, "Sightings: 1; by day")
	})
}

// TestTagsOnPages: tags are listed with what the reader sees of their use, filtered, made,
