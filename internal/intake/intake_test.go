package intake_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"straza/internal/craft/form"
	"straza/internal/intake"
	"straza/internal/intake/intaketest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var ctx = context.Background()

var nobody = ident.Nobody(ident.Web)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func each(t *testing.T, test func(t *testing.T, w *intaketest.World, now *clock.Moved)) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) { test(t, intaketest.New(t, db), now) })
}

// tick runs the clocks and letters that are due.
func tick(t testing.TB, w *intaketest.World) {
	t.Helper()
	r := jobs.New(w.DB, w.S.Jobs(), nil)
	must(t, r.Tick(ctx))
	must(t, r.Drain(ctx))
}

func TestANamedReport(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		in := intaketest.Plain("Стигла је порука која тражи лозинку.\nВеза води на http://posiljka-lazna.example/uplata")
		must(t, w.S.Attach(ctx, nobody, in, "порука.eml", "message/rfc822", strings.NewReader("From: lazna@posiljka-lazna.example\n\nx")))
		rc, r := w.Send(t, in)
		if r.Number != "P-2026-000001" || rc.Number != r.Number || len(rc.Code) != 25 {
			t.Errorf("receipt %+v of %s", rc, r.Number)
		}
		if r.State != intake.Incoming || r.Type != intake.Incident || r.TLP != "AMBER+STRICT" || r.PAP != "AMBER" || r.RSIT[0] != "fraud/phishing" {
			t.Errorf("fresh report: %+v", r.Triage)
		}
		if r.Title != "Стигла је порука која тражи лозинку." || r.Sealed {
			t.Errorf("title %q, sealed %t", r.Title, r.Sealed)
		}
		if got := r.TriageDue.Sub(r.Received); got != time.Hour {
			t.Errorf("triage term %v", got)
		}
		d, err := w.S.Read(ctx, w.Ana, r.UUID)
		must(t, err)
		if d.Body == nil || len(d.Files) != 1 || d.Files[0].Name != "порука.eml" || d.Reporter == nil || !d.Reporter.Email {
			t.Errorf("details %+v", d)
		}
		_, body, err := w.S.OpenFile(ctx, w.Ana, r.UUID, d.Files[0].ID)
		must(t, err)
		raw, err := io.ReadAll(body)
		must(t, err)
		if !strings.HasPrefix(string(raw), "From: lazna@") {
			t.Errorf("file %q", raw)
		}
		now.Add(20 * time.Second)
		tick(t, w)
		r, err = w.S.Get(ctx, w.Ana, r.UUID)
		must(t, err)
		if r.State != intake.Acknowledged || r.Acked.Sub(r.Received) > time.Minute {
			t.Errorf("not acknowledged within a minute: %s after %v", r.State, r.Acked.Sub(r.Received))
		}
		l := w.Letters.All()
		if len(l) != 1 || l[0].To != "milica@pekara-klas.example" || !strings.Contains(l[0].Subject, r.Number) || strings.Contains(l[0].Text, "лозинку") {
			t.Errorf("letters %+v", l)
		}
	})
}

// Whoever opened a report before the automatic acknowledgement came acts on it; whoever
// has not seen what a person did or wrote does not.
func TestTheAcknowledgementTakesNoPageAway(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		_, seen := w.Send(t, intaketest.Plain("Нова"))
		now.Add(20 * time.Second)
		tick(t, w)
		r, err := w.S.Classify(ctx, w.Ana, seen.UUID, seen.Version, intake.Decision{TLP: "GREEN"})
		must(t, err)
		if r.State != intake.Acknowledged || r.Acked.IsZero() {
			t.Errorf("%s, acknowledged %v", r.State, r.Acked)
		}
		if _, err = w.S.Reject(ctx, w.Ana, seen.UUID, seen.Version, "реклама"); !fault.Is(err, fault.Conflict) {
			t.Errorf("a page from before the acknowledgement and a label: %v", err)
		}
		_, err = w.S.Undo(ctx, w.Ana, seen.UUID, r.Version)
		must(t, err)

		_, seen = w.Send(t, intaketest.Plain("Друга"))
		_, err = w.S.Classify(ctx, w.Ana, seen.UUID, seen.Version, intake.Decision{TLP: "GREEN"})
		must(t, err)
		now.Add(20 * time.Second)
		tick(t, w)
		if _, err = w.S.Reject(ctx, w.Ana, seen.UUID, seen.Version, "реклама"); !fault.Is(err, fault.Conflict) {
			t.Errorf("a label that was not seen: %v", err)
		}
		_, err = w.S.Undo(ctx, w.Ana, seen.UUID, seen.Version+1)
		must(t, err)
	})
}

