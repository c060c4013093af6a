package incident_test

import (
	"bytes"
	"fmt"
	"io"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"straza/internal/craft/export"
	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

const canary = "канаринац7731"

// filled is a case of the first CERT with a canary in everything that can hold one,
// and OrgA as its party.
func filled(t *testing.T, w *incidenttest.World) (number string, party string) {
	t.Helper()
	n, err := w.S.Open(ctx, w.Ana, incident.Draft{Title: "Упад " + canary, Summary: canary, Orgs: []incident.Org{{ID: w.OrgA.ID, Name: w.OrgA.Name}}}, "")
	must(t, err)
	for _, err := range []error{
		second(w.S.AddTask(ctx, w.Ana, n, incident.TaskInput{Title: canary, Due: testkit.AsOf.Add(time.Hour)})),
		second(w.S.AddEntry(ctx, w.Ana, n, incident.EntryInput{Body: canary})),
		second(w.S.AddNote(ctx, w.Ana, n, canary)),
		second(w.S.AskMeasure(ctx, w.Ana, n, canary, canary)),
		second(w.S.AddEvidence(ctx, w.Ana, n, "log-"+canary, canary, strings.NewReader("dnevnik"))),
	} {
		must(t, err)
	}
	party = w.Party(t, w.Ana, n, w.OrgA, "duty@elektromreza.example")
	_, err = w.S.Write(ctx, w.Ana, n, party, thread.Note, "интерно "+canary)
	must(t, err)
	return n, party
}

func second[T any](_ T, err error) error { return err }

// doors are all reads of the Service, each giving what it shows as one text; a new
// read belongs here.
func doors(w *incidenttest.World, n string, party string) map[string]func(who ident.Actor) (string, error) {
	show := func(v any, err error) (string, error) { return fmt.Sprintf("%+v", v), err }
	listed := func(who ident.Actor, f incident.Filter) (string, error) {
		v, _, err := w.S.List(ctx, who, f, incident.Page{})
		return show(v, err)
	}
	return map[string]func(who ident.Actor) (string, error){
		"get":  func(who ident.Actor) (string, error) { return show(w.S.Get(ctx, who, n)) },
		"read": func(who ident.Actor) (string, error) { return show(w.S.Read(ctx, who, n)) },
		"a line": func(who ident.Actor) (string, error) {
			return show(w.S.ReadLines(ctx, who, n, incident.Lines{Kind: "note", Limit: 5}))
		},
		"neighbours": func(who ident.Actor) (string, error) { return neighbours(w, who, n) },
		"history":    func(who ident.Actor) (string, error) { return show(w.S.History(ctx, who, n, 0)) },
		"revisions":  func(who ident.Actor) (string, error) { return show(w.S.Revisions(ctx, who, n, 0)) },
		"list":       func(who ident.Actor) (string, error) { return listed(who, incident.Filter{}) },
		"search":     func(who ident.Actor) (string, error) { return listed(who, incident.Filter{Query: "kanarinac7731"}) },
		"find": func(who ident.Actor) (string, error) {
			list, _, err := w.S.Find(ctx, who, "kanarinac7731", 20)
			return show(list, err)
		},
		"find letters": func(who ident.Actor) (string, error) {
			list, _, err := w.S.FindLetters(ctx, who, "kanarinac7731", 20)
			return show(list, err)
		},
		"by number": func(who ident.Actor) (string, error) { return listed(who, incident.Filter{Number: n[len(n)-3:]}) },
		"by org":    func(who ident.Actor) (string, error) { return listed(who, incident.Filter{Org: w.OrgA.ID}) },
		"by state":  func(who ident.Actor) (string, error) { return listed(who, incident.Filter{State: "open"}) },
		"count": func(who ident.Actor) (string, error) {
			k, _, err := w.S.Count(ctx, who, incident.Filter{Query: canary})
			return strings.Repeat(canary, int(k)), err
		},
		"export": func(who ident.Actor) (string, error) {
			var b strings.Builder
			begin := func(x export.Extent) error {
				if who.Kind != ident.Operator { // who may know how many there are
					b.WriteString(strings.Repeat(canary, int(x.Rows+x.Held)))
				}
				return nil
			}
			err := w.S.Export(ctx, who, incident.Filter{}, begin, func(c incident.Case) error { fmt.Fprintf(&b, "%+v", c); return nil })
			return b.String(), err
		},
		"overview": func(who ident.Actor) (string, error) {
			o, err := w.S.Overview(ctx, who)
			if err == nil && (o.OpenCases > 0 || len(o.Clocks) > 0 || o.Unread > 0) {
				return canary, nil
			}
			return "", err
		},
		"thread": func(who ident.Actor) (string, error) {
			_, _, ms, err := w.S.Thread(ctx, who, n, party)
			return show(ms, err)
		},
		"correspondence": func(who ident.Actor) (string, error) {
			ts, _, err := w.S.Correspondence(ctx, who, thread.Filter{}, thread.Page{})
			if len(ts) > 0 {
				return canary, err
			}
			return "", err
		},
		"threads counted": func(who ident.Actor) (string, error) {
			k, _, err := w.S.CountThreads(ctx, who, thread.Filter{})
			return strings.Repeat(canary, int(k)), err
		},
		"threads exported": func(who ident.Actor) (string, error) {
			var b strings.Builder
			begin := func(x export.Extent) error { b.WriteString(strings.Repeat(canary, int(x.Rows+x.Held))); return nil }
			err := w.S.ExportThreads(ctx, who, thread.Filter{}, begin, func(t thread.Thread, _ string) error { fmt.Fprintf(&b, "%+v", t); return nil })
			return b.String(), err
		},
		"own thread": func(who ident.Actor) (string, error) {
			_, ms, err := w.S.OwnThread(ctx, who, party)
			return show(ms, err)
		},
		"for org": func(who ident.Actor) (string, error) { return show(w.S.ForOrg(ctx, who)) },
		"who sees": func(who ident.Actor) (string, error) {
			p, err := w.S.WhoSees(ctx, who, n)
			if len(p) > 0 {
				return canary, err
			}
			return "", err
		},
		"cases of a report": func(who ident.Actor) (string, error) {
			return show(w.S.CasesOf(ctx, who, incident.LinkReport, 42))
		},
		"handover": func(who ident.Actor) (string, error) { return show(w.S.Handover(ctx, who)) },
		"extract": func(who ident.Actor) (string, error) {
			_, _, err := w.S.Extract(ctx, who, n, "198.51.100.24")
			if err == nil {
				return canary, nil
			}
			return "", err
		},
	}
}

// neighbours tells whether somebody is told of a case's; an operator sees numbers, as in every list.
func neighbours(w *incidenttest.World, who ident.Actor, n string) (string, error) {
	_, _, err := w.S.Neighbours(ctx, who, incident.Filter{}, n)
	if err == nil && who.Kind != ident.Operator {
		return canary, nil
	}
	return "", err
}

// TestNothingLeaks: two CERTs and three organisations; only the team of the case's
// CERT sees anything of it, its party sees the party's row and nothing else, and a
// withdrawn membership ends it at once.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n, party := filled(t, w)
		must(t, w.S.LeaveLine(ctx, w.Ana, canary))
		must(t, w.DB.Update(ctx, func(tx *store.Tx) error {
			return second(w.S.LinkReportTx(ctx, tx, w.Ana, n, 42, "P-2026-000042"))
		}))
		all := doors(w, n, party)
		teamOnly := func(name string) bool { return name != "own thread" && name != "for org" && name != "revisions" }
		for name, door := range all {
			got, err := door(w.Luka)
			if teamOnly(name) && (err != nil || !strings.Contains(got, canary)) {
				t.Errorf("%s: the test is blind, the team itself sees nothing: %v", name, err)
			}
			for _, who := range []ident.Actor{w.Vesna, w.Petar, w.Mila, w.Bora, w.Root, w.Operator, ident.Nobody(ident.Web)} {
				got, err := door(who)
				if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied) {
					t.Errorf("%s as %s: %v", name, who.Name, err)
				}
				if err == nil && strings.Contains(got, canary) {
					t.Errorf("%s leaks to %s: %s", name, who.Name, got)
				}
			}
		}
		mine, err := w.S.ForOrg(ctx, w.Mila)
		must(t, err)
		if len(mine) != 1 || mine[0].Number != n || mine[0].Subject == "" {
			t.Fatalf("the party does not see its own row: %+v", mine)
		}
		if theirs, err := w.S.ForOrg(ctx, w.Bora); err != nil || len(theirs) != 0 {
			t.Fatalf("another organisation sees a party: %v %v", theirs, err)
		}
	})
}

