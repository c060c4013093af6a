package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/format/stix"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// Keys seal the file; *vault.Vault fills it.
type Keys interface {
	Seal(f vault.Field, plaintext []byte) ([]byte, error)
	Open(f vault.Field, ciphertext []byte) ([]byte, error)
}

// People says who somebody is at this moment: *account.Service.
type People interface {
	ResolveTx(ctx context.Context, tx *store.Tx, person int64, c ident.Channel) (ident.Actor, error)
}

// Deps is what the chamber needs.
type Deps struct {
	DB     *store.DB
	Audit  *audit.Log
	Intel  *intel.Service
	Blobs  *blob.Store
	Keys   Keys
	People People
}

// Service is the door to files that are imported. Safe for concurrent use.
type Service struct{ d Deps }

// New makes the chamber.
func New(d Deps) *Service { return &Service{d: d} }

const (
	jobLook   = "intel.upload-look"
	jobImport = "intel.upload-import"

	// openMost is how many files one person may have that were not imported.
	openMost = 20
	// soon is the size up to which a file is looked through while its person waits.
	soon = 2 << 20
)

type task struct {
	Upload int64 `json:"upload"`
}

func thing(u *Upload) audit.Thing { return audit.Thing{Kind: "upload", ID: u.ID, Label: u.UUID} }

func mayUpload(who ident.Actor) error {
	if who.Kind != ident.Person || who.Person == 0 || who.Org == 0 {
		return fault.New(fault.Denied, "%s has no organisation to import for", who)
	}
	return intel.MayWrite(who)
}

// Add keeps a file, sealed as it arrives, and looks through it: at once when it is small,
// else by a job (state Reading). Who may: intel.write. Faults: Denied; Limited when it is
// larger than MaxBytes or too many wait; Invalid "intel.fault.file" when it is none of the
// formats. A file whose inside is broken is kept with the state Broken and the reason.
func (s *Service) Add(ctx context.Context, who ident.Actor, name string, r io.Reader) (u Upload, err error) {
	if err := mayUpload(who); err != nil {
		return u, err
	}
	u = Upload{ID: s.d.DB.NewID(), UUID: s.d.DB.NewUUID(), Person: who.Person, Org: who.Org, Name: clean(name), State: Reading}
	sealed := &sealing{keys: s.d.Keys, id: u.ID, r: &bounded{r: r, left: MaxBytes}}
	ref, err := s.d.Blobs.Put(ctx, sealed)
	if err != nil {
		return u, err
	}
	u.Size, u.file = sealed.size, ref.Name
	if u.Format = formatOf(sealed.head); u.Format == "" || u.Size == 0 {
		return u, fault.Field("file", "intel.fault.file", "neither STIX nor MISP's JSON") // what lies there is swept
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		n, err := store.Int64(ctx, tx, countOpen, who.Person)
		if err != nil {
			return err
		}
		if n >= openMost {
			return fault.New(fault.Limited, "%d files wait", n).WithKey("intel.fault.uploads")
		}
		if u.Created, err = store.Now(ctx, tx); err != nil {
			return err
		}
		if err := s.d.Blobs.KeepTx(ctx, tx, ref); err != nil {
			return err
		}
		if err := insert(ctx, tx, &u); err != nil {
			return err
		}
		if u.Size > soon {
			if err := jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobLook, Key: u.UUID, Payload: task{u.ID}}); err != nil {
				return err
			}
		}
		return s.d.Audit.Record(ctx, tx, who, "upload.add", thing(&u), map[string]any{"format": u.Format, "bytes": u.Size})
	})
	if err != nil || u.Size > soon {
		return u, err
	}
	return s.look(ctx, who, u)
}

// bounded fails, rather than ends, at its limit.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fault.New(fault.Limited, "a file larger than %d bytes", MaxBytes).WithKey("web.error.toolarge")
	}
	return n, err
}

func clean(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if len(name) > 200 {
		name = name[:200]
		for !utf8.ValidString(name) {
			name = name[:len(name)-1]
		}
	}
	return name
}

// formatOf tells by its beginning what a file is, "" for what is neither.
func formatOf(head []byte) string {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	switch {
	case len(head) == 0 || head[0] != '{' && head[0] != '[':
		return ""
	case stix.Sniff(head):
		return STIX
	}
	return MISP
}

// open gives the plain form of a kept file.
func (s *Service) open(ctx context.Context, u *Upload) (io.ReadCloser, error) {
	if u.file == "" {
		return nil, fault.New(fault.Gone, "the file of upload %d is gone", u.ID)
	}
	r, _, err := s.d.Blobs.Open(ctx, u.file)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{&opening{keys: s.d.Keys, id: u.ID, r: r}, r}, nil
}

// Uploads lists the caller's own, newest first. Faults: Denied.
func (s *Service) Uploads(ctx context.Context, who ident.Actor) (list []Upload, err error) {
	if err := mayUpload(who); err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		list, err = uploadsOf(ctx, tx, who)
		return err
	})
	return list, err
}

// Upload reads one of the caller's own by its UUID. Faults: NotFound for anybody else's.
func (s *Service) Upload(ctx context.Context, who ident.Actor, ref string) (u Upload, err error) {
	if err := mayUpload(who); err != nil {
		return u, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		u, err = read(ctx, tx, who, ref)
		return err
	})
	return u, err
}

