package incidentweb

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"straza/internal/craft/thread"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSealedLetterOnPages: the case's page says how a letter came and whose key signed it,
// to the team only; a letter in the clear says nothing.
func TestSealedLetterOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		v, ctx := newSite(t, db), context.Background()
		n := v.w.Open(t, v.w.Ana, "Упад").Number
		party := v.w.Party(t, v.w.Ana, n, v.w.OrgA, "duty@elektromreza.example")
		_, err := v.w.S.Write(ctx, v.w.Ana, n, party, thread.Out, "Питање")
		must(t, err)
		must(t, jobs.New(db, v.w.Post.Jobs(), nil).Drain(ctx))
		letters, err := v.w.Post.ListCaught(ctx, 0)
		must(t, err)
		conf := &packet.Config{Time: now.Now, Algorithm: packet.PubKeyAlgoEdDSA}
		e, err := pgp.NewEntity("Дежурни", "", "duty@elektromreza.example", conf)
		must(t, err)
		var key strings.Builder
		a, err := armor.Encode(&key, pgp.PublicKeyType, nil)
		must(t, err)
		must(t, e.Serialize(a))
		must(t, a.Close())
		ours, err := v.w.Seal.Keys(ctx, ident.Nobody(ident.Web))
		must(t, err)
		send := func(id string) {
			t.Helper()
			to, err := pgp.ReadArmoredKeyRing(strings.NewReader(ours[0].Armored))
			must(t, err)
			var b bytes.Buffer
			a, err := armor.Encode(&b, "PGP MESSAGE", nil)
			must(t, err)
			w, err := pgp.Encrypt(a, to, e, nil, conf)
			must(t, err)
			_, err = io.WriteString(w, "Дневник је чист.")
			must(t, err)
			must(t, w.Close())
			must(t, a.Close())
			r, err := mail.Parse(strings.NewReader("From: <duty@elektromreza.example>\r\nMessage-ID: <" + id + ">\r\n\r\n" + b.String()))
			must(t, err)
			r.To = []string{letters[0].ReplyTo}
			must(t, v.w.Threads.Receive(ctx, r))
		}
		now.Add(time.Hour)
		at := base + "/" + n
		if strings.Contains(v.shows("ana", at, 200), "encrypted.") {
			t.Error("a letter in the clear is said to be encrypted")
		}
		send("1@x")
		v.shows("ana", at, 200, "It came encrypted.", "The key that signed it is not known for this address.", "Дневник је чист.")
		_, err = v.w.Registry.SetLetterKey(ctx, v.w.Luka, "duty@elektromreza.example", key.String())
		must(t, err)
		send("2@x")
		v.shows("ana", at, 200, "The signature is good, by the sender's key.", "letter.eml")
		link := strings.TrimSpace(letters[0].Body[strings.Index(letters[0].Body, "/thread/"):])
		if strings.Contains(v.shows("", "/en"+link, 200, "Дневник је чист."), "signature") {
			t.Error("the party is told which keys the team keeps")
		}
	})
}
