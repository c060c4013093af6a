package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// authenticator gives the browser a passkey store of its own that says yes.
func (p *Page) authenticator() {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, webauthn.Enable, webauthn.EnableParams{})
	p.check(err)
	_, err = chromedp.Call(p.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true}})
	p.check(err)
}

// TestBrowserOpensByPasskey: an analyst brings their passkey to the unsealing process
// with one code, and opens a sealed report by a touch from then on.
func TestBrowserOpensByPasskey(t *testing.T) {
	s := Demo(t)
	i := slices.IndexFunc(s.Personas, func(p Persona) bool { return p.Role == "lead" && strings.Contains(p.Email, "gov-cert") })
	if i < 0 {
		t.Fatal("the demo has no lead of the second CERT")
	}
	who := s.Personas[i]
	p := Open(t, s.Origin, Look{Lang: "en"})
	p.LogIn(who)
	p.Speak("en")
	p.authenticator()
	p.Visit("/account")
	p.Follow(`[data-passkey=add] button`)
	if p.Visit("/account"); strings.HasSuffix(p.Where(), "/account/confirm") || !p.Has(`form[action^="/account/passkeys/"]`) {
		t.Fatalf("no passkey is listed: %s %s", p.Where(), p.Text("main"))
	}

	type row struct {
		Number, Case string
		Sealed       bool
	}
	out, err := s.TryCLI("", "report", "list", "--as", who.Email, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var reports []row
	for line := range bytes.Lines(out) {
		var r row
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if r.Sealed && strings.HasPrefix(r.Number, "GOV-P-") {
			reports = append(reports, r)
		}
	}
	if len(reports) == 0 {
		t.Fatal("the second CERT has no sealed report")
	}
	for _, r := range reports {
		if r.Case != "" && !strings.HasPrefix(r.Case, "GOV-S-") {
			t.Errorf("report %s became case %s: one CERT, one code", r.Number, r.Case)
		}
	}
	sealed := "/console/reports/" + reports[0].Number
	if st := p.Visit(sealed); st != http.StatusOK || !p.Has(`form[action$="/unseal"] [data-passkey=prove]`) {
		t.Fatalf("%s answers %d without the button", sealed, st)
	}
	fits(t, p, 0)
	p.Fill(`form[action$="/unseal"] [name=why]`, "trijaža")
	p.Click(`form[action$="/unseal"] [data-passkey=prove] button`)
	if said := Eval[string](p, `new Promise(done => { const e = document.querySelector('form[action$="/unseal"] [role=alert]');
		const see = () => e.textContent ? done(e.textContent) : setTimeout(see, 20); see(); setTimeout(() => done("nothing"), 10000) })`); !strings.Contains(said, "passkey") {
		t.Errorf("without an enrolled passkey the page says: %s", said)
	}
	p.Complaints() // the browser notes the 409

	p.Visit("/console/unsealing")
	fits(t, p, 24)
	p.Fill(`form[action$="/passkeys"] [name=code]`, "000000")
	if st := p.Follow(`form[action$="/passkeys"] button`); st != http.StatusUnprocessableEntity {
		t.Errorf("a wrong code answers %d", st)
	}
	p.Complaints()
	p.Fill(`form[action$="/passkeys"] [name=code]`, totpNow(t, who.TOTPSecret, time.Now()))
	p.Follow(`form[action$="/passkeys"] button`)
	if !strings.Contains(p.Text("main table tbody"), "1") || p.Has(`form[action$="/unsealing/passkeys"]`) {
		t.Errorf("the passkey was not taken: %s", p.Text("main"))
	}
	fits(t, p, 24)

	p.Visit(sealed)
	p.Fill(`form[action$="/unseal"] [name=why]`, "trijaža")
	p.Follow(`form[action$="/unseal"] [data-passkey=prove] button`)
	if p.Has(`form[action$="/unseal"]`) || strings.Contains(p.Text("main"), "The content is sealed") {
		t.Errorf("the report did not open: %s", p.Text("main"))
	}
	fits(t, p, 0)
	var audit struct{ OK bool }
	if s.CLI(t, &audit, "audit", "verify"); !audit.OK {
		t.Error("audit verify finds damage")
	}
	t.Log("live: browser 1")
}
