package audit_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/totp"
	"straza/internal/kernel/vault/unseal"
	"straza/internal/testkit"
)

// opener is the web node and the unsealing process of one machine.
type opener struct {
	t       *testing.T
	db      *store.DB
	log     *audit.Log
	dir     string
	door    *unseal.Server
	session string
}

func newOpener(t *testing.T, db *store.DB) *opener {
	t.Helper()
	o := &opener{t: t, db: db, log: audit.New(db, testkit.NewAuditKeys()), dir: filepath.Join(t.TempDir(), "unseal")}
	o.start()
	return o
}

// start opens the folder, anew when it was taken away, and proves who asks.
func (o *opener) start() {
	o.t.Helper()
	now := time.Now()
	door, err := unseal.New(unseal.Config{Dir: o.dir, Origin: "https://straza.test", Now: func() time.Time { return now }})
	must(o.t, err)
	o.door = door
	e, err := door.Enrol(o.t.Context(), unseal.Enrolment{Email: "ana@cert.test"})
	must(o.t, err)
	secret, err := totp.ParseSecret(e.Secret)
	must(o.t, err)
	s, err := door.Prove(o.t.Context(), unseal.Proof{Email: "ana@cert.test", Code: totp.Code(secret, now)})
	must(o.t, err)
	o.session = s.Token
	o.t.Cleanup(func() { _ = door.Close() })
}

func (o *opener) announce(record string) (line int64) {
	o.t.Helper()
	line = o.db.NewID()
	must(o.t, o.db.Update(o.t.Context(), func(tx *store.Tx) error {
		now, err := store.Now(o.t.Context(), tx)
		if err != nil {
			return err
		}
		return o.log.RecordAt(o.t.Context(), tx, who, now, line, "report.unseal", audit.Thing{Kind: "report", ID: 1}, audit.Opening(vault.KindReport, record))
	}))
	return line
}

// open asks the process; what is sealed is broken on purpose, the log line stands before.
func (o *opener) open(line int64, record, session string) unseal.Receipt {
	o.t.Helper()
	ref := ""
	if line != 0 {
		ref = strconv.FormatInt(line, 10)
	}
	r, _ := o.door.Open(o.t.Context(), unseal.Request{Session: session, Email: "ana@cert.test", Label: vault.Label{Kind: vault.KindReport, Record: record},
		Reason: "провера", Ref: ref}, strings.NewReader("no age file"), io.Discard)
	return r
}

func (o *opener) receipt(line int64, r unseal.Receipt) {
	o.t.Helper()
	must(o.t, o.db.Update(o.t.Context(), func(tx *store.Tx) error {
		return o.log.Record(o.t.Context(), tx, who, "report.unsealed", audit.Thing{Kind: "report", ID: 1}, audit.Opened(line, r.Seq, r.Hash))
	}))
}

func (o *opener) whole(record string) {
	line := o.announce(record)
	o.receipt(line, o.open(line, record, o.session))
}

func (o *opener) path() string { return filepath.Join(o.dir, "unseal.log") }

func (o *opener) read(_ context.Context, w io.Writer) error {
	f, err := os.Open(o.path())
	if os.IsNotExist(err) {
		return audit.ErrNoLog
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

func (o *opener) verify() audit.Report {
	o.t.Helper()
	rep, err := o.log.VerifyBoth(o.t.Context(), o.read)
	must(o.t, err)
	return rep
}

func (o *opener) restored() {
	o.t.Helper()
	must(o.t, o.db.Update(o.t.Context(), func(tx *store.Tx) error {
		last, err := o.log.LastTx(o.t.Context(), tx)
		if err != nil {
			return err
		}
		return o.log.Record(o.t.Context(), tx, who, "installation.restored", audit.Thing{Kind: "installation"}, map[string]int64{"last": last})
	}))
}

func kinds(rep audit.Report) (out []string) {
	for _, d := range rep.Damage {
		out = append(out, d.Kind)
	}
	return out
}

// Both logs agree after openings, refusals and a crash between them; the lines
// that no opening followed are named.
func TestOpeningsAgree(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		o := newOpener(t, db)
		o.whole("r1")
		o.whole("r2")
		crashed := o.announce("r3")
		refused := o.announce("r4")
		o.open(refused, "r4", "no session")
		line := o.announce("r5") // opened, the receipt got lost
		o.open(line, "r5", o.session)
		rep := o.verify()
		u := rep.Unsealing
		if !rep.OK || !u.Compared || u.Openings != 3 || !slices.Equal(u.Unopened, []int64{crashed}) || len(u.Damage) != 0 {
			t.Fatalf("%+v, %+v", rep, u)
		}
	})
}

