package ident

import "strings"

// Proof is what a person shows, on this page and now, to be let at what is sealed: a
// one-time code, or a passkey's assertion over a nonce of the unsealing process.
type Proof struct {
	Code      string // six digits, without spaces
	Challenge string // id of the nonce that Assertion answers
	Assertion []byte // JSON of the PublicKeyCredential (WebAuthn Level 3 §5.1)
}

// CodeProof is a one-time code as a person typed it.
func CodeProof(typed string) Proof { return Proof{Code: strings.Join(strings.Fields(typed), "")} }
