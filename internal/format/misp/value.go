package misp

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// Value is an attribute's value as it is stored and compared: whole, and its two
// halves when the type is a composite (Value2 is "" otherwise).
type Value struct {
	Value  string
	Value1 string
	Value2 string
}

// Invalid is a value or type that MISP refuses; Field is the key of the errors
// object ("value", "type", "category"), Text what stands under it.
type Invalid struct {
	Field string
	Text  string
}

func (e *Invalid) Error() string { return e.Field + ": " + e.Text }

// CheckType tells whether a type may stand in a category, as attributes/add
// answers. An empty category means the type's default, which is returned.
func CheckType(category, typ string) (resolved string, fault *Invalid) {
	def, ok := DefaultOf(typ)
	switch {
	case typ == "":
		return category, &Invalid{"type", "No type set."}
	case !ok:
		return category, &Invalid{"type", "Invalid type."}
	case category == "":
		return def.Category, nil
	case !IsCategory(category):
		return category, &Invalid{"category", "Options : " + strings.Join(described().categories, ", ")}
	case !Allows(category, typ):
		return category, &Invalid{"type", "Options depend on the selected category."}
	}
	return category, nil
}

// kinds of value, by what is done to them. Types that stand nowhere are text.
var kindOf = map[string]func(string) (string, string){
	"ip-src": normalIP, "ip-dst": normalIP,
	"domain": normalDomain, "hostname": normalHostname,
	"url": normalURL, "link": normalURL, "uri": oneLine,
	"email": normalEmail, "email-src": normalEmail, "email-dst": normalEmail, "email-reply-to": normalEmail,
	"target-email": normalEmail, "whois-registrant-email": normalEmail, "dns-soa-email": normalEmail,
	"jabber-id": normalText, "eppn": normalText,
	"filename": oneLine, "ssdeep": normalSSDeep, "tlsh": normalTLSH,
	"hex": normalHex, "http-method": normalMethod,
	"vulnerability": normalCVE, "weakness": normalCWE,
	"AS": normalAS, "port": normalPort, "boolean": normalBool, "datetime": normalTime,
	"float": normalFloat, "integer": normalInteger, "counter": normalCounter, "size-in-bytes": normalCounter,
	"mac-address": normalMAC, "mac-eui-64": normalEUI64,
	"x509-fingerprint-md5": fingerprint(32), "x509-fingerprint-sha1": fingerprint(40), "x509-fingerprint-sha256": fingerprint(64),
	"cc-number": digitsOnly, "bin": digitsOnly, "iban": upperAlnum, "bic": upperAlnum,
	"phone-number": normalPhone, "prtn": normalPhone, "whois-registrant-phone": normalPhone,
	"cortex": normalJSON, "windows-service-name": serviceName, "windows-service-displayname": serviceName,
}

// hashLength are the hash types by the number of their hexadecimal digits.
var hashLength = map[string]int{
	"md5": 32, "imphash": 32, "telfhash": 70, "ja3-fingerprint-md5": 32, "hassh-md5": 32, "hasshserver-md5": 32,
	"jarm-fingerprint": 62, "sha1": 40, "pehash": 40, "sha224": 56, "sha256": 64, "authentihash": 64, "sha384": 96,
	"sha512": 128, "sha512/224": 56, "sha512/256": 64, "sha3-224": 56, "sha3-256": 64, "sha3-384": 96,
	"sha3-512": 128, "git-commit-id": 40, "cdhash": 40,
}

// Normalise brings a value into the form MISP stores for its type and checks it;
// equal things become equal texts, whoever wrote them. Unknown types are taken as
// text: CheckType refuses them. A malware-sample sent as a bare file name gets its
// hash from the data; the caller puts the two together before.
func Normalise(typ, value string) (Value, *Invalid) {
	value = strings.Trim(value, " \t\n\r\x00\x0b")
	if value == "" {
		return Value{}, &Invalid{"value", "Value cannot be empty."}
	}
	if Composite(typ) {
		return composite(typ, value)
	}
	v, text := normalOne(typ, value)
	if text != "" {
		return Value{}, &Invalid{"value", text}
	}
	return Value{Value: v, Value1: v}, nil
}