// What somebody does behind the web node's back, or to either log, is damage.
func TestOpeningsThatDoNotAgree(t *testing.T) {
	t.Parallel()
	text := func(o *opener) []string {
		b, err := os.ReadFile(o.path())
		must(o.t, err)
		return strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
	}
	for name, c := range map[string]struct {
		do   func(o *opener)
		want []string
	}{
		"opened without naming a line":  {func(o *opener) { o.open(0, "r9", o.session) }, []string{"missing"}},
		"opened under an invented line": {func(o *opener) { o.open(o.db.NewID(), "r9", o.session) }, []string{"missing"}},
		"another record under a line":   {func(o *opener) { o.open(o.announce("r8"), "r9", o.session) }, []string{"changed"}},
		"two openings under one line": {func(o *opener) {
			line := o.announce("r8")
			o.open(line, "r8", o.session)
			o.open(line, "r8", o.session)
		}, []string{"missing"}},
		"the audit line taken away": {func(o *opener) {
			line := o.announce("r8")
			o.open(line, "r8", o.session)
			must(o.t, o.db.Update(o.t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(o.t.Context(), "DELETE FROM audit_line WHERE id = $1", line)
				return err
			}))
		}, []string{"missing"}},
		"the unsealing log cut":     {func(o *opener) { l := text(o); write(o.t, o.path(), l[:len(l)-2]) }, []string{"truncated"}},
		"the unsealing log changed": {func(o *opener) { l := text(o); l[1] = strings.Replace(l[1], "ana", "eva", 1); write(o.t, o.path(), l) }, []string{"changed"}},
		"the unsealing log removed": {func(o *opener) { must(o.t, os.Remove(o.path())) }, []string{"truncated"}},
		"the unsealing log begun anew": {func(o *opener) {
			must(o.t, o.door.Close())
			must(o.t, os.RemoveAll(o.dir))
			o.start()
			o.door.Open(o.t.Context(), unseal.Request{}, strings.NewReader(""), io.Discard)
		}, []string{"changed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
				o := newOpener(t, db)
				o.whole("r1")
				if rep := o.verify(); !rep.OK {
					t.Fatalf("before: %+v", rep)
				}
				c.do(o)
				rep := o.verify()
				if rep.OK || !slices.Equal(kinds(rep), c.want) || len(rep.Unsealing.Damage) != len(c.want) {
					t.Errorf("%v %+v, want %v", kinds(rep), rep.Unsealing, c.want)
				}
			})
		})
	}
}

// A restore takes lines back; openings of that time are counted, not called damage,
// and a log that stayed on the old machine is not missed. What comes after counts.
func TestOpeningsAcrossARestore(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		o := newOpener(t, db)
		o.whole("r1")
		now.Add(time.Second)
		o.open(db.NewID(), "r2", o.session) // its line is not in the copy
		now.Add(time.Second)
		o.restored()
		if rep := o.verify(); !rep.OK || rep.Unsealing.Restored != 1 {
			t.Fatalf("same machine: %+v %+v", rep, rep.Unsealing)
		}
		must(t, o.door.Close())
		must(t, os.RemoveAll(o.dir))
		o.start()
		if rep := o.verify(); !rep.OK {
			t.Fatalf("another machine: %+v %+v", rep, rep.Unsealing)
		}
		now.Add(time.Second)
		o.whole("r3")
		o.open(db.NewID(), "r4", o.session)
		if rep := o.verify(); rep.OK || !slices.Equal(kinds(rep), []string{"missing"}) {
			t.Errorf("after it: %+v %+v", rep, rep.Unsealing)
		}
	})
}

// A process that cannot be asked is named and is no damage.
func TestOpeningsNotCompared(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		o := newOpener(t, db)
		o.whole("r1")
		rep, err := o.log.VerifyBoth(t.Context(), func(context.Context, io.Writer) error { return io.ErrUnexpectedEOF })
		if err != nil || !rep.OK || rep.Unsealing.Compared || rep.Unsealing.Why == "" {
			t.Errorf("%+v, %v", rep, err)
		}
	})
}

func write(t *testing.T, path string, lines []string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600))
}
