package intelweb

import (
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestExport: what the list finds, or one event, goes out as rules; a label that keeps
// an event here is said on the page and obeyed by the file; what stands on a warning
// list is left out unless it is asked for; a stranger's file holds nothing of it.
func TestExport(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, w, people := desk(t, db)
		event := func(info, tlp, value string, reach intel.Distribution) string {
			e := inteltest.Event(info, reach, misp.Attribute{Type: misp.T("domain"), Value: misp.T(value)}, misp.Attribute{Type: misp.T("ip-dst"), Value: misp.T("8.8.8.8")})
			e.Tag = []misp.Tag{{Name: misp.T("tlp:" + tlp)}}
			saved := w.Add(people["ana"], e)
			w.Must(w.Intel.Publish(t.Context(), people["ana"], saved.Ref()))
			return "/console/events/" + saved.Ref()
		}
		open := event("Отворен", "green", "evil.example.org", intel.Community)
		event("Скривен", "green", "hidden.example.org", intel.OwnOrg)
		red := event("Црвен", "red", "red.example.org", intel.OwnOrg)

		s.Shows("ana", "/console/events/export", 200, "1 event stays here", "Rules for Suricata", "Zone for a resolver")
		s.Shows("ana", "/console/events?value=evil.example.org", 200, "/console/events/export?value=evil.example.org")
		s.Shows("ana", "/console/events/export?value=evil.example.org", 200, `name="value" value="evil.example.org"`)
		for format, want := range map[string]string{"suricata": `dns.query; content:"evil.example.org"`, "rpz": "*.evil.example.org CNAME .", "yara": `$ = "evil.example.org"`, "stix": ">evil.example.org<"} {
			file := s.Shows("ana", "/console/events/export?format="+format, 200, want)
			if strings.Contains(file, "red.example.org") || strings.Contains(file, "8.8.8.8") || !strings.Contains(file, "hidden.example.org") {
				t.Errorf("%s: %.400s", format, file)
			}
			if file = s.Shows("alfa", "/portal/events/export?format="+format, 200, want); strings.Contains(file, "hidden.example.org") || strings.Contains(file, "red.example.org") {
				t.Errorf("%s leaks: %.400s", format, file)
			}
		}
		s.Shows("ana", "/console/events/export?format=hosts&value=evil.example.org&warned=1", 200, "0.0.0.0 evil.example.org")
		s.Shows("ana", "/console/events/export?format=netfilter&warned=1", 200, "iptables -A INPUT -s 8.8.8.8 -j DROP")
		s.Shows("ana", "/console/events/export?format=nonsense", 422)
		for format, lead := range map[string]string{"suricata": "# ", "yara": "// ", "rpz": "; ", "sigma": "# "} {
			first, _, _ := strings.Cut(s.Shows("ana", "/console/events/export?format="+format, 200), "\n")
			if !strings.HasPrefix(first, lead+"Straža export from ") || !strings.HasSuffix(first, "TLP:GREEN; 2 rows, 1 held back") {
				t.Errorf("%s begins %q", format, first)
			}
		}
		for at, row := range map[string]string{"/console/events?format=csv": "Отворен", "/console/indicators?format=csv&type=domain": "evil.example.org"} {
			if file := s.Shows("ana", at, 200, row, ",TLP:GREEN,2,1\r\n"); strings.Contains(file, "red.example.org") || strings.Contains(file, "Црвен") {
				t.Errorf("%s: what is RED leaves: %s", at, file)
			}
		}
		s.Shows("ana", open+"/export", 200, "The whole event")
		s.Shows("ana", open+"/export?format=misp", 200, `"info":"Отворен"`)
		s.Shows("ana", open+"/export?format=snort", 200, "evil|07|example|03|org")
		s.Shows("ana", red+"/export", 200, "RED")
		s.Shows("ana", red+"/export?format=misp", 403)
		s.Shows("ana", red+"/export?format=text", 403)
		s.Shows("vesna", strings.Replace(open, open, "/console/events/999", 1)+"/export", 404)
	})
}

// TestExportKeepsWhatAPartsLabelKeeps: an attribute whose own label is stricter than its event's is
// in no file, PAP:AMBER keeps one out of what blocks, and tags that are for here stay here.
func TestExportKeepsWhatAPartsLabelKeeps(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, w, people := desk(t, db)
		part := func(value string, tags ...string) misp.Attribute {
			a := misp.Attribute{Type: misp.T("domain"), Value: misp.T(value)}
			for _, name := range tags {
				a.Tag = append(a.Tag, misp.Tag{Name: misp.T(name)})
			}
			return a
		}
		e := inteltest.Event("Otvoren", intel.Community, part("open.example.org"), part("secret.example.org", "tlp:red"), part("quiet.example.org", "PAP:AMBER"))
		e.Tag = []misp.Tag{{Name: misp.T("tlp:green")}}
		e.Object = []misp.Object{{Name: misp.T("domain-ip"), MetaCategory: misp.T("network"), Attribute: []misp.Attribute{
			{ObjectRelation: misp.T("domain"), Type: misp.T("domain"), Value: misp.T("inside.example.org")},
			{ObjectRelation: misp.T("domain"), Type: misp.T("domain"), Value: misp.T("hushed.example.org"), Tag: []misp.Tag{{Name: misp.T("tlp:red")}}}}}}
		saved := w.Add(people["ana"], e)
		w.Must(w.Intel.Publish(t.Context(), people["ana"], saved.Ref()))
		_, err := w.Intel.Attach(t.Context(), people["ana"], intel.Target{Event: saved.UUID}, []string{"ours:alone"}, true)
		w.Must(err)
		for format, quiet := range map[string]bool{"misp": true, "suricata": true, "rpz": false, "hosts": false, "yara": true, "stix": true} {
			file := s.Shows("ana", "/console/events/"+saved.Ref()+"/export?format="+format, 200, "open.example.org", "inside.example.org")
			if strings.Contains(file, "secret.example.org") || strings.Contains(file, "hushed.example.org") || strings.Contains(file, "ours:alone") || strings.Contains(file, "quiet.example.org") != quiet {
				t.Errorf("%s: %.900s", format, file)
			}
		}
		for path, kept := range map[string]string{"/console/indicators?format=csv": "open.example.org"} {
			if file := s.Shows("ana", path, 200, kept); strings.Contains(file, "secret.example.org") || strings.Contains(file, "hushed.example.org") {
				t.Errorf("%s: %.900s", path, file)
			}
		}
	})
}