// The same secret gives the same code and one report, one after the other and at once.
func TestIdempotency(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, _ *clock.Moved) {
		const secret = "0f2b7c9a-55d1-4f0e-9a66-3c1de8a90b42"
		got := make(chan intake.Receipt, 8)
		for range cap(got) {
			go func() {
				in := intaketest.Plain("Иста пријава")
				in.Secret = secret
				rc, err := w.S.Submit(ctx, nobody, in)
				if err != nil {
					t.Error(err)
				}
				got <- rc
			}()
		}
		first := <-got
		for range cap(got) - 1 {
			if rc := <-got; rc.ID != first.ID || rc.Code != first.Code || rc.Number != first.Number {
				t.Errorf("%+v and %+v", first, rc)
			}
		}
		list, _, err := w.S.List(ctx, w.Ana, intake.Filter{}, intake.Page{})
		must(t, err)
		if len(list) != 1 {
			t.Errorf("%d reports", len(list))
		}
		weak := intaketest.Plain("x")
		weak.Secret = "retry-1"
		if _, err := w.S.Submit(ctx, nobody, weak); !fault.Is(err, fault.Invalid) {
			t.Errorf("a guessable secret was taken: %v", err)
		}
	})
}

func TestPolicyOfContacts(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, _ *clock.Moved) {
		for name, c := range map[string]struct {
			change func(*intake.Input)
			field  string
		}{
			"no name":            {func(in *intake.Input) { in.Contact.Name = "" }, "contact.name"},
			"no way to answer":   {func(in *intake.Input) { in.Contact.Email = "" }, "contact.email"},
			"anonymous incident": {func(in *intake.Input) { in.Anonymous = true }, "anonymous"},
			"no description":     {func(in *intake.Input) { in.Body.Description = " " }, "description"},
			"no address":         {func(in *intake.Input) { in.Contact.Email = "milica" }, "contact.email"},
			"too long":           {func(in *intake.Input) { in.Body.Description = strings.Repeat("ж", 20001) }, "description"},
			"unknown type":       {func(in *intake.Input) { in.Type = "joke" }, "type"},
		} {
			in := intaketest.Plain("Нешто се догодило")
			c.change(in)
			_, err := w.S.Submit(ctx, nobody, in)
			if f := fault.Of(err); f == nil || f.Fields[c.field] == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		phone := intaketest.Plain("x")
		phone.Contact = intake.Contact{Name: "Милица", Phone: "011 123-456"}
		w.Send(t, phone)
		must(t, w.S.Set(ctx, w.Luka, w.First.ID, intake.AnonymousIncidents, "yes"))
		in := intaketest.Plain("Нешто се догодило")
		in.Anonymous = true
		if _, r := w.Send(t, in); !r.Sealed || !r.Anonymous {
			t.Errorf("anonymous incident sealed %t", r.Sealed)
		}
		if err := w.S.Set(ctx, w.Ana, w.First.ID, intake.AnonymousIncidents, "no"); !fault.Is(err, fault.Denied) {
			t.Errorf("an analyst set the policy: %v", err)
		}
	})
}

