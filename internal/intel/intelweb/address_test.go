package intelweb

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// Addresses carry UUIDs; those with numbers, as they were before, lead there, and tell
// who may not see the thing as little as the new ones.
func TestAddressesCarryUUIDs(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, w, people := desk(t, db)
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community, misp.Attribute{Type: misp.T("ip-dst"), Value: misp.T("198.51.100.24")}))
		other := w.Add(people["ana"], inteltest.Event("Скривен", intel.OwnOrg, misp.Attribute{Type: misp.T("ip-dst"), Value: misp.T("198.51.100.24")}))
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		var a intel.Attribute
		w.Must(w.Intel.Attributes(t.Context(), people["ana"], e.UUID, intel.Part{}, func(x *intel.Attribute) error { a = *x; return nil }))
		s.Sends("ana", "/console/events/"+e.UUID+"/reports/new", 303, testkit.Form("name", "Налаз", "content", "текст", "distribution", "5"))
		reports, err := w.Intel.Reports(t.Context(), people["ana"], e.UUID, intel.Without)
		w.Must(err)
		num := func(n int64) string { return strconv.FormatInt(n, 10) }
		for old, now := range map[string]string{
			num(e.ID): e.UUID, num(e.ID) + "/edit": e.UUID + "/edit", num(e.ID) + "?type=ip-dst": e.UUID + "?type=ip-dst",
			num(e.ID) + "/attributes/" + num(a.ID): e.UUID + "/attributes/" + a.UUID, e.UUID + "/attributes/" + num(a.ID): e.UUID + "/attributes/" + a.UUID,
			num(e.ID) + "/reports/" + num(reports[0].ID): e.UUID + "/reports/" + reports[0].UUID,
		} {
			if to := s.Browse("ana", "GET", "/console/events/"+old, "", nil); to.Code != 303 || to.Header().Get("Location") != "/console/events/"+now {
				t.Errorf("%s leads with %d to %q, want %s", old, to.Code, to.Header().Get("Location"), now)
			}
			s.Shows("ana", "/console/events/"+now, 200)
		}
		for _, who := range []string{"alfa", "vesna"} {
			for _, ref := range []string{num(other.ID), other.UUID, num(other.ID + 1), "0", "-7", "x", "01a20222-1dc0-7c59-97b9-98d6639690eb"} {
				room := map[string]string{"alfa": "/portal/events/", "vesna": "/console/events/"}[who]
				s.Shows(who, room+ref, 404)
			}
		}
		s.Sends("ana", "/console/events/"+num(e.ID)+"/attributes/new", 303, testkit.Form("type", "domain", "value", "mlin.example", "distribution", "5")) // a form opened before
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))                                                                                      // until then it is a draft again
		inner := regexp.MustCompile(`(?:href|action)="(/(?:console|portal)/[^"]*[/=]\d{6,}[^"]*)"`)
		for who, pages := range map[string][]string{"ana": {"", "/" + e.UUID, "/" + e.UUID + "/edit", "/" + e.UUID + "/history", "/" + e.UUID + "/attributes/" + a.UUID, "/" + e.UUID + "/reports/" + reports[0].UUID, "?q=198.51.100.24"}, "alfa": {"", "/" + e.UUID, "/" + e.UUID + "/attributes/" + a.UUID}} {
			room := map[string]string{"ana": "/console/events", "alfa": "/portal/events"}[who]
			for _, p := range pages {
				body := s.Shows(who, room+p, 200)
				for _, m := range inner.FindAllStringSubmatch(body, -1) {
					if !strings.Contains(m[1], "/do/") && !strings.Contains(m[1], "/said/") {
						t.Errorf("%s%s shows the inner number in %s", room, p, m[1])
					}
				}
				if strings.Contains(body, ">"+num(e.ID)+"<") {
					t.Errorf("%s%s shows the event's inner number", room, p)
				}
			}
		}
		s.Shows("ana", "/console/indicators?q=198.51.100.24", 200, "/console/events/"+e.UUID)
	})
}