func normalOne(typ, value string) (string, string) {
	if n, ok := hashLength[typ]; ok {
		return normalHash(value, n, "")
	}
	if fn := kindOf[typ]; fn != nil {
		return fn(value)
	}
	return value, ""
}

// Composite reports whether a type's value has two halves joined by |.
func Composite(typ string) bool { return typ == "malware-sample" || strings.Contains(typ, "|") }

func composite(typ, value string) (Value, *Invalid) {
	first, second, _ := strings.Cut(typ, "|")
	if typ == "malware-sample" {
		first, second = "filename", "md5"
	}
	if second == "port" && !strings.Contains(value, "|") {
		if i := strings.LastIndexByte(value, ':'); i > 0 {
			value = value[:i] + "|" + value[i+1:]
		}
	}
	a, b, ok := strings.Cut(value, "|")
	// Names keep their spaces, as they do in MISP; addresses and numbers have none.
	if first != "filename" && first != "regkey" {
		a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	}
	if !ok || a == "" || b == "" && second != "value" {
		return Value{}, &Invalid{"value", "Composite type found but the value is not in the format " + first + "|" + second + "."}
	}
	if first == "ip-src" || first == "ip-dst" {
		a = strings.TrimSuffix(strings.TrimPrefix(a, "["), "]")
	}
	if second == "ip" {
		second = "ip-dst"
	}
	a, text := normalOne(first, a)
	if text == "" {
		if n, isHash := hashLength[second]; isHash && first == "filename" {
			b, text = normalHash(b, n, "filename|")
		} else {
			b, text = normalOne(second, b)
		}
	}
	if text != "" {
		return Value{}, &Invalid{"value", text}
	}
	return Value{Value: a + "|" + b, Value1: a, Value2: b}, nil
}

func normalHash(s string, n int, prefix string) (string, string) {
	s = strings.ToLower(s)
	if len(s) != n || !isHex(s) {
		return "", "Checksum has an invalid length or format (expected: " + prefix + strconv.Itoa(n) +
			" hexadecimal characters). Please double check the value or select type \"other\"."
	}
	return s, ""
}

func fingerprint(n int) func(string) (string, string) {
	return func(s string) (string, string) { return normalHash(strings.ReplaceAll(s, ":", ""), n, "") }
}

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}

const badIP = "IP address has an invalid format."

// normalIP compresses IPv6, checks a prefix and drops one that names a single
// host; host bits behind a prefix stay as they were sent.
func normalIP(s string) (string, string) {
	s = Refang(s)
	addr, bits, cidr := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Zone() != "" {
		return "", badIP
	}
	if !cidr {
		return ip.String(), ""
	}
	n, err := strconv.Atoi(bits)
	if err != nil || n < 0 || n > ip.BitLen() || strconv.Itoa(n) != bits {
		return "", "Invalid CIDR notation value found."
	}
	if n == ip.BitLen() {
		return ip.String(), ""
	}
	return ip.String() + "/" + bits, ""
}

func normalDomain(s string) (string, string) { return normalName(s, "Domain name") }

func normalHostname(s string) (string, string) { return normalName(s, "Hostname") }

func normalName(s, what string) (string, string) {
	s = strings.Trim(strings.ToLower(Refang(s)), ".")
	if !isName(s) {
		if ascii, err := idna.Lookup.ToASCII(s); err == nil {
			s = ascii
		}
	}
	if !isName(s) {
		return "", what + " has an invalid format. Please double check the value or select type \"other\"."
	}
	return s, ""
}

// isName takes what MISP takes: labels of letters, digits, - and _, a last label
// of two or more letters, digits and hyphens.
func isName(s string) bool {
	dot := strings.LastIndexByte(s, '.')
	if dot < 1 || len(s)-dot-1 < 2 || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.' && i < dot+1:
		case c == '_' && i < dot:
		default:
			return false
		}
	}
	return true
}

func normalEmail(s string) (string, string) {
	s = strings.ToLower(Refang(s))
	at := strings.LastIndexByte(s, '@')
	if at < 1 || strings.ContainsAny(s, " \t\r\n") || !strings.Contains(s[at:], ".") {
		return "", "Email address has an invalid format. Please double check the value or select type \"other\"."
	}
	return s, ""
}