// Nothing of an anonymous report tells when or whence it came.
func TestAnonymity(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		now.Set(time.Date(2026, 11, 22, 9, 47, 13, 0, time.UTC))
		in := &intake.Input{Channel: intake.ByWeb, Lang: "sr-Cyrl", What: "vulnerability", Anonymous: true,
			Body: intake.Body{Description: "Портал открива туђе податке", Where: "portal.example"}}
		who := nobody
		who.RequestID = "zahtev-iz-dnevnika"
		must(t, w.S.Attach(ctx, who, in, "dokaz.txt", "text/plain", strings.NewReader("dokaz")))
		rc, err := w.S.Submit(ctx, who, in)
		must(t, err)
		now.Add(20 * time.Second)
		tick(t, w)
		_, err = w.S.Follow(ctx, who, rc.Code)
		must(t, err)
		must(t, w.S.Reply(ctx, who, rc.Code, &intake.Answer{Text: "Још једна ствар"}))
		hour := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).UnixMicro()
		r, err := w.S.Get(ctx, w.Ana, rc.ID)
		must(t, err)
		if r.Received.UnixMicro() != hour || !rc.Received.Equal(r.Received) || r.TriageDue.Sub(r.Received) != time.Hour || r.State != intake.Acknowledged {
			t.Errorf("received %v, due %v, %s", r.Received, r.TriageDue, r.State)
		}
		for _, q := range []string{
			`SELECT received FROM intake_submission`, `SELECT received FROM intake_report`, `SELECT acked FROM intake_report`, `SELECT updated FROM intake_report`,
			`SELECT started FROM deadline_clock`, `SELECT at FROM intake_message`,
			`SELECT at FROM audit_line WHERE verb LIKE 'report.%' AND person = 0`, `SELECT created FROM blob_object`,
		} {
			times := ints(t, w.DB, q)
			if len(times) == 0 {
				t.Errorf("%s: no rows", q)
			}
			for _, us := range times {
				if us != hour {
					t.Errorf("%s: %v is not the hour", q, time.UnixMicro(us).UTC())
				}
			}
		}
		// ids of ours hold 41 bits of milliseconds: none may lie within the day
		day := func(id int64) bool {
			at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(id>>12) * time.Millisecond)
			return at.Sub(now.Now()).Abs() < 24*time.Hour
		}
		for _, q := range []string{`SELECT id FROM intake_submission`, `SELECT id FROM intake_report`, `SELECT id FROM intake_file`, `SELECT id FROM intake_mark`,
			`SELECT id FROM intake_word`, `SELECT id FROM intake_message`, `SELECT id FROM deadline_clock`,
			`SELECT id FROM audit_line WHERE verb LIKE 'report.%' AND person = 0`} {
			for _, id := range ints(t, w.DB, q) {
				if day(id) {
					t.Errorf("%s: %d tells when it was made", q, id)
				}
			}
		}
		if n := ints(t, w.DB, `SELECT COUNT(*) FROM intake_reporter`); n[0] != 0 {
			t.Error("an anonymous report has a reporter")
		}
		if n := ints(t, w.DB, `SELECT COUNT(*) FROM audit_line WHERE request <> ''`); n[0] != 0 {
			t.Error("a request id stands in the audit log")
		}
		if n := ints(t, w.DB, `SELECT COUNT(*) FROM jobs_job WHERE kind LIKE 'intake.letter%'`); n[0] != 0 {
			t.Error("a job tells when an anonymous report came")
		}
		_ = filepath.WalkDir(w.Blobs, func(path string, d fs.DirEntry, _ error) error {
			if info, err := d.Info(); err == nil && !d.IsDir() && info.ModTime().UnixMicro() != hour {
				t.Errorf("the file of a blob is of %v", info.ModTime())
			}
			return nil
		})
	})
}

func ints(t *testing.T, db *store.DB, q string) (out []int64) {
	t.Helper()
	must(t, db.View(ctx, func(tx *store.Tx) (err error) {
		out, err = store.All(ctx, tx, store.ScanInt64, q)
		return err
	}))
	return out
}

