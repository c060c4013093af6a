package intelmisp

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/openpgp"
	"straza/internal/kernel/account"
)

// signedBy tells who of the certificates signed a text as MISP signs, "" for nobody.
func signedBy(t *testing.T, header, text string, armored ...string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(header)
	if err != nil {
		t.Fatal(err)
	}
	check, err := openpgp.NewCheck(b)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = misp.Bare(check).Write([]byte(text))
	var certs []*openpgp.Cert
	for _, a := range armored {
		c, err := openpgp.Read(a)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, c)
	}
	c, err := check.By(certs, time.Now().AddDate(10, 0, 0))
	if err != nil {
		return ""
	}
	return c.Fingerprint
}

// The life of a protected event on the surface (spec misp §5.1, §7.1): protected, its keys,
// its signed view, what a synchronising key may bring, unprotected.
func TestProtectedOnTheSurface(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		var added struct{ Event struct{ ID, UUID string } }
		w.Must(json.Unmarshal([]byte(w.ask("orgadmin", "POST", "/events/add", `{"info":"P","distribution":"3","Attribute":[{"type":"domain","value":"a.example"}]}`).body), &added))
		id := added.Event.ID
		if a := w.ask("other", "POST", "/events/protect/"+id, ""); a.status != http.StatusNotFound {
			t.Errorf("by another organisation: %d %s", a.status, a.body)
		}
		if a := w.ask("orgadmin", "POST", "/events/protect/"+id, ""); a.status != 200 || !strings.Contains(a.body, "Event switched to protected mode.") {
			t.Fatalf("%d %s", a.status, a.body)
		}
		own, err := w.seal.Keys(t.Context(), w.people["admin"])
		w.Must(err)
		key, err := json.Marshal(map[string]string{"type": "pgp", "key_data": own[0].Armored})
		w.Must(err)
		for _, x := range []struct {
			as, path, body string
			status         int
			says           string
		}{
			{"other", "/cryptographicKeys/add/Event/" + id, string(key), 405, "Invalid Event."},
			{"orgadmin", "/cryptographicKeys/add/Server/" + id, string(key), 405, "No type and/or parent_id supplied."},
			{"orgadmin", "/cryptographicKeys/add/Event/" + id, `{"type":"x509","key_data":"x"}`, 403, "Invalid key type"},
			{"orgadmin", "/cryptographicKeys/add/Event/" + id, `{"type":"pgp"}`, 403, "No key data received."},
			{"orgadmin", "/cryptographicKeys/add/Event/" + id, `{"type":"pgp","key_data":"junk"}`, 403, "Invalid key."},
			{"orgadmin", "/cryptographicKeys/add/Event/" + id, string(key), 200, own[0].Fingerprint},
			{"orgadmin", "/cryptographic_keys/add/Event/" + id, string(key), 403, "This key is already assigned to the target."},
			{"third", "/cryptographicKeys/serverSign", "text", 403, misp.MsgNoFunction},
			{"orgadmin", "/cryptographicKeys/serverSign", "text", 403, misp.MsgNoFunction},
			{"admin", "/cryptographicKeys/serverSign", strings.Repeat("x", 2<<20), 413, ""},
		} {
			if a := w.ask(x.as, "POST", x.path, x.body); a.status != x.status || !strings.Contains(a.body, x.says) {
				t.Errorf("%s %s %.40s: %d %s", x.as, x.path, x.body, a.status, a.body)
			}
		}
		if a := w.ask("admin", "POST", "/cryptographicKeys/serverSign", "any text"); signedBy(t, a.body, "anytext", own[0].Armored) == "" {
			t.Errorf("serverSign: %d %s", a.status, a.body)
		}
		w.ask("orgadmin", "POST", "/events/publish/"+id, "")
		for _, as := range []string{"orgadmin", "sync"} {
			a := w.ask(as, "GET", "/events/view/"+id, "", "User-Agent", "curl")
			if signedBy(t, a.header.Get("x-pgp-signature"), a.body, own[0].Armored) == "" || !strings.Contains(a.body, `"CryptographicKey": [`) {
				t.Errorf("%s: the answer is not signed: %v %s", as, a.header, a.body)
			}
		}
		if a := w.ask("sync", "GET", "/events/view/"+id, "", "User-Agent", "MISP 2.4.150 - #x"); a.status != 404 {
			t.Errorf("a server too old got it: %d", a.status)
		}
		if a := w.ask("sync", "POST", "/events/index", `{"minimal":1}`, "misp-version", "2.4.155"); strings.Contains(a.body, added.Event.UUID) {
			t.Error("a server too old is told of it")
		}
		var list []struct {
			CryptographicKey struct{ ID, Fingerprint string }
		}
		w.Must(json.Unmarshal([]byte(w.ask("orgadmin", "GET", "/cryptographicKeys/index", "").body), &list))
		if len(list) != 1 || list[0].CryptographicKey.Fingerprint != own[0].Fingerprint {
			t.Fatalf("%+v", list)
		}
		k := list[0].CryptographicKey.ID
		if a := w.ask("third", "GET", "/cryptographicKeys/view/"+k, ""); a.status != 200 {
			t.Errorf("the key of a public event: %d", a.status)
		}
		if a := w.ask("third", "POST", "/cryptographicKeys/delete/"+k, ""); a.status != 404 {
			t.Errorf("deleted by a stranger: %d", a.status)
		}
		if a := w.ask("orgadmin", "POST", "/cryptographicKeys/delete/"+k, ""); a.status != 200 || !strings.Contains(a.body, "CryptographicKey deleted.") {
			t.Errorf("%d %s", a.status, a.body)
		}
		w.ask("orgadmin", "POST", "/events/publish/"+id, "")
		if a := w.ask("sync", "GET", "/events/view/"+id, ""); a.status != 404 {
			t.Errorf("no key of ours is listed, and it goes: %d", a.status)
		}
		if a := w.ask("orgadmin", "POST", "/events/unprotect/"+id, ""); a.status != 200 || !strings.Contains(a.body, "Event switched to unprotected mode.") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := w.ask("orgadmin", "GET", "/events/view/"+id, ""); a.header.Get("x-pgp-signature") != "" {
			t.Error("signed, though not protected")
		}
	})
}

