package e2e

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's default
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// setupLink is the one-time link that serve prints on an empty installation.
func (s *Server) setupLink(t testing.TB) string {
	t.Helper()
	m := regexp.MustCompile(`https?://\S+/setup/\S+`).FindString(s.log.tail(40))
	if m == "" {
		t.Fatalf("serve printed no link for the first administrator:\n%s", s.log.tail(40))
	}
	return m
}

// totpNow is the code that an authenticator shows (RFC 6238), for a secret as it stands on the page.
func totpNow(t testing.TB, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.Join(strings.Fields(secret), ""))
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha1.New, key)
	_ = binary.Write(m, binary.BigEndian, at.Unix()/30)
	sum := m.Sum(nil)
	off := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[off:])&0x7fffffff%1000000)
}

// fits holds a page of the door against axe, the width of the screen and the size of its targets.
func fits(t *testing.T, p *Page, targets int) {
	t.Helper()
	if n := p.Sideways(); n > 0 {
		t.Errorf("%s sticks out by %d pixels in %s", p.Where(), n, p.Look)
	}
	if targets > 0 {
		for _, e := range p.SmallTargets(targets) {
			t.Errorf("%s: smaller than %d pixels: %s", p.Where(), targets, e)
		}
	}
	p.WantAccessible(t)
}

// TestBrowserFirstDay: the first administrator's link, a password, a code app, the second step, a
// passkey, and entering by it, in a real browser with an authenticator of its own.
func TestBrowserFirstDay(t *testing.T) {
	s := Start(t, nil)
	p := Open(t, s.Origin, Look{Viewport: Phone, Lang: "en"})
	link := s.setupLink(t)
	for range 2 { // fetching the link uses nothing up
		if st := p.Visit(link); st != http.StatusOK {
			t.Fatalf("the set-up link answers %d", st)
		}
	}
	fits(t, p, 24)
	const password = "vetar sa kosave 1"
	p.Fill("#org", "Nacionalni CERT")
	p.Fill("#name", "Prva Osoba")
	p.Fill("#email", "prva@cert.rs")
	p.Fill("#password", password)
	p.Follow(`main form button[type=submit]`)
	if st := p.Visit("/account"); st != http.StatusOK {
		t.Fatalf("the account page answers %d after the set-up", st)
	}
	fits(t, p, 24)

	// The code app.
	p.Follow(`form[action="/account/totp/start"] button`)
	secret := p.Text("#secret")
	if !p.Has("main svg path") || secret == "" {
		t.Fatalf("no picture or no secret: %q", secret)
	}
	fits(t, p, 24)
	p.Fill("#code", totpNow(t, secret, time.Now()))
	p.Follow(`form[action="/account/totp/confirm"] button[type=submit]`)
	if n := Eval[int](p, `document.querySelectorAll("#secret li").length`); n != 10 {
		t.Fatalf("%d recovery codes are shown", n)
	}
	fits(t, p, 24)
	paper := Eval[string](p, `document.querySelector("#secret li").innerText`)

	// A passkey.
	p.authenticator()
	p.Visit("/account")
	p.Follow(`[data-passkey=add] button`)
	if st := p.Visit("/account"); st != http.StatusOK || !p.Has(`form[action^="/account/passkeys/"]`) {
		t.Fatalf("no passkey is listed (%d): %s", st, p.Text("#factors"))
	}
	fits(t, p, 24)

	// Out, and in again by the passkey alone.
	leave(t, p)
	p.Visit("/login")
	p.Follow(`[data-passkey=log-in] button`)
	if st := p.Visit("/account"); st != http.StatusOK || !strings.Contains(p.Text("#sessions"), "second step") {
		t.Fatalf("by passkey: %d %s", st, p.Text("main"))
	}

	// Out, and in again by password and paper code, with a wrong code first.
	leave(t, p)
	p.Visit("/login")
	p.Fill("#email", "prva@cert.rs")
	p.Fill("#password", password)
	p.Follow(`form[action="/login"] button[type=submit]`)
	if !strings.HasSuffix(p.Where(), "/login/second") {
		t.Fatalf("no second step: %s", p.Where())
	}
	p.Fill("#code", "000000")
	if st := p.Follow(`main form button[type=submit]`); st != http.StatusUnprocessableEntity {
		t.Errorf("a wrong code answers %d", st)
	}
	p.Complaints() // the browser notes the 422
	fits(t, p, 24)
	p.Visit("/login/second?with=recovery")
	p.Fill("#code", paper)
	p.Follow(`main form button[type=submit]`)
	if st := p.Visit("/account"); st != http.StatusOK {
		t.Errorf("by paper code: %d", st)
	}
	t.Log("live: browser 1")
}

// leave logs out by the form of the shell, wherever its menu is folded.
func leave(t *testing.T, p *Page) {
	t.Helper()
	p.Leave(chromedp.Evaluate[chromedp.Void](`document.querySelector('form[action="/logout"]').submit()`))
	if !strings.HasSuffix(p.Where(), "/login") {
		t.Fatalf("after logging out: %s", p.Where())
	}
}

// TestBrowserDoor: the pages of the door in three languages and both schemes, at 320 pixels, with
// scripts on and off.
func TestBrowserDoor(t *testing.T) {
	s := Start(t, func(s *Server) {
		s.NewOrg(t, "Nacionalni CERT", "cert")
		s.NewKey(t, "ana@cert.rs", "analyst", "Nacionalni CERT")
	})
	var invited struct{ Invitation string }
	s.CLI(t, &invited, "user", "add", "nova@cert.rs", "--name", "Нова Особа", "--role", "analyst", "--org", "Nacionalni CERT")
	invited.Invitation = strings.Replace(invited.Invitation, originOf(invited.Invitation), s.Origin, 1)
	seen := 0
	for _, lang := range Languages {
		for _, scheme := range Schemes {
			look := Look{Viewport: Small, Scheme: scheme, Lang: lang, NoScript: scheme == "dark"}
			t.Run(look.String(), func(t *testing.T) {
				p := Open(t, s.Origin, look)
				for _, path := range []string{"/login", "/login/forgot", invited.Invitation} {
					if st := p.Visit(path); st != http.StatusOK {
						t.Errorf("%s answers %d", path, st)
						continue
					}
					if got := Eval[string](p, "document.documentElement.lang"); got != lang {
						t.Errorf("%s is in %q, asked for %q", p.Where(), got, lang)
					}
					fits(t, p, 44)
					seen++
				}
				p.Visit("/login")
				p.Fill("#email", "ana@cert.rs")
				p.Fill("#password", "pogrešna lozinka")
				if st := p.Follow(`form[action="/login"] button[type=submit]`); st != http.StatusUnprocessableEntity {
					t.Errorf("a wrong password answers %d", st)
				}
				p.Complaints()
				fits(t, p, 44)
				p.Fill("#email", "ana@cert.rs")
				p.Fill("#password", "korektan konj baterija spajalica")
				p.Follow(`form[action="/login"] button[type=submit]`)
				p.Complaints() // where it lands is another room's page
				for _, path := range []string{"/account", "/account/password", "/account/keys/new", "/account/confirm"} {
					if st := p.Visit(path); st != http.StatusOK {
						t.Errorf("%s answers %d", path, st)
						continue
					}
					fits(t, p, 0)
					seen++
				}
			})
		}
	}
	t.Logf("live: browser %d", seen)
}

// originOf gives scheme and host of an address.
func originOf(link string) string {
	if i := strings.Index(link, "://"); i >= 0 {
		if j := strings.IndexByte(link[i+3:], '/'); j >= 0 {
			return link[:i+3+j]
		}
	}
	return link
}
