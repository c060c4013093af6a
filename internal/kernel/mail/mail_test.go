package mail_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// box is the receiving room of the tests, behind a real SMTP server.
type box struct {
	mu   sync.Mutex
	got  []mail.Received
	fail error
}

func (b *box) Receive(_ context.Context, r mail.Received) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	b.got = append(b.got, r)
	return nil
}

func serve(t *testing.T, b *box) mail.Server {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	addr, err := mail.Listen(ctx, "127.0.0.1:0", "cert.example", b)
	must(t, err)
	s, err := mail.ParseSMTP("smtp://" + addr.String())
	must(t, err)
	return s
}

func queue(t *testing.T, db *store.DB, p *mail.Post, l mail.Letter) error {
	t.Helper()
	return db.Update(context.Background(), func(tx *store.Tx) error {
		_, err := p.QueueTx(context.Background(), tx, l)
		return err
	})
}

func TestLetterGoesThroughRealSMTP(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		b := &box{}
		p := mail.New(db, serve(t, b), "Straža <straza@cert.example>")
		r := jobs.New(db, p.Jobs(), nil)
		must(t, queue(t, db, p, mail.Letter{To: "ana@cert.example", Subject: "Пријава P-2026-000001", Body: "Отворите везу.\n", Lang: "sr-Cyrl",
			ReplyTo: "case+abc@cert.example"}))
		must(t, r.Drain(context.Background()))
		if len(b.got) != 1 {
			t.Fatalf("%d letters arrived", len(b.got))
		}
		got := b.got[0]
		if got.Subject != "Пријава P-2026-000001" || strings.TrimSpace(got.Text) != "Отворите везу." || got.To[0] != "ana@cert.example" || !got.Auto {
			t.Errorf("%+v", got)
		}
	})
}

func TestServerDownKeepsTheLetter(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		b := &box{fail: fault.New(fault.Unavailable, "the disk is full")}
		p := mail.New(db, serve(t, b), "straza@cert.example")
		r := jobs.New(db, p.Jobs(), nil)
		must(t, queue(t, db, p, mail.Letter{To: "ana@cert.example", Subject: "s"}))
		must(t, r.Drain(ctx))
		b.mu.Lock()
		b.fail = nil
		b.mu.Unlock()
		now.Add(time.Hour)
		must(t, r.Drain(ctx))
		if len(b.got) != 1 {
			t.Errorf("%d letters after the server came back", len(b.got))
		}
	})
}

func TestRow28HeaderInjectionIsRefused(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	p := mail.New(db, nil, "straza@cert.example")
	for _, l := range []mail.Letter{
		{To: "a@b.example\r\nBcc: c@d.example"}, {To: "a@b.example, c@d.example"}, {To: "a@b.example", Subject: "x\nBcc: c@d.example"},
		{To: "a@b.example", ReplyTo: "x\r\ny"}, {To: ""}, {To: "not an address"},
	} {
		if err := queue(t, db, p, l); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", l, err)
		}
	}
}

func TestRow30OneRecipientIsNotBombed(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		p := mail.New(db, nil, "straza@cert.example")
		r := jobs.New(db, p.Jobs(), nil)
		for i := range 40 {
			must(t, queue(t, db, p, mail.Letter{To: "ana@cert.example", Subject: fmt.Sprint(i)}))
		}
		must(t, r.Drain(context.Background()))
		letters, err := p.ListCaught(context.Background(), 0)
		must(t, err)
		out := 0
		for _, l := range letters {
			if l.State == mail.Caught {
				out++
			}
		}
		if out != 30 {
			t.Errorf("%d letters within an hour, want 30", out)
		}
	})
}

func TestNoRelay(t *testing.T) {
	t.Parallel()
	b := &box{}
	s := serve(t, b)
	err := s.Deliver(context.Background(), "a@cert.example", mail.Letter{To: "victim@elsewhere.example", MessageID: "1@x", Subject: "s"})
	if !fault.Is(err, fault.Invalid) || len(b.got) != 0 {
		t.Errorf("relayed: %v, %d", err, len(b.got))
	}
}

// TestRow29BombsAreRefusedBeforeTheyGrow is row 29: letters that repeat, nest or wind
// their headers without end are read or refused quickly and in little memory.
func TestRow29BombsAreRefusedBeforeTheyGrow(t *testing.T) {
	many := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 10_000) + "--b--\r\n"
	if _, err := mail.Parse(strings.NewReader(many)); err == nil {
		t.Error("10,000 parts were taken")
	}
	nest := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		return b.String() + "Content-Type: text/plain\r\n\r\nx\r\n"
	}
	phrase := func(s string, n int) string {
		return "From: " + strings.Repeat(s, n) + " <a@b.example>\r\nSubject: x\r\n\r\ntext"
	}
	letters := map[string]string{
		"10,000 parts": many, "nested 5,000 deep": nest(5000), "nested with one boundary": strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 20_000),
		"letters in letters": strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 20_000), "a phrase of 200,000 words": phrase("a ", 200_000),
		"a phrase of quoted words": phrase(`"a" `, 100_000), "a phrase of encoded words": phrase("=?utf-8?q?a?= ", 50_000), "comments in comments": phrase("(", 100_000) + strings.Repeat(")", 100_000),
		"100,000 addresses": "From: " + strings.Repeat("a@b.example, ", 100_000) + "a@b.example\r\n\r\nx", "100,000 headers": strings.Repeat("X-A: b\r\n", 100_000) + "\r\nx",
		"a folded header": "Subject: " + strings.Repeat("a\r\n ", 200_000) + "\r\n\r\nx", "parameters": "Content-Type: text/plain" + strings.Repeat("; a*0=b", 100_000) + "\r\n\r\nx",
		"references": "In-Reply-To: " + strings.Repeat("<a@b> ", 100_000) + "\r\n\r\nx", "a long boundary": "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 1<<20) + "\r\n\r\nx",
		"dashes": "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--", 4<<20), "base64 without end": "Content-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("QUFB", 4<<20),
		"quoted-printable": "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("=\r\n", 4<<20), "thousands of files": "Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
			strings.Repeat("--b\r\nContent-Disposition: attachment; filename=x\r\n\r\ny\r\n", 5000) + "--b--"}
	for name, letter := range letters {
		start := time.Now()
		in, err := mail.Parse(strings.NewReader(letter))
		if took := time.Since(start); took > 4*time.Second { // two on a quiet machine
			t.Errorf("%s took %v", name, took)
		} else {
			t.Logf("%-26s %8v taken=%t", name, took.Round(time.Microsecond), err == nil)
		}
		if len(in.Text) > 1<<20+10 || len(in.Files) > 20 {
			t.Errorf("%s: %d bytes of text, %d files", name, len(in.Text), len(in.Files))
		}
	}
}

