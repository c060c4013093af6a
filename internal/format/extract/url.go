package extract

import (
	"net/netip"
	"strings"

	"straza/internal/format/misp"
)

var schemes = map[string]bool{"http": true, "https": true, "ftp": true, "ftps": true, "sftp": true, "ws": true, "wss": true,
	"tcp": true, "udp": true, "ldap": true, "ldaps": true, "smb": true, "ssh": true, "telnet": true, "rtsp": true}

// url looks for an address with a scheme that begins in the word [start, end). It
// may reach further than the word, since addresses hold commas and semicolons.
// It returns where scanning goes on, or 0.
func (s *scanner) url(start, end int) int {
	word := s.text[start:end]
	sep, rest := -1, 0
	for _, form := range []string{"://", "[://]", "[:]//", "(://)", "[:]\\\\"} {
		if i := strings.Index(word, form); i > 0 && (sep < 0 || i < sep) {
			sep, rest = i, i+len(form)
		}
	}
	if sep < 0 {
		return 0
	}
	from := sep
	for from > 0 && schemeSign(word[from-1]) && sep-from < 8 {
		from--
	}
	// hxxp, h**p and the like become real schemes in misp.Refang.
	scheme := strings.ToLower(misp.Refang(word[from:sep] + ":"))
	if scheme = strings.TrimSuffix(scheme, ":"); !schemes[scheme] {
		return 0
	}
	stop := start + rest
	for stop < len(s.text) && stop-start < 2048 && !ends(s.text[stop]) {
		stop++
	}
	stop = start + rest + len(trimURL(s.text[start+rest:stop]))
	p := rearm(piece{s: s.text[start+from : stop], base: start + from})
	i := strings.Index(p.s, "://")
	if i < 0 {
		return 0
	}
	p.disarmed = p.disarmed || !strings.EqualFold(p.s[:i], scheme)
	if !goodHost(p.s[i+3:]) || !s.emit("url", "", scheme+p.s[i:], p) {
		return 0
	}
	if from > 4 { // what stands before the scheme in the same word: 192.0.2.1=http://…
		s.parts(piece{s: word[:from], base: start})
	}
	return stop
}

func schemeSign(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '*' || c == '_' || c == '[' || c == ']'
}

func ends(c byte) bool {
	return c <= ' ' || c == '"' || c == '<' || c == '>' || c == '`' || c == '|' || c == 0x7f || c == '^'
}

// trimURL takes off the prose behind an address: signs, and closing brackets that
// nothing in it opened.
func trimURL(u string) string {
	const brackets = "()[]{}"
	var n [len(brackets)]int // counted once: a tail of brackets must not cost its square
	for i := range len(u) {
		if k := strings.IndexByte(brackets, u[i]); k >= 0 {
			n[k]++
		}
	}
	for u != "" {
		c := u[len(u)-1]
		switch k := strings.IndexByte(brackets, c); {
		case k >= 0 && k&1 == 1:
			if n[k-1] >= n[k] {
				return u
			}
			n[k]--
		case k >= 0 || strings.IndexByte(".,;:!?'*_~", c) < 0:
			return u
		}
		u = u[:len(u)-1]
	}
	return u
}

// goodHost checks the authority of an address: an IP address or a name under a
// public suffix, perhaps with user and port.
func goodHost(u string) bool {
	if i := strings.IndexAny(u, "/?#\\"); i >= 0 {
		u = u[:i]
	}
	if i := strings.LastIndexByte(u, '@'); i >= 0 {
		u = u[i+1:]
	}
	if strings.HasPrefix(u, "[") {
		host, _, ok := strings.Cut(u[1:], "]")
		ip, err := netip.ParseAddr(host)
		return ok && err == nil && ip.Is6()
	}
	host, port, hasPort := strings.Cut(u, ":")
	if hasPort && !isPort(port) {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	typ, _ := nameType(strings.TrimSuffix(host, "."), true)
	return typ != ""
}

// bareURL is an address without its scheme: host/path.
func (s *scanner) bareURL(p piece) bool {
	host, _, _ := strings.Cut(p.s, "/")
	host, port, hasPort := strings.Cut(host, ":")
	if hasPort && !isPort(port) {
		return false
	}
	typ, _ := nameType(host, p.disarmed)
	if typ == "" || !p.disarmed && sentence(host, strings.LastIndexByte(host, '.')) {
		return false
	}
	if d := strings.LastIndexByte(host, '.'); extensions[strings.ToLower(host[d+1:])] == likelyFile {
		return false
	}
	return s.emit("url", "", p.s, p)
}
