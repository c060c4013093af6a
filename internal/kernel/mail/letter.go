package mail

import (
	"context"
	"math"
	netmail "net/mail"
	"strings"
	"time"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// States of a letter.
const (
	Queued = "queued"
	Sent   = "sent"
	Caught = "caught" // no server is set: kept here, sent to nobody
	Failed = "failed" // the server refused it for good
)

// Letter is one letter to one recipient.
type Letter struct {
	ID        int64
	Created   int64  // µs
	Purpose   string // "invitation", "thread", "acknowledgement" …
	To        string // one address
	Subject   string
	Body      string // plain text
	Lang      string
	CERT      int64  // in whose name it is written: its keys of addresses count; 0 = the host
	MessageID string // without angle brackets; made when empty
	ReplyTo   string
	InReplyTo string
	State     string
	Sent      int64
	Reason    string
	Secret    bool   // leaves only encrypted; without a key of the recipient it fails
	Under     string // fingerprint of the OpenPGP key it left under; "" = in the clear
	Key       Key    // of the recipient when it is delivered; none has no fingerprint

	by *openpgp.Secret // whose signature it carries when it is encrypted
}

// perHour is how many letters one recipient gets in an hour; the rest wait.
const perHour = 30

// Post is the way out.
type Post struct {
	db     *store.DB
	server Server
	from   string
	domain string
	ring   Keyring
	own    Own
}

// Keyring knows recipients' OpenPGP keys; account.Service does.
type Keyring interface {
	// MailKeyTx gives the key of who has an address, as a CERT (0 = the host) knows it;
	// found is false without one.
	MailKeyTx(ctx context.Context, tx *store.Tx, cert int64, address string) (k Key, found bool, err error)
}

// Use gives the way out a keyring, before it serves: from then on letters to who has
// a key leave encrypted.
func (p *Post) Use(ring Keyring) { p.ring = ring }

// Own are the installation's own OpenPGP keys, newest first; seal.Office has them.
type Own interface {
	Secrets(ctx context.Context, who ident.Actor) ([]*openpgp.Secret, error)
}

// Sign gives the way out the installation's keys, before it serves: from then on letters
// that leave encrypted are signed, too. Letters in the clear are not: most who get them
// would only see a file that they do not know.
func (p *Post) Sign(own Own) { p.own = own }

// signer is the key that signs letters now; nil while the installation has none.
func (p *Post) signer(ctx context.Context) (*openpgp.Secret, error) {
	if p.own == nil {
		return nil, nil
	}
	list, err := p.own.Secrets(ctx, ident.SystemPart("postman"))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// SealsTx tells whether a letter of a CERT (0 = the host) to an address would leave
// encrypted: only then may it say what is labelled TLP:AMBER (and be marked Secret).
func (p *Post) SealsTx(ctx context.Context, tx *store.Tx, cert int64, to string) (bool, error) {
	k, err := p.keyTx(ctx, tx, cert, to)
	return k.Fingerprint != "", err
}

// keyTx gives the recipient's key, none when it has expired.
func (p *Post) keyTx(ctx context.Context, tx *store.Tx, cert int64, to string) (k Key, err error) {
	if p.ring == nil {
		return k, nil
	}
	k, found, err := p.ring.MailKeyTx(ctx, tx, cert, Address(to))
	if err != nil || !found {
		return Key{}, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil || k.expired(now) {
		return Key{}, err
	}
	return k, nil
}

// Refused is published when the recipient's mail system refused a letter for good.
type Refused struct {
	Letter int64  `json:"letter"`
	To     string `json:"to"`
	Reason string `json:"reason"`
}

// EventType names the event.
func (Refused) EventType() string { return "mail.refused" }

// Server hands one letter to the mail system. A fault of kind Invalid means it
// will never be taken; any other error means try again.
type Server interface {
	Deliver(ctx context.Context, from string, l Letter) error
}

// New makes the way out; a nil server catches letters in the database.
func New(db *store.DB, server Server, from string) *Post {
	p := &Post{db: db, server: server, from: from, domain: "localhost"}
	if _, d, ok := strings.Cut(strings.TrimSuffix(from, ">"), "@"); ok {
		p.domain = d
	}
	return p
}

// Domain is our own mail domain, for reply addresses such as case+TOKEN@domain.
func (p *Post) Domain() string { return p.domain }

// QueueTx writes a letter into the act's transaction. Faults: Invalid on "to"
// when it is no single address; line breaks in a header field are refused.
func (p *Post) QueueTx(ctx context.Context, tx *store.Tx, l Letter) (id int64, err error) {
	addr, err := netmail.ParseAddress(l.To)
	if err != nil || len(l.To) > 320 || strings.HasSuffix(strings.TrimSpace(l.To), ";") { // the last: a group, which one address may pass for
		return 0, fault.Field("to", "fault.email", "no address to write to")
	}
	for _, h := range []string{l.Subject, l.ReplyTo, l.InReplyTo, l.MessageID} {
		if strings.ContainsAny(h, "\r\n\x00") {
			return 0, fault.New(fault.Invalid, "a line break in a header of a letter")
		}
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return 0, err
	}
	id = p.db.NewID()
	if l.MessageID == "" {
		l.MessageID = p.db.NewUUID() + "@" + p.domain
	}
	if _, err := tx.Exec(ctx, insertLetter, id, now, l.Purpose, addr.Address, l.Subject, l.Body, l.Lang, l.MessageID, l.ReplyTo, l.InReplyTo, l.Secret, l.CERT); err != nil {
		return 0, err
	}
	return id, jobs.Enqueue(ctx, tx, jobs.Job{Kind: "mail.send", Payload: sendPayload{id}})
}

type sendPayload struct {
	Letter int64 `json:"letter"`
}

// Jobs are the kinds this package runs.
func (p *Post) Jobs() []jobs.Def {
	return []jobs.Def{{Kind: "mail.send", Run: p.send, Tries: 12, Timeout: 2 * time.Minute}}
}

// send delivers one letter; a letter that was sent already is left alone.
func (p *Post) send(ctx context.Context, t *jobs.Task) error {
	var pl sendPayload
	if err := t.Decode(&pl); err != nil {
		return err
	}
	var l Letter
	var found bool
	var recent int64
	err := p.db.View(ctx, func(tx *store.Tx) (err error) {
		if l, found, err = store.First(ctx, tx, scanLetter, readLetter, pl.Letter); err != nil || !found {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if l.Key, err = p.keyTx(ctx, tx, l.CERT, l.To); err != nil {
			return err
		}
		recent, err = store.Int64(ctx, tx, sentLately, l.To, now-time.Hour.Microseconds())
		return err
	})
	if err != nil || !found || l.State != Queued {
		return err
	}
	if recent >= perHour {
		return fault.New(fault.Limited, "%d letters to one recipient within an hour", recent).After(10 * time.Minute)
	}
	if l.Key.Fingerprint != "" {
		if l.by, err = p.signer(ctx); err != nil {
			return err
		}
	}
	state, reason := Caught, ""
	keyless := l.Secret && l.Key.Fingerprint == ""
	switch {
	case keyless:
		state, reason = Failed, "the recipient's OpenPGP key was taken out or expired before the letter left"
	case p.server != nil:
		state = Sent
		if err := p.server.Deliver(ctx, p.from, l); fault.Is(err, fault.Invalid) {
			state, reason = Failed, err.Error()
		} else if err != nil {
			return err
		}
	}
	return p.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, setState, l.ID, state, now, reason, l.Key.Fingerprint); err != nil {
			return err
		}
		if state == Failed && !keyless { // a missing key says nothing of the mailbox
			if err := jobs.Publish(ctx, tx, Refused{l.ID, l.To, reason}); err != nil {
				return err
			}
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

// List shows letters, newest first, 50 a page. Needs admin.jobs; without content
// then (only the demo's /dev/mail, which asks ListCaught, shows bodies).
func (p *Post) List(ctx context.Context, who ident.Actor, before int64) ([]Letter, error) {
	if err := access.Check(who, "admin.jobs"); err != nil {
		return nil, err
	}
	out, err := p.list(ctx, before)
	for i := range out {
		out[i].Body, out[i].To = "", ""
	}
	return out, err
}

// ListCaught shows letters whole, for /dev/mail of a demo installation.
func (p *Post) ListCaught(ctx context.Context, before int64) ([]Letter, error) {
	return p.list(ctx, before)
}

func (p *Post) list(ctx context.Context, before int64) (out []Letter, err error) {
	if before == 0 {
		before = math.MaxInt64
	}
	err = p.db.View(ctx, func(tx *store.Tx) error {
		out, err = store.All(ctx, tx, scanLetter, listLetters, before)
		return err
	})
	return out, err
}

func scanLetter(s store.Scanner) (l Letter, err error) {
	err = s.Scan(&l.ID, &l.Created, &l.Purpose, &l.To, &l.Subject, &l.Body, &l.Lang, &l.MessageID, &l.ReplyTo, &l.InReplyTo, &l.State, &l.Sent, &l.Reason, &l.Secret, &l.Under, &l.CERT)
	return
}
