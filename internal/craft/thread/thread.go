// Package thread is correspondence with an outside party: letters out through the
// outbox, answers in by a token, internal notes between.
//
// A letter carries a number and a link, never content (decisions §7); the party
// reads and answers behind the link, or answers the mail, whose Reply-To holds
// the thread's token. Tokens are kept as keyed hashes. An answer counts as the
// party's only when it comes from the party's address; from anybody else it lands
// in quarantine, where a person looks at it.
package thread

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// Ways of a message.
const (
	In         = "in"
	Out        = "out"
	Note       = "note"       // internal: only the team sees it
	Quarantine = "quarantine" // came with the token, but not from the party
)

// Thread is the correspondence with one party about one object.
type Thread struct {
	ID       int64
	Kind     string // of the object
	Object   int64
	Ref      string // UUID of the object, where its room has told it
	Number   string // as the party knows it
	Party    string
	Org      int64
	Address  string
	Lang     string
	Audience int64
	Opened   int64
	Last     int64
	Unread   int64
	Closed   int64
}

// Message is one entry of a thread.
type Message struct {
	ID     int64
	UUID   string
	Way    string
	At     int64
	Person int64
	Author string
	Body   string
	Letter int64
	Reason string // why it is in quarantine
	Files  []File
	Seal   Seal
}

// File is an attachment; its name came from outside and is only a label.
type File struct {
	ID      int64
	UUID    string
	Message int64
	Name    string
	Size    int64
	Blob    string
}

// Answered is published with a party's own answer, and when one is released from
// quarantine: At is the moment it came, Told the one when it counted (µs).
type Answered struct {
	Kind    string `json:"kind"` // of the object
	Object  int64  `json:"object"`
	Message int64  `json:"message"`
	At      int64  `json:"at"`
	Told    int64  `json:"told"`
}

// EventType names the event.
func (Answered) EventType() string { return "thread.answered" }

// Attachment is a file that waits for its message: a blob that nothing refers to
// yet, which goes again when no message takes it.
type Attachment struct {
	file File
	ref  blob.Ref
}

// Tokens is the vault's keyed hash: a thread's token is derived from its id, so
// that every letter carries the same one, and kept only as a hash of another kind.
type Tokens interface {
	TokenHash(kind, token string) string
}

// Deps are what threads stand on.
type Deps struct {
	DB     *store.DB
	Audit  *audit.Log
	Blobs  *blob.Store
	Mail   *mail.Post
	Tokens Tokens
	Link   func(token string) string // address of the party's page
	Text   *i18n.Catalog             // thread.letter.subject, thread.letter.body
	Keys   Keys                      // nil: what comes encrypted stays closed, and no signature is known
}

// Desk handles threads.
type Desk struct{ d Deps }

// New makes a desk.
func New(d Deps) *Desk { return &Desk{d} }

const tokenKind = "thread"

// OpenTx opens a thread; the calling room has authorised who for the object.
func (k *Desk) OpenTx(ctx context.Context, tx *store.Tx, who ident.Actor, t Thread) (int64, error) {
	var c fault.Collector
	c.Require(strings.TrimSpace(t.Party) != "", "party", "thread.party.needed")
	c.Require(t.Address == "" || mail.Address(t.Address) != "", "address", "fault.email")
	if err := c.Err("thread"); err != nil {
		return 0, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return 0, err
	}
	if t.Lang == "" {
		t.Lang = "sr-Latn"
	}
	t.ID = k.d.DB.NewID()
	if _, err := tx.Exec(ctx, insertThread, t.ID, t.Kind, t.Object, t.Number, t.Party, t.Org, mail.Address(t.Address), t.Lang,
		k.d.Tokens.TokenHash(tokenKind, k.token(t.ID)), t.Audience, now); err != nil {
		return 0, err
	}
	return t.ID, k.d.Audit.Record(ctx, tx, who, "thread.open", audit.Thing{Kind: "thread", ID: t.ID, Label: t.Number}, map[string]any{"object": t.Object})
}