// TestRow01CrossWired: every act that names a part refuses a part of another case, as if
// it were not there; nothing changes. (The object changed is the object authorised.)
func TestRow01CrossWired(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Luka, "Наш").Number
		foreign, err := w.S.Open(ctx, w.Petar, incident.Draft{Title: "Туђ"}, "")
		must(t, err)
		task, err := w.S.AddTask(ctx, w.Petar, foreign, incident.TaskInput{Title: "туђ"})
		must(t, err)
		note, err := w.S.AddNote(ctx, w.Petar, foreign, "туђа")
		must(t, err)
		entry, err := w.S.AddEntry(ctx, w.Petar, foreign, incident.EntryInput{Body: "туђ"})
		must(t, err)
		measure, err := w.S.AskMeasure(ctx, w.Petar, foreign, "туђа", "")
		must(t, err)
		link, err := w.S.LinkOther(ctx, w.Petar, foreign, "cve", "CVE-2026-0001", "")
		must(t, err)
		org, err := w.S.AddOrg(ctx, w.Petar, foreign, w.OrgB.UUID)
		must(t, err)
		proof, err := w.S.AddEvidence(ctx, w.Petar, foreign, "a", "", strings.NewReader("x"))
		must(t, err)
		party := w.Party(t, w.Petar, foreign, w.OrgB, "b@example.test")
		for name, err := range map[string]error{
			"task edit":    second(w.S.EditTask(ctx, w.Luka, n, task.Object, incident.TaskInput{Title: "моје"})),
			"task done":    second(w.S.DoTask(ctx, w.Luka, n, task.Object, true)),
			"task drop":    second(w.S.DropTask(ctx, w.Luka, n, task.Object)),
			"note edit":    second(w.S.EditNote(ctx, w.Luka, n, note.Object, 0, "моје")),
			"note drop":    second(w.S.DropNote(ctx, w.Luka, n, note.Object)),
			"entry edit":   second(w.S.EditEntry(ctx, w.Luka, n, entry.Object, incident.EntryInput{Body: "моје"})),
			"entry drop":   second(w.S.DropEntry(ctx, w.Luka, n, entry.Object)),
			"measure":      second(w.S.MoveMeasure(ctx, w.Luka, n, measure.Object, incident.Active)),
			"unlink":       second(w.S.Unlink(ctx, w.Luka, n, link.Object)),
			"org":          second(w.S.DropOrg(ctx, w.Luka, n, org.Object)),
			"party":        second(w.S.SetParty(ctx, w.Luka, n, party, incident.PartyChange{State: incident.PartyDone, Subject: "моје"})),
			"write":        second(w.S.Write(ctx, w.Luka, n, party, thread.Out, "моје")),
			"hand over":    w.S.HandOver(ctx, w.Luka, n, proof.UUID, "мени"),
			"open":         w.S.OpenEvidence(ctx, w.Ana, n, proof.UUID, "s", "зато", io.Discard),
			"undo":         second(w.S.Undo(ctx, w.Luka, n, task.Act)),
			"split":        third(w.S.Split(ctx, w.Luka, n, 0, "крађа", incident.Parts{Tasks: []int64{task.Object}})),
			"foreign case": second(w.S.Edit(ctx, w.Luka, foreign, 0, incident.Patch{Title: ptr("моје")})),
			"foreign file": second2(w.S.File(ctx, w.Luka, n, "1")),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s of another case: %v", name, err)
			}
		}
		if err := second(w.S.Merge(ctx, w.Luka, n, 0, []string{foreign})); !fault.Is(err, fault.Invalid) {
			t.Errorf("merging a case one does not see: %v", err)
		}
		f, err := w.S.Read(ctx, w.Petar, foreign)
		must(t, err)
		if f.Tasks[0].Title != "туђ" || f.Tasks[0].DoneAt != 0 || len(f.Notes) != 1 || len(f.Links) != 1 || f.Measures[0].State != incident.Requested {
			t.Fatalf("something changed: %+v", f)
		}
	})
}

