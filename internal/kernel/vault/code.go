package vault

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/text/unicode/norm"

	"straza/internal/kernel/fault"
)

// CodeDigits is the length of a receipt code: 83 bits, digits only, so that no
// script, keyboard or telephone line confuses it (decisions §3).
const CodeDigits = 25

// Code is a receipt code: 25 ASCII digits, nothing else. It opens the reporter's
// copy; it is shown once and never stored or logged.
type Code string

// Grouped gives the code as it is shown and read aloud: five groups of five.
func (c Code) Grouped() string {
	var g []string
	for s := string(c); s != ""; s = s[min(5, len(s)):] {
		g = append(g, s[:min(5, len(s))])
	}
	return strings.Join(g, " ")
}

// String hides the code, so that a stray %v does not log it.
func (c Code) String() string { return "code(hidden)" }

// GoString is String for %#v.
func (c Code) GoString() string { return c.String() }

// ParseCode reads what a person typed: spaces, dashes, dots, line breaks and
// invisible characters between the digits do not matter, full-width digits count.
// Anything else is an Invalid fault on field "code".
func ParseCode(s string) (Code, error) {
	if len(s) > 400 {
		return "", fault.Field("code", "vault.code_invalid", "receipt code: too long")
	}
	var b strings.Builder
	for _, r := range norm.NFKC.String(s) {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r), unicode.Is(unicode.Cf, r), r == '.', r == ',', r == '_', r == '\u2212':
		default:
			return "", fault.Field("code", "vault.code_invalid", "receipt code: not a digit")
		}
	}
	if n := b.Len(); n != CodeDigits {
		return "", wrongLength(n)
	}
	return Code(b.String()), nil
}

// wrongLength says how many digits are missing or too many.
func wrongLength(n int) error {
	key, by := "vault.code_short", CodeDigits-n
	switch {
	case n == 0:
		key = "vault.code_needed"
	case n > CodeDigits:
		key, by = "vault.code_long", n-CodeDigits
	}
	f := fault.Field("code", key, "receipt code: %d digits instead of %d", n, CodeDigits)
	f.Args = []any{"n", by}
	return f
}

// minSecret is the least a draft's secret may have: 128 bits.
const minSecret = 16

// NewDraftSecret draws the secret of a draft (64 hexadecimal digits) for the
// cookie and the hidden field. The server does not keep it.
func (v *Vault) NewDraftSecret() (string, error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(v.rand, b); err != nil {
		return "", fmt.Errorf("vault: draft secret: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// CheckSecret refuses a client's Idempotency-Key that cannot hold 128 bits: the
// receipt code is made of it, so who guesses it reads the report. 22 characters
// of base64 or a UUID pass, "retry-1" does not.
func CheckSecret(secret string) error {
	seen := map[byte]bool{}
	for i := range len(secret) {
		seen[secret[i]] = true
	}
	if len(secret) < 22 || len(secret) > 255 || len(seen) < 8 {
		return fault.Field("Idempotency-Key", "vault.secret_weak", "idempotency key: want 22 to 255 random characters (128 bits)")
	}
	return nil
}

// DeriveCode gives the receipt code of a draft's secret or Idempotency-Key: the
// same secret gives the same code, so that a retry after a lost answer shows it
// again. Digits are uniform: bytes above 249 are thrown away, not folded.
func (v *Vault) DeriveCode(secret string) (Code, error) {
	if len(secret) < minSecret {
		return "", fault.New(fault.Invalid, "draft secret shorter than 128 bits")
	}
	prk, err := hkdf.Extract(sha256.New, []byte(secret), v.sub("code"))
	if err != nil {
		return "", fmt.Errorf("vault: receipt code: %w", err)
	}
	digits := make([]byte, 0, CodeDigits)
	for block := 0; len(digits) < CodeDigits; block++ {
		stream, err := hkdf.Expand(sha256.New, prk, "straza/1/code/"+strconv.Itoa(block), 64)
		if err != nil {
			return "", fmt.Errorf("vault: receipt code: %w", err)
		}
		for _, b := range stream {
			if b < 250 && len(digits) < CodeDigits {
				digits = append(digits, '0'+b%10)
			}
		}
	}
	return Code(digits), nil
}

// Lookup is what the database keeps of a code: a keyed hash, 64 hexadecimal digits.
func (v *Vault) Lookup(c Code) string {
	return hex.EncodeToString(hash(v.sub("code look-up"), []byte(c)))
}

// codeKey wraps the reporter's copy. Its label differs from Lookup's, so that
// the stored hash says nothing about it.
func (v *Vault) codeKey(c Code) []byte { return hash(v.sub("code wrap"), []byte(c)) }

// DraftID is the look-up hash of a draft's secret.
func (v *Vault) DraftID(secret string) string { return v.TokenHash("draft", secret) }

// SealDraft encrypts a draft's answers under its secret, which we do not keep;
// part names the piece (a page, a file) and is authenticated.
func (v *Vault) SealDraft(secret, part string, plaintext []byte) ([]byte, error) {
	aead, err := v.draftCipher(secret)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(plaintext)+chacha20poly1305.Overhead)
	if _, err := io.ReadFull(v.rand, nonce); err != nil {
		return nil, fmt.Errorf("vault: draft: %w", err)
	}
	return aead.Seal(nonce, nonce, plaintext, []byte(part)), nil
}

// OpenDraft is the reverse of SealDraft; a wrong secret or part gives ErrSealBroken.
func (v *Vault) OpenDraft(secret, part string, ciphertext []byte) ([]byte, error) {
	aead, err := v.draftCipher(secret)
	if err != nil {
		return nil, err
	}
	if len(ciphertext) < chacha20poly1305.NonceSizeX {
		return nil, fmt.Errorf("%w: draft", ErrSealBroken)
	}
	nonce, box := ciphertext[:chacha20poly1305.NonceSizeX], ciphertext[chacha20poly1305.NonceSizeX:]
	plain, err := aead.Open(nil, nonce, box, []byte(part))
	if err != nil {
		return nil, fmt.Errorf("%w: draft", ErrSealBroken)
	}
	return plain, nil
}
