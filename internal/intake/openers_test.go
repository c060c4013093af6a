package intake_test

import (
	"testing"
	"time"

	"straza/internal/intake"
	"straza/internal/intake/intaketest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault/totp"
	"straza/internal/testkit"
)

// TestOpeners: somebody who may open lets a colleague in, who then proves themselves
// with the secret they were shown; who is taken off proves nothing any more.
func TestOpeners(t *testing.T) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := intaketest.New(t, db)
		ctx := t.Context()
		session := w.Session(t)
		rows, own, err := w.S.Openers(ctx, w.Ana)
		if err != nil || len(rows) != 2 || own != 0 || rows[0].Enrolled.IsZero() == rows[1].Enrolled.IsZero() {
			t.Fatalf("openers %+v, own %d, %v", rows, own, err)
		}
		var other intake.Colleague
		for _, r := range rows {
			if r.Enrolled.IsZero() {
				other = r.Colleague
			}
		}
		if _, err := w.S.EnrolOpener(ctx, w.Ana, session, "stranger@x.example"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a stranger is let in: %v", err)
		}
		if _, err := w.S.EnrolOpener(ctx, w.Ana, "no session", other.Email); err == nil {
			t.Error("let in without a session")
		}
		got, err := w.S.EnrolOpener(ctx, w.Ana, session, other.Email)
		if err != nil || got.Secret == "" {
			t.Fatal(got, err)
		}
		secret, err := totp.ParseSecret(got.Secret)
		if err != nil {
			t.Fatal(err)
		}
		luka := w.Luka
		prove := func() error {
			now.Add(time.Minute)
			_, err := w.S.Prove(ctx, luka, ident.CodeProof(totp.Code(secret, now.Now())))
			return err
		}
		if err := prove(); err != nil {
			t.Fatalf("who was let in cannot prove themselves: %v", err)
		}
		if _, err := w.S.Nonce(ctx, luka); !fault.Is(err, fault.Conflict) {
			t.Errorf("a nonce without a passkey: %v", err)
		}
		if err := w.S.RemoveOpener(ctx, w.Ana, session, other.Email); err != nil {
			t.Fatal(err)
		}
		if err := prove(); !fault.Is(err, fault.Denied) {
			t.Errorf("who was taken off proves themselves: %v", err)
		}
		if _, _, err := w.S.Openers(ctx, w.Mila); !fault.Is(err, fault.Denied) {
			t.Errorf("a member reads the list: %v", err)
		}
	})
}