// token gives a thread's secret: 128 bits in 32 digits, because a mailbox name may
// have only 64 characters (RFC 5321 §4.5.3.1.1).
func (k *Desk) token(id int64) string {
	return k.d.Tokens.TokenHash("thread token", strconv.FormatInt(id, 10))[:32]
}

// Attach takes a file in for a message that WriteTx will write.
func (k *Desk) Attach(ctx context.Context, name string, r io.Reader) (Attachment, error) {
	ref, err := k.d.Blobs.Put(ctx, r)
	return Attachment{File{Name: cleanName(name), Size: ref.Size, Blob: ref.Name}, ref}, err
}

// keepTx gives a message its files.
func (k *Desk) keepTx(ctx context.Context, tx *store.Tx, m *Message, files []Attachment) error {
	for _, f := range files {
		if err := k.d.Blobs.KeepTx(ctx, tx, f.ref); err != nil {
			return err
		}
		m.Files = append(m.Files, f.file)
	}
	return nil
}

// WriteTx adds our own message with its files; Out also sends a letter with number
// and link, which tells how many files there are and nothing of them. The calling
// room has authorised who for the object and checked the label.
func (k *Desk) WriteTx(ctx context.Context, tx *store.Tx, who ident.Actor, thread int64, way, body string, files ...Attachment) (int64, error) {
	if body = strings.TrimSpace(body); body == "" || len(body) > 100_000 {
		return 0, fault.Field("body", "thread.body.needed", "an empty or overlong message")
	}
	t, found, err := store.First(ctx, tx, scanThread, oneThread, thread)
	if err != nil || !found {
		return 0, orMissing(err)
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return 0, err
	}
	m := Message{ID: k.d.DB.NewID(), Way: way, At: now, Person: who.Person, Author: who.Name, Body: body}
	if way == Out && t.Address != "" {
		if m.Letter, err = k.letter(ctx, tx, t, len(files)); err != nil {
			return 0, err
		}
	}
	if err := k.keepTx(ctx, tx, &m, files); err != nil {
		return 0, err
	}
	if err := k.add(ctx, tx, t, m, "", 0); err != nil {
		return 0, err
	}
	return m.ID, k.d.Audit.Record(ctx, tx, who, "thread."+way, audit.Thing{Kind: "thread", ID: t.ID, Label: t.Number}, map[string]any{"message": m.ID, "files": len(files)})
}

// letter queues the letter that tells of a message: number and link only.
func (k *Desk) letter(ctx context.Context, tx *store.Tx, t Thread, files int) (int64, error) {
	readers, err := access.AudienceTx(ctx, tx, t.Audience)
	if err != nil {
		return 0, err
	}
	lang, token := i18n.Lang(t.Lang), k.token(t.ID)
	body := k.d.Text.T(lang, "thread.letter.body", "number", t.Number, "link", k.d.Link(token))
	if files > 0 {
		body += "\n" + k.d.Text.T(lang, "thread.letter.files", "n", files) + "\n"
	}
	return k.d.Mail.QueueTx(ctx, tx, mail.Letter{Purpose: "thread", To: t.Address, Lang: t.Lang, CERT: readers.CERT,
		ReplyTo: "case+" + token + "@" + k.d.Mail.Domain(),
		Subject: k.d.Text.T(lang, "thread.letter.subject", "number", t.Number),
		Body:    body})
}

// add writes a message; the party's own is told to the room of the object.
func (k *Desk) add(ctx context.Context, tx *store.Tx, t Thread, m Message, foreignID string, unread int) error {
	n, err := tx.Exec(ctx, insertMessage, m.ID, k.d.DB.NewUUID(), t.ID, m.Way, m.At, m.Person, m.Author, m.Body, m.Letter, foreignID, m.Reason, m.Seal.State, m.Seal.Signature, m.Seal.Key, m.Seal.Signed)
	if err != nil || n == 0 { // the same letter delivered twice
		return err
	}
	if m.Way != Quarantine {
		if err := indexTx(ctx, tx, m.ID); err != nil {
			return err
		}
	}
	for _, f := range m.Files {
		if _, err := tx.Exec(ctx, insertFile, k.d.DB.NewID(), k.d.DB.NewUUID(), m.ID, f.Name, f.Size, f.Blob); err != nil {
			return err
		}
	}
	if _, err = tx.Exec(ctx, touchThread, t.ID, m.At, unread); err != nil || m.Way != In {
		return err
	}
	return jobs.Publish(ctx, tx, Answered{t.Kind, t.Object, m.ID, m.At, m.At})
}

