//go:build shots

package e2e

import (
	"net/url"
	"strings"
	"testing"
)

// TestBrowserShots takes the pictures of docs/shots: the main pages of everybody the demo knows (make shots).
func TestBrowserShots(t *testing.T) {
	s := Demo(t)
	looks := []Look{{Viewport: Desktop, Lang: "sr-Cyrl"}, {Viewport: Desktop, Scheme: "dark", Lang: "en"},
		{Viewport: Phone, Lang: "sr-Cyrl"}, {Viewport: Phone, Scheme: "dark", Lang: "sr-Latn"}}
	for _, look := range looks {
		for _, role := range []string{"", "analyst", "member", "admin"} {
			p := Open(t, s.Origin, look)
			w := Walk{Start: []string{"/", "/report", "/follow-up", "/login"}, Max: 12}
			if role != "" {
				p.LogIn(s.Persona(t, role))
				w = Walk{Start: []string{p.Where()}, Max: 16}
			}
			p.Visit("/")
			p.Speak(look.Lang)
			w.Go(p)
			for _, at := range w.Seen {
				p.Visit(at)
				p.Shot(slug(role, at))
			}
		}
	}
}

// slug makes a file name of a path.
func slug(role, at string) string {
	if role == "" {
		role = "public"
	}
	u, err := url.Parse(at)
	if err != nil {
		return role
	}
	return strings.Trim(role+strings.NewReplacer("/", "-", "*", "one").Replace(pageKind(u)), "-")
}
