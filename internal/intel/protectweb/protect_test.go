package protectweb

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"straza/internal/craft/seal"
	"straza/internal/format/openpgp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

// TestProtectionByPage: an event is protected with the installation's key on its list, a
// partner's is added and taken off; who may not change the event reads, who does not see
// it gets nothing.
func TestProtectionByPage(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		people := testkit.Gate{"ana": w.Person(w.CERT, access.Lead, ident.Web), "vesna": w.Person(w.CERT2, access.Lead, ident.Web)}
		for name, who := range people {
			who.Name, who.SecondFA = name, true
			people[name] = who
		}
		office := seal.New(seal.Deps{DB: db, Audit: testkit.Audit(db), Vault: testkit.Vault(t), Owner: func() openpgp.Owner { return openpgp.Owner{Name: "ЦЕРТ", Email: "cert@cert.example"} }})
		w.Must(office.Begin(t.Context(), ident.SystemPart("seal")))
		s := testkit.NewSite(t, testkit.Doors{Gate: people, Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, Files}, Routes: func(m *web.Mux) { Routes(m, Deps{Intel: w.Intel, Seal: office}) }})
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community, inteltest.Attr("domain", "a.example")))
		hidden := w.Add(people["ana"], inteltest.Event("Само наш", intel.OwnOrg, inteltest.Attr("domain", "b.example")))
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.UUID))
		at := "/console/events/" + e.Ref() + "/protection"
		s.Shows("ana", at, 200, "not protected", "Protect the event", "No key is on the list")
		s.Shows("vesna", "/console/events/"+hidden.Ref()+"/protection", 404)
		if strings.Contains(s.Shows("vesna", at, 200, "not protected"), "Protect the event") {
			t.Error("who may not change it is offered to")
		}
		s.Sends("vesna", at+"/protect", 403, testkit.Form(), "")
		s.Sends("ana", at+"/protect", 303, testkit.Form(), "")
		s.Sends("ana", at+"/protect", 303, testkit.Form(), "")
		s.Shows("ana", at, 200, "The event is protected", "this installation", "ЦЕРТ")
		s.Sends("ana", at+"/keys", 422, testkit.Form("key_data", "junk"), "no public OpenPGP key")
		theirs, err := openpgp.NewSecret(openpgp.Owner{Name: "Партнер"}, db.Clock.Now().Add(-time.Hour), db.Clock)
		w.Must(err)
		cert, err := theirs.Cert()
		w.Must(err)
		s.Sends("ana", at+"/keys", 303, testkit.Form("key_data", cert.Armored), "")
		s.Sends("ana", at+"/keys", 422, testkit.Form("key_data", cert.Armored), "on the event")
		keys, err := w.Intel.EventKeys(t.Context(), people["ana"], e.Ref())
		w.Must(err)
		if len(keys) != 2 {
			t.Fatalf("%+v", keys)
		}
		s.Sends("ana", "/console/events/"+hidden.Ref()+"/protection/keys/"+keys[0].UUID+"/remove", 404, testkit.Form(), "")
		s.Sends("vesna", at+"/keys/"+keys[0].UUID+"/remove", 404, testkit.Form(), "")
		for _, k := range keys {
			s.Sends("ana", at+"/keys/"+k.UUID+"/remove", 303, testkit.Form(), "")
		}
		s.Shows("ana", at, 200, "the event is not sent")
		s.Sends("ana", at+"/unprotect", 303, testkit.Form(), "")
		s.Shows("ana", at, 200, "not protected")
	})
}

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	err := web.CheckTemplates(Files, map[string][]web.Pager{"protection": {&page{}, &page{State: ui.Note{Body: "Заштићен"}, Unsent: &ui.Note{Body: "Не шаље се"}, Edit: true, On: true, At: "/x"}}}, Files)
	if err != nil {
		t.Error(err)
	}
}