// Receive takes a letter in: mail.Receiver. Nothing is acknowledged before it is
// committed. Faults: NotFound for a recipient that is no thread of ours.
func (k *Desk) Receive(ctx context.Context, r mail.Received) error {
	t, err := k.addressed(ctx, r.To)
	if err != nil {
		return err
	}
	from := mail.Address(r.Header)
	r, seal, err := k.unseal(ctx, t, from, r)
	if err != nil {
		return err
	}
	m := Message{Way: In, Author: t.Party, Body: quoteCut(r.Text), Seal: seal}
	if from != t.Address || mail.Address(r.From) != t.Address && r.From != "" {
		m.Way, m.Reason, m.Author = Quarantine, "sender", from
	}
	var kept []Attachment
	for _, f := range r.Files {
		a, err := k.Attach(ctx, f.Name, bytes.NewReader(f.Data))
		if err != nil {
			return err
		}
		kept = append(kept, a)
	}
	return k.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		m.ID, m.At, m.Files = k.d.DB.NewID(), now, nil // the transaction may run again
		if err := k.keepTx(ctx, tx, &m, kept); err != nil {
			return err
		}
		if err := k.add(ctx, tx, t, m, r.MessageID, 1); err != nil {
			return err
		}
		return k.d.Audit.Record(ctx, tx, ident.SystemPart("mailbox"), "thread."+m.Way, audit.Thing{Kind: "thread", ID: t.ID, Label: t.Number},
			m.came(len(kept)))
	})
}

func (k *Desk) addressed(ctx context.Context, to []string) (t Thread, err error) {
	err = k.d.DB.View(ctx, func(tx *store.Tx) error {
		for _, addr := range to {
			local, _, _ := strings.Cut(addr, "@")
			_, token, ok := strings.Cut(local, "+")
			if !ok {
				continue
			}
			var found bool
			if t, found, err = store.First(ctx, tx, scanThread, byToken, k.d.Tokens.TokenHash(tokenKind, strings.ToLower(token))); err != nil || found {
				return err
			}
		}
		return fault.New(fault.NotFound, "no thread for this recipient")
	})
	return t, err
}

// ByToken opens the party's page: the thread and what the party may read of it
// (its own words and our letters, no notes, no quarantine).
func (k *Desk) ByToken(ctx context.Context, token string) (t Thread, ms []Message, err error) {
	err = k.d.DB.View(ctx, func(tx *store.Tx) error {
		var found bool
		t, found, err = store.First(ctx, tx, scanThread, byToken, k.d.Tokens.TokenHash(tokenKind, token))
		if err != nil || !found {
			return orMissing(err)
		}
		all, err := k.messagesTx(ctx, tx, t.ID)
		for _, m := range all {
			if m.Way == In || m.Way == Out {
				ms = append(ms, m)
			}
		}
		return err
	})
	return t, ms, err
}

// AnswerByToken adds the party's answer from its page.
func (k *Desk) AnswerByToken(ctx context.Context, token, body string, files map[string]io.Reader) error {
	t, _, err := k.ByToken(ctx, token)
	if err != nil {
		return err
	}
	if strings.TrimSpace(body) == "" && len(files) == 0 {
		return fault.Field("body", "thread.body.needed", "an empty answer")
	}
	return k.answer(ctx, t, ident.Nobody(ident.Web), t.Party, body, files)
}

// AnswerAs adds an answer of a logged-in person of the party's organisation; the
// calling room has checked that the thread is the organisation's.
func (k *Desk) AnswerAs(ctx context.Context, who ident.Actor, t Thread, body string, files map[string]io.Reader) error {
	if strings.TrimSpace(body) == "" && len(files) == 0 {
		return fault.Field("body", "thread.body.needed", "an empty answer")
	}
	return k.answer(ctx, t, who, who.Name, body, files)
}

