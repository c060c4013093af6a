package catalog

import (
	"testing"
)

func TestNoticeEntrySays(t *testing.T) {
	t.Parallel()
	byType := NoticeEntry{Scope: []string{"attribute"}, Field: []string{"type"}, Value: []string{"email-src", "phone-number"}}
	byCategory := NoticeEntry{Scope: []string{"event", "attribute"}, Field: []string{"category"}, Value: []string{"Person"}}
	for _, x := range []struct {
		e             NoticeEntry
		typ, category string
		want          bool
	}{
		{byType, "email-src", "Payload delivery", true}, {byType, "domain", "Network activity", false}, {byType, "Person", "email-src", false},
		{byCategory, "text", "Person", true}, {byCategory, "Person", "Other", false},
		{NoticeEntry{Scope: []string{"event"}, Field: []string{"type"}, Value: []string{"email-src"}}, "email-src", "", false},
		{NoticeEntry{Field: []string{"type"}, Value: []string{"email-src"}}, "email-src", "", true},
		{NoticeEntry{Scope: []string{"attribute"}}, "email-src", "", false},
	} {
		if got := x.e.says(x.typ, x.category); got != x.want {
			t.Errorf("%v says of %s/%s: %v", x.e, x.typ, x.category, got)
		}
	}
}

func TestNoticeTextByLanguage(t *testing.T) {
	t.Parallel()
	e := NoticeEntry{Message: map[string]string{"en": "E", "sr": "С", "de": "D"}}
	for lang, want := range map[string]string{"en": "E", "sr-Cyrl": "С", "sr-Latn": "С", "fr": "E"} {
		if got, _ := e.text(lang); got != want {
			t.Errorf("%s: %q", lang, got)
		}
	}
	if got, of := (NoticeEntry{Message: map[string]string{"nl": "N", "de": "D"}}).text("en"); got != "D" || of != "de" {
		t.Errorf("%q %q", got, of)
	}
	if got, _ := (NoticeEntry{}).text("en"); got != "" {
		t.Errorf("%q", got)
	}
}
