package openpgp

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Bounds of a certificate that comes from outside.
const (
	KeyBytes = 64 << 10
	rsaBits  = 2048 // RFC 9580 §12.4: shorter RSA keys are not to be used
)

// Error is why a key or a signature is not taken: one word of those below.
type Error string

// Error gives the word.
func (e Error) Error() string { return "openpgp: " + string(e) }

// Why a key is not taken, or not for this.
const (
	ErrLong    Error = "long"    // above KeyBytes
	ErrNone    Error = "none"    // no certificate in ASCII armour
	ErrMany    Error = "many"    // more than one
	ErrSecret  Error = "secret"  // a secret key
	ErrUnfit   Error = "unfit"   // it may not do what is asked of it
	ErrWeak    Error = "weak"    // RSA below 2048 bits
	ErrExpired Error = "expired" // its time is over
	ErrRevoked Error = "revoked" // its owner has taken it back
)

// Cert is somebody's certificate: the public half of a key with its names.
type Cert struct {
	Fingerprint string   // hexadecimal, upper case
	Names       []string // of its user ids, ascending
	Armored     string   // the certificate alone, as it is kept

	e *openpgp.Entity
}

// Spaced is a fingerprint in groups of four, as people compare it.
func Spaced(fingerprint string) string {
	var parts []string
	for part := range slices.Chunk([]byte(fingerprint), 4) {
		parts = append(parts, string(part))
	}
	return strings.Join(parts, " ")
}

// Read reads one certificate, in ASCII armour or as the bytes that programs keep in files,
// whatever it may be used for: a key that has expired is read, too. Errors: ErrLong, ErrNone, ErrMany, ErrSecret.
func Read(text string) (*Cert, error) {
	if len(text) > KeyBytes {
		return nil, ErrLong
	}
	if text == "" || text[0] < 0x80 { // the first byte of a packet has its highest bit (RFC 9580 §4.2)
		text = strings.TrimSpace(text)
	} else if list, err := openpgp.ReadKeyRing(strings.NewReader(text)); err == nil {
		return one(list)
	}
	list, err := openpgp.ReadArmoredKeyRing(strings.NewReader(text))
	if err != nil || len(list) == 0 {
		return nil, ErrNone
	}
	if strings.Count(text, "-----BEGIN PGP") > 1 { // of several armours only the first would be read
		return nil, ErrMany
	}
	return one(list)
}

// one takes a list for what it should be: a single public key.
func one(list openpgp.EntityList) (*Cert, error) {
	if len(list) != 1 {
		return nil, ErrMany
	}
	if list[0].PrivateKey != nil {
		return nil, ErrSecret
	}
	return certOf(list[0])
}

// certOf writes the certificate of a key as it is kept.
func certOf(e *openpgp.Entity) (*Cert, error) {
	c := &Cert{e: e, Fingerprint: strings.ToUpper(hex.EncodeToString(e.PrimaryKey.Fingerprint))}
	for name := range e.Identities {
		c.Names = append(c.Names, strings.ToValidUTF8(name, "�"))
	}
	slices.Sort(c.Names)
	var b strings.Builder
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err == nil {
		err = e.Serialize(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, ErrNone
	}
	c.Armored = b.String() + "\n"
	return c, nil
}

// ForEncryption tells whether a letter may be encrypted to the certificate at a moment,
// and until when (µs, 0 = without end). Errors: ErrRevoked, ErrExpired, ErrUnfit, ErrWeak.
func (c *Cert) ForEncryption(now time.Time) (until int64, err error) {
	k, ok := c.e.EncryptionKey(now)
	return c.fit(k, ok, now)
}

// ForSigning tells the same of signatures made with it.
func (c *Cert) ForSigning(now time.Time) (until int64, err error) {
	k, ok := c.e.SigningKey(now)
	return c.fit(k, ok, now)
}

func (c *Cert) fit(k openpgp.Key, ok bool, now time.Time) (until int64, err error) {
	if !ok {
		return c.ends(openpgp.Key{}), c.why(now)
	}
	if bits, err := k.PublicKey.BitLength(); err == nil && isRSA(k.PublicKey) && bits < rsaBits {
		return 0, ErrWeak
	}
	return c.ends(k), nil
}

// why says why nothing in the certificate may be used.
func (c *Cert) why(now time.Time) error {
	self, id := c.e.PrimarySelfSignature()
	switch {
	case c.e.Revoked(now) || id != nil && id.Revoked(now):
		return ErrRevoked
	case self != nil && (c.e.PrimaryKey.KeyExpired(self, now) || self.SigExpired(now)):
		return ErrExpired
	}
	for i := range c.e.Subkeys { // all that could do it have had their time
		if s := &c.e.Subkeys[i]; s.Sig != nil && s.PublicKey.KeyExpired(s.Sig, now) {
			return ErrExpired
		}
	}
	return ErrUnfit
}

func isRSA(p *packet.PublicKey) bool {
	return p.PubKeyAlgo == packet.PubKeyAlgoRSA || p.PubKeyAlgo == packet.PubKeyAlgoRSAEncryptOnly
}

// ends is when the certificate or the part of it that is used expires, the earlier.
func (c *Cert) ends(used openpgp.Key) (at int64) {
	note := func(made time.Time, sig *packet.Signature) {
		if sig == nil || sig.KeyLifetimeSecs == nil || *sig.KeyLifetimeSecs == 0 {
			return
		}
		end := made.Add(time.Duration(*sig.KeyLifetimeSecs) * time.Second).UnixMicro()
		if at == 0 || end < at {
			at = end
		}
	}
	if self, _ := c.e.PrimarySelfSignature(); self != nil {
		note(c.e.PrimaryKey.CreationTime, self)
	}
	if used.PublicKey != nil {
		note(used.PublicKey.CreationTime, used.SelfSignature)
	}
	return at
}