// With the whole database and every blob in hand nothing of a sealed report is found.
func TestCanaries(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		canary := func(what string) string { return "kanarinac-" + what + "-7Qz" }
		var codes []string
		for _, kind := range []string{"vulnerability", "anonymous", "sealed"} {
			in := &intake.Input{Channel: intake.ByAPI, Lang: "en", What: "vulnerability", Anonymous: kind == "anonymous",
				Contact: intake.Contact{Name: canary("name"), Email: canary("mail") + "@kanarinac.example", Phone: "+381 64 " + "5550199"},
				Body: intake.Body{Description: canary("text") + " http://" + canary("host") + ".rs/x", Where: canary("where"), OrgName: canary("org"),
					Answers: map[string][]string{"description": {canary("answer")}}}}
			if kind == "sealed" {
				in.What, in.Sealed = "message", true
			}
			must(t, w.S.Attach(ctx, nobody, in, canary("file")+".txt", canary("type"), strings.NewReader(canary("content"))))
			rc, _ := w.Send(t, in)
			codes = append(codes, rc.Code)
			a := &intake.Answer{Text: canary("reply")}
			must(t, w.S.AttachAnswer(ctx, nobody, rc.Code, a, canary("file2"), "text/plain", strings.NewReader(canary("content2"))))
			must(t, w.S.Reply(ctx, nobody, rc.Code, a))
			must(t, w.S.Write(ctx, w.Ana, rc.ID, canary("question"), true))
		}
		plain := intaketest.Plain("obična prijava " + canary("plain"))
		plain.Contact = intake.Contact{Name: canary("name"), Email: canary("mail") + "@kanarinac.example"}
		w.Send(t, plain)
		// a draft, too
		d, err := w.S.Drafts.Begin(ctx, nobody, w.S.Book().Form, "sr-Cyrl")
		must(t, err)
		d.Answers = form.Answers{"description": {canary("draft")}}
		must(t, w.S.AttachDraft(ctx, nobody, d, "files", canary("draftfile"), "text/plain", strings.NewReader(canary("draftcontent"))))
		now.Add(time.Minute)
		tick(t, w)
		dump := everything(t, w)
		if !bytes.Contains(dump, []byte(canary("plain"))) {
			t.Fatal("the search does not see what is plain: it proves nothing")
		}
		for _, what := range []string{"name", "mail", "text", "host", "where", "org", "answer", "file", "type", "content", "reply", "content2", "file2", "question", "draft", "draftfile", "draftcontent"} {
			if bytes.Contains(dump, []byte(canary(what))) {
				t.Errorf("%q was found", canary(what))
			}
		}
		for _, c := range append(codes, "5550199", "64 555") {
			if bytes.Contains(dump, []byte(c)) {
				t.Errorf("%q was found", c)
			}
		}
	})
}

// everything is the database and all blobs as bytes, outside of SQL.
func everything(t *testing.T, w *intaketest.World) []byte {
	t.Helper()
	var out bytes.Buffer
	_, err := w.DB.Snapshot(ctx, &out)
	must(t, err)
	_ = filepath.WalkDir(w.Blobs, func(path string, d fs.DirEntry, _ error) error {
		if !d.IsDir() {
			raw, err := os.ReadFile(path)
			must(t, err)
			out.Write(raw)
		}
		return nil
	})
	for _, b := range blobsIn(t, w.DB) {
		out.Write(b)
	}
	return out.Bytes()
}

func blobsIn(t *testing.T, db *store.DB) (out [][]byte) {
	t.Helper()
	must(t, db.View(ctx, func(tx *store.Tx) (err error) {
		out, err = store.All(ctx, tx, func(s store.Scanner) (b []byte, err error) { err = s.Scan(&b); return }, `SELECT data FROM blob_chunk`)
		return err
	}))
	return out
}

