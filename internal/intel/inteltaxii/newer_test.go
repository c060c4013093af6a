package inteltaxii_test

import (
	"fmt"
	"strings"
	"testing"

	"straza/internal/format/taxii"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// versioned are an indicator of an address and a report about it, of one day in January; n
// tells one such pair from others.
func versioned(n, day int) (indicator, report string) {
	head := func(typ, last string) string {
		return fmt.Sprintf(`{"type":"%s","spec_version":"2.1","id":"%s--82a48ef4-acc4-4f85-982c-870edf5d%d%s","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-%02dT00:00:00.000Z",`, typ, typ, n, last, day)
	}
	indicator = head("indicator", "b19") + fmt.Sprintf(`"name":"x","pattern":"[ipv4-addr:value = '198.51.100.%d']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}`, day)
	report = head("report", "1aa") + fmt.Sprintf(`"name":"day %d","published":"2026-01-01T00:00:00Z","object_refs":["indicator--82a48ef4-acc4-4f85-982c-870edf5d%db19"]}`, day, n)
	return indicator, report
}

// TestNewerVersions: what comes again in a newer version changes what it was made into, in a
// report or alone, sent by a person's machine or polled; another server's word changes nothing.
func TestNewerVersions(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		for n, name := range []string{"sent", "polled"} {
			part := ident.SystemPart("peer")
			part.Org = h.C.ID
			reader := map[string]ident.Actor{"sent": h.who["alfa"], "polled": h.who["gama"]}[name]
			deliver := func(server int64, objects ...string) (st taxii.Status) {
				t.Helper()
				var list []intel.InboxEntry
				for _, o := range objects {
					list = append(list, intel.NewInboxEntry([]byte(o)))
				}
				var err error
				if name == "sent" {
					st, err = h.Intel.Deliver(ctx, reader, inbox, list)
				} else {
					st, err = h.Intel.DeliverPolled(ctx, part, server, list)
				}
				h.Must(err)
				h.drain(db)
				st, err = h.Intel.InboxStatus(ctx, reader, st.ID)
				h.Must(err)
				return st
			}
			holds := func(want string) {
				t.Helper()
				var got []string
				_, err := h.Intel.SearchEvents(ctx, reader, intel.Query{}, func(e *intel.Event) error {
					got = append(got, e.Info+":")
					return h.Intel.Attributes(ctx, reader, e.Ref(), intel.Part{}, func(a *intel.Attribute) error { got = append(got, a.Value); return nil })
				})
				h.Must(err)
				if s := strings.Join(got, " "); s != want {
					t.Errorf("%s: %q, want %q", name, s, want)
				}
			}
			indicator, report := versioned(n, 1)
			if st := deliver(7, indicator, report); st.SuccessCount != 2 {
				t.Errorf("%s: %+v", name, st)
			}
			holds("day 1: 198.51.100.1")
			indicator, report = versioned(n, 2)
			if st := deliver(7, indicator, report); st.SuccessCount != 2 {
				t.Errorf("%s: %+v", name, st)
			}
			holds("day 2: 198.51.100.2")
			indicator, _ = versioned(n, 3)
			deliver(7, indicator)
			holds("day 2: 198.51.100.3")
			old, _ := versioned(n, 2)
			deliver(7, strings.Replace(old, "01-02T00:00:00.000Z", "01-02T12:00:00.000Z", 1))
			holds("day 2: 198.51.100.3") // older than what is here
			_, report = versioned(n, 4)
			indicator, _ = versioned(n, 5)
			deliver(7, indicator, report)
			holds("day 4: 198.51.100.5") // the report is not held to be old
			if name == "polled" {
				indicator, report = versioned(n, 6)
				if st := deliver(8, indicator, report); st.FailureCount != 2 {
					t.Errorf("another server: %+v", st)
				}
				indicator, _ = versioned(n, 7)
				deliver(8, indicator)
				var got []string
				h.Must(h.Intel.SearchAttributes(ctx, reader, intel.Query{}, func(a *intel.Attribute) error { got = append(got, a.Value); return nil }))
				if len(got) != 1 || got[0] != "198.51.100.5" {
					t.Errorf("another server changes: %v", got)
				}
			}
		}
	})
}