func third[A, B any](_ A, _ B, err error) error           { return err }
func second2[A, B, C any](_ A, _ B, _ C, err error) error { return err }

// TestEvidence: a canary in a file is in no byte that the web node keeps, and comes
// back only through the unsealing process, in an archive, with custody before it.
func TestEvidence(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Ana, "Случај").Number
		const secret = "tajna-evidencije-5561"
		d, err := w.S.AddEvidence(ctx, w.Ana, n, `..\..\gw2.log`, "дневник", strings.NewReader(secret))
		must(t, err)
		must(t, filepath.WalkDir(w.BlobFolder, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("the canary lies in %s", path)
			}
			return err
		}))
		if found := inDatabase(t, db, secret); found != "" {
			t.Errorf("the canary lies in the database: %s", found)
		}
		f, err := w.S.Read(ctx, w.Ana, n)
		must(t, err)
		v := f.Evidence[0]
		if v.Name != "gw2.log" || v.Label != "D-1" || v.Size != int64(len(secret)) || len(v.SHA256) != 64 || len(v.Custody) != 1 {
			t.Fatalf("%+v", v)
		}
		var out bytes.Buffer
		want(t, w.S.OpenEvidence(ctx, w.Luka, n, d.UUID, "no session", "зато", &out), fault.Denied)
		must(t, w.S.OpenEvidence(ctx, w.Ana, n, d.UUID, w.Session(t), "поређење", &out))
		if out.Len() == 0 || bytes.Contains(out.Bytes(), []byte(secret)) {
			t.Fatalf("an archive of %d bytes, plain=%v", out.Len(), bytes.Contains(out.Bytes(), []byte(secret)))
		}
		f, err = w.S.Read(ctx, w.Ana, n)
		must(t, err)
		if k := f.Evidence[0].Custody; len(k) != 3 || k[1].Act != "opened" || k[2].Detail != "поређење" {
			t.Fatalf("custody: %+v", k) // the refused try is in it as well
		}
		big := io.LimitReader(zeros{}, 101<<20)
		want(t, second(w.S.AddEvidence(ctx, w.Ana, n, "велика", "", big)), fault.Limited)
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// inDatabase looks for a text in the columns of this room and of blobs.
func inDatabase(t *testing.T, db *store.DB, s string) (where string) {
	t.Helper()
	must(t, db.View(ctx, func(tx *store.Tx) error {
		for _, q := range []string{`SELECT data FROM blob_chunk`, `SELECT name FROM incident_evidence`, `SELECT detail FROM incident_custody`, `SELECT changes FROM incident_act`, `SELECT detail FROM audit_line`} {
			rows, err := store.All(ctx, tx, func(r store.Scanner) (b []byte, err error) { err = r.Scan(&b); return }, q)
			if err != nil {
				return err
			}
			for _, b := range rows {
				if bytes.Contains(b, []byte(s)) {
					where = q
				}
			}
		}
		return nil
	}))
	return where
}

