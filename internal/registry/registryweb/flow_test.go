package registryweb_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/registry"
	"straza/internal/registry/registrytest"
	"straza/internal/registry/registryweb"
	"straza/internal/testkit"
)

// site is the room's pages behind the real chain.
type site struct {
	t *testing.T
	s *registry.Service
	*testkit.Site
	db   *store.DB
	post *mail.Post
	bank registry.Organisation
	host registry.Organisation
}

func newSite(t *testing.T, db *store.DB) *site {
	t.Helper()
	s, post := registrytest.Asking(t, db)
	v := &site{t: t, s: s, post: post, db: db, host: registrytest.CERT(t, s, "Национални ЦЕРТ")}
	v.bank = registrytest.Org(t, s, registry.Draft{Name: "Штедионица Ђердап", Kind: "operator", Sector: "finance"})
	other := registrytest.Org(t, s, registry.Draft{Name: "Друга фирма"})
	gate := testkit.Gate{
		"analyst": registrytest.Person(t, db, 1, v.host, access.Analyst), "lead": registrytest.Person(t, db, 2, v.host, access.Lead),
		"bankadmin": registrytest.Person(t, db, 3, v.bank, access.OrgAdmin), "banker": registrytest.Person(t, db, 4, v.bank, access.Member),
		"stranger": registrytest.Person(t, db, 5, other, access.Member), "supervisor": registrytest.Person(t, db, 6, other, access.Superv),
	}
	v.Site = testkit.NewSite(t, testkit.Doors{Gate: gate, Routes: func(m *web.Mux) { registryweb.Routes(m, s) }, Messages: []fs.FS{registryweb.Files}})
	return v
}

func TestTheTeamKeepsTheRegistry(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		v.Shows("analyst", "/console/organisations", 200, "Штедионица Ђердап", "1–3")
		v.Shows("analyst", "/console/organisations?q=djerdap", 200, "Штедионица Ђердап", "1–1")
		v.Shows("analyst", "/console/organisations?q=nothing", 200, "The filter hides every organisation")
		v.Shows("analyst", "/console/organisations?state=withdrawn", 200, "The filter hides every organisation")

		// Wrong first: all fields at once, the typed text stays.
		v.Sends("analyst", "/console/organisations/new", 422, testkit.Form("name", "", "kind", "king", "website", "javascript:alert(1)", "country", "RS", "disclosure", "members"),
			"Enter a name.", "Choose a kind from the list.", "javascript:alert(1)")
		v.Sends("analyst", "/console/organisations/new", 422, testkit.Form("name", "Stedionica Djerdap", "kind", "other", "country", "RS", "disclosure", "members"), "exists already")
		at := v.Sends("analyst", "/console/organisations/new", 303, testkit.Form("name", "Водовод", "kind", "company", "sector", "water", "country", "RS", "name_latn", "Waterworks", "aliases", "БВК\n Vodovod d.o.o.", "disclosure", "members", "note", "важно"))
		v.Shows("analyst", at, 200, "Водовод", "Company", "БВК", "важно", "Every organisation in this system sees the card")
		v.Shows("analyst", at+"/edit", 200, `name="version" value="1"`, "Waterworks")
		v.Sends("analyst", at+"/edit", 303, testkit.Form("version", "1", "name", "Водовод Београд", "kind", "company", "sector", "water", "country", "RS", "disclosure", "members"))
		v.Sends("analyst", at+"/edit", 422, testkit.Form("version", "1", "name", "Мој назив", "kind", "company", "country", "RS"), "changed the record meanwhile", "Мој назив", `name="version" value="2"`)

		v.Shows("analyst", at+"/contacts", 200, "There are no contacts yet", "is recorded")
		v.Sends("analyst", at+"/contacts", 422, testkit.Form("kind", "duty", "name", "Дежурни", "phone", "zovi"), "6 to 20 digits", "zovi")
		v.Sends("analyst", at+"/contacts", 303, testkit.Form("kind", "duty", "name", "Дежурни", "phone", "+381 11 123 4567"))
		page := v.Shows("analyst", at+"/contacts", 200, "Not verified", "+381 11 123 4567")
		contact := between(t, page, `formaction="`+at+`/contacts/`, `/confirm"`)
		v.Sends("analyst", at+"/contacts/"+contact+"/confirm", 303, nil)
		v.Shows("analyst", at+"/contacts/"+contact, 200, "Verified", "Remove the contact")
		v.Sends("analyst", at+"/contacts/"+contact, 422, testkit.Form("kind", "duty", "name", "Дежурни", "email", "x"), "not complete")
		v.Sends("analyst", at+"/contacts/"+contact, 303, testkit.Form("kind", "duty", "name", "Дежурни", "email", "d@bvk.rs"))

		v.Shows("analyst", at+"/resources", 200, "No network or domain is known")
		v.Sends("analyst", at+"/resources", 422, testkit.Form("kind", "network", "value", "10.0.0.1/8"), "not the beginning of that network")
		v.Sends("analyst", at+"/resources", 303, testkit.Form("kind", "network", "value", "10.0.0.0/8"))
		v.Sends("analyst", at+"/resources", 422, testkit.Form("kind", "network", "value", "10.0.0.0/8"), "has it already")
		v.Sends("analyst", at+"/resources", 303, testkit.Form("kind", "domain", "value", "бвк.срб"))
		v.Shows("analyst", at+"/resources", 200, "10.0.0.0/8", "бвк.срб")
		v.Shows("analyst", "/console/organisations?q=10.1.2.3", 200, "Водовод Београд", "1–1")

		v.Shows("analyst", at+"/history", 200, "Organisation entered", "Contact confirmed", "Network or domain entered", "analyst 1")
		v.Sends("analyst", at+"/contacts/"+contact+"/remove", 303, nil)
		v.Sends("analyst", at+"/withdraw", 303, testkit.Form("version", "0"))
		v.Shows("analyst", at, 200, "Withdrawn", "Restore the organisation")
		v.Sends("analyst", at+"/restore", 303, nil)
		v.Shows("analyst", "/console/organisations/0199d3a0-0000-7000-8000-000000000001", 404)
		v.Shows("analyst", "/console/organisations/x", 404)
	})
}

