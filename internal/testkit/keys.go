package testkit

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/store"
)

// AuditKeys are fixed keys for tests of rooms that need a log but no vault.
type AuditKeys struct {
	signer   note.Signer
	verifier note.Verifier
}

// NewAuditKeys makes keys that follow from nothing secret.
func NewAuditKeys() *AuditKeys {
	skey, vkey, err := note.GenerateKey(strings.NewReader(strings.Repeat("straza test key ", 8)), "straza.test")
	if err != nil {
		panic(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		panic(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		panic(err)
	}
	return &AuditKeys{s, v}
}

// AuditMAC is HMAC-SHA-256 with a fixed key.
func (k *AuditKeys) AuditMAC(data []byte) []byte {
	m := hmac.New(sha256.New, []byte("test"))
	m.Write(data)
	return m.Sum(nil)
}

// AuditSigner signs checkpoints.
func (k *AuditKeys) AuditSigner() note.Signer { return k.signer }

// AuditVerifiers verifies them.
func (k *AuditKeys) AuditVerifiers() note.Verifier { return k.verifier }

// Audit gives a log over db with fixed keys.
func Audit(db *store.DB) *audit.Log { return audit.New(db, NewAuditKeys()) }
