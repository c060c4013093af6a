package vault

import (
	"crypto/cipher"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/mod/sumdb/note"

	"straza/internal/kernel/fault"
)

// Signer signs audit checkpoints as name (a URL-like text without spaces and
// plus signs); verifier is the public line that witnesses keep.
func (v *Vault) Signer(name string) (signer note.Signer, verifier string, err error) {
	pub, ok := v.ring.Load().sign.Public().(ed25519.PublicKey)
	if !ok {
		return nil, "", fmt.Errorf("vault: signing key is no Ed25519 key")
	}
	if verifier, err = note.NewEd25519VerifierKey(name, pub); err != nil {
		return nil, "", fmt.Errorf("vault: verifier of %q: %w", name, err)
	}
	// note takes a private key only as text: name, hash as in the verifier, type byte and seed
	rest := strings.TrimPrefix(verifier, name+"+")
	id, _, _ := strings.Cut(rest, "+")
	const ed25519Type = 1
	seed := base64.StdEncoding.EncodeToString(append([]byte{ed25519Type}, v.ring.Load().sign.Seed()...))
	if signer, err = note.NewSigner("PRIVATE+KEY+" + name + "+" + id + "+" + seed); err != nil {
		return nil, "", fmt.Errorf("vault: signer %q: name refused", name)
	}
	return signer, verifier, nil
}

func (v *Vault) draftCipher(secret string) (cipher.AEAD, error) {
	if len(secret) < minSecret {
		return nil, fault.New(fault.Invalid, "draft secret shorter than 128 bits")
	}
	return chacha20poly1305.NewX(hash(v.sub("draft"), []byte(secret)))
}