func (k *Desk) answer(ctx context.Context, t Thread, who ident.Actor, author, body string, files map[string]io.Reader) error {
	m := Message{Way: In, Author: author, Person: who.Person, Body: body}
	var kept []Attachment
	for name, r := range files {
		a, err := k.Attach(ctx, name, r)
		if err != nil {
			return err
		}
		kept = append(kept, a)
	}
	return k.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		m.ID, m.At, m.Files = k.d.DB.NewID(), now, nil // the transaction may run again
		if err := k.keepTx(ctx, tx, &m, kept); err != nil {
			return err
		}
		if err := k.add(ctx, tx, t, m, "", 1); err != nil {
			return err
		}
		return k.d.Audit.Record(ctx, tx, who, "thread.in", audit.Thing{Kind: "thread", ID: t.ID, Label: t.Number}, map[string]any{"message": m.ID})
	})
}

// RepliedTx tells whether we have written to the party since a moment.
func (k *Desk) RepliedTx(ctx context.Context, tx *store.Tx, thread, since int64) (bool, error) {
	n, err := store.Int64(ctx, tx, outSince, thread, since)
	return n > 0, err
}

// OfTx lists an object's threads; the calling room has authorised who for the object.
func (k *Desk) OfTx(ctx context.Context, tx *store.Tx, kind string, object int64) ([]Thread, error) {
	return store.All(ctx, tx, scanThread, ofObject, kind, object)
}

// ReadTx gives a thread whole and marks it as read. The calling room has
// authorised who for the object and writes the audit line of the read.
func (k *Desk) ReadTx(ctx context.Context, tx *store.Tx, thread int64) (t Thread, ms []Message, err error) {
	t, found, err := store.First(ctx, tx, scanThread, oneThread, thread)
	if err != nil || !found {
		return t, nil, orMissing(err)
	}
	ms, err = k.messagesTx(ctx, tx, thread)
	return t, ms, err
}

// SeenTx marks a thread as read by the team.
func (k *Desk) SeenTx(ctx context.Context, tx *store.Tx, thread int64) error {
	_, err := tx.Exec(ctx, readThread, thread)
	return err
}

func (k *Desk) messagesTx(ctx context.Context, tx *store.Tx, thread int64) ([]Message, error) {
	ms, err := store.All(ctx, tx, scanMessage, messages, thread)
	if err != nil {
		return nil, err
	}
	files, err := store.All(ctx, tx, scanFile, filesOf, thread)
	for _, f := range files {
		for i := range ms {
			if ms[i].ID == f.Message {
				ms[i].Files = append(ms[i].Files, f)
			}
		}
	}
	return ms, err
}

// Unread counts the threads with answers nobody of the team has read.
func (k *Desk) Unread(ctx context.Context, who ident.Actor) (n int64, err error) {
	err = k.d.DB.View(ctx, func(tx *store.Tx) error {
		n, err = store.Int64(ctx, tx, countUnread(access.Visible(who, "t.audience_id")))
		return err
	})
	return n, err
}

// ReleaseTx takes a message out of quarantine as the party's own, which is then
// its answer (Answered); DropTx throws it away. The calling room has authorised who for the thread's object.
func (k *Desk) ReleaseTx(ctx context.Context, tx *store.Tx, who ident.Actor, message int64) error {
	t, err := k.parkedIn(ctx, tx, message)
	if err != nil {
		return err
	}
	at, err := store.Int64(ctx, tx, cameAt, message)
	if err != nil {
		return err
	}
	if err := k.decide(ctx, tx, who, message, "thread.release", freeOne); err != nil {
		return err
	}
	if err := indexTx(ctx, tx, message); err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	return jobs.Publish(ctx, tx, Answered{t.Kind, t.Object, message, at, now})
}

