package intel_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func or(v ...string) intel.Filter  { return intel.Filter{Or: v} }
func and(v ...string) intel.Filter { return intel.Filter{And: v} }
func not(v ...string) intel.Filter { return intel.Filter{Not: v} }

func ptr[T any](v T) *T { return &v }

// library is three events: a phishing, a malware one with an object, an old one
// of another organisation.
func library(t *testing.T, w *inteltest.World) (who ident.Actor, ids map[string]intel.Event) {
	who = w.Person(w.CERT, access.Analyst, ident.MISP)
	ids = map[string]intel.Event{}
	tag := func(names ...string) (out []misp.Tag) {
		for _, n := range names {
			out = append(out, misp.Tag{Name: misp.T(n)})
		}
		return out
	}
	e := inteltest.Event("Пецање у банци", intel.Community, inteltest.Attr("url", "http://login.example/x"), inteltest.Attr("ip-dst", "2001:db8:0:0::1"), inteltest.Attr("email-src", "a@login.example"))
	e.Date, e.Timestamp, e.Tag, e.Published = misp.T("2026-11-01"), misp.N(5000), tag("tlp:green", "kind:phishing"), misp.B(true)
	e.Attribute[1].Tag, e.Attribute[1].ToIDS = tag("role:c2"), misp.B(true)
	e.Attribute[2].Timestamp = misp.N(100)
	ids["phishing"] = w.Add(who, e)
	e = inteltest.Event("Dropper", intel.Community, inteltest.Attr("ip-src", "198.51.100.7"), inteltest.Attr("filename|md5", "a.exe|"+strings.Repeat("ab", 16)))
	e.Date, e.Timestamp, e.Tag = misp.T("2026-11-10"), misp.N(6000), tag("tlp:amber", "kind:malware")
	e.Object = []misp.Object{{Name: misp.T("file"), TemplateUUID: misp.T("688c46fb-5edb-40a3-8273-1af7923e2215"),
		Attribute: []misp.Attribute{{Type: misp.T("filename"), Value: misp.T("Evil.exe"), ObjectRelation: misp.T("filename"), Comment: misp.T("seen in March")}}}}
	ids["dropper"] = w.Add(who, e)
	other := w.Person(w.B, access.Publisher, ident.MISP)
	e = inteltest.Event("Old scan", intel.Community, inteltest.Attr("ip-src", "203.0.113.9"))
	e.Date, e.Timestamp, e.ThreatLevelID = misp.T("2020-01-01"), misp.N(10), misp.N(1)
	ids["old"] = w.Add(other, e)
	return who, ids
}

