package incident_test

import (
	"io"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"straza/internal/craft/deadline"
	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// asked is a case of Ana's whose party owes an answer in two hours.
func asked(t *testing.T, w *incidenttest.World, now *clock.Moved) (number string, party string) {
	t.Helper()
	n := w.Open(t, w.Ana, "Упад у мрежу").Number
	must(t, second(w.S.Take(ctx, w.Ana, n)))
	party = w.Party(t, w.Ana, n, w.OrgA, "duty@elektromreza.example")
	must(t, second(w.S.SetParty(ctx, w.Ana, n, party, incident.PartyChange{State: incident.PartyTheirs, Subject: "Питање о упаду", Deadline: now.Now().Add(2 * time.Hour)})))
	must(t, second(w.S.Write(ctx, w.Ana, n, party, thread.Out, "Шта је искључено?")))
	w.Work(t)
	return n, party
}

// notices are the letters that tell the team of an answer.
func notices(t *testing.T, w *incidenttest.World) (out []mail.Letter) {
	t.Helper()
	all, err := w.Post.ListCaught(ctx, 0)
	must(t, err)
	for _, l := range all {
		if l.Purpose == "case" {
			out = append(out, l)
		}
	}
	return out
}

// tokenOf reads a thread's token where the party does: in its letter.
func tokenOf(t *testing.T, w *incidenttest.World) string {
	t.Helper()
	all, err := w.Post.ListCaught(ctx, 0)
	must(t, err)
	for _, l := range all {
		if local, _, ok := strings.Cut(strings.TrimPrefix(l.ReplyTo, "case+"), "@"); ok && l.Purpose == "thread" {
			return local
		}
	}
	t.Fatal("no letter to a party")
	return ""
}

func partyAt(t *testing.T, w *incidenttest.World, n string) (incident.File, incident.Party, deadline.Clock) {
	t.Helper()
	f, err := w.S.Read(ctx, w.Ana, n)
	must(t, err)
	for _, k := range f.Clocks {
		if k.Kind == "party" {
			return f, f.Parties[0], k
		}
	}
	return f, f.Parties[0], deadline.Clock{}
}

// sendAs posts a letter to the thread over real SMTP.
func sendAs(t *testing.T, w *incidenttest.World, token, from, body string) {
	t.Helper()
	addr, err := mail.Listen(t.Context(), "127.0.0.1:0", "cert.example", w.Threads)
	must(t, err)
	to := "case+" + token + "@cert.example"
	must(t, smtp.SendMail(addr.String(), nil, from, []string{to}, []byte("From: <"+from+">\r\nTo: <"+to+">\r\nMessage-ID: <"+from+"@x>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"+body+"\r\n")))
}

// TestAnswerIsOurTurn: each of the three ways in hands the turn to us, ends the clock
// when the answer came, and tells the lead once, without content.
func TestAnswerIsOurTurn(t *testing.T) {
	t.Parallel()
	ways := map[string]func(t *testing.T, w *incidenttest.World, party string, token string){
		"mail": func(t *testing.T, w *incidenttest.World, _ string, token string) {
			sendAs(t, w, token, "duty@elektromreza.example", "Тајни одговор")
		},
		"link": func(t *testing.T, w *incidenttest.World, _ string, token string) {
			must(t, w.S.AnswerByToken(ctx, ident.Nobody(ident.Web), token, "Тајни одговор", nil))
		},
		"portal": func(t *testing.T, w *incidenttest.World, party string, _ string) {
			must(t, w.S.AnswerOwn(ctx, w.Mila, party, "Тајни одговор", nil))
		},
	}
	for name, answer := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
				w := incidenttest.New(t, db)
				n, party := asked(t, w, now)
				now.Add(time.Hour)
				answer(t, w, party, tokenOf(t, w))
				came := clock.Micros(now.Now())
				now.Add(3 * time.Hour) // the job runs late; the party was not
				w.Work(t)
				f, p, k := partyAt(t, w, n)
				if p.State != incident.PartyOurs || p.Answered < came-1_000_000 || p.Answered > came || k.Done != p.Answered || !k.OnTime() {
					t.Fatalf("%+v\n%+v", p, k)
				}
				if f.Acts[0].Verb != "answered" || f.Acts[0].CanUndo || !f.Acts[0].Program || f.Acts[len(f.Acts)-1].Program {
					t.Fatalf("%+v", f.Acts[0])
				}
				ls := notices(t, w)
				if len(ls) != 1 || ls[0].To != w.Ana.Email || !strings.Contains(ls[0].Subject, n) || !strings.Contains(ls[0].Body, "/console/cases/"+n) ||
					strings.Contains(ls[0].Subject+ls[0].Body, "Тајни") || strings.Contains(ls[0].Subject+ls[0].Body, "Електро") {
					t.Fatalf("%+v", ls)
				}
				// Seen, it is our move until we reply.
				if f.Next.Key != "read" {
					t.Fatalf("next %q", f.Next.Key)
				}
				_, _, _, err := w.S.Thread(ctx, w.Ana, n, party)
				must(t, err)
				if f, _, _ = partyAt(t, w, n); f.Next.Key != "reply" || f.Next.Ref != party {
					t.Fatalf("next %+v", f.Next)
				}
				must(t, second(w.S.Write(ctx, w.Ana, n, party, thread.Out, "Хвала.")))
				if f, p, k = partyAt(t, w, n); f.Next.Key == "reply" || p.State != incident.PartyTheirs || !k.OnTime() {
					t.Fatalf("%+v %+v %+v", f.Next, p, k)
				}
				// Asked anew, the clock runs again.
				must(t, second(w.S.SetParty(ctx, w.Ana, n, party, incident.PartyChange{State: incident.PartyTheirs, Subject: "Питање", Deadline: now.Now().Add(time.Hour)})))
				if _, p, k = partyAt(t, w, n); p.Answered != 0 || k.Done != 0 {
					t.Fatalf("%+v %+v", p, k)
				}
				now.Add(2 * time.Hour)
				must(t, w.S.AnswerOwn(ctx, w.Mila, party, "Касно", nil))
				w.Work(t)
				if _, _, k = partyAt(t, w, n); k.Done == 0 || k.OnTime() {
					t.Fatalf("a late answer is on time: %+v", k)
				}
			})
		})
	}
}