func TestSealedIsOpenedWithAProofOnly(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		in := intaketest.Plain("Запечаћени опис")
		in.Sealed = true
		must(t, w.S.Attach(ctx, nobody, in, "a.txt", "text/plain", strings.NewReader("садржај")))
		rc, r := w.Send(t, in)
		d, err := w.S.Read(ctx, w.Ana, r.UUID)
		must(t, err)
		if d.Body != nil || d.Title != "" || d.Files[0].Name != "" || d.Files[0].SHA256 != "" {
			t.Errorf("a sealed report shows %+v", d)
		}
		if _, _, err := w.S.OpenFile(ctx, w.Ana, r.UUID, d.Files[0].ID); !fault.Is(err, fault.Denied) {
			t.Errorf("a sealed file: %v", err)
		}
		if _, err := w.S.Unseal(ctx, w.Ana, r.UUID, "no session", "тријажа"); err == nil {
			t.Error("opened without a proof")
		}
		if _, err := w.S.Prove(ctx, w.Ana, ident.CodeProof("000000")); !fault.Is(err, fault.Denied) {
			t.Errorf("a wrong code: %v", err)
		}
		now.Add(31 * time.Second)
		session := w.Session(t)
		o, err := w.S.Unseal(ctx, w.Ana, r.UUID, session, "тријажа")
		must(t, err)
		if o.Body.Description != "Запечаћени опис" || o.Body.Files[0].Name != "a.txt" {
			t.Errorf("opened %+v", o.Body)
		}
		if _, err := w.S.Unseal(ctx, w.Ana, r.UUID, session, " "); !fault.Is(err, fault.Invalid) {
			t.Errorf("opened without a reason: %v", err)
		}
		c, err := w.S.ShowReporter(ctx, w.Ana, r.UUID, session, "позив")
		must(t, err)
		if c.Email != "milica@pekara-klas.example" {
			t.Errorf("reporter %+v", c)
		}
		var zip bytes.Buffer
		must(t, w.S.UnsealFile(ctx, w.Ana, r.UUID, d.Files[0].ID, session, "анализа", &zip))
		if !bytes.HasPrefix(zip.Bytes(), []byte("PK")) || bytes.Contains(zip.Bytes(), []byte("садржај")) {
			t.Error("the file is not in a protected archive")
		}
		if n := ints(t, w.DB, `SELECT COUNT(*) FROM audit_line WHERE verb IN ('report.unseal', 'reporter.show') AND person = 101`); n[0] != 4 {
			t.Errorf("%d lines of looking", n[0])
		}
		for who, a := range map[string]ident.Actor{"lead of the other CERT": w.Vesna, "administrator": w.Root, "member": w.Mila} {
			if _, err := w.S.ShowReporter(ctx, a, r.UUID, session, "x"); err == nil {
				t.Errorf("%s sees the reporter", who)
			}
		}
		_ = rc
	})
}