func TestSearchFilters(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who, ids := library(t, w)
		url, v6, mail, ip, file, evil, old := "http://login.example/x", "2001:db8::1", "a@login.example", "198.51.100.7", "a.exe|"+strings.Repeat("ab", 16), "Evil.exe", "203.0.113.9"
		for _, c := range []struct {
			name   string
			q      intel.Query
			want   []string // values
			events []string
		}{
			{"everything", intel.Query{}, []string{url, v6, mail, ip, file, evil, old}, []string{"phishing", "dropper", "old"}},
			{"value", intel.Query{Value: or(ip)}, []string{ip}, []string{"dropper"}},
			{"address written long", intel.Query{Value: or("2001:0DB8::0001")}, []string{v6}, []string{"phishing"}},
			{"second half", intel.Query{Value: or(strings.Repeat("AB", 16))}, []string{file}, []string{"dropper"}},
			{"first half", intel.Query{Value: or("A.EXE")}, []string{file}, []string{"dropper"}},
			{"whole composite", intel.Query{Value: or(file)}, []string{file}, []string{"dropper"}},
			{"defanged", intel.Query{Value: or("hxxp://login[.]example/x")}, []string{url}, []string{"phishing"}},
			{"pattern", intel.Query{Value: or("%LOGIN.example%")}, []string{url, mail}, []string{"phishing"}},
			{"ends", intel.Query{Value: or("%.exe")}, []string{file, evil}, []string{"dropper"}},
			{"not", intel.Query{Value: not(ip, "%.exe"), Events: []string{ids["dropper"].UUID}}, nil, nil},
			{"two values in one event", intel.Query{Value: and(ip, "evil.exe")}, []string{ip, evil}, []string{"dropper"}},
			{"two values in two events", intel.Query{Value: and(ip, old)}, []string{ip, old}, nil},
			{"type", intel.Query{Type: or("ip-src")}, []string{ip, old}, []string{"dropper", "old"}},
			{"type by pattern", intel.Query{Type: or("ip-%")}, []string{v6, ip, old}, []string{"phishing", "dropper", "old"}},
			{"unknown type", intel.Query{Type: or("nosuch")}, nil, nil},
			{"category", intel.Query{Category: or("payload delivery")}, []string{mail, file, evil}, []string{"phishing", "dropper"}},
			{"tag of an event", intel.Query{Tag: or("kind:phishing")}, []string{url, v6, mail}, []string{"phishing"}},
			{"tag of an attribute", intel.Query{Tag: or("role:c2")}, []string{v6}, []string{"phishing"}},
			{"both tags", intel.Query{Tag: and("kind:phishing", "role:c2")}, []string{v6}, []string{"phishing"}},
			{"tags are case-sensitive", intel.Query{Tag: or("KIND:phishing")}, nil, nil},
			{"tag pattern", intel.Query{Tag: or("kind:%")}, []string{url, v6, mail, ip, file, evil}, []string{"phishing", "dropper"}},
			{"without a tag", intel.Query{Tag: not("kind:phishing")}, []string{ip, file, evil, old}, []string{"dropper", "old"}},
			{"without an attribute's tag", intel.Query{Tag: not("role:c2")}, []string{url, mail, ip, file, evil, old}, []string{"phishing", "dropper", "old"}},
			{"unknown tag in NOT", intel.Query{Tag: not("nosuch")}, []string{url, v6, mail, ip, file, evil, old}, []string{"phishing", "dropper", "old"}},
			{"unknown tag in OR", intel.Query{Tag: or("nosuch")}, nil, nil},
			{"organisation", intel.Query{Origin: or("Beta")}, []string{old}, []string{"old"}},
			{"not organisation", intel.Query{Origin: not(w.B.UUID)}, []string{url, v6, mail, ip, file, evil}, []string{"phishing", "dropper"}},
			{"unknown organisation", intel.Query{Origin: or("nobody")}, nil, nil},
			{"info in the other script", intel.Query{Info: or("%pecanje%")}, []string{url, v6, mail}, []string{"phishing"}},
			{"info by letter", intel.Query{Info: or("%DROPPER%"), InfoCase: true}, nil, nil},
			{"event id", intel.Query{Events: []string{ids["old"].Ref()}}, []string{old}, []string{"old"}},
			{"unknown event", intel.Query{Events: []string{db.NewUUID()}}, nil, nil},
			{"uuid of an event", intel.Query{UUIDs: []string{ids["old"].UUID}}, []string{old}, []string{"old"}},
			{"uuid that is none", intel.Query{UUIDs: []string{"x"}}, nil, nil},
			{"object", intel.Query{Object: or("file")}, []string{evil}, []string{"dropper"}},
			{"template", intel.Query{Template: "688c46fb-5edb-40a3-8273-1af7923e2215"}, []string{evil}, []string{"dropper"}},
			{"relation", intel.Query{Relation: or("filename")}, []string{evil}, []string{"dropper"}},
			{"to_ids", intel.Query{ToIDS: ptr(false), Type: or("ip-dst")}, nil, nil},
			{"published", intel.Query{IsPublished: ptr(true)}, []string{url, v6, mail}, []string{"phishing"}},
			{"dates", intel.Query{From: "2026-11-01", To: "2026-11-05"}, []string{url, v6, mail}, []string{"phishing"}},
			{"threat", intel.Query{Threat: []int{1}}, []string{old}, []string{"old"}},
			{"event time", intel.Query{EventTime: intel.Span{From: ptr(int64(5000)), To: ptr(int64(5999))}}, []string{url, v6, mail}, []string{"phishing"}},
			{"nothing", intel.Query{Nothing: true}, nil, nil},
			{"text in a comment", intel.Query{Text: "in march"}, []string{ip, file, evil}, []string{"dropper"}},
			{"text in a tag", intel.Query{Text: "malware"}, []string{ip, file, evil}, []string{"dropper"}},
			{"text in the info", intel.Query{Text: "пецање"}, []string{url, v6, mail}, []string{"phishing"}},
		} {
			var got, events []string
			must(t, w.Intel.SearchAttributes(ctx, who, c.q, func(a *intel.Attribute) error {
				got = append(got, a.Value)
				if a.Event == nil || a.Event.ID != a.EventID {
					t.Errorf("%s: %s has no event", c.name, a.Value)
				}
				return nil
			}))
			total, err := w.Intel.SearchEvents(ctx, who, c.q, func(e *intel.Event) error {
				for name, x := range ids {
					if x.ID == e.ID {
						events = append(events, name)
					}
				}
				return nil
			})
			must(t, err)
			slices.Sort(got)
			slices.Sort(events)
			slices.Sort(c.want)
			slices.Sort(c.events)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s, attributes (-want +got):\n%s", c.name, diff)
			}
			if diff := cmp.Diff(c.events, events); diff != "" || total != int64(len(c.events)) {
				t.Errorf("%s, %d events (-want +got):\n%s", c.name, total, diff)
			}
			if n, err := w.Intel.CountAttributes(ctx, who, c.q); err != nil || n != int64(len(c.want)) {
				t.Errorf("%s counts %d, %v", c.name, n, err)
			}
		}
	})
}

