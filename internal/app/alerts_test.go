package app

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/testkit"
)

// letterbox is a real SMTP server that keeps what comes.
type letterbox struct {
	mu  sync.Mutex
	got []mail.Received
}

func (b *letterbox) Receive(_ context.Context, r mail.Received) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, r)
	return nil
}

// take gives what has come since the last time.
func (b *letterbox) take() (out []mail.Received) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out, b.got = b.got, nil
	return out
}

// TestAlertsArrive is a person's own alert from its page to their letterbox: the filter
// with its rows and its line, at once, daily and weekly, titles by label in the clear and
// under the key that the person entered.
func TestAlertsArrive(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			database := ""
			if engine == "postgres" {
				database = testkit.PostgresURL(t)
			}
			ctx, stop := context.WithCancel(context.Background())
			t.Cleanup(stop)
			b := &letterbox{}
			addr, err := mail.Listen(ctx, "127.0.0.1:0", "banka.example", b)
			must(t, err)
			now := clock.NewMoved(time.Date(2026, 6, 3, 9, 0, 0, 0, time.UTC), 5) // a Wednesday, 11:00 in Belgrade
			w := newWorldOn(t, database, now, "mail", "smtp://"+addr.String(), "mail-from", "straza@cert.example")
			alertsArrive(t, w, now, b)
		})
	}
}

func alertsArrive(t *testing.T, w *world, now *clock.Moved, b *letterbox) {
	ctx := context.Background()
	p, lead := w.person("member", "Banka"), w.person("lead", "CERT A")
	alert := func(name, when string) {
		w.post(p, "/account/alerts/new", url.Values{"trigger": {"event.published"}, "name": {name}, "active": {"1"}, "join": {"any"},
			"test.0.fact": {"words"}, "test.0.op": {"has"}, "test.0.value": {"ЗЕБРА"}, "test.1.fact": {"tags"}, "test.1.op": {"has"}, "test.1.value": {"zebra"},
			"also": {"attributes < 2 and not (threat = \"low\")"}, "do.alert": {"1"}, "with.alert.when": {when}})
	}
	publish := func(info, tlp, threat string, n int) {
		attrs := `{"type":"domain","category":"Network activity","value":"x.example"}`
		if n > 1 {
			attrs += `,{"type":"domain","category":"Network activity","value":"y.example"}`
		}
		rec := w.withKey(lead.key, "POST", "/events/add", `{"Event":{"info":"`+info+`","distribution":"1","published":true,"threat_level_id":"`+threat+`","Tag":[{"name":"tlp:`+tlp+`"}],"Attribute":[`+attrs+`]}}`)
		var told struct{ Event struct{ ID string } }
		if err := json.Unmarshal(rec.Body.Bytes(), &told); err != nil || told.Event.ID == "" {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		must(t, w.h.runner.Drain(ctx))
	}
	must(t, w.h.runner.Drain(ctx))
	b.take()
	alert("at once", "now")
	publish("the zebra came", "green", "1", 1)
	publish("the zebra hides", "amber", "1", 1)
	publish("zebra but low", "green", "3", 1)
	publish("zebra but many", "green", "1", 2)
	publish("a horse", "green", "1", 1)
	got := b.take()
	all := ""
	for _, l := range got {
		if len(l.To) != 1 || !strings.EqualFold(l.To[0], p.who.Email) {
			t.Errorf("a letter to %v", l.To)
		}
		all += l.Subject + "\n" + l.Text
	}
	if len(got) != 2 || !strings.Contains(all, "the zebra came") || strings.Contains(all, "hides") || strings.Count(all, "/portal/events/") != 2 {
		t.Fatalf("%d letters: %s", len(got), all)
	}

	// Under the person's key a title up to AMBER+STRICT stands in the letter.
	e, err := openpgp.NewEntity("p", "", p.who.Email, &packet.Config{Time: now.Now, Algorithm: packet.PubKeyAlgoEdDSA})
	must(t, err)
	self, err := w.h.Accounts.Resolve(ctx, p.who.Person, ident.CLI)
	must(t, err)
	_, err = w.h.Accounts.SetMailKey(ctx, self, publicOf(t, e))
	must(t, err)
	must(t, w.h.runner.Drain(ctx))
	b.take()
	publish("the zebra hides again", "amber", "1", 1)
	if got = b.take(); len(got) != 1 || got[0].Subject != "..." || strings.Contains(got[0].Text, "zebra") || len(got[0].Files) != 2 {
		t.Fatalf("not encrypted: %+v", got)
	}
	block, err := armor.Decode(strings.NewReader(string(got[0].Files[1].Data)))
	must(t, err)
	m, err := openpgp.ReadMessage(block.Body, openpgp.EntityList{e}, nil, nil)
	must(t, err)
	if text, err := io.ReadAll(m.UnverifiedBody); err != nil || !strings.Contains(string(text), "the zebra hides again") {
		t.Errorf("%v: %s", err, text)
	}

	// Gathered ones come at seven of the next day, and on Monday.
	alert("each day", "daily")
	alert("each week", "weekly")
	publish("two zebra", "green", "1", 1)
	b.take()
	for day, want := range []int{1, 0, 0, 0, 1} { // Thursday … Monday
		now.Add(24 * time.Hour)
		must(t, w.h.runner.Tick(ctx))
		must(t, w.h.runner.Drain(ctx))
		n := 0
		for _, l := range b.take() {
			if l.Subject == "..." {
				n++
			}
		}
		if n != want {
			t.Errorf("day %d: %d letters, want %d", day, n, want)
		}
	}
}

func publicOf(t *testing.T, e *openpgp.Entity) string {
	t.Helper()
	var b strings.Builder
	out, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	must(t, err)
	must(t, e.Serialize(out))
	must(t, out.Close())
	return b.String()
}