func normalURL(s string) (string, string) {
	s, text := oneLine(Refang(s))
	return s, text
}

func oneLine(s string) (string, string) {
	if strings.ContainsAny(s, "\r\n") {
		return "", "Value must not contain line breaks."
	}
	return s, ""
}

func normalText(s string) (string, string) { return s, "" }

func normalSSDeep(s string) (string, string) {
	if p := strings.Split(s, ":"); len(p) == 3 && p[0] != "" && strings.Trim(p[0], "0123456789") == "" {
		return s, ""
	}
	return "", "Invalid SSDeep hash. The format has to be blocksize:hash:hash"
}

func normalTLSH(s string) (string, string) {
	h := strings.TrimPrefix(strings.ToLower(s), "t1")
	if len(h) < 35 || !isHex(h) {
		return "", "Checksum has an invalid length or format (expected: at least 35 hexadecimal characters, optionally starting with t1 instead of hexadecimal characters). Please double check the value or select type \"other\"."
	}
	return strings.ToLower(s), ""
}

func normalHex(s string) (string, string) {
	if !isHex(s) {
		return "", "Value has to be a hexadecimal string."
	}
	return strings.ToUpper(s), ""
}

func normalMethod(s string) (string, string) {
	s = strings.ToUpper(s)
	for _, c := range s {
		if (c < 'A' || c > 'Z') && c != '-' {
			return "", "Unknown HTTP method."
		}
	}
	return s, ""
}

func normalCVE(s string) (string, string) {
	s = strings.ToUpper(strings.ReplaceAll(s, "–", "-"))
	p := strings.Split(s, "-")
	ok := len(p) == 3 && p[0] == "CVE" || len(p) == 4 && p[0] == "GCVE"
	for _, n := range p[1:] {
		ok = ok && n != "" && strings.Trim(n, "0123456789") == ""
	}
	if !ok || len(p[len(p)-2]) != 4 || len(p[len(p)-1]) < 4 {
		return "", "Invalid format. Expected: CVE-xxxx-xxxx."
	}
	return s, ""
}

func normalCWE(s string) (string, string) {
	s = strings.ToUpper(strings.ReplaceAll(s, "–", "-"))
	if n, ok := strings.CutPrefix(s, "CWE-"); !ok || n == "" || strings.Trim(n, "0123456789") != "" {
		return "", "Invalid format. Expected: CWE-x."
	}
	return s, ""
}

// normalAS drops the letters and turns the dotted form of RFC 5396 into a number.
func normalAS(s string) (string, string) {
	const fault = "AS number have to be integer between 1 and 4294967295"
	if len(s) > 2 && strings.EqualFold(s[:2], "AS") {
		s = strings.TrimSpace(s[2:])
	}
	if hi, lo, dotted := strings.Cut(s, "."); dotted {
		h, err1 := strconv.ParseUint(hi, 10, 16)
		l, err2 := strconv.ParseUint(lo, 10, 16)
		if err1 != nil || err2 != nil {
			return "", fault
		}
		s = strconv.FormatUint(h<<16|l, 10)
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		return "", fault
	}
	return strconv.FormatUint(n, 10), ""
}

func normalPort(s string) (string, string) {
	if n, err := strconv.Atoi(s); err != nil || n < 1 || n > 65535 {
		return "", "Port numbers have to be integers between 1 and 65535."
	}
	return s, ""
}

func normalBool(s string) (string, string) {
	switch strings.ToLower(s) {
	case "1", "true":
		return "1", ""
	case "0", "false":
		return "0", ""
	}
	return "", "The value has to be either true or false."
}

func normalFloat(s string) (string, string) {
	if _, err := strconv.ParseFloat(s, 64); err != nil || strings.ContainsAny(s, "xXnNpP_") {
		return "", "The value has to be a number."
	}
	return s, ""
}

func normalInteger(s string) (string, string) {
	if _, err := strconv.ParseInt(s, 10, 64); err != nil {
		return "", "The value has to be a whole number."
	}
	return s, ""
}

func normalCounter(s string) (string, string) {
	if strings.Trim(s, "0123456789") != "" {
		return "", "The value has to be a whole number greater or equal 0."
	}
	return s, ""
}

