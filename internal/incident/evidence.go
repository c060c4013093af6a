package incident

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/unseal"
)

// Evidence is a file of the case. Its bytes are sealed to the team before they are
// stored; SHA256 is of the file as it came, so that a copy can be compared.
type Evidence struct {
	ID      int64
	UUID    string
	Label   string // D-3: the third of its case
	Name    string // came from outside: only a label
	About   string
	Size    int64
	SHA256  string
	At      int64
	Author  string
	Gone    bool // erased by term: custody and hash are left
	Custody []Custody

	blob string
}

// Custody is a line of an evidence's chain of custody; lines are only ever added.
type Custody struct {
	At     int64
	Author string
	Act    string // taken, opened, handed, moved
	Detail string
}

// maxEvidence is the largest evidence file (decisions §5).
const maxEvidence = 100 << 20

// hashing counts and hashes what passes, and stops what is too large.
type hashing struct {
	r io.Reader
	h hash.Hash
	n int64
}

func (x *hashing) Read(p []byte) (int, error) {
	n, err := x.r.Read(p)
	x.h.Write(p[:n])
	if x.n += int64(n); x.n > maxEvidence {
		return 0, fault.New(fault.Limited, "evidence larger than %d bytes", maxEvidence).WithKey("incident.fault.large")
	}
	return n, err
}

// AddEvidence seals a file as it is read and takes it into custody. Nothing plain
// touches the disk. Faults: Unavailable before the unsealing process was ever met.
func (s *Service) AddEvidence(ctx context.Context, who ident.Actor, ref, name, about string, r io.Reader) (d Done, err error) {
	if s.d.Vault == nil || s.d.Blobs == nil {
		return d, fault.New(fault.Unavailable, "no vault is wired").WithKey("incident.fault.noseal")
	}
	var c fault.Collector
	about, name = text(&c, "about", about, 1000, false), label(name)
	if err := c.Err("evidence"); err != nil {
		return d, err
	}
	if err := s.d.DB.View(ctx, func(tx *store.Tx) error { // before the first byte is taken in
		k, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		return mayWrite(who, k, "incident.write")
	}); err != nil {
		return d, err
	}
	uuid, in := s.d.DB.NewUUID(), &hashing{r: r, h: sha256.New()}
	sealed := s.sealing(vault.Label{Kind: vault.KindEvidence, Record: uuid}, in)
	defer sealed.Close()
	stored, err := s.d.Blobs.Put(ctx, sealed)
	if err != nil {
		return d, err
	}
	return s.change(ctx, who, ref, 0, "evidence", func(a *act) error {
		return s.keep(a, Evidence{UUID: uuid, Name: name, About: about, Size: in.n, SHA256: hex.EncodeToString(in.h.Sum(nil))}, stored)
	})
}

// sealing gives the sealed form of what r gives, made as it is read.
func (s *Service) sealing(l vault.Label, r io.Reader) io.ReadCloser {
	pr, pw := io.Pipe()
	go func() {
		w, err := s.d.Vault.SealReport(pw, l, "")
		if err == nil {
			if _, err = io.Copy(w, r); err == nil {
				err = w.Close()
			}
		}
		_ = pw.CloseWithError(err)
	}()
	return pr
}

func (s *Service) keep(a *act, v Evidence, stored blob.Ref) error {
	if err := s.d.Blobs.KeepTx(a.ctx, a.tx, stored); err != nil {
		return err
	}
	n, err := store.Int64(a.ctx, a.tx, countProofs, a.c.ID)
	if err != nil {
		return err
	}
	id := s.d.DB.NewID()
	a.made = v.UUID
	v.Label = fmt.Sprintf("D-%d", n+1)
	if v.Name, err = s.sealName(id, v.Name); err != nil {
		return err
	}
	if _, err := a.tx.Exec(a.ctx, insertProof, id, a.c.ID, v.UUID, v.Label, v.Name, v.About, v.Size, v.SHA256, stored.Name, a.now, nameOf(a.who)); err != nil {
		return err
	}
	a.label, a.detail["evidence"], a.detail["sha256"] = v.Label, id, v.SHA256
	a.changes = append(a.changes, change{Table: "incident_evidence", ID: id, After: map[string]any{"case_id": a.c.ID}})
	return s.custody(a.ctx, a.tx, a.who, id, "taken", "sha256 "+v.SHA256, a.now)
}

// nameCell is where an evidence's file name lies: encrypted, because the name of a file
// may tell as much as the file.
func nameCell(id int64) vault.Field {
	return vault.Field{Table: "incident_evidence", Column: "name", Row: id}
}

func (s *Service) sealName(id int64, name string) (string, error) {
	cell, err := s.d.Vault.Seal(nameCell(id), []byte(name))
	return base64.StdEncoding.EncodeToString(cell), err
}

