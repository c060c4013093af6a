package intelweb

import (
	"strings"
	"testing"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// Tags that exclude each other and taxonomies that are required are said on the event's
// page to who may put it right, and to nobody else; a notice list in force speaks when
// something of its kind is entered.
func TestEventSaysWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, w, people := desk(t, db)
		ctx, setup := t.Context(), ident.SystemPart("importer")
		e := w.Add(people["ana"], &misp.Event{Info: misp.T("Две ознаке"), Distribution: misp.N(int64(intel.Community)), Tag: []misp.Tag{{Name: misp.T("tlp:green")}, {Name: misp.T("tlp:amber")}}})
		at := "/console/events/" + e.Ref()
		s.Shows("ana", at, 200, "only one tag may stand", "tlp:amber, tlp:green")
		yes := true
		_, err := w.Lists.Mark(ctx, setup, "rsit", &yes, nil)
		w.Must(err)
		s.Shows("ana", at, 200, "Before it is published it needs a tag of")
		plain := w.Add(people["ana"], inteltest.Event("Једна", intel.Community))
		if text := s.Shows("ana", "/console/events/"+plain.Ref(), 200); strings.Contains(text, "only one tag may stand") {
			t.Error("said of an event with no tags")
		}

		said, err := w.Lists.Notices(ctx, people["ana"], "email-src", "Payload delivery", "sr-Cyrl")
		w.Must(err)
		if len(said) != 0 {
			t.Errorf("a list that is not in force speaks: %+v", said)
		}
		_, err = w.Lists.Enable(ctx, setup, catalog.NoticeList, "personal-data-rs", true)
		w.Must(err)
		said, err = w.Lists.Notices(ctx, people["ana"], "email-src", "Payload delivery", "sr-Cyrl")
		w.Must(err)
		if len(said) != 1 || !strings.HasPrefix(said[0].Text, "Ово може бити") {
			t.Errorf("%+v", said)
		}
		s.Sends("ana", at+"/attributes/new", 303, testkit.Form("type", "email-src", "value", "neko@primer.example", "distribution", "5"))
	})
}