// What a synchronising key brings of protected events is signed, as a whole; parts of it
// it does not change at all.
func TestProtectedPush(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.hand("server", "sync@example.rs", account.NewKey{})
		at := w.DB.Clock.Now().Add(-time.Hour)
		secret, err := openpgp.NewSecret(openpgp.Owner{Name: "B"}, at, w.DB.Clock)
		w.Must(err)
		cert, err := secret.Cert()
		w.Must(err)
		sign := func(text string) string {
			g, err := secret.Signing(at.Add(time.Minute), w.DB.Clock)
			w.Must(err)
			_, _ = misp.Bare(g).Write([]byte(text))
			b, err := g.End()
			w.Must(err)
			return base64.StdEncoding.EncodeToString(b)
		}
		const uuid = "5f000000-1111-4000-8000-000000000001"
		body := func(info, stamp, extra string) string {
			key, err := json.Marshal(cert.Armored)
			w.Must(err)
			return `{"Event":{"uuid":"` + uuid + `","info":"` + info + `","timestamp":"` + stamp + `","distribution":"3","published":true,"locked":true,` + extra +
				`"Orgc":{"uuid":"5f000000-2222-4000-8000-000000000001","name":"Far away"},"CryptographicKey":[{"type":"pgp","key_data":` + string(key) + `}],
				"Attribute":[{"uuid":"5f000000-3333-4000-8000-000000000001","type":"domain","value":"a.example"}]}}`
		}
		none, bad := "Protected event failed signature validation as no key was provided.", "Protected event failed signature validation."
		first := body("one", "1700000000", `"protected":true,`)
		if a := w.ask("server", "POST", "/events/add", first); a.status != 405 || !strings.Contains(a.body, none) {
			t.Errorf("unsigned: %d %s", a.status, a.body)
		}
		if a := w.ask("server", "POST", "/events/add", first, "x-pgp-signature", sign(first+"x")); a.status != 405 || !strings.Contains(a.body, bad) {
			t.Errorf("of other bytes: %d %s", a.status, a.body)
		}
		if a := w.ask("server", "POST", "/events/add", first, "x-pgp-signature", sign(first)); a.status != 200 {
			t.Fatalf("signed: %d %s", a.status, a.body)
		}
		for _, extra := range []string{"", `"protected":false,`, `"protected":true,`} {
			b := body("two", "1700000100", extra)
			if a := w.ask("server", "POST", "/events/edit/"+uuid, b); a.status != 405 || !strings.Contains(a.body, none) {
				t.Errorf("%s unsigned: %d %s", extra, a.status, a.body)
			}
		}
		for path, b := range map[string]string{"/attributes/add/" + uuid: `{"type":"domain","value":"b.example"}`, "/events/delete/" + uuid: "", "/events/unprotect/" + uuid: "",
			"/tags/attachTagToObject": `{"uuid":"` + uuid + `","tag":"tlp:clear"}`, "/attributes/edit/5f000000-3333-4000-8000-000000000001": `{"comment":"x"}`,
			"/cryptographicKeys/add/Event/" + uuid: `{"type":"pgp","key_data":"x"}`} {
			if a := w.ask("server", "POST", path, b); a.status == 200 {
				t.Errorf("%s: %s", path, a.body)
			}
		}
		second := body("two", "1700000100", `"protected":true,`)
		if a := w.ask("server", "POST", "/events/edit/"+uuid, second, "x-pgp-signature", sign(second)); a.status != 200 || !strings.Contains(a.body, `"info":"two"`) {
			t.Errorf("signed: %d %s", a.status, a.body)
		}
		off := body("three", "1700000200", `"protected":false,`)
		if a := w.ask("server", "POST", "/events/edit/"+uuid, off, "x-pgp-signature", sign(off)); a.status != 200 || !strings.Contains(a.body, `"protected":false`) {
			t.Errorf("unprotected by who may: %d %s", a.status, a.body)
		}
	})
}
