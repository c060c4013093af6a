// Package totp is the time-based one-time password of RFC 6238 over the
// counter-based one of RFC 4226.
//
// It is pure: the caller brings the secret, the time and the last step it
// accepted, and stores the step it gets back *before* it believes the code.
// Without that stored step a code can be used twice, which RFC 6238 §5.2
// forbids; two parallel uses are told apart only by whoever stores the step.
package totp

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's default; HMAC-SHA-1 is not broken, and every authenticator speaks it
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"strings"
	"time"
)

// Period is the length of a step. Authenticator apps ignore any other value.
const Period = 30 * time.Second

// Digits is the length of the codes that people type.
const Digits = 6

// skew is how many steps a code may be early or late. RFC 6238 §5.2 recommends
// at most one; phones on the network are within a second.
const skew = 1

// SecretSize is the length of a new secret in bytes: that of the HMAC, RFC 4226 §4 R6.
const SecretSize = 20

// ErrSecret is returned for a secret that is no base32 or shorter than 128 bits.
var ErrSecret = errors.New("totp: not a base32 secret of at least 128 bits")

// Hash names the HMAC's hash function.
type Hash string

// Hashes of RFC 6238. People's codes use SHA1; the others are for tests and tokens.
const (
	SHA1   Hash = "SHA1"
	SHA256 Hash = "SHA256"
	SHA512 Hash = "SHA512"
)

func (h Hash) new() func() hash.Hash {
	switch h {
	case SHA256:
		return sha256.New
	case SHA512:
		return sha512.New
	}
	return sha1.New
}

// NewSecret reads a new secret from rand.
func NewSecret(rand io.Reader) ([]byte, error) {
	s := make([]byte, SecretSize)
	if _, err := io.ReadFull(rand, s); err != nil {
		return nil, fmt.Errorf("totp: new secret: %w", err)
	}
	return s, nil
}

var b32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// Text gives the secret as people type it into an authenticator: base32 without padding.
func Text(secret []byte) string { return b32.EncodeToString(secret) }

// ParseSecret reads base32 as people copy it: any case, spaces, dashes, padding.
func ParseSecret(s string) ([]byte, error) {
	s = strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "=", "", "\u00a0", "").Replace(s))
	b, err := b32.DecodeString(s)
	if err != nil || len(b) < 16 || len(b) > 128 {
		return nil, ErrSecret
	}
	return b, nil
}

// URI is the otpauth address that authenticators read from a QR code.
func URI(issuer, account string, secret []byte) string {
	q := url.Values{"secret": {Text(secret)}, "issuer": {issuer}}
	label := url.PathEscape(issuer) + ":" + url.PathEscape(account)
	return "otpauth://totp/" + label + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// Step is the number of the step that t lies in, RFC 6238 §4.2.
func Step(t time.Time) int64 { return t.Unix() / int64(Period/time.Second) }

// Code gives the six-digit code at t.
func Code(secret []byte, t time.Time) string { return At(SHA1, secret, Step(t), Digits) }

// At gives the code of a step with the given hash and number of digits (6 to 8).
func At(h Hash, secret []byte, step int64, digits int) string {
	m := hmac.New(h.new(), secret)
	var c [8]byte
	binary.BigEndian.PutUint64(c[:], uint64(step))
	m.Write(c[:])
	sum := m.Sum(nil)
	off := sum[len(sum)-1] & 0x0f // dynamic truncation, RFC 4226 §5.3
	v := binary.BigEndian.Uint32(sum[off:]) & 0x7fffffff
	mod := uint32(1)
	for range digits {
		mod *= 10
	}
	return fmt.Sprintf("%0*d", digits, v%mod)
}

// Verify tells whether code is right at now and newer than last, the highest
// step accepted so far (0 when none). It returns the step to store; a code of
// that step or an earlier one is refused from then on. Spaces in code are ignored.
func Verify(secret []byte, code string, now time.Time, last int64) (step int64, ok bool) {
	code = strings.ReplaceAll(code, " ", "")
	if len(code) != Digits {
		return 0, false
	}
	at := Step(now)
	for s := at - skew; s <= at+skew; s++ {
		// every step is compared, so that the time taken does not tell which one matched
		same := subtle.ConstantTimeCompare([]byte(At(SHA1, secret, s, Digits)), []byte(code)) == 1
		if same && s > last && !ok {
			step, ok = s, true
		}
	}
	return step, ok
}
