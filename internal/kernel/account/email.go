package account

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"straza/internal/kernel/fault"
)

// maxEmail is RFC 5321's longest path without its brackets.
const maxEmail = 254

// Canonical gives the one form in which an address is looked up, compared and
// limited: NFKC, lower case, the domain in ASCII (RFC 5890). Canonical of a
// canonical address is itself. Faults: Invalid on "email".
func Canonical(address string) (string, error) {
	bad := func(why string) (string, error) {
		return "", fault.Field("email", "account.email", "e-mail address: %s", why)
	}
	if len(address) > 4*maxEmail {
		return bad("too long")
	}
	v := settle(strings.TrimSpace(address))
	local, domain, ok := strings.Cut(v, "@")
	if !ok || local == "" || strings.Contains(domain, "@") {
		return bad("needs one @ with something on both sides")
	}
	if strings.ContainsFunc(local, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsGraphic(r) || strings.ContainsRune(`<>()[]\,;:"`, r)
	}) || strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return bad("a character that addresses do not have")
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(domain, "."))
	if err != nil || ascii == "" {
		return bad("no domain")
	}
	if v = local + "@" + strings.ToLower(ascii); len(v) > maxEmail {
		return bad("too long")
	}
	return v, nil
}

// settle folds until nothing changes: lower case of some letters (İ) is not in
// normal form, so once is not enough.
func settle(v string) string {
	for range 4 {
		next := strings.ToLower(norm.NFKC.String(v))
		if next == v {
			break
		}
		v = next
	}
	return v
}

// subjectOf is the form under which guesses at an address are counted, also when
// it is no address at all: unknown and impossible accounts are limited the same.
func subjectOf(address string) string {
	if v, err := Canonical(address); err == nil {
		return v
	}
	v := settle(strings.TrimSpace(address))
	if len(v) > maxEmail {
		v = v[:maxEmail]
	}
	return v
}
