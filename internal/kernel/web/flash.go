package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"straza/internal/kernel/web/ui"
)

// Flash is a message for the page after a redirect: what is done, and the form
// that takes it back. It travels in a signed cookie for a minute; keep content
// and names of people out of Args.
type Flash struct {
	Key  string   `json:"k"`
	Args []any    `json:"a,omitempty"`
	Undo *ui.Undo `json:"u,omitempty"`
}

// Done makes a flash message from a message key.
func Done(key string, args ...any) *Flash { return &Flash{Key: key, Args: args} }

// WithUndo adds the form that takes the act back: hidden are name, value pairs.
func (f *Flash) WithUndo(action string, hidden ...string) *Flash {
	f.Undo = &ui.Undo{Action: action}
	for i := 0; i+1 < len(hidden); i += 2 {
		if f.Undo.Hidden == nil {
			f.Undo.Hidden = map[string]string{}
		}
		f.Undo.Hidden[hidden[i]] = hidden[i+1]
	}
	return f
}

// flashMax keeps the cookie below what browsers take.
const flashMax = 2000

func (m *Mux) putFlash(w http.ResponseWriter, f *Flash) {
	raw, err := json.Marshal(f)
	if err != nil || len(raw) > flashMax {
		return // a message lost is better than a redirect lost
	}
	body := base64.RawURLEncoding.EncodeToString(raw)
	m.setCookie(w, "flash", body+"."+m.sign(body), time.Minute)
}

// takeFlash reads the message and deletes it; a forged one is nothing.
func (m *Mux) takeFlash(w http.ResponseWriter, r *http.Request) *ui.Toast {
	v := m.cookie(r, "flash")
	if v == "" {
		return nil
	}
	m.clearCookie(w, "flash")
	body, mac, _ := strings.Cut(v, ".")
	if !hmac.Equal([]byte(mac), []byte(m.sign(body))) {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil
	}
	var f Flash
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if d.Decode(&f) != nil {
		return nil
	}
	for i, a := range f.Args {
		if n, ok := a.(json.Number); ok {
			if v, err := n.Int64(); err == nil {
				f.Args[i] = v // a plural needs a number again
			}
		}
	}
	return &ui.Toast{Text: T(r, f.Key, f.Args...), Undo: f.Undo}
}

func (m *Mux) sign(s string) string {
	h := hmac.New(sha256.New, m.cfg.Secret)
	h.Write([]byte("flash\x00" + s))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}