func between(t *testing.T, s, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(s, from)
	out, _, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("nothing between %q and %q", from, to)
	}
	return out
}

func TestMergePage(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		double := registrytest.Org(t, v.s, registry.Draft{Name: "Штедионица Ђердап д. о. о."})
		at := "/console/organisations/" + v.bank.UUID
		v.Shows("analyst", at+"/merge", 404)
		v.Shows("lead", at+"/merge", 200, "Штедионица Ђердап д. о. о.", "can be undone for 30 days")
		v.Shows("lead", at+"/merge?q=druga", 200, "Друга фирма")
		v.Shows("lead", at+"/merge?q=nothing", 200, "No similar organisations")
		v.Sends("lead", at+"/merge", 422, testkit.Form(), "Choose at least one organisation")
		v.Sends("lead", at+"/merge", 303, testkit.Form("from", double.UUID))
		page := v.Shows("lead", at, 200, "Merged organisations", "Штедионица Ђердап д. о. о.", "Undo the merge")
		v.Shows("lead", "/console/organisations/"+double.UUID, 200, "Merged")
		merge := between(t, page, at+"/merges/", "/undo")
		v.Sends("lead", at+"/merges/"+merge+"/undo", 303, nil)
		v.Sends("lead", at+"/merges/"+merge+"/undo", 409, nil, "undone already")
		v.Shows("lead", at, 200, "undone")
	})
}

func TestConstituencyPage(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		second := registrytest.CERT(t, v.s, "Банкарски ЦЕРТ")
		at := "/console/organisations/" + second.UUID
		v.Shows("analyst", at, 200, "Constituency", "No rules")
		v.Shows("analyst", at+"/constituency", 404)
		v.Shows("lead", at+"/constituency", 200, "Banking and financial markets")
		v.Sends("lead", at+"/constituency", 422, testkit.Form("sector", "magic"))
		v.Sends("lead", at+"/constituency", 303, testkit.Form("sector", "finance", "kind", "municipality"))
		v.Shows("lead", at, 200, "Sector: Banking and financial markets", "Kind: Municipality")
		v.Shows("lead", "/console/organisations/"+v.bank.UUID, 200, "Банкарски ЦЕРТ")
		v.Sends("lead", "/console/organisations/"+v.host.UUID+"/constituency", 422, testkit.Form("sector", "finance"), "Another CERT has that rule already")
	})
}

