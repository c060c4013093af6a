package account

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"straza/internal/kernel/fault"
)

// Cost is what one password hash costs (RFC 9106). The zero value is OWASP's
// 19 MiB, two passes, one lane: 32 ms here. Tests use a cheap one.
type Cost struct {
	KiB    uint32
	Passes uint32
	Lanes  uint8
}

func (c Cost) orDefault() Cost {
	if c.KiB == 0 {
		return Cost{KiB: 19 * 1024, Passes: 2, Lanes: 1}
	}
	return c
}

const (
	minPassword = 10  // runes
	maxPassword = 256 // runes; more costs nothing to attack and something to hash
	saltSize    = 16
	hashSize    = 32
)

// hasher runs at most one hash a core: more would only make all of them slower
// and hold 19 MiB each.
type hasher struct {
	cost  Cost
	seats chan struct{}
	dummy string
}

func newHasher(c Cost) hasher {
	h := hasher{cost: c.orDefault(), seats: make(chan struct{}, runtime.GOMAXPROCS(0))}
	// Unknown accounts are checked against this: same parameters, same time.
	h.dummy = h.encode(h.cost, make([]byte, saltSize), make([]byte, hashSize))
	return h
}

func (h *hasher) sit(ctx context.Context) error {
	select {
	case h.seats <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *hasher) key(password string, salt []byte, c Cost) []byte {
	// The same password typed on another keyboard or system may come decomposed.
	return argon2.IDKey([]byte(norm.NFKC.String(password)), salt, c.Passes, c.KiB, c.Lanes, hashSize)
}

func (h *hasher) encode(c Cost, salt, key []byte) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.KiB, c.Passes, c.Lanes,
		b.EncodeToString(salt), b.EncodeToString(key))
}

// make hashes a new password.
func (h *hasher) make(ctx context.Context, rand io.Reader, password string) (string, error) {
	if err := h.sit(ctx); err != nil {
		return "", err
	}
	defer func() { <-h.seats }()
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(rand, salt); err != nil {
		return "", err
	}
	return h.encode(h.cost, salt, h.key(password, salt, h.cost)), nil
}

// check compares a password with a stored hash. stored "" (no account, or none
// set) does the same work and is false.
func (h *hasher) check(ctx context.Context, stored, password string) (ok bool, err error) {
	if err := h.sit(ctx); err != nil {
		return false, err
	}
	defer func() { <-h.seats }()
	none := stored == ""
	if none {
		stored = h.dummy
	}
	c, salt, want, err := decodeHash(stored)
	if err != nil {
		return false, err
	}
	if utf8.RuneCountInString(password) > maxPassword {
		password, none = "", true
	}
	same := subtle.ConstantTimeCompare(h.key(password, salt, c), want) == 1
	return same && !none && password != "", nil
}

// stale tells whether a hash was made with other parameters than today's.
func (h *hasher) stale(stored string) bool {
	c, _, _, err := decodeHash(stored)
	return err != nil || c != h.cost
}

func decodeHash(v string) (c Cost, salt, key []byte, err error) {
	parts := strings.Split(v, "$")
	bad := fmt.Errorf("account: no argon2id hash")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, bad
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.KiB, &c.Passes, &c.Lanes); err != nil {
		return c, nil, nil, bad
	}
	// A stored row may not make us allocate without bound.
	if c.KiB == 0 || c.KiB > 1<<20 || c.Passes == 0 || c.Passes > 16 || c.Lanes == 0 || c.Lanes > 16 {
		return c, nil, nil, bad
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return c, nil, nil, bad
	}
	if key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(key) != hashSize {
		return c, nil, nil, bad
	}
	return c, salt, key, nil
}

// checkPassword judges a new password: long enough, and not made of the address
// or name it belongs to. No classes of characters (NIST SP 800-63B §3.1.1.2).
// Faults: Invalid on "password".
func checkPassword(password string, p Person) error {
	n := utf8.RuneCountInString(password)
	switch {
	case n < minPassword:
		return fault.Field("password", "account.password-short", "password: %d characters, at least %d", n, minPassword)
	case n > maxPassword:
		return fault.Field("password", "account.password-long", "password: more than %d characters", maxPassword)
	case !utf8.ValidString(password):
		return fault.Field("password", "account.password-plain", "password: no text")
	}
	seen := map[rune]bool{}
	for _, r := range password {
		seen[r] = true
	}
	v := settle(password)
	local, _, _ := strings.Cut(p.Email, "@")
	plain := len(seen) < 4 || v == p.Email || v == settle(p.Name)
	for _, w := range append(slices.Clone(common), local) {
		if len(w) >= 4 && strings.Contains(v, w) && n-utf8.RuneCountInString(w) < 5 {
			plain = true
		}
	}
	if plain {
		return fault.Field("password", "account.password-plain", "password: too easy to guess")
	}
	return nil
}

// common are the words that guessers try first; with a few characters added they
// stay as easy.
var common = []string{"password", "lozinka", "lozinku", "лозинка", "12345678", "123456789", "qwertyui", "qwertzui", "straza", "straža",
	"стража", "srbija", "србија", "beograd", "београд", "admin", "administrator", "welcome", "letmein", "iloveyou", "abcdefgh"}

// CheckPassword judges a password for somebody who has no account yet. Faults:
// Invalid on "password".
func CheckPassword(password, name, email string) error {
	return checkPassword(password, Person{Name: name, Email: subjectOf(email)})
}
