package form

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"straza/internal/kernel/blob"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// Keep is how long a draft lives after it was last touched.
const Keep = 7 * 24 * time.Hour

// maxDraft caps the answers of one draft, in bytes of JSON.
const maxDraft = 256 << 10

// Draft is an unfinished form. Who holds the secret holds the draft.
type Draft struct {
	Secret  string  `json:"-"`
	Form    string  `json:"form"`
	Version int     `json:"version"`
	Lang    string  `json:"lang"`
	Answers Answers `json:"answers"`
	Files   []File  `json:"files,omitempty"`
	Public  string  `json:"public,omitempty"`  // age key of what the draft will become
	Wrapped []byte  `json:"wrapped,omitempty"` // its private half, wrapped by who has the secret
	Kept    bool    `json:"-"`                 // it lies on the server
}

// File is a file that came with a draft. Its name stands only here, inside what is
// encrypted, because a file's name may tell as much as the file.
type File struct {
	ID       string `json:"id"` // UUID, random
	Question string `json:"question"`
	Name     string `json:"name"`
	Type     string `json:"type"` // as the browser said; a hint, never trusted
	Size     int64  `json:"size"` // of the plain bytes
	SHA256   string `json:"sha256"`
	Blob     string `json:"blob"`
	Stored   int64  `json:"stored"`    // bytes as they lie in the blob
	StoredIs string `json:"stored_is"` // their SHA-256
}

// Drafts keeps drafts.
type Drafts struct {
	db    *store.DB
	vault *vault.Vault
	blobs *blob.Store
}

// NewDrafts makes the keeper of drafts.
func NewDrafts(db *store.DB, v *vault.Vault, b *blob.Store) *Drafts { return &Drafts{db, v, b} }

// Begin makes an empty draft in memory; nothing is kept until Save.
func (d *Drafts) Begin(_ context.Context, _ ident.Actor, f *Form, lang string) (*Draft, error) {
	secret, err := d.vault.NewDraftSecret()
	if err != nil {
		return nil, err
	}
	return &Draft{Secret: secret, Form: f.Name, Version: f.Version, Lang: lang, Answers: Answers{}}, nil
}

// Open reads the draft of a secret. Faults: NotFound when it was sent, left, has
// expired or never was.
func (d *Drafts) Open(ctx context.Context, _ ident.Actor, secret string) (*Draft, error) {
	if vault.CheckSecret(secret) != nil {
		return nil, fault.New(fault.NotFound, "no draft")
	}
	var box []byte
	err := d.db.View(ctx, func(tx *store.Tx) (err error) {
		box, err = readDraft(ctx, tx, d.vault.DraftID(secret), clock.Micros(d.db.Clock.Now()))
		return err
	})
	if err != nil {
		return nil, err
	}
	if box == nil {
		return nil, fault.New(fault.NotFound, "no draft")
	}
	plain, err := d.vault.OpenDraft(secret, "draft", box)
	if err != nil {
		return nil, err
	}
	out := &Draft{Secret: secret, Kept: true}
	return out, json.Unmarshal(plain, out)
}

// Save keeps the draft for another seven days. Faults: Limited when it is too large.
func (d *Drafts) Save(ctx context.Context, who ident.Actor, dr *Draft) error {
	err := d.db.Update(ctx, func(tx *store.Tx) error { return d.SaveTx(ctx, tx, who, dr) })
	if err == nil {
		dr.Kept = true
	}
	return err
}

// SaveTx is Save within the caller's transaction.
func (d *Drafts) SaveTx(ctx context.Context, tx *store.Tx, _ ident.Actor, dr *Draft) error {
	plain, err := json.Marshal(dr)
	if err != nil {
		return err
	}
	if len(plain) > maxDraft {
		return fault.New(fault.Limited, "a draft of %d bytes", len(plain)).WithKey("form.toomuch")
	}
	box, err := d.vault.SealDraft(dr.Secret, "draft", plain)
	if err != nil {
		return err
	}
	hour := d.db.Clock.Now().Truncate(time.Hour)
	return writeDraft(ctx, tx, d.vault.DraftID(dr.Secret), box, clock.Micros(hour.Add(Keep)))
}