func TestRightPeopleOnly(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		at := "/console/organisations/" + v.bank.UUID
		v.Shows("", "/console/organisations", 303)
		v.Shows("banker", "/console/organisations", 404) // a page one may not enter is not there
		v.Shows("supervisor", strings.Replace(at, "/console/", "/oversight/", 1), 200, "Only CERT teams and the organisation itself see")
		v.Shows("supervisor", strings.Replace(at, "/console/", "/oversight/", 1)+"/contacts", 403)
		v.Shows("supervisor", strings.Replace(at, "/console/", "/oversight/", 1)+"/history", 403)
		v.Sends("supervisor", strings.Replace(at, "/console/", "/oversight/", 1)+"/edit", 404, testkit.Form("name", "x")) // supervisors only read
		v.Shows("supervisor", at, 404)                                                                                    // the console is the team's
		v.Shows("analyst", strings.Replace(at, "/console/", "/oversight/", 1), 404)
		v.Shows("analyst", at+"/merge", 404)
	})
}

func TestAboutUs(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		v.Shows("bankadmin", "/portal/organisation", 200, "About us", "You have not left a contact yet", "New contact")
		v.Sends("bankadmin", "/portal/organisation/contacts", 422, testkit.Form("kind", "duty", "name", ""), "Enter a name.", "Enter a telephone number or an e-mail address.")
		to := v.Sends("bankadmin", "/portal/organisation/contacts", 303, testkit.Form("kind", "duty", "name", "Ана", "email", "ana@djerdap.rs"))
		if to != "/portal/organisation" {
			t.Errorf("sent on to %s", to)
		}
		page := v.Shows("bankadmin", "/portal/organisation", 200, "Confirm your contacts", "ana@djerdap.rs")
		contact := between(t, page, `formaction="/portal/organisation/contacts/`, `/confirm"`)
		v.Sends("bankadmin", "/portal/organisation/contacts/"+contact+"/confirm", 303, nil)
		v.Shows("bankadmin", "/portal/organisation/contacts/"+contact, 200, "Verified")
		v.Shows("banker", "/portal/organisation", 200, "ana@djerdap.rs")
		if page := v.Shows("banker", "/portal/organisation", 200); strings.Contains(page, "New contact") {
			t.Error("a member is offered what only the administrator may")
		}
		v.Sends("banker", "/portal/organisation/contacts", 403, testkit.Form("kind", "duty", "name", "x", "phone", "123456"))
		// Somebody of another organisation reaches only his own.
		v.Shows("stranger", "/portal/organisation/contacts/"+contact, 404)
		v.Sends("bankadmin", "/portal/organisation/contacts/"+contact+"/remove", 303, nil)
	})
}

func TestImportPage(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		check := testkit.Form("act", "check")
		v.Shows("analyst", "/console/organisations/import", 200, "registration_no", "Check the file")
		v.SendsFile("analyst", "/console/organisations/import", 422, check, "file", "", "", "Choose a file.")
		v.SendsFile("analyst", "/console/organisations/import", 422, check, "file", "a.csv", "colour\nred\n", "The header has a column")
		v.SendsFile("analyst", "/console/organisations/import", 422, check, "file", "a.csv", "name,kind\nНова,king\n", "Some rows are wrong", "Choose a kind from the list.")
		page := v.SendsFile("analyst", "/console/organisations/import", 200, check, "file", "a.csv", "name,kind\nНова,company\nШтедионица Ђердап,company\n", "The file is in order", "Нова", "Enter into the registry")
		kept := between(t, page, `<textarea name="kept" hidden>`, "</textarea>")
		v.Shows("analyst", "/console/organisations?q=nova", 200, "The filter hides")
		v.Sends("analyst", "/console/organisations/import", 303, testkit.Form("act", "enter", "format", "csv", "kept", kept))
		v.Shows("analyst", "/console/organisations?q=nova", 200, "Нова")
		if body := v.Shows("analyst", "/console/organisations/export?q=nova&format=csv", 200, "Нова"); strings.Contains(body, "Ђердап") {
			t.Errorf("export: %s", body)
		}
	})
}