// TestQuarantinedAnswerWaits: what lands in quarantine changes nothing until a person
// releases it; then it counts from when it came. Thrown away, it never counts.
func TestQuarantinedAnswerWaits(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := incidenttest.New(t, db)
		n, party := asked(t, w, now)
		now.Add(time.Hour)
		token := tokenOf(t, w)
		sendAs(t, w, token, "kolega@druga.example", "Пишем с друге адресе")
		sendAs(t, w, token, "napadac@zlo.example", "Вратите везу")
		now.Add(2 * time.Hour)
		w.Work(t)
		if _, p, k := partyAt(t, w, n); p.State != incident.PartyTheirs || p.Answered != 0 || k.Done != 0 || len(notices(t, w)) != 0 {
			t.Fatalf("the quarantine counts: %+v %+v", p, k)
		}
		_, _, ms, err := w.S.Thread(ctx, w.Ana, n, party)
		must(t, err)
		must(t, second(w.S.Decide(ctx, w.Ana, n, ms[2].UUID, false)))
		w.Work(t)
		if _, p, k := partyAt(t, w, n); p.Answered != 0 || k.Done != 0 || len(notices(t, w)) != 0 {
			t.Fatalf("what was thrown away counts: %+v", p)
		}
		must(t, second(w.S.Decide(ctx, w.Ana, n, ms[1].UUID, true)))
		w.Work(t)
		if _, p, k := partyAt(t, w, n); p.State != incident.PartyOurs || !k.OnTime() || len(notices(t, w)) != 1 {
			t.Fatalf("released, it came in time: %+v %+v", p, k)
		}
	})
}

// TestNoticeIsForWhoMayRead: the lead is told once a case and hour, and only while the
// lead's account and rights stand at that moment.
func TestNoticeIsForWhoMayRead(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := incidenttest.New(t, db)
		n, party := asked(t, w, now)
		answer := func(want int, why string) {
			t.Helper()
			must(t, w.S.AnswerOwn(ctx, w.Mila, party, "Још нешто", nil))
			w.Work(t)
			if got := len(notices(t, w)); got != want {
				t.Fatalf("%s: %d letters, want %d", why, got, want)
			}
		}
		answer(1, "the first")
		answer(1, "within the hour")
		now.Add(time.Hour)
		answer(2, "an hour later")
		now.Add(time.Hour)
		w.Gone = w.Ana.Person
		answer(2, "the account is closed")
		w.Gone = 0
		perms := w.Ana.Perms
		w.Ana.Perms = map[string]bool{"console.use": true}
		answer(2, "the right to read is gone")
		w.Ana.Perms = perms
		principals := w.Ana.Principals
		w.Ana.Principals = w.Mila.Principals
		answer(2, "left the team")
		w.Ana.Principals = principals
		must(t, second(w.S.Assign(ctx, w.Luka, n, 0, 0, "")))
		answer(2, "nobody leads")
		must(t, second(w.S.Take(ctx, w.Luka, n)))
		answer(3, "another lead")
		if ls := notices(t, w); ls[0].To != w.Luka.Email {
			t.Fatalf("the letter went to %s", ls[0].To)
		}
		// Who replies before the job runs has read it.
		now.Add(time.Hour)
		must(t, w.S.AnswerOwn(ctx, w.Mila, party, "Последње", nil))
		now.Add(time.Second)
		must(t, second(w.S.Write(ctx, w.Luka, n, party, thread.Out, "Хвала.")))
		w.Work(t)
		if _, p, _ := partyAt(t, w, n); p.State != incident.PartyTheirs || len(notices(t, w)) != 3 {
			t.Fatalf("answered already: %+v", p)
		}
	})
}

