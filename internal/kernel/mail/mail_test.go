package mail_test

import (
	"context"
	"fmt"
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

func TestRow29BombsAreRefusedBeforeTheyGrow(t *testing.T) {
	t.Parallel()
	many := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 10_000) + "--b--\r\n"
	if _, err := mail.Parse(strings.NewReader(many)); err == nil {
		t.Error("10,000 parts were taken")
	}
	deep := strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 5000)
	start := time.Now()
	_, _ = mail.Parse(strings.NewReader(deep))
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("deep nesting took %v", took)
	}
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