// TestHoldingsByForm: the organisation enters, changes and withdraws; the team looks
// at what was entered, and takes back.
func TestHoldingsByForm(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		const own = "/portal/organisation/assets"
		v.Shows("bankadmin", own, 200, "No asset is known", "New asset")
		v.Sends("bankadmin", own, 422, testkit.Form("kind", "king", "name", "", "criticality", "3", "product", "моје"), "Choose a kind of asset.", "Enter a name.", "моје")
		v.Sends("bankadmin", own, 303, testkit.Form("kind", "service", "name", "Електронско банкарство", "criticality", "4", "product", "Oracle 19c"))
		page := v.Shows("bankadmin", own, 200, "Електронско банкарство", "Oracle 19c", "Service")
		if n := strings.Count(page, "Very high"); n != 2 { // in the row, and in the form's list
			t.Errorf("the criticality stands there %d times", n)
		}
		asset := between(t, page, `formaction="`+own+`/`, `/withdraw"`)
		v.Shows("bankadmin", own+"/"+asset, 200, `value="4" selected`)
		v.Sends("bankadmin", own+"/"+asset, 422, testkit.Form("kind", "service", "name", "", "criticality", "2"), "Enter a name.")
		version := between(t, v.Shows("bankadmin", own+"/"+asset, 200), `name="version" value="`, `"`)
		v.Sends("bankadmin", own+"/"+asset, 303, testkit.Form("version", version, "kind", "service", "name", "Е-банка", "criticality", "2"))
		v.Sends("bankadmin", own+"/"+asset, 422, testkit.Form("version", version, "kind", "service", "name", "Моје име", "criticality", "2"), "changed the record meanwhile", "Моје име")
		if page := v.Shows("banker", own, 200, "Е-банка"); strings.Contains(page, "New asset") || strings.Contains(page, "/withdraw") {
			t.Error("a member is offered what only the administrator may")
		}
		v.Sends("banker", own+"/"+asset+"/withdraw", 403, nil)
		v.Shows("stranger", own, 200, "No asset is known") // of his own organisation
		v.Sends("bankadmin", own+"/"+asset+"/withdraw", 303, nil)
		v.Shows("bankadmin", own, 200, "No asset is known")
		v.Shows("bankadmin", own+"?q=banka", 200, "The filter hides everything.")
		v.Shows("bankadmin", own+"?state=withdrawn", 200, "Е-банка", "Restore")
		v.Shows("bankadmin", own+"/"+asset, 200, "The asset comes back to the list.")
		v.Sends("bankadmin", own+"/"+asset+"/restore", 303, nil)
		v.Sends("bankadmin", own+"/"+asset+"/restore", 409, nil)

		const nets = "/portal/organisation/resources"
		v.Sends("bankadmin", nets, 422, testkit.Form("kind", "network", "value", "10.0.0.1/8"), "not the beginning of that network")
		v.Sends("bankadmin", nets, 303, testkit.Form("kind", "network", "value", "10.77.0.0/16", "note", "центар"))
		v.Shows("bankadmin", nets, 200, "10.77.0.0/16", "To be checked")
		at := "/console/organisations/" + v.bank.UUID
		page = v.Shows("analyst", at+"/resources?q=10.77", 200, "To be checked", "центар")
		net := between(t, page, `formaction="`+at+`/resources/`, `/check"`)
		v.Shows("analyst", at+"/resources/"+net, 200, "Nobody is recognised by it until")
		v.Sends("bankadmin", nets+"/"+net+"/check", 404, nil)
		v.Sends("analyst", at+"/resources/"+net+"/check", 303, nil)
		if page := v.Shows("analyst", at+"/resources", 200); strings.Contains(page, "To be checked") {
			t.Error("it was checked")
		}
		if body := v.Shows("analyst", at+"/assets/export?format=csv", 200, "Е-банка"); !strings.HasPrefix(body, "id,kind,name") {
			t.Errorf("export: %s", body)
		}
		v.Shows("bankadmin", nets+"/export?format=json", 200, `"value":"10.77.0.0/16"`)
		v.Shows("supervisor", strings.Replace(at, "/console/", "/oversight/", 1)+"/assets", 403)
		v.Shows("analyst", at+"/history", 200, "Asset withdrawn", "Network or domain confirmed", "withdrawn: ")
	})
}

