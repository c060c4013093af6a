package unseal

import (
	"context"
	"io"
	"time"

	"straza/internal/kernel/vault"
)

// ProofTime is how long a proof is good for.
const ProofTime = 10 * time.Minute

// Door is what the web node and the command line ask for. Server answers it,
// Client carries it over a socket; both give the same faults.
type Door interface {
	// Challenge gives a fresh nonce for a passkey. Unknown people get one too.
	Challenge(ctx context.Context, email string) (Challenge, error)
	// Prove checks a one-time code or an assertion: Denied when wrong or used, Limited after five failures.
	Prove(ctx context.Context, p Proof) (Session, error)
	// Open streams the content of a sealed text to plain. Write the audit line first.
	Open(ctx context.Context, r Request, sealed io.Reader, plain io.Writer) (Receipt, error)
	// Post sends one letter to a sealed address: Unavailable means try again, Invalid never.
	Post(ctx context.Context, l Letter) (Receipt, error)
	// Enrol lets one more person ask, or gives an enrolled one another factor.
	Enrol(ctx context.Context, e Enrolment) (Enrolled, error)
}

// Roster is who may ask: the second half of what Server and Client answer.
type Roster interface {
	// People lists who is enrolled.
	People(ctx context.Context) ([]Person, error)
	// Remove takes a person off; session is one of an enrolled person.
	Remove(ctx context.Context, email, session string) error
}

// Challenge is a nonce for one assertion, good for five minutes and once.
type Challenge struct {
	ID          string    `json:"id"`
	Nonce       string    `json:"nonce"`       // base64url, for navigator.credentials.get
	RPID        string    `json:"rp_id"`       // domain that the passkeys belong to
	Credentials []string  `json:"credentials"` // base64url ids of the person's passkeys
	Until       time.Time `json:"until"`
}

// Proof is one of Code or Assertion.
type Proof struct {
	Email     string `json:"email"`
	Code      string `json:"code,omitempty"`      // one-time code
	Challenge string `json:"challenge,omitempty"` // Challenge.ID
	Assertion []byte `json:"assertion,omitempty"` // JSON of the PublicKeyCredential
}

// Session is a proof that was accepted. Token is a secret: keep it with the
// person's session, never in a log.
type Session struct {
	Token string    `json:"token"`
	Until time.Time `json:"until"`
}

// Request asks for one sealed text.
type Request struct {
	Session string      `json:"session"`
	Email   string      `json:"email"`             // whose session it is; both must agree
	Label   vault.Label `json:"label"`             // what the sealed text must be
	Reason  string      `json:"reason"`            // why, in the person's words: 1 to 500 characters
	Ref     string      `json:"ref,omitempty"`     // id of the web node's audit line, to compare both logs
	Archive string      `json:"archive,omitempty"` // file name: answer with an archive under the password "infected"
}

// Receipt names the log line of an act. Keep it in the audit line: a log that was
// cut or written anew no longer has it.
type Receipt struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// Letter is a fixed text to a sealed address.
type Letter struct {
	ID       string `json:"id"`       // the same id is sent once per run of the process: a job may be repeated
	Record   string `json:"record"`   // record of the sealed address
	Address  []byte `json:"address"`  // as vault.SealAddress gave it
	Template string `json:"template"` // one of Templates
	Number   string `json:"number"`   // P-2026-000123
	Link     string `json:"link"`     // on the configured origin
	Lang     string `json:"lang"`     // sr-Cyrl, sr-Latn, en
}

// Enrolment brings one factor: a passkey, a one-time secret that the person has
// already, or neither, then the server draws a secret and gives it back once.
type Enrolment struct {
	Email   string   `json:"email"`
	Secret  string   `json:"secret,omitempty"` // base32
	Passkey *Passkey `json:"passkey,omitempty"`
	Session string   `json:"session,omitempty"` // of an enrolled person; not needed for the very first
}

// Passkey is the public half of a WebAuthn credential.
type Passkey struct {
	ID        []byte `json:"id"`
	PublicKey []byte `json:"public_key"` // COSE_Key, as the registration gave it
	SignCount uint32 `json:"sign_count"`
}

// Enrolled is the outcome; Secret and URI only when the server drew the secret.
type Enrolled struct {
	Email  string `json:"email"`
	First  bool   `json:"first"`
	Secret string `json:"secret,omitempty"`
	URI    string `json:"uri,omitempty"`
}

// Status is what anyone at the door may know.
type Status struct {
	Recipients     vault.Recipients `json:"recipients"`
	People         int              `json:"people"`           // enrolled
	RecoveryOnDisk bool             `json:"recovery_on_disk"` // recovery.txt should be on paper, not here
	Mail           bool             `json:"mail"`             // whether the postman can send
	Log            Receipt          `json:"log"`              // newest line
}

var (
	_ Door   = (*Server)(nil)
	_ Door   = (*Client)(nil)
	_ Roster = (*Server)(nil)
	_ Roster = (*Client)(nil)
)