// TestForgedAnswer: real SMTP; the party's answer comes in by its token, a letter
// with the same token from anybody else lands in quarantine until a person decides.
func TestForgedAnswer(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Ana, "Случај").Number
		party := w.Party(t, w.Ana, n, w.OrgA, "duty@elektromreza.example")
		_, err := w.S.Write(ctx, w.Ana, n, party, thread.Out, "Тајни садржај писма")
		must(t, err)
		must(t, jobs.New(db, w.Post.Jobs(), nil).Drain(ctx))
		letters, err := w.Post.ListCaught(ctx, 0)
		must(t, err)
		l := letters[0]
		if strings.Contains(l.Body+l.Subject, "Тајни") || !strings.Contains(l.Subject, n) {
			t.Fatalf("a letter carries number and link only: %q %q", l.Subject, l.Body)
		}
		addr, err := mail.Listen(t.Context(), "127.0.0.1:0", "cert.example", w.Threads)
		must(t, err)
		send := func(from, id, body string) error {
			return smtp.SendMail(addr.String(), nil, from, []string{l.ReplyTo},
				[]byte("From: <"+from+">\r\nTo: <"+l.ReplyTo+">\r\nMessage-ID: <"+id+"@example>\r\nSubject: Re\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"+body+"\r\n"))
		}
		must(t, send("duty@elektromreza.example", "1", "Искључили смо га."))
		must(t, send("duty@elektromreza.example", "1", "Искључили смо га.")) // delivered twice
		must(t, send("napadac@zlo.example", "2", "Вратите везу одмах!"))
		if err := smtp.SendMail(addr.String(), nil, "a@b.example", []string{"case+" + strings.Repeat("0", 32) + "@cert.example"}, []byte("From: <a@b.example>\r\n\r\nx\r\n")); err == nil {
			t.Error("a letter to no thread was taken")
		}
		f, err := w.S.Read(ctx, w.Ana, n)
		must(t, err)
		if f.Parties[0].Unread != 2 || f.Next.Key != "read" {
			t.Fatalf("unread %d, next %q", f.Parties[0].Unread, f.Next.Key)
		}
		_, _, ms, err := w.S.Thread(ctx, w.Ana, n, party)
		must(t, err)
		if len(ms) != 3 || ms[1].Way != thread.In || ms[2].Way != thread.Quarantine {
			t.Fatalf("%+v", ms)
		}
		_, own, err := w.S.OwnThread(ctx, w.Mila, party)
		must(t, err)
		if len(own) != 2 {
			t.Fatalf("the party sees the quarantine: %+v", own)
		}
		want(t, second(w.S.Decide(ctx, w.Petar, n, ms[2].UUID, true)), fault.NotFound)
		must(t, second(w.S.Decide(ctx, w.Ana, n, ms[2].UUID, false)))
		if _, _, ms, err = w.S.Thread(ctx, w.Ana, n, party); err != nil || len(ms) != 2 {
			t.Fatalf("dropped, yet there: %v %+v", err, ms)
		}
		// The page behind the link, and an answer from there.
		link := l.Body[strings.LastIndex(l.Body, "/")+1:]
		page, err := w.S.ByToken(ctx, ident.Nobody(ident.Web), strings.TrimSpace(link))
		must(t, err)
		if page.Number != n || len(page.Messages) != 2 {
			t.Fatalf("%+v", page)
		}
		must(t, w.S.AnswerByToken(ctx, ident.Nobody(ident.Web), strings.TrimSpace(link), "Још нешто.", map[string]io.Reader{"gw2.log": strings.NewReader("x")}))
		want(t, second(w.S.ByToken(ctx, ident.Nobody(ident.Web), strings.Repeat("0", 32))), fault.NotFound)
	})
}

