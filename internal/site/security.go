package site

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"straza/internal/kernel/web"
)

// goodFor is how long a fetched security.txt may be trusted: RFC 9116 §2.5.5 asks for
// less than a year.
const goodFor = 180 * 24 * time.Hour

// security tells who finds a weakness of this site whom to tell (RFC 9116). The form
// needs no account; mail and telephone stand beside it when the CERT has given them.
func (p *pages) security(w http.ResponseWriter, r *http.Request) error {
	c, err := p.s.Public(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	at := web.Origin(r)
	var b strings.Builder
	fmt.Fprintf(&b, "Contact: %s/report\n", at)
	if c.Email != "" {
		fmt.Fprintf(&b, "Contact: mailto:%s\n", c.Email)
	}
	if n := dial(c.Phone); n != "" {
		fmt.Fprintf(&b, "Contact: %s\n", n)
	}
	expires := web.Now(r).UTC().Truncate(24 * time.Hour).Add(goodFor)
	fmt.Fprintf(&b, "Expires: %s\nPreferred-Languages: sr, en\nCanonical: %s/.well-known/security.txt\n", expires.Format(time.RFC3339), at)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, err = w.Write([]byte(b.String()))
	return err
}