// tap passes a connection to a mail server on and keeps what was said to it.
func tap(t *testing.T, b *box) (mail.Server, func() string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	addr, err := mail.Listen(ctx, "127.0.0.1:0", "cert.example", b)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	var mu sync.Mutex
	var said bytes.Buffer
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", addr.String())
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, up); _ = c.Close() }()
			go func() {
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					mu.Lock()
					said.Write(buf[:n])
					mu.Unlock()
					_, _ = up.Write(buf[:n])
					if err != nil {
						_ = up.Close()
						return
					}
				}
			}()
		}
	}()
	s, err := mail.ParseSMTP("smtp://" + l.Addr().String())
	must(t, err)
	return s, func() string { mu.Lock(); defer mu.Unlock(); return said.String() }
}

// TestRow28RecipientsAreThoseIntended is row 28: whatever stands in any field of a letter,
// over real SMTP it goes to the one address it is for, and no header of the attacker's
// stands in it.
func TestRow28RecipientsAreThoseIntended(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		b := &box{}
		server, said := tap(t, b)
		p := mail.New(db, server, "Straža <straza@cert.example>")
		r := jobs.New(db, p.Jobs(), nil)
		breaks := []string{"\r\n", "\n", "\r", "\x00", "\u2028", "\u0085", "\v", "%0d%0a", "=0D=0A", "=?utf-8?q?=0D=0A?=", "\\r\\n", "\r\n\r\n", "\r\n.\r\n"}
		queued := 0
		for i, br := range breaks {
			evil := "x" + br + "Bcc: thief@evil.example" + br + "RCPT TO:<thief@evil.example>" + br
			for field, l := range map[string]mail.Letter{
				"subject": {Subject: evil}, "body": {Subject: "s", Body: evil}, "dot": {Subject: "s", Body: br + "." + br + "MAIL FROM:<a@evil.example>" + br + "RCPT TO:<thief@evil.example>" + br + "DATA" + br},
				"lang": {Subject: "s", Lang: evil}, "reply": {Subject: "s", ReplyTo: "a@cert.example" + evil}, "in-reply": {Subject: "s", InReplyTo: evil}, "id": {Subject: "s", MessageID: evil}, "purpose": {Subject: "s", Purpose: evil},
			} {
				l.To = fmt.Sprintf("ana%d.%s@cert.example", i, field)
				if queue(t, db, p, l) == nil {
					queued++
				}
			}
			for _, to := range []string{"a@cert.example" + br + "thief@evil.example", "a@cert.example, thief@evil.example", "a@cert.example" + br, `"a` + br + `" <a@cert.example>`, "<a@cert.example><thief@evil.example>", "a@cert.example thief@evil.example", "group: thief@evil.example;", "a@cert.example;thief@evil.example", "a@cert.example%0aRCPT TO:<thief@evil.example>"} {
				if queue(t, db, p, mail.Letter{To: to, Subject: "s"}) == nil {
					queued++
				}
			}
		}
		must(t, r.Drain(ctx))
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, in := range b.got {
			if len(in.To) != 1 || !strings.HasSuffix(in.To[0], "@cert.example") || strings.Contains(in.To[0], "thief") {
				t.Errorf("a letter went to %v", in.To)
			}
		}
		if len(b.got) < len(breaks) {
			t.Fatalf("%d letters of %d arrived: this proves nothing", len(b.got), queued)
		}
		text := said()
		for _, forged := range []string{"\r\nBcc:", "\nBcc:", "\r\nRCPT TO:<thief", "\r\nMAIL FROM:<a@evil"} {
			for part := range strings.SplitSeq(text, "\r\nDATA\r\n") {
				head, _, _ := strings.Cut(part, "\r\n\r\n") // of a letter only its head; commands stand before the next DATA
				if strings.Contains(head, forged) {
					t.Errorf("%q was said to the server: %.300q", forged, head)
				}
			}
		}
		if n := strings.Count(text, "\r\nRCPT TO:<"); n < len(b.got) {
			t.Errorf("%d recipients named for %d letters", n, len(b.got))
		}
		t.Logf("%d letters over SMTP, each to its one recipient", len(b.got))
	})
}

func FuzzParse(f *testing.F) {
	f.Add("Subject: x\r\nFrom: a@b.example\r\n\r\ntext")
	f.Add("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment; filename=x\r\n\r\ny\r\n--b--")
	f.Fuzz(func(t *testing.T, s string) {
		in, err := mail.Parse(strings.NewReader(s))
		if err == nil && len(in.Files) > 20 {
			t.Error("too many files")
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