// TestShareObjects: a file name and hashes become one file object, a letter's sender,
// subject and link one e-mail object, with links back to the case; the label decides.
func TestShareObjects(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Ana, "Лажна пошиљка").Number
		people := testkit.Accounts(t, db, testkit.Orgs{w.First.ID: {ID: w.First.ID, UUID: w.First.UUID, Name: w.First.Name}, w.OrgA.ID: {ID: w.OrgA.ID, UUID: w.OrgA.UUID, Name: w.OrgA.Name}}, account.Deps{Keys: w.Vault})
		testkit.Person(t, people, account.NewPerson{Email: "ana@cert.example", Name: "Ана Налог", Org: w.First.ID, Roles: []string{access.Member}})
		testkit.Person(t, people, account.NewPerson{Email: "mila@a.example", Name: "Мила Налог", Org: w.OrgA.ID, Roles: []string{access.Member}})
		picks := incident.LetterHeaders("Шаље: Пошта <lazna@posiljka.example>\r\nПредмет: Ваш пакет\r\nReply-To: x@y.example\n\nOd: drugi@x.example")
		if len(picks) != 3 || picks[0].Value != "lazna@posiljka.example" || picks[1].Value != "Ваш пакет" {
			t.Fatalf("headers %+v", picks)
		}
		picks = append(picks, incident.Pick{Type: "url", Value: "http://posiljka-lazna.example/uplata", As: incident.ObjectEmail},
			incident.Pick{Type: "filename", Value: "racun.pdf.exe", As: incident.ObjectFile}, incident.Pick{Type: "md5", Value: "44d88612fea8a8f36de82e1278abb02f", As: incident.ObjectFile},
			incident.Pick{Type: "ip-dst", Value: "198.51.100.24"})
		sh := incident.Sharing{Distribution: intel.OwnOrg, TLP: "RED", Picks: picks}
		if r, err := w.S.ShareReaders(ctx, w.Ana, n, sh); err != nil || r.Count != 1 || r.People != 1 || len(r.ByOrg) != 1 || !slices.Equal(r.ByOrg[0].Names, []string{"Ана Налог"}) {
			t.Errorf("readers %+v, %v", r, err)
		}
		for who, want := range map[*ident.Actor]string{&w.Ana: "Мила Налог", &w.Bora: ""} { // other organisations' people are named to the team alone
			r, err := w.Intel.WhoSees(ctx, *who, intel.Community, 0, nil)
			must(t, err)
			i := slices.IndexFunc(r.ByOrg, func(o intel.OrgReaders) bool { return o.Org.ID == w.OrgA.ID })
			if got := i >= 0 && slices.Contains(r.ByOrg[i].Names, "Мила Налог"); got != (want != "") || r.People != 2 {
				t.Errorf("%s reads %+v", who.Name, r)
			}
		}
		sh.TLP, sh.Distribution = "AMBER+STRICT", intel.Community
		_, _, err := w.S.Share(ctx, w.Ana, n, sh)
		if e := fault.Of(err); e == nil || e.Fields["distribution"] == "" {
			t.Fatalf("AMBER+STRICT to all members: %v", err)
		}
		sh.TLP, sh.Publish = "AMBER", true
		_, _, err = w.S.Share(ctx, w.Ana, n, sh)
		if e := fault.Of(err); e == nil || e.Fields["sure"] == "" {
			t.Fatalf("AMBER to all members without asking: %v", err)
		}
		want(t, second(w.S.ShareReaders(ctx, w.Petar, n, sh)), fault.NotFound)
		sh.Sure = true
		_, out, err := w.S.Share(ctx, w.Ana, n, sh)
		must(t, err)
		if !out.Event.Published || len(out.Attributes) != 1 {
			t.Fatalf("%+v", out)
		}
		got := map[string][]string{}
		must(t, w.Intel.Objects(ctx, w.Mila, out.Event.UUID, intel.Part{}, func(o *intel.Object) error {
			for _, a := range o.Attributes {
				got[o.Name] = append(got[o.Name], a.Relation+" "+a.Value)
			}
			return nil
		}))
		for _, v := range got {
			slices.Sort(v)
		}
		if diff := cmp.Diff(map[string][]string{"file": {"filename racun.pdf.exe", "md5 44d88612fea8a8f36de82e1278abb02f"},
			"email": {"from lazna@posiljka.example", "reply-to x@y.example", "subject Ваш пакет", "url http://posiljka-lazna.example/uplata"}}, got); diff != "" {
			t.Error(diff)
		}
		_, _, err = w.S.Share(ctx, w.Ana, n, incident.Sharing{Distribution: intel.OwnOrg, TLP: "RED", Picks: []incident.Pick{{Type: "ip-dst", Value: "198.51.100.24", As: incident.ObjectFile}}})
		want(t, err, fault.Invalid)
		if cases, err := w.S.CasesOf(ctx, w.Ana, incident.LinkEvent, out.Event.ID); err != nil || len(cases) != 1 || cases[0].Number != n {
			t.Errorf("the way back: %+v, %v", cases, err)
		}
		if cases, err := w.S.CasesOf(ctx, w.Petar, incident.LinkEvent, out.Event.ID); err != nil || len(cases) != 0 {
			t.Errorf("another team sees the case behind the event: %+v, %v", cases, err)
		}
	})
}