func normalMAC(s string) (string, string)   { return hardware(s, 12) }
func normalEUI64(s string) (string, string) { return hardware(s, 16) }

func hardware(s string, n int) (string, string) {
	h := strings.ToLower(strings.NewReplacer(":", "", "-", "", ".", "", " ", "").Replace(s))
	if len(h) != n || !isHex(h) {
		return "", "MAC address has an invalid format (expected: " + strconv.Itoa(n) + " hexadecimal characters)."
	}
	var b strings.Builder
	for i := 0; i < n; i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(h[i : i+2])
	}
	return b.String(), ""
}

func digitsOnly(s string) (string, string) {
	return notEmpty(keep(s, func(c rune) bool { return '0' <= c && c <= '9' }))
}

func upperAlnum(s string) (string, string) {
	return notEmpty(keep(strings.ToUpper(s), func(c rune) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' }))
}

func normalPhone(s string) (string, string) {
	s = keep(strings.ReplaceAll(s, "(0)", ""), func(c rune) bool { return '0' <= c && c <= '9' || c == '+' })
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		s = "+" + rest
	}
	return notEmpty(s)
}

func keep(s string, ok func(rune) bool) string {
	return strings.Map(func(c rune) rune {
		if ok(c) {
			return c
		}
		return -1
	}, s)
}

func notEmpty(s string) (string, string) {
	if s == "" {
		return "", "Value cannot be empty."
	}
	return s, ""
}

func normalJSON(s string) (string, string) {
	if !json.Valid([]byte(s)) {
		return "", "The Cortex analysis result has to be a valid JSON string."
	}
	return s, ""
}

func serviceName(s string) (string, string) {
	if len(s) > 255 || strings.ContainsAny(s, `/\`) {
		return "", "Invalid format. Only values shorter than 256 characters that don't include any forward or backward slashes are allowed."
	}
	return s, ""
}

// layouts are the written times that peers send, zone last.
var layouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05",
	"2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

// ParseTime reads a time as peers write it: ISO 8601 in its usual variants, or
// Unix seconds with an optional fraction. Without a zone it is UTC.
func ParseTime(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, t.Year() > 0
		}
	}
	sec, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(sec, 10, 64)
	if err != nil || n < -62e9 || n > 253402300799 || len(frac) > 9 || strings.Trim(frac, "0123456789") != "" {
		return time.Time{}, false
	}
	ns, _ := strconv.ParseInt((frac + "000000000")[:9], 10, 64)
	return time.Unix(n, ns).UTC(), true
}

// FormatSeen writes first_seen and last_seen: microseconds, in UTC.
func FormatSeen(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }

func normalTime(s string) (string, string) {
	t, ok := ParseTime(s)
	if !ok {
		return "", "Datetime has to be in the ISO 8601 format."
	}
	return t.Format("2006-01-02T15:04:05.000000-0700"), ""
}

// never are the types that do not correlate; firstOnly those of which only the
// first half does (spec misp §5.7).
var (
	never = map[string]bool{"comment": true, "http-method": true, "aba-rtn": true, "gender": true, "counter": true,
		"integer": true, "float": true, "port": true, "nationality": true, "cortex": true, "boolean": true, "anonymised": true}
	firstOnly = map[string]bool{"ip-src|port": true, "ip-dst|port": true, "hostname|port": true}
)

// CorrelationKeys returns the keys under which an attribute is found by others
// with an equal half, whatever their types: none, one or two. Keys compare
// without case and are never negative. Equal keys do not prove equal values;
// whoever shows a correlation compares the values too.
func CorrelationKeys(typ string, v Value) []int64 {
	if never[typ] || v.Value1 == "" {
		return nil
	}
	keys := []int64{CorrelationKey(v.Value1)}
	if v.Value2 != "" && !firstOnly[typ] && !strings.EqualFold(v.Value1, v.Value2) {
		keys = append(keys, CorrelationKey(v.Value2))
	}
	return keys
}

// CorrelationKey is the key of one half. It is cut from SHA-256, so that nobody
// can make two values collide cheaply.
func CorrelationKey(half string) int64 {
	sum := sha256.Sum256([]byte(strings.ToLower(half)))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}