// Start begins the import of a file that was read. Faults: NotFound; Conflict when it was
// not read, or was begun before; Invalid for a group that is not the caller's, Denied for
// publishing without the right.
func (s *Service) Start(ctx context.Context, who ident.Actor, ref string, o Options) error {
	if err := mayUpload(who); err != nil {
		return err
	}
	if o.Publish && !access.Allowed(who, "intel.publish") {
		return fault.New(fault.Denied, "%s may not publish", who).WithKey("fault.denied")
	}
	if o.Choose {
		if o.Level < intel.OwnOrg || o.Level > intel.Group {
			return fault.Field("reach", "intel.fault.distribution", "unknown distribution %d", o.Level)
		}
		if o.Level == intel.Group {
			if _, err := s.d.Intel.WhoSees(ctx, who, o.Level, o.Group, nil); err != nil {
				return fault.Field("reach", "intel.fault.group", "not the caller's group").Because(err)
			}
		}
	}
	return s.change(ctx, who, ref, Read, func(tx *store.Tx, u *Upload) error {
		u.State, u.Options = Importing, o
		if err := jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobImport, Key: u.UUID, Payload: task{u.ID}}); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "upload.import", thing(u), map[string]any{"chosen": o.Choose, "distribution": o.Level, "group": o.Group, "publish": o.Publish, "update": o.Update})
	})
}

// Drop forgets a file that was not imported. Faults: NotFound, Conflict.
func (s *Service) Drop(ctx context.Context, who ident.Actor, ref string) error {
	if err := mayUpload(who); err != nil {
		return err
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := read(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		if u.State != Read && u.State != Broken && u.State != Reading {
			return tooLate()
		}
		if err := s.remove(ctx, tx, &u); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "upload.drop", thing(&u), nil)
	})
}

func tooLate() error {
	return fault.New(fault.Conflict, "the upload is in another state").WithKey("fault.conflict")
}

// remove takes an upload and its file away; the events that it brought stay.
func (s *Service) remove(ctx context.Context, tx *store.Tx, u *Upload) error {
	if u.file != "" {
		if err := s.d.Blobs.ForgetTx(ctx, tx, u.file); err != nil {
			return err
		}
	}
	return erase(ctx, tx, u.ID)
}

// change writes an upload that is in a state.
func (s *Service) change(ctx context.Context, who ident.Actor, ref, state string, fn func(tx *store.Tx, u *Upload) error) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		u, err := read(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		if u.State != state {
			return tooLate()
		}
		if err := fn(tx, &u); err != nil {
			return err
		}
		return update(ctx, tx, &u)
	})
}

// Jobs read large files, import them, and sweep: a file that nobody imported goes after a
// week, its row and what was imported long ago after a month.
func (s *Service) Jobs() []jobs.Def {
	run := func(do func(context.Context, int64) error) func(context.Context, *jobs.Task) error {
		return func(ctx context.Context, t *jobs.Task) error {
			var x task
			if err := t.Decode(&x); err != nil {
				return err
			}
			return do(ctx, x.Upload)
		}
	}
	return []jobs.Def{
		{Kind: jobLook, Timeout: 30 * time.Minute, Run: run(s.lookJob)},
		{Kind: jobImport, Timeout: 2 * time.Hour, Run: run(s.importJob)},
		{Kind: "intel.upload-sweep", Every: 6 * time.Hour, Timeout: 10 * time.Minute, Run: func(ctx context.Context, _ *jobs.Task) error { return s.sweep(ctx) }},
	}
}

const (
	waitsFor = int64(7 * 24 * time.Hour / time.Microsecond)
	keptFor  = int64(30 * 24 * time.Hour / time.Microsecond)
)

func (s *Service) sweep(ctx context.Context) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		list, err := overdue(ctx, tx, now-waitsFor, now-keptFor)
		for i := range list {
			if err == nil {
				err = s.remove(ctx, tx, &list[i])
			}
		}
		return err
	}, store.InLane(store.Jobs))
}

// begin reads an upload for a job, and its person with the rights of this moment.
func (s *Service) begin(ctx context.Context, id int64) (u Upload, who ident.Actor, found bool, err error) {
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if u, found, err = readByID(ctx, tx, id); err != nil || !found {
			return err
		}
		who, err = s.d.People.ResolveTx(ctx, tx, u.Person, ident.Web)
		return err
	})
	if err == nil && found {
		err = mayUpload(who)
	}
	if err == nil && found && who.Org != u.Org {
		err = fault.New(fault.Denied, "%s is of another organisation now", who)
	}
	return u, who, found, err
}

// finish writes how a job ended.
func (s *Service) finish(ctx context.Context, u *Upload, state string) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, found, err := readByID(ctx, tx, u.ID)
		if err != nil || !found || now.State != u.State {
			return err // dropped meanwhile
		}
		u.State = state
		if state == Done || state == Broken {
			if u.file != "" {
				if err := s.d.Blobs.ForgetTx(ctx, tx, u.file); err != nil {
					return err
				}
			}
			u.file = ""
		}
		return update(ctx, tx, u)
	})
}

func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// broken names the fault of a document, "" when the fault is none of its.
func broken(err error) (key, detail string) {
	var st *stix.Fault
	if errors.As(err, &st) {
		return "intel.fault.file.broken", st.Error()
	}
	if d, ok := mispFault(err); ok {
		return "intel.fault.file.broken", d
	}
	return "", ""
}