// TestAnswersPartIsNamed: without its policy row the part may do nothing.
func TestAnswersPartIsNamed(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		c := w.Open(t, w.Ana, "Случај")
		must(t, second(w.S.Edit(ctx, ident.SystemPart("answers"), c.Number, 0, incident.Patch{Impact: ptr("x")})))
		want(t, second(w.S.Edit(ctx, ident.SystemPart("answer"), c.Number, 0, incident.Patch{Impact: ptr("y")})), fault.NotFound)
		want(t, second(w.S.Edit(ctx, ident.SystemPart("postman"), c.Number, 0, incident.Patch{Impact: ptr("y")})), fault.Denied)
		_, err := w.S.Open(ctx, ident.SystemPart("answers"), incident.Draft{Title: "x"}, "")
		want(t, err, fault.Denied)
	})
}

// TestFilesOfLetters: a file goes with a letter, which only counts it; it is read
// behind the link and in the portal by that party alone, and while the label allows.
func TestFilesOfLetters(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := incidenttest.New(t, db)
		n, party := asked(t, w, now)
		take := func(who ident.Actor, name string) (thread.Attachment, error) {
			return w.S.Attach(ctx, who, n, name, strings.NewReader("садржај "+name))
		}
		_, err := take(w.Petar, "x")
		want(t, err, fault.NotFound)
		_, err = take(w.Mila, "x")
		want(t, err, fault.Denied)
		a, err := take(w.Ana, `..\tajna.pcap`)
		must(t, err)
		b, err := take(w.Ana, "lista.csv")
		must(t, err)
		must(t, second(w.S.Write(ctx, w.Ana, n, party, thread.Out, "Прилажемо траг.", a, b)))
		note, err := take(w.Ana, "interno.txt")
		must(t, err)
		must(t, second(w.S.Write(ctx, w.Ana, n, party, thread.Note, "интерно", note)))
		must(t, jobs.New(db, w.Post.Jobs(), nil).Drain(ctx))
		ls, err := w.Post.ListCaught(ctx, 0)
		must(t, err)
		if body := ls[0].Body; !strings.Contains(body, "2") || strings.Contains(body, "tajna") || strings.Contains(body, "lista") || strings.Contains(body, "Прилажемо") {
			t.Fatalf("the letter tells of its files: %q", body)
		}
		_, ms, err := w.S.OwnThread(ctx, w.Mila, party)
		must(t, err)
		files := ms[len(ms)-1].Files
		if len(files) != 2 || files[0].Name != "tajna.pcap" {
			t.Fatalf("%+v", files)
		}
		token := tokenOf(t, w)
		read := func(_ string, r io.ReadCloser, err error) error {
			if err != nil {
				return err
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if string(got) != "садржај ..\\tajna.pcap" {
				t.Errorf("read %q", got)
			}
			return err
		}
		must(t, read(w.S.FileByToken(ctx, ident.Nobody(ident.Web), token, files[0].UUID)))
		must(t, read(w.S.OwnFile(ctx, w.Mila, party, files[0].UUID)))
		want(t, read(w.S.OwnFile(ctx, w.Bora, party, files[0].UUID)), fault.NotFound)
		_, _, all, err := w.S.Thread(ctx, w.Ana, n, party)
		must(t, err)
		internal := all[len(all)-1].Files[0].UUID
		want(t, read(w.S.OwnFile(ctx, w.Mila, party, internal)), fault.NotFound)
		want(t, read(w.S.FileByToken(ctx, ident.Nobody(ident.Web), token, internal)), fault.NotFound)
		// Raised to RED, nothing more goes out and what went is no longer read.
		must(t, second(w.S.SetParty(ctx, w.Ana, n, party, incident.PartyChange{State: incident.PartyTheirs, Subject: "Питање", TLP: "RED"})))
		late, err := take(w.Ana, "kasno.txt")
		must(t, err)
		want(t, second(w.S.Write(ctx, w.Ana, n, party, thread.Out, "још", late)), fault.Invalid)
		want(t, read(w.S.FileByToken(ctx, ident.Nobody(ident.Web), token, files[0].UUID)), fault.NotFound)
		want(t, read(w.S.OwnFile(ctx, w.Mila, party, files[0].UUID)), fault.NotFound)
	})
}