func TestFollowUp(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		for _, sealed := range []bool{false, true} {
			in := intaketest.Plain("Нешто се догодило")
			in.Sealed = sealed
			rc, r := w.Send(t, in)
			grouped := rc.Code[:5] + " " + rc.Code[5:10] + "-" + rc.Code[10:]
			f, err := w.S.Follow(ctx, nobody, grouped)
			must(t, err)
			if f.Number != r.Number || f.State != intake.Incoming {
				t.Errorf("%+v", f)
			}
			must(t, w.S.Write(ctx, w.Ana, r.UUID, "Да ли сте отворили везу?", true))
			r, err = w.S.Get(ctx, w.Ana, r.UUID)
			must(t, err)
			if r.Answered.IsZero() {
				t.Error("the answer clock runs on after an answer")
			}
			f, err = w.S.Follow(ctx, nobody, rc.Code)
			must(t, err)
			if !f.Waiting || len(f.Messages) != 1 || f.Messages[0].Body != "Да ли сте отворили везу?" {
				t.Errorf("sealed %t: %+v", sealed, f)
			}
			a := &intake.Answer{Text: "Нисам."}
			must(t, w.S.AttachAnswer(ctx, nobody, rc.Code, a, "слика.png", "image/png", strings.NewReader("png")))
			must(t, w.S.Reply(ctx, nobody, rc.Code, a))
			d, err := w.S.Read(ctx, w.Ana, r.UUID)
			must(t, err)
			if d.Unread != 1 || len(d.Messages) != 2 || len(d.Messages[1].Files) != 1 || (d.Messages[1].Body == "") != sealed {
				t.Errorf("sealed %t: %+v", sealed, d.Messages)
			}
			f, err = w.S.Follow(ctx, nobody, rc.Code)
			must(t, err)
			if f.Waiting || f.Messages[1].Body != "Нисам." || f.Messages[1].Files[0].Name != "слика.png" {
				t.Errorf("sealed %t: %+v", sealed, f.Messages)
			}
			filesBothWays(t, w, rc.Code, r, f.Messages[1].Files[0])
		}
		for _, bad := range []string{"", "123", strings.Repeat("1", 25), strings.Repeat("1", 26), "x" + strings.Repeat("1", 24)} {
			if _, err := w.S.Follow(ctx, nobody, bad); fault.Of(err) == nil || fault.Of(err).Fields["code"] == "" {
				t.Errorf("code %q: %v", bad, err)
			}
		}
	})
}

// filesBothWays: the team sends a file; the reporter downloads it and their own again
// with the code alone, and nobody with another code.
func filesBothWays(t *testing.T, w *intaketest.World, code string, r intake.Report, own intake.File) {
	t.Helper()
	a := &intake.Answer{}
	must(t, w.S.AttachMessage(ctx, w.Ana, r.UUID, a, "упутство.pdf", "application/pdf", strings.NewReader("%PDF-1.7 шта да радите")))
	if err := w.S.AttachMessage(ctx, w.Vesna, r.UUID, a, "x", "", strings.NewReader("x")); !fault.Is(err, fault.NotFound) {
		t.Errorf("another team attaches: %v", err)
	}
	must(t, w.S.Send(ctx, w.Ana, r.UUID, a, false))
	f, err := w.S.Follow(ctx, nobody, code)
	must(t, err)
	sent := f.Messages[len(f.Messages)-1].Files
	if len(sent) != 1 || sent[0].Name != "упутство.pdf" {
		t.Fatalf("sealed %t: the team's file: %+v", r.Sealed, f.Messages)
	}
	for id, want := range map[string]string{sent[0].ID: "упутство.pdf %PDF-1.7 шта да радите", own.ID: "слика.png png"} {
		file, body, err := w.S.FollowFile(ctx, nobody, code, id)
		must(t, err)
		raw, err := io.ReadAll(body)
		must(t, err)
		must(t, body.Close())
		if got := file.Name + " " + string(raw); got != want {
			t.Errorf("sealed %t: downloaded %q, want %q", r.Sealed, got, want)
		}
	}
	other, _ := w.Send(t, intaketest.Plain("Друга пријава"))
	if _, _, err := w.S.FollowFile(ctx, nobody, other.Code, own.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("a file under another report's code: %v", err)
	}
	if _, _, err := w.S.FollowFile(ctx, nobody, strings.Repeat("1", 25), own.ID); !fault.Is(err, fault.Invalid) {
		t.Errorf("a file under no code: %v", err)
	}
}

