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
