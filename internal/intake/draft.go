package intake

import (
	"context"
	"fmt"
	"io"

	"straza/internal/craft/form"
	"straza/internal/craft/pack"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// FormOf gives the form of a draft, in the version it was begun with, and what is
// known about it.
func (s *Service) FormOf(ctx context.Context, who ident.Actor, d *form.Draft) (*form.Form, form.Known, error) {
	f := s.Book().Form
	if d.Version != f.Version {
		p, ok := s.Book().shelf.Version(d.Form, d.Version)
		if !ok {
			return nil, form.Known{}, fault.New(fault.Gone, "form %s version %d is gone", d.Form, d.Version)
		}
		var err error
		if f, err = form.Parse(p); err != nil {
			return nil, form.Known{}, err
		}
	}
	pub, err := s.Public(ctx, who)
	if err != nil {
		return nil, form.Known{}, err
	}
	return f, form.Known{Form: f, Answers: d.Answers, Extra: pack.Map{"anonymous_allowed": pack.Yes(pub.AnonymousAllowed)}}, nil
}

// AttachDraft streams a file into a draft. It is sealed as it comes, for nobody
// knows yet whether its report will be: to the team, the recovery key and the key of
// the submission to be. Faults: Limited beyond the host CERT's limits.
func (s *Service) AttachDraft(ctx context.Context, who ident.Actor, d *form.Draft, question, name, typ string, body io.Reader) error {
	pub, err := s.Public(ctx, who)
	if err != nil {
		return err
	}
	lim := settings{MaxFileMB: pub.MaxFileMB, MaxFiles: pub.MaxFiles}.limits()
	if len(d.Files) >= lim.maxFiles {
		return fault.Field(question, "intake.fault.files", "more than %d files", lim.maxFiles)
	}
	if err := s.draftKey(d); err != nil {
		return err
	}
	id := store.NewRandomUUID(s.DB.Clock)
	h := newHashing(form.Cap(body, lim.maxFile))
	sealed := s.sealing(vault.Label{Kind: vault.KindFile, Record: id}, d.Public, h)
	defer sealed.Close()
	return s.Drafts.AddFile(ctx, who, d, sealed, func(f *form.File) error {
		if h.n == 0 {
			return fault.Field(question, "intake.fault.empty", "an empty file")
		}
		f.ID, f.Question, f.Name, f.Type, f.Size, f.SHA256 = id, question, cut(name, maxMeta), cut(typ, maxMeta), h.n, h.hex()
		return nil
	})
}

// draftKey makes the key pair of the submission to be, once a draft.
func (s *Service) draftKey(d *form.Draft) error {
	if d.Public != "" {
		return nil
	}
	code, err := s.Vault.DeriveCode(d.Secret)
	if err != nil {
		return err
	}
	sub, err := s.Vault.NewSubmission(code)
	d.Public, d.Wrapped = sub.Public, sub.Wrapped
	return err
}

// SendDraft sends a finished draft as a report and deletes it in the same
// transaction. Sent twice, it answers the same receipt. Faults: Invalid when the form
// is not complete (its first faulty page shows what).
func (s *Service) SendDraft(ctx context.Context, who ident.Actor, d *form.Draft) (rc Receipt, err error) {
	if rc, found, err := s.Again(ctx, who, d.Secret); err != nil || found {
		return rc, err
	}
	f, known, err := s.FormOf(ctx, who, d)
	if err != nil {
		return rc, err
	}
	known.Answers = f.Clean(known)
	if p, _, ok := f.CheckAll(known); !ok {
		return rc, fault.Field(p.ID, "intake.fault.incomplete", "the form is not complete")
	}
	if err := s.draftKey(d); err != nil {
		return rc, err
	}
	in := inputOf(d, f, known.Answers)
	if err := s.prepare(ctx, who, in); err != nil {
		return rc, err
	}
	if err := in.check(); err != nil {
		return rc, err
	}
	if err := s.happened(in); err != nil {
		return rc, err
	}
	if err := s.adopt(ctx, d, in); err != nil {
		return rc, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if rc, err = s.submitTx(ctx, tx, who, in); err != nil {
			return err
		}
		if !in.Sealed { // the sealed copies of the draft go; plain ones took their place
			for _, f := range d.Files {
				if err := s.Blobs.ForgetTx(ctx, tx, f.Blob); err != nil {
					return err
				}
			}
		}
		return s.Drafts.SentTx(ctx, tx, who, d.Secret)
	})
	if store.IsUnique(err) {
		if again, found, e := s.Again(ctx, who, d.Secret); e == nil && found {
			return again, nil
		}
	}
	return rc, err
}

// inputOf reads the answers of the report form.
func inputOf(d *form.Draft, f *form.Form, a form.Answers) *Input {
	in := &Input{Secret: d.Secret, Channel: ByWeb, Lang: d.Lang, What: a.Get("what"), Anonymous: a.Get("reading") == "anonymous",
		Sealed: a.Get("reading") == "sealed", Contact: Contact{Name: a.Get("name"), Email: a.Get("email"), Phone: a.Get("phone"), Org: a.Get("organisation")},
		Body: Body{Description: a.Get("description"), Where: a.Get("where"), When: a.Get("when"), For: a.Get("for"), OrgName: a.Get("organisation"),
			Answers: map[string][]string{}, Form: f.Name, Version: f.Version},
		sub: vault.Submission{Public: d.Public, Wrapped: d.Wrapped}}
	for name, v := range a {
		// personal answers go to the reporter's sealed row and nowhere else
		if q, ok := f.Question(name); ok && q.Personal == "" && q.Kind != form.Files {
			in.Body.Answers[name] = v
		}
	}
	return in
}

// adopt takes the files of a draft over: as they are when the report is sealed, else
// opened with the code and stored plain.
func (s *Service) adopt(ctx context.Context, d *form.Draft, in *Input) error {
	for _, f := range d.Files {
		if in.Sealed {
			in.files = append(in.files, f)
			continue
		}
		plain, ref, err := s.openDraftFile(ctx, d, in.code, f)
		if err != nil {
			return err
		}
		if plain.SHA256 != f.SHA256 {
			return fmt.Errorf("a file of a draft came back changed")
		}
		plain.ID, plain.Name, plain.Type = f.ID, f.Name, f.Type
		in.files, in.keep = append(in.files, plain), append(in.keep, ref)
	}
	return nil
}

func (s *Service) openDraftFile(ctx context.Context, d *form.Draft, code vault.Code, f form.File) (out form.File, ref blob.Ref, err error) {
	body, _, err := s.Blobs.Open(ctx, f.Blob)
	if err != nil {
		return out, ref, err
	}
	defer body.Close()
	sub := submissionRow{public: d.Public, wrapped: d.Wrapped}
	r, err := s.openForReporter(code, sub, vault.Label{Kind: vault.KindFile, Record: f.ID}, body)
	if err != nil {
		return out, ref, err
	}
	return s.storeFile(ctx, f.ID, false, "", f.Size, r)
}
