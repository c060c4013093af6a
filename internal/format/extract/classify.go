package extract

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// whole tries to understand a piece as one indicator.
func (s *scanner) whole(p piece) bool {
	t := p.s
	if len(t) < 4 || len(t) > 2048 {
		return false
	}
	switch {
	case strings.IndexByte(t, '@') > 0:
		return s.email(p)
	case strings.Contains(t, `\`):
		return s.path(p)
	case isHex(t):
		return s.hash(p)
	case s.code(p):
		return true
	}
	if strings.Contains(t, ":") && (s.mac(p) || s.ip6(p) || s.ssdeep(p)) {
		return true
	}
	if strings.Contains(t, "-") && s.mac(p) {
		return true
	}
	if c := t[0]; '0' <= c && c <= '9' && (s.ip4(p) || s.mac(p)) {
		return true
	}
	if strings.IndexByte(t, '/') > 0 {
		return s.bareURL(p)
	}
	if host, port, ok := strings.Cut(t, ":"); ok {
		if typ, _ := nameType(host, p.disarmed); typ != "" && isPort(port) {
			return s.emit("hostname|port", "", host+"|"+port, p)
		}
		return false
	}
	return s.name(p)
}

var hashTypes = map[int]string{32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}

// hash believes a run of hexadecimal digits by its length, if letters and digits
// are mixed: a row of digits is a number, a row of one letter a ruler. One that is
// named before it ("md5 …") is believed as it stands.
func (s *scanner) hash(p piece) bool {
	typ := hashTypes[len(p.s)]
	mixed := strings.ContainsAny(p.s, "abcdefABCDEF") && strings.ContainsAny(p.s, "0123456789")
	if typ == "" || !mixed && !s.named(p, typ) {
		return false
	}
	return s.emit(typ, "", p.s, p)
}

// named tells whether the word before a piece is this name.
func (s *scanner) named(p piece, name string) bool {
	before := strings.TrimRight(s.text[max(0, p.base-len(name)-4):p.base], " :=\t")
	return len(before) >= len(name) && strings.EqualFold(before[len(before)-len(name):], name)
}

func isHex(t string) bool {
	for i := range len(t) {
		c := t[i] | 0x20
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isDigits(t string) bool {
	for i := range len(t) {
		if t[i] < '0' || t[i] > '9' {
			return false
		}
	}
	return t != ""
}

func isPort(t string) bool {
	if !isDigits(t) || len(t) > 5 || t[0] == '0' {
		return false
	}
	n := 0
	for i := range len(t) {
		n = n*10 + int(t[i]-'0')
	}
	return n <= 65535
}

// code finds what is told by its first letters: CVE, AS numbers, Bitcoin.
func (s *scanner) code(p piece) bool {
	t := p.s
	switch t[0] {
	case 'C', 'c', 'G', 'g':
		if len(t) >= 13 && (strings.EqualFold(t[:4], "CVE-") || strings.EqualFold(t[:5], "GCVE-")) {
			return s.emit("vulnerability", "", t, p)
		}
	case 'A':
		if t[1] == 'S' && isDigits(t[2:]) && len(t) <= 12 {
			return s.emit("AS", "", t, p)
		}
	case '1', '3':
		return base58Check(t) && s.emit("btc", "", t, p)
	case 'b', 'B':
		return bech32(t) && s.emit("btc", "", strings.ToLower(t), p)
	}
	return false
}

// mac takes 00:1b:44:11:3a:b7, 00-1B-44-11-3A-B7 and 001b.4411.3ab7.
func (s *scanner) mac(p piece) bool {
	t := p.s
	group, sep := 2, byte(':')
	switch {
	case len(t) == 17 && (t[2] == ':' || t[2] == '-'):
		sep = t[2]
	case len(t) == 14 && t[4] == '.':
		group, sep = 4, '.'
	default:
		return false
	}
	for i := range len(t) {
		if (i+1)%(group+1) == 0 {
			if t[i] != sep {
				return false
			}
		} else if !isHex(t[i : i+1]) {
			return false
		}
	}
	return s.emit("mac-address", "", t, p)
}

func (s *scanner) ip4(p piece) bool {
	t := p.s
	host, port, hasPort := strings.Cut(t, ":")
	addr, bits, hasBits := strings.Cut(host, "/")
	ip, err := netip.ParseAddr(addr)
	if err != nil || !ip.Is4() {
		return false
	}
	switch {
	case hasPort && !hasBits:
		port, _, _ = strings.Cut(port, "/")
		return isPort(port) && s.emit("ip-dst|port", "", addr+"|"+port, p)
	case hasBits && isDigits(bits) && len(bits) <= 2:
		return s.emit("ip-dst", "", host, p)
	case hasBits:
		return s.emit("url", "", t, p)
	}
	return s.emit("ip-dst", "", addr, p)
}

// ip6 wants two colons and a digit or letter, so that std::string and 12:30:45
// stay text.
func (s *scanner) ip6(p piece) bool {
	t := p.s
	if strings.Count(t, ":") < 2 {
		return false
	}
	addr, port := t, ""
	if t[0] == '[' {
		i := strings.IndexByte(t, ']')
		if i < 0 {
			return false
		}
		addr = t[1:i]
		if rest, ok := strings.CutPrefix(t[i+1:], ":"); ok {
			port = rest
		}
	}
	bare, bits, hasBits := strings.Cut(addr, "/")
	ip, err := netip.ParseAddr(bare)
	if err != nil || !ip.Is6() || ip.Zone() != "" || len(bare) < 6 || strings.Count(bare, ":") < 3 && !strings.Contains(bare, "::") {
		return false
	}
	switch {
	case port != "":
		return isPort(port) && s.emit("ip-dst|port", "", addr+"|"+port, p)
	case hasBits && (!isDigits(bits) || len(bits) > 3):
		return false
	}
	return s.emit("ip-dst", "", addr, p)
}

// ssdeep is blocksize:hash:hash, where a block size is 3 times a power of two.
func (s *scanner) ssdeep(p piece) bool {
	f := strings.Split(p.s, ":")
	if len(f) != 3 || !isDigits(f[0]) || len(f[0]) > 10 || len(f[1]) < 6 || len(f[1]) > 64 || len(f[2]) < 3 || len(f[2]) > 64 {
		return false
	}
	n := 0
	for i := range len(f[0]) {
		n = n*10 + int(f[0][i]-'0')
	}
	if n < 3 || n%3 != 0 || (n/3)&(n/3-1) != 0 {
		return false
	}
	for _, part := range f[1:] {
		for i := range len(part) {
			c := part[i]
			if c != '+' && c != '/' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
		}
	}
	return s.emit("ssdeep", "", p.s, p)
}

func (s *scanner) email(p piece) bool {
	t := p.s
	i := strings.LastIndexByte(t, '@')
	if c := strings.LastIndexAny(t[:i], ":=(/"); c >= 0 { // mailto:, from=
		p = p.cut(c+1, len(t))
		t = p.s
		i = strings.LastIndexByte(t, '@')
	}
	if i < 1 || i > 64 {
		return false
	}
	for k := range i {
		c := t[k]
		if c < 0x80 && c != '.' && c != '_' && c != '%' && c != '+' && c != '-' && c != '\'' && c != '&' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	if typ, _ := nameType(t[i+1:], true); typ == "" {
		return false
	}
	return s.emit("email", "", t, p)
}

// name is a domain, a host or a file.
func (s *scanner) name(p piece) bool {
	t := p.s
	last := strings.LastIndexByte(t, '.')
	if last < 1 {
		return false
	}
	ext := strings.ToLower(t[last+1:])
	typ, _ := nameType(t, p.disarmed)
	if typ != "" && !p.disarmed && sentence(t, last) {
		typ = ""
	}
	kind := extensions[ext]
	switch {
	case typ == "" && kind == 0:
		return false
	case typ == "":
		return s.emit("filename", "", t, p)
	case kind == 0 || p.disarmed:
		return s.emit(typ, "", t, p)
	case kind == likelyFile && strings.Count(t, ".") == 1:
		return s.emit("filename", typ, t, p)
	}
	return s.emit(typ, "filename", t, p)
}

// sentence reports a full stop without a space behind it: "done.In the …".
func sentence(t string, last int) bool {
	ext := t[last+1:]
	c := t[last-1]
	return len(ext) > 1 && 'A' <= ext[0] && ext[0] <= 'Z' && 'a' <= ext[1] && ext[1] <= 'z' && 'a' <= c && c <= 'z'
}

// practice are the top-level names that exercises and lessons use (RFC 2606): they
// stand for real ones there, and nobody meets them elsewhere.
var practice = map[string]bool{"example": true, "test": true, "invalid": true}

// nameType tells a registrable domain ("domain") from a name below one
// ("hostname"); "" is neither. told: the text itself says that it is a name, by a
// scheme, an @ or by disarming it; then any top-level name will do (.local, .corp).
func nameType(t string, told bool) (typ, ascii string) {
	if len(t) > 253 || strings.Contains(t, "..") {
		return "", ""
	}
	dots, high := 0, false
	for i := range len(t) {
		switch c := t[i]; {
		case c == '.':
			dots++
		case c >= utf8.RuneSelf:
			high = true
		case c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z':
		default:
			return "", ""
		}
	}
	if dots == 0 || t[0] == '-' || t[0] == '.' {
		return "", ""
	}
	ascii = strings.ToLower(t)
	if high {
		var err error
		if ascii, err = idna.Lookup.ToASCII(t); err != nil {
			return "", ""
		}
	}
	if strings.HasSuffix(ascii, ".onion") {
		return "domain", ascii
	}
	suffix, icann := publicsuffix.PublicSuffix(ascii)
	unknown := !icann && strings.IndexByte(suffix, '.') < 0
	if unknown && (practice[suffix] || told && len(suffix) > 1 && strings.Trim(suffix, "abcdefghijklmnopqrstuvwxyz") == "") {
		unknown = false
	}
	if unknown || len(ascii) == len(suffix) {
		return "", ""
	}
	rest := ascii[:len(ascii)-len(suffix)-1]
	if rest == "" || strings.HasSuffix(rest, "-") {
		return "", ""
	}
	if strings.IndexByte(rest, '.') >= 0 {
		return "hostname", ascii
	}
	return "domain", ascii
}

// Extensions of files that carry attacks. Some are public suffixes too; those of
// likelyFile are taken as files when nothing else stands before the last dot.
const (
	certainFile = 1
	likelyFile  = 2
)

var extensions = func() map[string]int {
	m := map[string]int{}
	for e := range strings.FieldsSeq("exe dll sys scr bat cmd ps1 psm1 vbs vbe js jse wsf wsh hta lnk jar apk dex msi msix msp cab iso img vhd vhdx doc docm docx dot dotm dotx xls xlsm xlsx xlsb xlam xll ppt pptm pptx ppsm rtf odt pdf one chm url html htm shtml php asp aspx jsp 7z rar gz tgz bz2 xz tar ace arj tmp dat bin elf o ko dylib dmg pkg deb rpm class pyc swf ocx cpl drv inf reg eml msg csv txt log ini cfg conf xml json yml yaml sql bak key pem crt vbscript ics") {
		m[e] = certainFile
	}
	for e := range strings.FieldsSeq("zip sh py mov md") {
		m[e] = likelyFile
	}
	for e := range strings.FieldsSeq("com pl so app ps") {
		m[e] = 3
	}
	return m
}()

// path is a Windows path or a registry key.
func (s *scanner) path(p piece) bool {
	t := p.s
	for _, hive := range []string{`HKLM\`, `HKCU\`, `HKCR\`, `HKU\`, `HKEY_`} {
		if len(t) > len(hive)+2 && strings.EqualFold(t[:len(hive)], hive) {
			return s.emit("regkey", "", t, p)
		}
	}
	i := strings.LastIndexByte(t, '\\')
	file := t[i+1:]
	d := strings.LastIndexByte(file, '.')
	if d < 1 || extensions[strings.ToLower(file[d+1:])] == 0 {
		return false
	}
	if len(t) > 3 && t[1] == ':' || strings.HasPrefix(t, `\\`) || t[0] == '%' {
		return s.emit("filename", "", t, p)
	}
	return s.emit("filename", "", file, p.cut(i+1, len(t)))
}
