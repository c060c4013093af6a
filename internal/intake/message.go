package intake

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/craft/deadline"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// maxMessage caps one message, in characters.
const maxMessage = 10000

// said is the sealed form of a message.
type said struct {
	Text  string `json:"text"`
	Files []File `json:"files,omitempty"`
}

func messageText(plain []byte) string {
	var m said
	if json.Unmarshal(plain, &m) != nil {
		return ""
	}
	return m.Text
}

// Write sends the reporter a message without files; see Send.
func (s *Service) Write(ctx context.Context, who ident.Actor, uuid, text string, question bool) error {
	return s.Send(ctx, who, uuid, &Answer{Text: text}, question)
}

// Send sends the reporter a message that is read with the code, with files if there
// are any (AttachMessage), and tells a known address that there is one. It ends the
// CERT's own 24 h clock. Needs intake.triage.
func (s *Service) Send(ctx context.Context, who ident.Actor, uuid string, a *Answer, question bool) error {
	if err := mayTriage(who); err != nil {
		return err
	}
	if err := a.tidy(); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := s.talkTx(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		m, _, err := submissionOf(ctx, tx, r.submission)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		row := messageRow{id: s.DB.NewID(), uuid: s.DB.NewUUID(), report: r.ID, at: now, fromUs: true, person: who.Person, author: who.Name, question: question}
		if err := s.putWithFiles(ctx, tx, &r, m, row, a); err != nil {
			return err
		}
		if r.Answered.IsZero() {
			r.Answered = at(now)
			if err := deadline.DoneTx(ctx, tx, "report", r.ID, "answer"); err != nil {
				return err
			}
		}
		r.Unread = 0
		template := map[bool]string{true: "question", false: "message"}[question]
		if err := s.finishMessage(ctx, tx, who, &r, "report.write"); err != nil {
			return err
		}
		return s.letter(ctx, tx, &r, template)
	})
}

// talkTx loads a report whose reporter the team may write to.
func (s *Service) talkTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Report, error) {
	r, err := s.seenTx(ctx, tx, who, ref)
	if err == nil && r.From != 0 {
		err = fault.New(fault.Conflict, "the reporter of %d talks to the CERT that it came from", r.ID).WithKey("intake.fault.fromother")
	}
	if err == nil && !r.Erased.IsZero() {
		err = fault.New(fault.Gone, "report %d was erased by term: its code opens nothing", r.ID).WithKey("intake.fault.erased")
	}
	return r, err
}

// putWithFiles writes a message and the files that come with it.
func (s *Service) putWithFiles(ctx context.Context, tx *store.Tx, r *Report, m submissionRow, row messageRow, a *Answer) error {
	what := said{Text: a.Text}
	for _, f := range a.files {
		what.Files = append(what.Files, f.file)
	}
	if err := s.putMessage(ctx, tx, r, m, row, what); err != nil {
		return err
	}
	return s.keepReply(ctx, tx, r, row.id, row.at, a.files)
}

// putMessage writes a message, sealed when the report is.
func (s *Service) putMessage(ctx context.Context, tx *store.Tx, r *Report, m submissionRow, row messageRow, what said) (err error) {
	if r.Sealed {
		row.sealed, err = s.sealJSON(answerLabel(row.uuid), m.public, what)
	} else {
		row.body = what.Text
	}
	if err != nil {
		return err
	}
	r.Messages++
	return insertMessage(ctx, tx, row)
}

func (s *Service) finishMessage(ctx context.Context, tx *store.Tx, who ident.Actor, r *Report, verb string) error {
	n, err := updateReport(ctx, tx, r)
	if err == nil && n == 0 {
		err = changed(r)
	}
	if err != nil {
		return err
	}
	return s.record(ctx, tx, who, verb, r, nil)
}

// FollowUp is what the code opens: how the report goes, and the conversation.
type FollowUp struct {
	Number    string
	What      string
	State     State
	Reason    string // of a rejection, for the reporter
	Received  time.Time
	Acked     time.Time
	Triaged   time.Time
	Answered  time.Time
	TriageBy  time.Time
	AnswerBy  time.Time
	Anonymous bool
	Waiting   bool // we asked and wait for an answer
	Messages  []Message
	Files     []File
}

// byCode finds the report of a code. Every failure is the same NotFound, and a code
// that is no code is Invalid with what is wrong with it.
func (s *Service) byCode(ctx context.Context, tx *store.Tx, text string) (Report, submissionRow, vault.Code, error) {
	code, err := vault.ParseCode(text)
	if err != nil {
		return Report{}, submissionRow{}, "", err
	}
	r, found, err := reportByCode(ctx, tx, s.Vault.Lookup(code))
	if err == nil && !found {
		err = fault.Field("code", "intake.fault.code", "no report with this code")
	}
	if err != nil {
		return Report{}, submissionRow{}, "", err
	}
	m, _, err := submissionOf(ctx, tx, r.submission)
	return r, m, code, err
}