// TestAskingByLetter: the team asks, whoever holds the link answers without an
// account, the answer stands where the contact is kept.
func TestAskingByLetter(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		v := newSite(t, db)
		at := "/console/organisations/" + v.bank.UUID
		v.Sends("analyst", at+"/contacts", 422, testkit.Form("kind", "duty", "name", "Дежурни", "phone", "+381 11 123 4567", "lang", "de"), "The language of the name is not known.")
		v.Sends("analyst", at+"/contacts", 303, testkit.Form("kind", "duty", "name", "Дежурни", "email", "d@djerdap.rs", "lang", "en"))
		page := v.Shows("analyst", at+"/contacts", 200, "Ask now", "never")
		contact := between(t, page, `formaction="`+at+`/contacts/`, `/confirm"`)
		v.Shows("bankadmin", "/portal/organisation", 200, "Last asked", "d@djerdap.rs")
		v.Sends("bankadmin", "/portal/organisation/contacts/"+contact+"/ask", 404, nil)
		v.Sends("analyst", at+"/contacts/"+contact+"/ask", 303, nil)
		v.Sends("analyst", at+"/contacts/"+contact+"/ask", 303, nil) // told that it was asked already
		ctx := context.Background()
		if err := jobs.New(db, append(v.post.Jobs(), v.s.Jobs()...), registry.Subscriptions()).Drain(ctx); err != nil {
			t.Fatal(err)
		}
		letters, err := v.post.ListCaught(ctx, 0)
		if err != nil || len(letters) != 1 || letters[0].To != "d@djerdap.rs" {
			t.Fatalf("letters %+v, %v", letters, err)
		}
		link := strings.TrimSpace(between(t, letters[0].Body, testkit.SiteOrigin, "\n"))
		if !strings.HasPrefix(link, "/en/contact-points/") {
			t.Fatalf("link %q", link)
		}
		for range 2 { // a scanner's look changes nothing
			v.Shows("", link, 200, "Are these details right?", "Everything is right", "d@djerdap.rs", "Штедионица Ђердап")
		}
		for _, l := range []string{"sr-Cyrl", "sr-Latn", "en"} {
			page := v.Shows("", strings.Replace(link, "/en/", "/"+l+"/", 1), 200)
			if err := web.CheckScript(i18n.Lang(l), []byte(page)); err != nil {
				t.Errorf("in %s: %v", l, err)
			}
		}
		v.Sends("", link, 422, testkit.Form("contact", contact, "body", ""), "Write what is wrong.")
		v.Sends("", link, 303, testkit.Form("contact", contact, "body", "Не радим више тамо <b>"))
		v.Sends("", link, 409, testkit.Form("contact", contact, "body", "Још"), "You have said so already.")
		v.Shows("", link, 200, "Said to be wrong", "Thank you.")
		page = v.Shows("analyst", at, 200, "Contacts say that this is wrong", "Не радим више тамо")
		v.Shows("bankadmin", "/portal/organisation", 200, "Не радим више тамо")
		remark := between(t, page, at+"/remarks/", "/settle")
		v.Sends("banker", "/portal/organisation/remarks/"+remark+"/settle", 403, nil)
		v.Sends("bankadmin", "/portal/organisation/remarks/"+remark+"/settle", 303, nil)
		v.Shows("analyst", at, 200, "settled", "Back to the list")
		v.Sends("analyst", at+"/remarks/"+remark+"/reopen", 303, nil)

		now.Add(48 * time.Hour)
		v.Sends("analyst", at+"/contacts/"+contact+"/ask", 303, nil)
		if err := jobs.New(db, append(v.post.Jobs(), v.s.Jobs()...), registry.Subscriptions()).Drain(ctx); err != nil {
			t.Fatal(err)
		}
		letters, err = v.post.ListCaught(ctx, 0)
		if err != nil || len(letters) != 2 {
			t.Fatalf("letters %+v, %v", letters, err)
		}
		link = strings.TrimSpace(between(t, letters[0].Body, testkit.SiteOrigin, "\n"))
		v.Shows("analyst", "/console/organisations?contacts=stale&q=djerdap", 200, "Штедионица Ђердап")
		v.Sends("", link, 303, testkit.Form("answer", "right"))
		v.Shows("analyst", at+"/contacts", 200, "Verified")
		v.Shows("analyst", "/console/organisations?contacts=stale&q=djerdap", 200, "The filter hides every organisation")
		if err := db.Update(ctx, func(tx *store.Tx) error {
			_, err := v.s.BounceTx(ctx, tx, registrytest.Setup, "d@djerdap.rs", "5.1.1")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if page := v.Shows("analyst", at+"/contacts", 200, "We do not write to this address"); strings.Contains(page, "Ask now") {
			t.Error("an address that bounces can be asked")
		}
		v.Shows("bankadmin", "/portal/organisation", 200, "We do not write to this address")
		v.Shows("", "/en/contact-points/"+strings.Repeat("0", 40), 404)
		now.Add(60 * 24 * time.Hour)
		v.Shows("", link, 410, "The time for an answer is over.")
	})
}

