package openpgp

import (
	"bytes"
	"crypto"
	"errors"
	"hash"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Why a signature does not count.
const (
	ErrSignature Error = "signature" // it cannot be read, or is not one, detached and binary
	ErrForged    Error = "forged"    // over other bytes
	ErrStranger  Error = "stranger"  // by a key that is not among those asked for
)

// signatureBytes bounds a signature that comes from outside.
const signatureBytes = 16 << 10

// sound are the hashes that a signature may be made with.
var sound = map[crypto.Hash]bool{crypto.SHA256: true, crypto.SHA384: true, crypto.SHA512: true, crypto.SHA3_256: true, crypto.SHA3_512: true}

// Check is a signature whose bytes are still on their way: what is signed is written to
// it, then By tells whose it is.
type Check struct {
	sig *packet.Signature
	h   hash.Cloner
	in  io.Writer // h, or what makes the ends of lines alike before it
}

// NewCheck reads a detached signature, in armour or not. Errors: ErrSignature.
func NewCheck(signature []byte) (*Check, error) {
	if len(signature) > signatureBytes {
		return nil, ErrSignature
	}
	r := io.Reader(bytes.NewReader(signature))
	if bytes.HasPrefix(bytes.TrimSpace(signature), []byte("-----BEGIN")) {
		block, err := armor.Decode(bytes.NewReader(signature))
		if err != nil || block.Type != openpgp.SignatureType {
			return nil, ErrSignature
		}
		r = block.Body
	}
	packets := packet.NewReader(r)
	p, err := packets.Next()
	if err != nil {
		return nil, ErrSignature
	}
	sig, ok := p.(*packet.Signature)
	if !ok {
		return nil, ErrSignature
	}
	if _, err := packets.Next(); !errors.Is(err, io.EOF) { // one signature, nothing hidden behind it
		return nil, ErrSignature
	}
	return checkOf(sig, false)
}

// checkOf begins to check a signature; those of text type only count for letters.
func checkOf(sig *packet.Signature, letter bool) (*Check, error) {
	text := sig.SigType == packet.SigTypeText
	if sig.SigType != packet.SigTypeBinary && !(letter && text) || !sound[sig.Hash] || sig.IssuerKeyId == nil && sig.IssuerFingerprint == nil {
		return nil, ErrSignature
	}
	h, err := sig.PrepareVerify()
	if err != nil {
		return nil, ErrSignature
	}
	cloner, ok := h.(hash.Cloner)
	if !ok {
		return nil, ErrSignature
	}
	if text {
		return &Check{sig, cloner, openpgp.NewCanonicalTextHash(cloner)}, nil
	}
	return &Check{sig, cloner, cloner}, nil
}

// Write takes the next of the bytes that are signed; it never fails.
func (c *Check) Write(b []byte) (int, error) { return c.in.Write(b) }

// By finds the certificate whose key made the signature, which must be fit to sign now.
// Errors: ErrStranger when it is none of them, ErrExpired, ErrRevoked, ErrUnfit, ErrWeak
// of the one it is, ErrForged when the bytes are others.
func (c *Check) By(certs []*Cert, now time.Time) (*Cert, error) {
	for _, cert := range certs {
		if !c.names(cert) {
			continue
		}
		if err := c.verify(cert); err != nil {
			return cert, err
		}
		return cert, c.fit(cert, now)
	}
	return nil, ErrStranger
}

// verify tells whether the certificate's key signed these bytes.
func (c *Check) verify(cert *Cert) error {
	h, err := c.h.Clone() // to verify writes to it
	if err != nil {
		return ErrSignature
	}
	p := cert.e.PrimaryKey
	for i := range cert.e.Subkeys {
		if id := cert.e.Subkeys[i].PublicKey; id.KeyId == c.issuer(cert) {
			p = id
		}
	}
	if !p.PubKeyAlgo.CanSign() {
		return ErrUnfit
	}
	if err := p.VerifySignature(h, c.sig); err != nil {
		return ErrForged
	}
	return nil
}

// fit tells whether the certificate's key might sign now.
func (c *Check) fit(cert *Cert, now time.Time) error {
	if _, err := cert.ForSigning(now); err != nil {
		return err
	}
	k, ok := cert.e.SigningKeyById(now, c.issuer(cert))
	if !ok {
		return c.partly(cert, now)
	}
	if _, err := cert.fit(k, ok, now); err != nil {
		return err
	}
	if c.sig.SigExpired(now) || c.sig.CreationTime.After(now.Add(skew)) {
		return ErrExpired
	}
	return nil
}

// partly tells why the part of a certificate that signed may not, when another may.
func (c *Check) partly(cert *Cert, now time.Time) error {
	for i := range cert.e.Subkeys {
		s := &cert.e.Subkeys[i]
		switch {
		case s.PublicKey.KeyId != c.issuer(cert):
		case s.Revoked(now):
			return ErrRevoked
		case s.Sig != nil && (s.PublicKey.KeyExpired(s.Sig, now) || s.Sig.SigExpired(now)):
			return ErrExpired
		}
	}
	return ErrUnfit
}

// skew is how far ahead of ours the signer's clock may go.
const skew = 10 * time.Minute

func (c *Check) names(cert *Cert) bool { return c.issuer(cert) != 0 }

// issuer is the key of a certificate that the signature names, 0 for none.
func (c *Check) issuer(cert *Cert) uint64 {
	if c.sig.CheckKeyIdOrFingerprint(cert.e.PrimaryKey) {
		return cert.e.PrimaryKey.KeyId
	}
	for i := range cert.e.Subkeys {
		if p := cert.e.Subkeys[i].PublicKey; c.sig.CheckKeyIdOrFingerprint(p) {
			return p.KeyId
		}
	}
	return 0
}

// Secret is a key of our own, both halves.
type Secret struct{ e *openpgp.Entity }

// Owner is whom a key names; without ( ) < > and control characters.
type Owner struct{ Name, Email string }

// NewSecret makes a key that signs and can be encrypted to: Ed25519 and Curve25519 in
// the form that GnuPG 2.2 knows, without an end.
func NewSecret(of Owner, now time.Time, rand io.Reader) (*Secret, error) {
	e, err := openpgp.NewEntity(of.Name, "", of.Email, config(now, rand))
	if err != nil {
		return nil, err
	}
	return &Secret{e}, nil
}

func config(now time.Time, rand io.Reader) *packet.Config {
	return &packet.Config{Rand: rand, Time: func() time.Time { return now }, Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA512}
}

// ReadSecret reads what Bytes gave.
func ReadSecret(b []byte) (*Secret, error) {
	list, err := openpgp.ReadKeyRing(bytes.NewReader(b))
	if err != nil || len(list) != 1 || list[0].PrivateKey == nil {
		return nil, ErrNone
	}
	return &Secret{list[0]}, nil
}

// Bytes is the key as it is kept, in the clear: the caller encrypts it.
func (s *Secret) Bytes() ([]byte, error) {
	var b bytes.Buffer
	err := s.e.SerializePrivateWithoutSigning(&b, nil)
	return b.Bytes(), err
}

// Cert is the public half.
func (s *Secret) Cert() (*Cert, error) { return certOf(s.e) }

// Signing is a detached signature under way: what is signed is written to it.
type Signing struct {
	sig  *packet.Signature
	h    hash.Hash
	key  *packet.PrivateKey
	conf *packet.Config
}

// Signing begins a signature. Errors: ErrUnfit when the key may not sign.
func (s *Secret) Signing(now time.Time, rand io.Reader) (*Signing, error) {
	k, ok := s.e.SigningKey(now)
	if !ok || k.PrivateKey == nil {
		return nil, ErrUnfit
	}
	g := &Signing{key: k.PrivateKey, conf: config(now, rand)}
	g.sig = &packet.Signature{Version: k.PublicKey.Version, SigType: packet.SigTypeBinary, PubKeyAlgo: k.PublicKey.PubKeyAlgo, Hash: crypto.SHA512,
		CreationTime: now, IssuerKeyId: &k.PublicKey.KeyId, IssuerFingerprint: k.PublicKey.Fingerprint}
	var err error
	g.h, err = g.sig.PrepareSign(g.conf)
	return g, err
}

// Write takes the next of the bytes to sign; it never fails.
func (g *Signing) Write(b []byte) (int, error) { return g.h.Write(b) }

// End gives the signature, without armour. Once.
func (g *Signing) End() ([]byte, error) {
	if err := g.sig.Sign(g.h, g.key, g.conf); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := g.sig.Serialize(&b)
	return b.Bytes(), err
}
