package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/unseal"
)

// Prove shows the unsealing process that who is there; the session it gives is a
// secret of theirs for ten minutes. Needs sealed.read. Faults: Denied, Limited,
// Unavailable when no unsealing process is there.
func (s *Service) Prove(ctx context.Context, who ident.Actor, p ident.Proof) (session string, err error) {
	door, err := s.readerDoor(who)
	if err != nil {
		return "", err
	}
	got, err := door.Prove(ctx, unseal.Proof{Email: who.Email, Code: p.Code, Challenge: p.Challenge, Assertion: p.Assertion})
	return got.Token, err
}

// readerDoor is the door for somebody who may ask it anything at all.
func (s *Service) readerDoor(who ident.Actor) (Opener, error) {
	if err := access.Check(who, "sealed.read"); err != nil {
		return nil, err
	}
	return s.door()
}

func (s *Service) door() (Opener, error) {
	if d := s.Opener(); d != nil {
		return d, nil
	}
	return nil, fault.New(fault.Unavailable, "no unsealing process is wired").WithKey("intake.fault.noseal")
}

// open asks the unsealing process for one sealed text after the audit line has
// committed; the process's own receipt follows as a second line.
func (s *Service) open(ctx context.Context, who ident.Actor, r *Report, verb, session, reason string, l vault.Label, archive string, sealed io.Reader, plain io.Writer) error {
	if err := access.Check(who, "sealed.read"); err != nil {
		return err
	}
	reason = strings.TrimSpace(reason)
	if reason == "" || len([]rune(reason)) > 500 {
		return fault.Field("reason", "intake.fault.unsealwhy", "opening needs a reason of up to 500 characters")
	}
	door, err := s.door()
	if err != nil {
		return err
	}
	on := audit.Thing{Kind: "report", ID: r.ID, Label: r.Number}
	ref := s.DB.NewID()
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		return s.Audit.RecordAt(ctx, tx, who, now, ref, verb, on, audit.Opening(l.Kind, l.Record))
	})
	if err != nil {
		return err
	}
	rec, err := door.Open(ctx, unseal.Request{Session: session, Email: who.Email, Label: l, Reason: reason, Ref: strconv.FormatInt(ref, 10), Archive: archive}, sealed, plain)
	if err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.Audit.Record(ctx, tx, who, verb+"ed", on, audit.Opened(ref, rec.Seq, rec.Hash))
	})
}

// Opened is what a proof has shown for the length of one page.
type Opened struct {
	Body     *Body
	Messages map[string]string // UUID → text
}

// Unseal opens the body and messages of a sealed report for one look. Needs
// sealed.read, a session of Prove, and a reason.
func (s *Service) Unseal(ctx context.Context, who ident.Actor, ref, session, reason string) (o Opened, err error) {
	var r Report
	var m submissionRow
	var sealed []sealedMessage
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if r, err = s.seenTx(ctx, tx, who, ref); err != nil {
			return err
		}
		if m, _, err = submissionOf(ctx, tx, r.submission); err != nil {
			return err
		}
		sealed, err = sealedMessages(ctx, tx, r.ID)
		return err
	})
	if err != nil {
		return o, err
	}
	if !m.sealed {
		return o, fault.New(fault.Conflict, "report %d is not sealed", r.ID).WithKey("intake.fault.notsealed")
	}
	var plain bytes.Buffer
	l := vault.Label{Kind: vault.KindReport, Record: r.UUID}
	if err := s.open(ctx, who, &r, "report.unseal", session, reason, l, "", bytes.NewReader(m.sealedBody), &plain); err != nil {
		return o, err
	}
	o.Body, o.Messages = &Body{}, map[string]string{}
	if err := json.Unmarshal(plain.Bytes(), o.Body); err != nil {
		return o, fmt.Errorf("the sealed body of report %d is no body: %w", r.ID, err)
	}
	for _, x := range sealed {
		plain.Reset()
		if err := s.open(ctx, who, &r, "report.unseal", session, reason, answerLabel(x.uuid), "", bytes.NewReader(x.body), &plain); err != nil {
			return o, err
		}
		o.Messages[x.uuid] = messageText(plain.Bytes())
	}
	return o, nil
}

// ShowReporter opens who reported. Needs reporter.read and sealed.read, and that the
// reporter's own audience names who; every look is audited. Faults: NotFound.
func (s *Service) ShowReporter(ctx context.Context, who ident.Actor, ref, session, reason string) (c Contact, err error) {
	if err := access.Check(who, "reporter.read"); err != nil {
		return c, err
	}
	var r Report
	var p reporterRow
	var found bool
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if r, err = s.seenTx(ctx, tx, who, ref); err != nil {
			return err
		}
		p, found, err = reporterFor(ctx, tx, who, r.ID)
		return err
	})
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no reporter of report %d", r.ID)
	}
	if err != nil {
		return c, err
	}
	var plain bytes.Buffer
	l := vault.Label{Kind: vault.KindIdentity, Record: p.uuid}
	if err := s.open(ctx, who, &r, "reporter.show", session, reason, l, "", bytes.NewReader(p.sealed), &plain); err != nil {
		return c, err
	}
	return c, json.Unmarshal(plain.Bytes(), &c)
}

// UnsealFile streams a sealed attachment as an archive under the password "infected".
func (s *Service) UnsealFile(ctx context.Context, who ident.Actor, ref, file, session, reason string, w io.Writer) error {
	var r Report
	var f fileRow
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if r, err = s.seenTx(ctx, tx, who, ref); err != nil {
			return err
		}
		f, err = s.fileTx(ctx, tx, r.ID, file)
		return err
	})
	if err != nil {
		return err
	}
	body, _, err := s.Blobs.Open(ctx, f.blob)
	if err != nil {
		return err
	}
	defer body.Close()
	return s.open(ctx, who, &r, "report.unseal", session, reason, vault.Label{Kind: vault.KindFile, Record: f.uuid}, f.uuid, body, w)
}