// TestAnothersRecord: the pages offer no act on what another CERT keeps.
func TestAnothersRecord(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	v := newSite(t, db)
	second := registrytest.CERT(t, v.s, "Банкарски ЦЕРТ")
	at := "/console/organisations/" + second.UUID
	if page := v.Shows("lead", at, 200, "Банкарски ЦЕРТ"); strings.Contains(page, at+"/edit") || strings.Contains(page, at+"/withdraw") {
		t.Error("the host's lead is offered to change another CERT")
	}
	v.Sends("lead", at+"/withdraw", 403, testkit.Form("version", "0"))
	v.Shows("lead", "/console/organisations/"+v.bank.UUID, 200, v.bank.UUID+"/edit", v.bank.UUID+"/withdraw")
}

// TestScriptsOfEveryPage: the pages in all three languages, with data in both scripts.
func TestScriptsOfEveryPage(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	v := newSite(t, db)
	at := "/console/organisations/" + v.bank.UUID
	v.Sends("analyst", at+"/contacts", 303, testkit.Form("kind", "duty", "name", "<script>alert(1)</script> Ana Шумар", "phone", "+381 11 123 4567"))
	v.Sends("analyst", at+"/resources", 303, testkit.Form("kind", "domain", "value", "djerdap.rs", "note", "главни site"))
	for _, v.Lang = range []string{"sr-Cyrl", "sr-Latn", "en"} {
		for _, path := range []string{"/console/organisations", at, at + "/edit", at + "/contacts", at + "/resources", at + "/assets", at + "/history", "/console/organisations/new", "/console/organisations/import"} {
			page := v.Shows("analyst", path, 200)
			if err := web.CheckScript(i18n.Lang(v.Lang), []byte(page)); err != nil {
				t.Errorf("%s in %s: %v", path, v.Lang, err)
			}
			if strings.Contains(page, "<script>alert") {
				t.Errorf("%s runs what somebody typed", path)
			}
		}
		for _, path := range []string{"/portal/organisation", "/portal/organisation/resources", "/portal/organisation/assets"} {
			page := v.Shows("bankadmin", path, 200)
			if err := web.CheckScript(i18n.Lang(v.Lang), []byte(page)); err != nil {
				t.Errorf("%s in %s: %v", path, v.Lang, err)
			}
		}
	}
}
