package enrich

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"straza/internal/format/extract"
)

// decoded is a readable text that was hidden in a value, and by which ways.
type decoded struct {
	Ways []string // "base64", "hex", "url", "utf-16", outermost first
	Text string
}

// Bounds of what is decoded: of the value, of the parts tried, of ways within ways.
const (
	decodeMost  = 64 << 10
	decodeParts = 200
	decodeDeep  = 4
	shortest    = 16 // characters of an encoded part: below it words look like base64
)

// plainTypes are those whose value is what it is: a hash is no hidden text.
func plainType(typ string) bool {
	switch typ {
	case "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha512/224", "sha512/256", "sha3-224", "sha3-256", "sha3-384", "sha3-512", "ssdeep", "imphash", "tlsh",
		"authentihash", "vhash", "cdhash", "impfuzzy", "pehash", "telfhash", "ja3-fingerprint-md5", "jarm-fingerprint", "hassh-md5", "hasshserver-md5", "favicon-mmh3",
		"x509-fingerprint-md5", "x509-fingerprint-sha1", "x509-fingerprint-sha256", "filename|md5", "filename|sha1", "filename|sha256", "malware-sample", "attachment",
		"ip-src", "ip-dst", "ip-src|port", "ip-dst|port", "domain", "hostname", "domain|ip", "email-src", "email-dst", "mac-address", "AS", "btc", "xmr", "datetime", "port", "size-in-bytes",
		"vulnerability", "pgp-public-key", "ssh-fingerprint", "yara", "sigma", "snort", "stix2-pattern":
		return true
	}
	return false
}

// decode finds what is encoded in a value: parts of it in base64 (of bytes or of
// UTF-16, as PowerShell has it), hexadecimal or percent signs. Only what becomes a
// readable text counts. A text within a text is followed decodeDeep ways down.
func decode(typ, value string) (out []decoded) {
	if plainType(typ) || len(value) > decodeMost {
		return nil
	}
	seen := map[string]bool{value: true}
	var follow func(text string, ways []string)
	follow = func(text string, ways []string) {
		if len(ways) == decodeDeep {
			return
		}
		for _, d := range decodeOnce(text) {
			if seen[d.Text] || len(out) == decodeParts {
				continue
			}
			seen[d.Text] = true
			d.Ways = append(append([]string{}, ways...), d.Ways...)
			out = append(out, d)
			follow(d.Text, d.Ways)
		}
	}
	follow(value, nil)
	return out
}

func decodeOnce(text string) (out []decoded) {
	if strings.ContainsRune(text, '%') {
		if s, err := url.PathUnescape(text); err == nil && s != text && readable(s) {
			out = append(out, decoded{[]string{"url"}, s})
		}
	}
	n := 0
	for part := range strings.FieldsFuncSeq(text, outside) {
		part = strings.TrimLeft(part, "/-_+")
		if len(part) < shortest {
			continue
		}
		if n++; n > decodeParts {
			break
		}
		if d, ok := fromHex(part); ok {
			out = append(out, d)
		} else if d, ok := fromBase64(part); ok {
			out = append(out, d)
		}
	}
	return out
}

// outside is what cannot stand in an encoded part; what fills base64 up at the end is not
// needed to read it, and parts names from values in addresses.
func outside(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("+/-_", r)
}

func fromHex(s string) (decoded, bool) {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
	b, err := hex.DecodeString(s)
	if err != nil {
		return decoded{}, false
	}
	t, ways := bytesText(b)
	return decoded{append([]string{"hex"}, ways...), t}, t != ""
}

func fromBase64(s string) (decoded, bool) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return decoded{}, false
	}
	t, ways := bytesText(b)
	return decoded{append([]string{"base64"}, ways...), t}, t != ""
}

// bytesText reads bytes as UTF-8, or as UTF-16 with its low half first.
func bytesText(b []byte) (text string, ways []string) {
	if s := string(b); readable(s) {
		return s, nil
	}
	if len(b) < shortest || len(b)%2 != 0 {
		return "", nil
	}
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = uint16(b[2*i]) | uint16(b[2*i+1])<<8
	}
	if s := string(utf16.Decode(u)); readable(s) && isASCII(s) { // any bytes are some letters of UTF-16
		return s, []string{"utf-16"}
	}
	return "", nil
}

// readable: valid, printable, and mostly letters, digits and blanks.
func readable(s string) bool {
	if len(s) < 4 || !utf8.ValidString(s) {
		return false
	}
	letters, all := 0, 0
	for _, r := range s {
		if !unicode.IsPrint(r) && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
		if all++; unicode.IsLetter(r) || unicode.IsDigit(r) || r == ' ' || r == '.' || r == '/' {
			letters++
		}
	}
	return letters*10 >= all*6
}

// inside lists the indicators of a text that was hidden in a value, but for the value
// itself.
func inside(list []decoded, value string) (out []extract.Candidate) {
	seen := map[string]bool{strings.ToLower(value): true}
	for _, d := range list {
		found, _ := extract.Scan(d.Text, 200)
		for _, c := range found {
			if k := strings.ToLower(c.Value); !seen[k] {
				seen[k] = true
				out = append(out, c)
			}
		}
	}
	return out
}

// armless is a value that was written so that it does no harm, as it really is.
func armless(typ, value string) []extract.Candidate {
	if typ != "text" && typ != "comment" && typ != "other" {
		return nil
	}
	found, _ := extract.Scan(value, 200)
	return found
}
