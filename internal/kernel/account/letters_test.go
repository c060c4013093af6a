package account_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"straza/internal/kernel/account"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// box keeps what would be queued.
type box struct{ out []mail.Letter }

func (b *box) QueueTx(_ context.Context, _ *store.Tx, l mail.Letter) (int64, error) {
	b.out = append(b.out, l)
	return 1, nil
}

var cyrillic = regexp.MustCompile(`\p{Cyrillic}`)

func TestLettersInThreeLanguages(t *testing.T) {
	cat, err := i18n.NewCatalog(account.Messages)
	if err != nil {
		t.Fatal(err)
	}
	b := &box{}
	m := account.Mail{Post: b, Catalog: cat, House: "Straža"}
	for _, kind := range []string{"invitation", "reset", "changed"} {
		for _, l := range i18n.Langs {
			if err := m.LetterTx(ctx, nil, account.Letter{Kind: kind, To: "a@b.rs", Name: "{link} {{.}} ${x}", Lang: string(l), Link: "https://straza.test/x"}); err != nil {
				t.Fatal(err)
			}
			got := b.out[len(b.out)-1]
			if !strings.Contains(got.Body, "https://straza.test/x") || !strings.Contains(got.Body, "{link} {{.}} ${x}") || got.Lang != string(l) || got.Subject == "" {
				t.Errorf("%s in %s: %+v", kind, l, got)
			}
			if cyrillic.MatchString(got.Body) != (l == i18n.SrCyrl) {
				t.Errorf("%s in %s: %q", kind, l, got.Body)
			}
		}
	}
	if len(cat.Missing()) > 0 {
		t.Errorf("missing: %v", cat.Missing())
	}
}

// TestEveryFaultHasWords: each message key in the sources is in the catalogue.
func TestEveryFaultHasWords(t *testing.T) {
	cat, err := i18n.NewCatalog(account.Messages)
	if err != nil {
		t.Fatal(err)
	}
	keys := testkit.Sources(t, ".", regexp.MustCompile(`"(account\.[a-z-]+)"`))
	if len(keys) < 20 {
		t.Fatalf("only %d keys found in the sources", len(keys))
	}
	notMessages := map[string]bool{"account.policy": true, "account.sweep": true, "account.forgot": true}
	for _, k := range keys {
		for _, l := range i18n.Langs {
			if !notMessages[k] && !cat.Has(l, k) {
				t.Errorf("%s has no words for %s", l, k)
			}
		}
	}
}
