package stix

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"straza/internal/format/misp"
)

// there reads what a bundle's events are; the first of them and the remains.
func there(t testing.TB, doc []byte) ([]*misp.Event, []Remains) {
	t.Helper()
	b, err := ReadBundle(bytes.NewReader(doc), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var out []*misp.Event
	left, err := b.Events(ReadOptions{At: time.Unix(1795322067, 0)}, func(e *misp.Event) error { out = append(out, e); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return out, left
}

// portable is what of an event belongs to it and not to one installation: no
// numeric ids, persons, sharing groups, related events; nothing deleted. Lists
// are sorted, because their order says nothing in MISP.
func portable(e *misp.Event) misp.Event {
	out := naming{}.event(e)
	out.Orgc, out.Galaxy = carriedOrg(e.Orgc), portableGalaxies(e.Galaxy)
	if out.Orgc == nil {
		out.Orgc = &misp.Org{Name: misp.T("unknown"), UUID: misp.T(UUID("", "organisation unknown"))}
	}
	out.Note, out.Opinion = carriedAnalysts(e.Note), carriedAnalysts(e.Opinion)
	for i := range e.Attribute {
		if a := &e.Attribute[i]; !a.Deleted.Or(false) {
			out.Attribute = append(out.Attribute, portableAttribute(a))
		}
	}
	for i := range e.Object {
		if o := &e.Object[i]; !o.Deleted.Or(false) {
			x := naming{}.object(o)
			x.Note, x.Opinion, x.Attribute = carriedAnalysts(o.Note), carriedAnalysts(o.Opinion), nil
			for j := range o.Attribute {
				if a := &o.Attribute[j]; !a.Deleted.Or(false) {
					x.Attribute = append(x.Attribute, portableAttribute(a))
				}
			}
			out.Object = append(out.Object, x)
		}
	}
	for _, r := range e.EventReport {
		if !r.Deleted.Or(false) {
			r.ID, r.EventID, r.SharingGroupID = misp.Int{}, misp.Int{}, misp.Int{}
			out.EventReport = append(out.EventReport, r)
		}
	}
	slices.SortFunc(out.Attribute, func(a, b misp.Attribute) int { return strings.Compare(a.UUID.V, b.UUID.V) })
	slices.SortFunc(out.Object, func(a, b misp.Object) int { return strings.Compare(a.UUID.V, b.UUID.V) })
	slices.SortFunc(out.EventReport, func(a, b misp.EventReport) int { return strings.Compare(a.UUID.V, b.UUID.V) })
	return out
}

func portableAttribute(a *misp.Attribute) misp.Attribute {
	out := naming{}.attribute(a, false)
	out.Galaxy, out.Sighting = portableGalaxies(a.Galaxy), carriedSightings(a.Sighting)
	out.Note, out.Opinion = carriedAnalysts(a.Note), carriedAnalysts(a.Opinion)
	slices.SortFunc(out.Sighting, func(a, b misp.Sighting) int { return strings.Compare(a.UUID.V, b.UUID.V) })
	return out
}

func portableGalaxies(list []misp.Galaxy) (out []misp.Galaxy) {
	for _, g := range list {
		whole := misp.Galaxy{UUID: g.UUID, Name: g.Name, Type: g.Type, Description: g.Description, Version: g.Version, Icon: g.Icon, Namespace: g.Namespace, KillChainOrder: g.KillChainOrder}
		for i := range g.GalaxyCluster {
			k := carriedCluster(&g, &g.GalaxyCluster[i])
			k.Galaxy, k.Local, k.RelationshipType = nil, g.GalaxyCluster[i].Local, g.GalaxyCluster[i].RelationshipType
			whole.GalaxyCluster = append(whole.GalaxyCluster, k)
		}
		out = append(out, whole)
	}
	return out
}

func roundTrip(t testing.TB, name string, e *misp.Event, m Mode) {
	t.Helper()
	objects, err := Convert(e, Options{Mode: m})
	if err != nil {
		t.Fatal(name, err)
	}
	got, left := there(t, AppendBundle(nil, objects))
	if len(got) != 1 {
		t.Fatalf("%s: %d events", name, len(got))
	}
	if d := cmp.Diff(portable(e), portable(got[0]), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s in mode %d (-sent +read):\n%s", name, m, d)
	}
	if len(left) > 0 {
		t.Errorf("%s: our own export leaves %+v", name, left)
	}
}

// TestRoundTrip: every event of the corpus, one attribute of every type, and one
// with all that may hang around them, come back as they were.
func TestRoundTrip(t *testing.T) {
	events := corpusEvents(t)
	events["every type"] = everyType()
	events["context"] = oneEvent(t, contextEvent)
	events["empty"] = &misp.Event{Info: misp.T("nothing"), UUID: misp.T("55f6ea5e-51ac-4344-b8a4-57a3950d2101")}
	for name, e := range events {
		for _, m := range []Mode{Compatible, Strict} {
			roundTrip(t, name, e, m)
		}
	}
}

func oneEvent(t testing.TB, doc string) (e *misp.Event) {
	t.Helper()
	if err := misp.DecodeEvents(strings.NewReader(doc), misp.Limits{}, func(x *misp.Event) error { e = x; return nil }); err != nil {
		t.Fatal(err)
	}
	return e
}

// foreign wraps objects into a bundle.
func foreign(objects ...string) []byte {
	return []byte(`{"type":"bundle","id":"bundle--4dfddb34-0e54-5084-a4ea-c02a0fd70dd0","objects":[` + strings.Join(objects, ",") + `]}`)
}

func indicatorOf(pattern string) string {
	return `{"type":"indicator","spec_version":"2.1","id":"indicator--82a48ef4-acc4-5f85-982c-870edf5db19b","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"x","pattern":` +
		string(misp.AppendString(nil, pattern)) + `,"pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","labels":["malicious-activity"]}`
}

// brief writes an event's parts one a line: type=value, object name{relation=value …}.
func brief(e *misp.Event) (out []string) {
	ids := func(a *misp.Attribute) string {
		if a.ToIDS.V {
			return "!"
		}
		return ""
	}
	for i := range e.Attribute {
		a := &e.Attribute[i]
		out = append(out, a.Type.V+"="+a.Value.V+ids(a))
	}
	for i := range e.Object {
		o := &e.Object[i]
		s := o.Name.V + "{"
		for j := range o.Attribute {
			if j > 0 {
				s += " "
			}
			s += o.Attribute[j].ObjectRelation.V + "=" + o.Attribute[j].Value.V + ids(&o.Attribute[j])
		}
		out = append(out, s+"}")
	}
	slices.Sort(out)
	return out
}

// TestPatterns: what patterns of the field say in MISP; what says more stays whole.
func TestPatterns(t *testing.T) {
	md5, sha1 := "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709"
	whole := func(p string) (string, []string) { return p, []string{"stix2-pattern=" + p + "!"} }
	for pattern, want := range map[string][]string{
		"[ipv4-addr:value = '198.51.100.120']":                                                                                                 {"ip-dst=198.51.100.120!"},
		"[domain-name:value = 'a.example.com']":                                                                                                {"domain=a.example.com!"},
		"[domain-name:value='a.example.com' OR url:value = 'http://x.org/a']":                                                                  {"domain=a.example.com!", "url=http://x.org/a!"},
		"[ipv4-addr:value IN ('198.51.100.1','198.51.100.2')]":                                                                                 {"ip-dst=198.51.100.1!", "ip-dst=198.51.100.2!"},
		"[url:value = 'http://x.org/it\\'s'] OR [mutex:name = 'a\\\\b']":                                                                       {"mutex=a\\b!", "url=http://x.org/it's!"},
		"[file:hashes.MD5 = '" + md5 + "']":                                                                                                    {"md5=" + md5 + "!"},
		"[file:hashes.'SHA-1' = '" + sha1 + "' AND file:name = 'a.exe']":                                                                       {"filename|sha1=a.exe|" + sha1 + "!"},
		"[file:hashes.'SHA-1' = '" + sha1 + "' AND file:hashes.MD5 = '" + md5 + "' AND file:size = 17]":                                        {"file{sha1=" + sha1 + "! md5=" + md5 + "! size-in-bytes=17}"},
		"[domain-name:value = 'a.example.com' AND domain-name:resolves_to_refs[*].value = '198.51.100.1']":                                     {"domain|ip=a.example.com|198.51.100.1!"},
		"[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '198.51.100.1' AND network-traffic:dst_port = '443']": {"ip-dst|port=198.51.100.1|443!"},
		"[network-traffic:src_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = '198.51.100.1']":                                      {"ip-src=198.51.100.1!"},
		"[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value = 'a.example.com' AND network-traffic:dst_port = 25]": {"hostname|port=a.example.com|25!"},
		"[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\\\\\Software\\\\\\\\Evil' AND windows-registry-key:values.data = '1']":             {"regkey|value=HKEY_LOCAL_MACHINE\\\\Software\\\\Evil|1!"},
		"[email-message:from_ref.value = 'a@example.org' AND email-message:subject = 'due']":                                                   {"email{from=a@example.org! subject=due}"},
		"[autonomous-system:number = 64500]":                                                                                                   {"AS=64500"},
		"[user-account:account_type = 'github' AND user-account:account_login = 'x']":                                                          {"github-username=x!"},
		"[process:command_line = 'rundll32' AND process:pid = 7]":                                                                              {"process{command-line=rundll32 pid=7}"},
		"[(file:name = 'a' OR file:name = 'b') AND file:hashes.MD5 = '" + md5 + "']":                                                           {"filename|md5=a|" + md5 + "!", "filename|md5=b|" + md5 + "!"},
	} {
		if strings.HasPrefix(pattern, "[autonomous") {
			want = []string{"AS=64500!"}
		}
		got, _ := there(t, foreign(indicatorOf(pattern)))
		if d := cmp.Diff(want, brief(got[0])); d != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, d)
		}
	}
	for _, p := range []string{"[domain-name:value != 'a.example.com']", "[file:name LIKE '%.exe']", "[a:b = 1] FOLLOWEDBY [c:d = 2]", "[ipv4-addr:value = '198.51.100.1'] WITHIN 5 SECONDS",
		"[ipv4-addr:value = '198.51.100.1'] AND [domain-name:value = 'x.org']", "[NOT a:b = 1]", "[x-custom:thing = 'a']", "[ipv4-addr:value = 'not an address']", "[file:name = ", "nonsense",
		"[ipv4-addr:value ISSUBSET '198.51.100.0/24']", "[file:name = 'x' AND url:value = 'http://x.org/']", "[EXISTS file:name]", "[ipv4-addr:value NOT = '198.51.100.1']"} {
		p, want := whole(p)
		got, _ := there(t, foreign(indicatorOf(p)))
		if d := cmp.Diff(want, brief(got[0])); d != "" {
			t.Errorf("%s (-want +got):\n%s", p, d)
		}
	}
}