func FuzzLetterHeaders(f *testing.F) {
	f.Add("From: a@b.example\nSubject: x")
	f.Add("Шаље: <<a@b>\x00")
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range incident.LetterHeaders(text) {
			if p.Value == "" || len(p.Value) > 1000 || !utf8.ValidString(p.Value) || strings.ContainsAny(p.Value, "\x00\n") {
				t.Errorf("header %q", p.Value)
			}
		}
	})
}

// TestShare: ticked indicators become attributes of an event in one transaction with
// links both ways; a refusal leaves nothing behind.
func TestShare(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Ana, "Капија 400").Number
		found, _, err := w.S.Extract(ctx, w.Ana, n, "веза ка 198.51.100[.]24 и hxxp://update-kapija[.]rs/a")
		must(t, err)
		if len(found) < 2 {
			t.Fatalf("found %+v", found)
		}
		var picks []incident.Pick
		for _, c := range found {
			picks = append(picks, incident.Pick{Type: c.Type, Category: c.Category, Value: c.Value, ToIDS: c.ToIDS})
		}
		d, out, err := w.S.Share(ctx, w.Ana, n, incident.Sharing{Distribution: intel.OwnOrg, Picks: picks})
		must(t, err)
		if len(out.Attributes) != len(picks) || d.Act == 0 {
			t.Fatalf("%+v", out)
		}
		events, attrs, err := w.S.Events(ctx, w.Luka, n)
		must(t, err)
		if len(events) != 1 || len(attrs) < len(picks) {
			t.Fatalf("no way back from the event: %v %v", events, attrs)
		}
		f, err := w.S.Read(ctx, w.Ana, n)
		must(t, err)
		if len(f.Links) != 1 || f.Links[0].Kind != incident.LinkEvent || f.Links[0].Ref != out.Event.ID {
			t.Fatalf("%+v", f.Links)
		}
		before := f.Version
		if _, _, err = w.S.Share(ctx, w.Ana, n, incident.Sharing{Event: "999999", Picks: picks}); err == nil {
			t.Fatal("shared into an event that is not there")
		}
		if c, _ := w.S.Get(ctx, w.Ana, n); c.Version != before {
			t.Fatal("a refused share left something behind")
		}
		if _, _, err = w.S.Share(ctx, w.Ana, n, incident.Sharing{Event: out.Event.Ref(), Picks: picks[:1]}); err != nil {
			t.Fatal(err)
		}
	})
}