// reporter is the actor behind a code: that one report and nothing else.
func reporter(who ident.Actor, r *Report) ident.Actor {
	return ident.Actor{Kind: ident.Reporter, Report: r.ID, Lang: who.Lang, Channel: who.Channel, RequestID: who.RequestID}
}

// Follow opens a report with its receipt code. Anyone may call; the code is the
// right. The look is audited, rounded for an anonymous report. Faults: Invalid on
// "code".
func (s *Service) Follow(ctx context.Context, who ident.Actor, codeText string) (f FollowUp, err error) {
	var r Report
	var m submissionRow
	var code vault.Code
	var files []fileRow
	var rows []messageRow
	err = s.DB.ViewLogged(ctx, func(tx *store.Tx) error {
		if r, m, code, err = s.byCode(ctx, tx, codeText); err != nil {
			return err
		}
		return s.record(ctx, tx, reporter(who, &r), "report.follow", &r, nil)
	}, func(tx *store.Tx) error {
		if files, err = filesOf(ctx, tx, r.ID); err != nil {
			return err
		}
		rows, err = messageRows(ctx, tx, r.ID)
		return err
	})
	if err != nil {
		return f, err
	}
	f = FollowUp{Number: r.Number, What: r.What, State: r.State, Reason: r.Reason, Received: r.Received, Acked: r.Acked, Triaged: r.Triaged,
		Answered: r.Answered, TriageBy: r.TriageDue, AnswerBy: r.AnswerDue, Anonymous: r.Anonymous}
	return f, s.fillFollow(&f, code, &r, m, files, rows)
}

func (s *Service) fillFollow(f *FollowUp, code vault.Code, r *Report, m submissionRow, files []fileRow, rows []messageRow) error {
	for _, x := range files {
		if x.message == 0 {
			f.Files = append(f.Files, x.shown())
		}
	}
	if r.Sealed { // the names of files stand in the sealed body
		var b Body
		if err := s.openJSON(code, m, vault.Label{Kind: vault.KindReport, Record: r.UUID}, m.sealedBody, &b); err != nil {
			return err
		}
		f.Files = b.Files
	}
	for _, x := range rows {
		msg := Message{UUID: x.uuid, FromUs: x.fromUs, Question: x.question, At: at(x.at), Body: x.body}
		if x.sealed != nil {
			var what said
			if err := s.openJSON(code, m, answerLabel(x.uuid), x.sealed, &what); err != nil {
				return err
			}
			msg.Body, msg.Files = what.Text, what.Files
		} else {
			for _, y := range files {
				if y.message == x.id {
					msg.Files = append(msg.Files, y.shown())
				}
			}
		}
		f.Waiting = x.fromUs && (x.question || f.Waiting)
		f.Messages = append(f.Messages, msg)
	}
	return nil
}

// FollowFile opens a file of the code's report, whoever of the two sides sent it; a
// sealed one is opened with the code alone, as it is read. The look is audited first.
// Faults: Invalid on "code", NotFound, Unavailable when a sealed file is damaged.
func (s *Service) FollowFile(ctx context.Context, who ident.Actor, codeText, file string) (f File, body io.ReadCloser, err error) {
	var r Report
	var m submissionRow
	var code vault.Code
	var row fileRow
	var files []fileRow
	var rows []messageRow
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if r, m, code, err = s.byCode(ctx, tx, codeText); err != nil {
			return err
		}
		if row, err = s.fileTx(ctx, tx, r.ID, file); err != nil {
			return err
		}
		if files, err = filesOf(ctx, tx, r.ID); err != nil {
			return err
		}
		if rows, err = messageRows(ctx, tx, r.ID); err != nil {
			return err
		}
		return s.record(ctx, tx, reporter(who, &r), "report.file", &r, map[string]any{"file": row.uuid})
	})
	if err != nil {
		return f, nil, err
	}
	f = row.shown()
	if row.sealed { // its name stands in the sealed text that came with it
		var all FollowUp
		if err := s.fillFollow(&all, code, &r, m, files, rows); err != nil {
			return f, nil, err
		}
		f = all.file(row.uuid, f)
	}
	raw, _, err := s.Blobs.Open(ctx, row.blob)
	if err != nil || !row.sealed {
		return f, raw, err
	}
	plain, err := s.openForReporter(code, m, vault.Label{Kind: vault.KindFile, Record: row.uuid}, raw)
	if err != nil {
		return f, nil, errors.Join(err, raw.Close())
	}
	return f, struct {
		io.Reader
		io.Closer
	}{plain, raw}, nil
}

// file finds a file by its id among what was sent and said.
func (f *FollowUp) file(id string, other File) File {
	all := f.Files
	for _, m := range f.Messages {
		all = append(all, m.Files...)
	}
	for _, x := range all {
		if x.ID == id {
			return x
		}
	}
	return other
}