func TestDraftBecomesAReport(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		for _, reading := range []string{"named", "sealed"} {
			d, err := w.S.Drafts.Begin(ctx, nobody, w.S.Book().Form, "sr-Latn")
			must(t, err)
			d.Answers = form.Answers{"what": {"message"}, "description": {"Lažna poruka"}, "reading": {reading}, "name": {"Milica"}, "phone": {"064 123 456"}, "for": {"self"}}
			must(t, w.S.AttachDraft(ctx, nobody, d, "files", "poruka.eml", "message/rfc822", strings.NewReader("From: x")))
			must(t, w.S.AttachDraft(ctx, nobody, d, "files", "drugo.txt", "text/plain", strings.NewReader("y")))
			must(t, w.S.Drafts.DropFile(ctx, nobody, d, d.Files[1].ID))
			again, err := w.S.Drafts.Open(ctx, nobody, d.Secret)
			must(t, err)
			if len(again.Files) != 1 || again.Answers.Get("description") != "Lažna poruka" {
				t.Fatalf("%+v", again)
			}
			rc, err := w.S.SendDraft(ctx, nobody, again)
			must(t, err)
			twice, err := w.S.SendDraft(ctx, nobody, d)
			must(t, err)
			if twice.Code != rc.Code || !twice.Again {
				t.Errorf("sent twice: %+v and %+v", rc, twice)
			}
			if _, err := w.S.Drafts.Open(ctx, nobody, d.Secret); !fault.Is(err, fault.NotFound) {
				t.Errorf("the draft is still there: %v", err)
			}
			dt, err := w.S.Read(ctx, w.Ana, rc.ID)
			must(t, err)
			if dt.Sealed != (reading == "sealed") || len(dt.Files) != 1 {
				t.Errorf("%s: %+v", reading, dt)
			}
			if !dt.Sealed {
				_, body, err := w.S.OpenFile(ctx, w.Ana, rc.ID, dt.Files[0].ID)
				must(t, err)
				raw, err := io.ReadAll(body)
				must(t, err)
				if string(raw) != "From: x" || dt.Body.Answers["name"] != nil {
					t.Errorf("file %q, answers %v", raw, dt.Body.Answers)
				}
			}
		}
		if n := ints(t, w.DB, `SELECT COUNT(*) FROM blob_object`); n[0] != 2 {
			t.Errorf("%d blobs of two reports with a file each", n[0])
		}
		d, err := w.S.Drafts.Begin(ctx, nobody, w.S.Book().Form, "en")
		must(t, err)
		must(t, w.S.AttachDraft(ctx, nobody, d, "files", "a", "b", strings.NewReader("c")))
		must(t, w.S.Drafts.Leave(ctx, nobody, d.Secret))
		if n := ints(t, w.DB, `SELECT COUNT(*) FROM blob_object`); n[0] != 2 {
			t.Error("leaving keeps the files")
		}
		d.Answers = form.Answers{"what": {"message"}}
		if _, err := w.S.SendDraft(ctx, nobody, d); fault.Of(err) == nil || fault.Of(err).Fields["story"] == "" {
			t.Errorf("an incomplete form was sent: %v", err)
		}
		must(t, w.S.Drafts.Save(ctx, nobody, d))
		now.Add(8 * 24 * time.Hour)
		if _, err := w.S.Drafts.Open(ctx, nobody, d.Secret); !fault.Is(err, fault.NotFound) {
			t.Errorf("a draft of eight days: %v", err)
		}
		tick(t, w)
		if n := ints(t, w.DB, `SELECT COUNT(*) FROM form_draft`); n[0] != 0 {
			t.Error("an expired draft stays")
		}
	})
}

func TestFileLimits(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, _ *clock.Moved) {
		must(t, w.S.Set(ctx, w.Luka, w.First.ID, intake.MaxFileMB, "1"))
		must(t, w.S.Set(ctx, w.Luka, w.First.ID, intake.MaxFiles, "2"))
		in := intaketest.Plain("x")
		if err := w.S.Attach(ctx, nobody, in, "a", "", io.LimitReader(zeros{}, 1<<20+1)); !fault.Is(err, fault.Limited) {
			t.Errorf("a file over the limit: %v", err)
		}
		must(t, w.S.Attach(ctx, nobody, in, "a", "", io.LimitReader(zeros{}, 1<<20)))
		must(t, w.S.Attach(ctx, nobody, in, "b", "", strings.NewReader("b")))
		if err := w.S.Attach(ctx, nobody, in, "c", "", strings.NewReader("c")); !fault.Is(err, fault.Invalid) {
			t.Errorf("a file too many: %v", err)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