// openName puts the name in place of its cell; without the node's keys it is missing.
func (s *Service) openName(v *Evidence) error {
	if v.Gone = v.blob == ""; v.Gone || s.d.Vault == nil {
		v.Name = v.Label
		return nil
	}
	cell, err := base64.StdEncoding.DecodeString(v.Name)
	if err != nil {
		return fmt.Errorf("name of evidence %d: %w", v.ID, err)
	}
	name, err := s.d.Vault.Open(nameCell(v.ID), cell)
	v.Name = string(name)
	return err
}

// custody adds a line to the chain.
func (s *Service) custody(ctx context.Context, tx *store.Tx, who ident.Actor, evidence int64, act, detail string, now int64) error {
	_, err := tx.Exec(ctx, addCustody, s.d.DB.NewID(), evidence, now, who.Person, nameOf(who), act, detail)
	return err
}

// HandOver notes that a copy of the evidence was handed to somebody.
func (s *Service) HandOver(ctx context.Context, who ident.Actor, ref, evidence, to string) error {
	var c fault.Collector
	to = text(&c, "to", to, 300, true)
	if err := c.Err("custody"); err != nil {
		return err
	}
	_, _, err := s.evidenceTx(ctx, who, ref, evidence, "handed", to)
	return err
}

// evidenceTx loads an evidence through its case and adds a line of custody and audit;
// line is the audit line's id, which an opening names to the unsealing process.
func (s *Service) evidenceTx(ctx context.Context, who ident.Actor, ref, evidence, act, detail string) (v Evidence, line int64, err error) {
	line = s.d.DB.NewID()
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		if err := mayWrite(who, c, "incident.write"); err != nil {
			return err
		}
		if v, err = evidenceOfCase(ctx, tx, c.ID, evidence); err != nil {
			return err
		}
		if err := s.openName(&v); err != nil {
			return err
		}
		if v.Gone {
			return fault.New(fault.Gone, "evidence %d was erased by term", v.ID).WithKey("incident.fault.erased")
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.custody(ctx, tx, who, v.ID, act, detail, now); err != nil {
			return err
		}
		var told any = map[string]any{"evidence": v.ID}
		if act == "opened" {
			told = audit.Opening(vault.KindEvidence, v.UUID)
		}
		return s.d.Audit.RecordAt(ctx, tx, who, now, line, "evidence."+act, thing(c), told)
	})
	return v, line, err
}

// evidenceOfCase loads an evidence by its UUID through its case.
func evidenceOfCase(ctx context.Context, tx *store.Tx, head int64, ref string) (v Evidence, err error) {
	uuid, ok := store.ParseUUID(ref)
	if !ok {
		return v, missing("evidence")
	}
	v, found, err := store.First(ctx, tx, scanEvidence, oneEvidence, uuid)
	if err == nil && !found {
		err = missing("evidence")
	}
	if err != nil {
		return Evidence{}, err
	}
	ok, err = belongs(ctx, tx, "incident_evidence", v.ID, head)
	if err == nil && !ok {
		err = missing("evidence")
	}
	return v, err
}

// Prove opens a session with the unsealing process.
func (s *Service) Prove(ctx context.Context, who ident.Actor, p ident.Proof) (session string, err error) {
	door, err := s.door(who)
	if err != nil {
		return "", err
	}
	got, err := door.Prove(ctx, unseal.Proof{Email: who.Email, Code: p.Code, Challenge: p.Challenge, Assertion: p.Assertion})
	return got.Token, err
}

func (s *Service) door(who ident.Actor) (Opener, error) {
	if err := access.Check(who, "sealed.read"); err != nil {
		return nil, err
	}
	if d := s.d.Opener(); d != nil {
		return d, nil
	}
	return nil, fault.New(fault.Unavailable, "no unsealing process is wired").WithKey("incident.fault.noseal")
}

// OpenEvidence streams a file as an archive under the password "infected": the only
// way it leaves. Needs sealed.read, a session of Prove and a reason; custody and
// audit are written before the first byte.
func (s *Service) OpenEvidence(ctx context.Context, who ident.Actor, ref, evidence, session, reason string, w io.Writer) error {
	door, err := s.door(who)
	if err != nil {
		return err
	}
	var c fault.Collector
	reason = text(&c, "reason", reason, 500, true)
	if err := c.Err("evidence"); err != nil {
		return err
	}
	v, line, err := s.evidenceTx(ctx, who, ref, evidence, "opened", reason)
	if err != nil {
		return err
	}
	body, _, err := s.d.Blobs.Open(ctx, v.blob)
	if err != nil {
		return err
	}
	defer body.Close()
	rec, err := door.Open(ctx, unseal.Request{Session: session, Email: who.Email, Label: vault.Label{Kind: vault.KindEvidence, Record: v.UUID},
		Reason: reason, Ref: strconv.FormatInt(line, 10), Archive: v.Name}, body, w)
	if err != nil {
		return err
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		k, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "evidence.unsealed", thing(k), audit.Opened(line, rec.Seq, rec.Hash))
	})
}

// label keeps a file's name as a label: no path, no control characters.
func label(s string) string {
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfffd {
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