func (s *Service) openJSON(code vault.Code, m submissionRow, l vault.Label, sealed []byte, v any) error {
	r, err := s.openForReporter(code, m, l, strings.NewReader(string(sealed)))
	if err != nil {
		return err
	}
	plain, err := io.ReadAll(io.LimitReader(r, 4<<20))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}

// Answer is one message on its way, of either side: a text, files, or both.
type Answer struct {
	Text string

	files []replyFile
}

type replyFile struct {
	file File
	ref  blob.Ref
}

// tidy checks what was typed. Faults: Invalid on "text".
func (a *Answer) tidy() error {
	a.Text = strings.TrimSpace(tidy(a.Text))
	if a.Text == "" && len(a.files) == 0 || utf8.RuneCountInString(a.Text) > maxMessage {
		return fault.Field("text", "intake.fault.message", "a message has 1 to %d characters, or a file", maxMessage)
	}
	return nil
}

// AttachAnswer streams a file that comes with a reporter's answer. Faults: Invalid
// on "code" and "files", Limited.
func (s *Service) AttachAnswer(ctx context.Context, _ ident.Actor, codeText string, a *Answer, name, typ string, body io.Reader) error {
	return s.attach(ctx, a, name, typ, body, func(tx *store.Tx) (Report, error) {
		r, _, _, err := s.byCode(ctx, tx, codeText)
		return r, err
	})
}

// AttachMessage streams a file that goes to the reporter with Send; a sealed report's
// is sealed as it is read. Needs intake.triage. Faults: Invalid on "files", Limited.
func (s *Service) AttachMessage(ctx context.Context, who ident.Actor, ref string, a *Answer, name, typ string, body io.Reader) error {
	if err := mayTriage(who); err != nil {
		return err
	}
	return s.attach(ctx, a, name, typ, body, func(tx *store.Tx) (Report, error) { return s.talkTx(ctx, tx, who, ref) })
}

// attach stores one file under the limits of the report's CERT; its row comes with
// the message, and a file that no message names is swept up.
func (s *Service) attach(ctx context.Context, a *Answer, name, typ string, body io.Reader, find func(*store.Tx) (Report, error)) error {
	var r Report
	var m submissionRow
	var lim limits
	var there int64
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if r, err = find(tx); err != nil {
			return err
		}
		if m, _, err = submissionOf(ctx, tx, r.submission); err != nil {
			return err
		}
		files, err := filesOf(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		there = int64(len(files))
		set, err := settingsTx(ctx, tx, r.CERT)
		lim = set.limits()
		return err
	})
	if err != nil {
		return err
	}
	if int(there)+len(a.files) >= 5*lim.maxFiles || len(a.files) >= lim.maxFiles {
		return fault.Field("files", "intake.fault.files", "too many files")
	}
	f, ref, err := s.storeFile(ctx, store.NewRandomUUID(s.DB.Clock), r.Sealed, m.public, lim.maxFile, body)
	if err != nil {
		return err
	}
	a.files = append(a.files, replyFile{File{ID: f.ID, Name: cut(name, maxMeta), Type: cut(typ, maxMeta), Size: f.Size, SHA256: f.SHA256}, ref})
	return nil
}

// Reply adds what the reporter says. Anyone with the code. Faults: Invalid on "code"
// and "text"; Limited when a report has gathered 200 messages.
func (s *Service) Reply(ctx context.Context, who ident.Actor, codeText string, a *Answer) error {
	if err := a.tidy(); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, m, _, err := s.byCode(ctx, tx, codeText)
		if err != nil {
			return err
		}
		if r.Messages >= 200 {
			return fault.New(fault.Limited, "report %d has 200 messages", r.ID).WithKey("intake.fault.many")
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		id, err := s.newID(r.Anonymous)
		if err != nil {
			return err
		}
		if r.Anonymous {
			now = hour(now)
		}
		row := messageRow{id: id, uuid: store.NewRandomUUID(s.DB.Clock), report: r.ID, at: now}
		if err := s.putWithFiles(ctx, tx, &r, m, row, a); err != nil {
			return err
		}
		r.Unread++
		r.Updated = at(now)
		return s.finishMessage(ctx, tx, reporter(who, &r), &r, "report.reply")
	})
}

func (s *Service) keepReply(ctx context.Context, tx *store.Tx, r *Report, message, now int64, files []replyFile) error {
	var errs []error
	for _, f := range files {
		id, err := s.newID(r.Anonymous)
		if err != nil {
			return err
		}
		row := fileRow{id: id, uuid: f.file.ID, report: r.ID, message: message, size: f.file.Size, sealed: r.Sealed, blob: f.ref.Name}
		if !r.Sealed {
			row.name, row.typ, row.sha256 = f.file.Name, f.file.Type, f.file.SHA256
		}
		errs = append(errs, insertFile(ctx, tx, row), s.Blobs.KeepAtTx(ctx, tx, f.ref, at(now)))
	}
	return errors.Join(errs...)
}
