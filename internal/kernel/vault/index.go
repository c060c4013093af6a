package vault

import (
	"encoding/hex"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Normal brings a value into the one form that its blind index is made of.
type Normal func(string) string

// BlindField is a column that can be searched for equality without being read.
// Its name is part of the key: the same e-mail address has different indexes in
// two columns, so that two dumps cannot be joined on it.
type BlindField struct {
	Name   string // table.column
	Normal Normal
}

// Index gives the blind index of value (32 bytes), or nil when nothing is left of
// it after normalising: an absent value must not match another absent one.
func (v *Vault) Index(f BlindField, value string) []byte {
	n := f.Normal(value)
	if n == "" {
		return nil
	}
	return hash(v.sub("blind/"+f.Name), []byte(n))
}

// MAC is the keyed code over parts for a purpose (32 bytes): audit lines use it.
// Lengths are part of it, so that ("ab","c") and ("a","bc") differ.
func (v *Vault) MAC(purpose string, parts ...[]byte) []byte {
	return hash(v.sub("mac/"+purpose), parts...)
}

// TokenHash is the keyed look-up hash under which a token of a kind (session,
// key, invitation, thread, idempotency key) is stored: 64 hexadecimal digits.
// The token itself is never stored.
func (v *Vault) TokenHash(kind, token string) string {
	return hex.EncodeToString(hash(v.sub("token/"+kind), []byte(token)))
}

// NormalEmail folds an address: trimmed, without display name and angle
// brackets, NFKC, lower case. The local part's case is folded too: RFC 5321
// §2.4 lets hosts tell it apart, and none does.
func NormalEmail(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		s = strings.TrimSuffix(s[i+1:], ">")
	}
	return strings.ToLower(norm.NFKC.String(strings.TrimSpace(s)))
}

// NormalPhone keeps digits and brings Serbian national forms to +381: 011…,
// 00381…, +381… and 381… give the same.
func NormalPhone(s string) string {
	plus := strings.HasPrefix(strings.TrimSpace(s), "+")
	d := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, norm.NFKC.String(s))
	switch {
	case d == "":
		return ""
	case plus:
		return "+" + d
	case strings.HasPrefix(d, "00"):
		return "+" + d[2:]
	case strings.HasPrefix(d, "0"):
		return "+381" + d[1:]
	}
	return "+" + d
}

// NormalText folds free text: NFKC, lower case, runs of white space as one space.
func NormalText(s string) string {
	return strings.ToLower(norm.NFKC.String(strings.Join(strings.FieldsFunc(s, unicode.IsSpace), " ")))
}

// NormalExact keeps the value as it is: for hashes and identifiers.
func NormalExact(s string) string { return s }