// AddFile stores the bytes of a file (sealed already by the caller, who gives them
// as stored) and notes it in the draft. The caller has set File's plain facts after
// reading: fill is called once the bytes are on disk.
func (d *Drafts) AddFile(ctx context.Context, who ident.Actor, dr *Draft, stored io.Reader, fill func(*File) error) error {
	ref, err := d.blobs.Put(ctx, stored)
	if err != nil {
		return err
	}
	f := File{ID: store.NewRandomUUID(d.db.Clock), Blob: ref.Name, Stored: ref.Size, StoredIs: ref.SHA256}
	if err := fill(&f); err != nil {
		return err
	}
	files, answers := dr.Files, dr.Answers
	dr.Files = append(files[:len(files):len(files)], f)
	dr.Answers = answers.With(f.Question, append(answers[f.Question][:len(answers[f.Question]):len(answers[f.Question])], f.ID)...)
	err = d.db.Update(ctx, func(tx *store.Tx) error {
		if err := d.SaveTx(ctx, tx, who, dr); err != nil {
			return err
		}
		if err := d.blobs.KeepAtTx(ctx, tx, ref, d.db.Clock.Now().Truncate(time.Hour)); err != nil {
			return err
		}
		return addFile(ctx, tx, f.Blob, d.vault.DraftID(dr.Secret))
	})
	if err != nil {
		dr.Files, dr.Answers = files, answers
		return err
	}
	dr.Kept = true
	return nil
}

// DropFile takes a file out of a draft, and its bytes away. Faults: NotFound.
func (d *Drafts) DropFile(ctx context.Context, who ident.Actor, dr *Draft, id string) error {
	for i, f := range dr.Files {
		if f.ID != id {
			continue
		}
		dr.Files = append(append([]File(nil), dr.Files[:i]...), dr.Files[i+1:]...)
		var left []string
		for _, v := range dr.Answers[f.Question] {
			if v != id {
				left = append(left, v)
			}
		}
		dr.Answers = dr.Answers.With(f.Question, left...)
		return d.db.Update(ctx, func(tx *store.Tx) error {
			if err := dropFile(ctx, tx, f.Blob); err != nil {
				return err
			}
			if err := d.blobs.ForgetTx(ctx, tx, f.Blob); err != nil {
				return err
			}
			return d.SaveTx(ctx, tx, who, dr)
		})
	}
	return fault.New(fault.NotFound, "no such file in this draft")
}

// Leave deletes a draft and its files at once.
func (d *Drafts) Leave(ctx context.Context, _ ident.Actor, secret string) error {
	return d.db.Update(ctx, func(tx *store.Tx) error { return d.dropTx(ctx, tx, d.vault.DraftID(secret)) })
}

// SentTx deletes a draft whose form was sent; its files belong to somebody else now.
func (d *Drafts) SentTx(ctx context.Context, tx *store.Tx, _ ident.Actor, secret string) error {
	return deleteDraft(ctx, tx, d.vault.DraftID(secret))
}

func (d *Drafts) dropTx(ctx context.Context, tx *store.Tx, id string) error {
	files, err := filesOf(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := d.blobs.ForgetTx(ctx, tx, name); err != nil {
			return err
		}
	}
	return deleteDraft(ctx, tx, id)
}

// Jobs removes what has expired, hourly.
func (d *Drafts) Jobs() []jobs.Def {
	return []jobs.Def{{Kind: "form.expire", Every: time.Hour, Run: func(ctx context.Context, t *jobs.Task) error {
		err := d.db.Update(ctx, func(tx *store.Tx) error {
			ids, err := expired(ctx, tx, clock.Micros(d.db.Clock.Now()))
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := d.dropTx(ctx, tx, id); err != nil {
					return err
				}
			}
			return t.FinishTx(ctx, tx)
		}, store.InLane(store.Jobs))
		if err != nil {
			return fmt.Errorf("expiring drafts: %w", err)
		}
		return nil
	}}}
}

var errTooLarge = errors.New("form: too large")

// Cap reads at most n bytes and fails with a Limited fault beyond.
func Cap(r io.Reader, n int64) io.Reader { return &capped{r, n} }

type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, fault.New(fault.Limited, "the file is too large").WithKey("form.filesize").Because(errTooLarge)
	}
	return n, err
}