// DropTx throws a quarantined message away.
func (k *Desk) DropTx(ctx context.Context, tx *store.Tx, who ident.Actor, message int64) error {
	if _, err := tx.Exec(ctx, dropFiles, message); err != nil {
		return err
	}
	return k.decide(ctx, tx, who, message, "thread.drop", dropOne)
}

func (k *Desk) decide(ctx context.Context, tx *store.Tx, who ident.Actor, message int64, verb, text string) error {
	thread, err := store.Int64(ctx, tx, oneParked, message)
	if err != nil || thread == 0 {
		return orMissing(err)
	}
	if _, err := tx.Exec(ctx, text, message); err != nil {
		return err
	}
	return k.d.Audit.Record(ctx, tx, who, verb, audit.Thing{Kind: "thread", ID: thread}, map[string]any{"message": message})
}

func (k *Desk) parkedIn(ctx context.Context, tx *store.Tx, message int64) (Thread, error) {
	id, err := store.Int64(ctx, tx, oneParked, message)
	if err != nil || id == 0 {
		return Thread{}, orMissing(err)
	}
	t, _, err := store.First(ctx, tx, scanThread, oneThread, id)
	return t, err
}

// ParkedTx finds a quarantined message by its UUID, and its thread, for authorising.
func (k *Desk) ParkedTx(ctx context.Context, tx *store.Tx, message string) (id int64, t Thread, err error) {
	uuid, ok := store.ParseUUID(message)
	if !ok {
		return 0, t, orMissing(nil)
	}
	if id, err = store.Int64(ctx, tx, parkedID, uuid); err != nil || id == 0 {
		return 0, t, orMissing(err)
	}
	t, err = k.parkedIn(ctx, tx, id)
	return id, t, err
}

// FileTx finds a file by its UUID and its thread, for authorising before it is opened.
func (k *Desk) FileTx(ctx context.Context, tx *store.Tx, file string) (f File, t Thread, err error) {
	uuid, ok := store.ParseUUID(file)
	if !ok {
		return f, t, orMissing(nil)
	}
	var thread int64
	found, err := tx.Row(ctx, oneFile, []any{uuid}, &f.ID, &f.UUID, &f.Message, &f.Name, &f.Size, &f.Blob, &thread)
	if err != nil || !found {
		return f, t, orMissing(err)
	}
	t, _, err = store.First(ctx, tx, scanThread, oneThread, thread)
	return f, t, err
}

// OpenFile reads a file that FileTx has given.
func (k *Desk) OpenFile(ctx context.Context, f File) (io.ReadCloser, error) {
	r, _, err := k.d.Blobs.Open(ctx, f.Blob)
	return r, err
}

func orMissing(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.NotFound, "thread")
}

// quoteCut drops the quoted letter under an answer: everything from the first
// run of quoted lines to the end.
func quoteCut(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ">") {
			for i > 0 && (strings.TrimSpace(lines[i-1]) == "" || strings.HasSuffix(strings.TrimSpace(lines[i-1]), ":")) {
				i--
			}
			return strings.TrimSpace(strings.Join(lines[:i], "\n"))
		}
	}
	return strings.TrimSpace(s)
}

// cleanName keeps a file's name as a label: no path, no control characters.
func cleanName(s string) string {
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 120 {
		s = string(r[:120])
	}
	if s == "" || s == "." || s == ".." {
		return "file"
	}
	return s
}

func scanThread(s store.Scanner) (t Thread, err error) {
	err = s.Scan(&t.ID, &t.Kind, &t.Object, &t.Number, &t.Party, &t.Org, &t.Address, &t.Lang, &t.Audience, &t.Opened, &t.Last, &t.Unread, &t.Closed)
	return
}

func scanMessage(s store.Scanner) (m Message, err error) {
	err = s.Scan(&m.ID, &m.UUID, &m.Way, &m.At, &m.Person, &m.Author, &m.Body, &m.Letter, &m.Reason, &m.Seal.State, &m.Seal.Signature, &m.Seal.Key, &m.Seal.Signed)
	return
}

func scanFile(s store.Scanner) (f File, err error) {
	err = s.Scan(&f.ID, &f.UUID, &f.Message, &f.Name, &f.Size, &f.Blob)
	return
}