func TestPagesAndOrder(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who, _ := library(t, w)
		all := func(q intel.Query) (out []string) {
			must(t, w.Intel.SearchAttributes(ctx, who, q, func(a *intel.Attribute) error { out = append(out, a.Value); return nil }))
			return out
		}
		for name, q := range map[string]intel.Query{"walk": {}, "selective": {Tag: or("kind:%")}, "in Go": {Value: or("%e%")}} {
			whole := all(q)
			var paged, keyed []string
			for p := 1; p < 9; p++ {
				q := q
				q.Limit, q.Page = 2, p
				paged = append(paged, all(q)...)
			}
			for after := int64(0); ; {
				q := q
				q.Limit, q.After = 2, after
				n := 0
				must(t, w.Intel.SearchAttributes(ctx, who, q, func(a *intel.Attribute) error { keyed, after, n = append(keyed, a.Value), a.ID, n+1; return nil }))
				if n == 0 {
					break
				}
			}
			if diff := cmp.Diff(whole, paged); diff != "" || len(whole) < 3 {
				t.Errorf("%s by page (-whole +pages):\n%s", name, diff)
			}
			if diff := cmp.Diff(whole, keyed); diff != "" {
				t.Errorf("%s by keyset (-whole +pages):\n%s", name, diff)
			}
		}
		for sort, want := range map[string][]string{"date": {"Old scan", "Пецање у банци", "Dropper"}, "timestamp": {"Old scan", "Пецање у банци", "Dropper"},
			"info": {"Dropper", "Old scan", "Пецање у банци"}, "orgc": {"Old scan", "Пецање у банци", "Dropper"}, "nosuch; DROP TABLE": {"Пецање у банци", "Dropper", "Old scan"}} {
			var got []string
			_, err := w.Intel.SearchEvents(ctx, who, intel.Query{Sort: sort}, func(e *intel.Event) error { got = append(got, e.Info); return nil })
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("by %s:\n%s", sort, diff)
			}
			var back []string
			_, err = w.Intel.SearchEvents(ctx, who, intel.Query{Sort: sort, Desc: true, Limit: 1}, func(e *intel.Event) error { back = append(back, e.Info); return nil })
			if err != nil || sort != "orgc" && back[0] != want[2] {
				t.Errorf("by %s, last first: %v, %v", sort, back, err)
			}
		}
	})
}

// TestTheSameEventTwiceAtOnce: two senders at the same moment, one event.
func TestTheSameEventTwiceAtOnce(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.MISP)
		uuid, attr := db.NewUUID(), db.NewUUID()
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wg.Go(func() {
				e := inteltest.Event("e", intel.Community, inteltest.Attr("domain", "a.example"))
				e.UUID, e.Attribute[0].UUID = misp.T(uuid), misp.T(attr)
				_, errs[i] = w.Intel.AddEvent(ctx, who, intel.FromEvent(e), intel.AddOptions{})
			})
		}
		wg.Wait()
		stored := 0
		for _, err := range errs {
			if err == nil {
				stored++
			} else if !fault.Is(err, fault.Conflict) {
				t.Errorf("%v", err)
			}
		}
		if n, err := w.Intel.CountAttributes(ctx, who, intel.Query{}); stored != 1 || n != 1 || err != nil {
			t.Errorf("%d stored, %d attributes, %v", stored, n, err)
		}
	})
}
