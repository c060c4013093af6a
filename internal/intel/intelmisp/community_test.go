package intelmisp

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"straza/internal/intel/remark"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// communityRing knows the keys that stand in the list of communities, as app's does.
type communityRing struct{ w *world }

func (r communityRing) MailKeyTx(ctx context.Context, tx *store.Tx, _ int64, address string) (mail.Key, bool, error) {
	return r.w.Remarks.CommunityKeyTx(ctx, tx, ident.SystemPart("postman"), address)
}

const (
	openCommunity   = "55f6ea5e-2c60-40e5-964f-47a8950d210f"
	sealedCommunity = "55f6ea5e-2c60-40e5-964f-47a8950d2100"
)

// armoredKey makes a key of an address that fits for an hour from now on.
func armoredKey(t *testing.T, now *clock.Moved) string {
	t.Helper()
	e, err := pgp.NewEntity("Заједница", "", "join@sealed.example", &packet.Config{Time: now.Now, Algorithm: packet.PubKeyAlgoEdDSA, KeyLifetimeSecs: 3600})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	a, err := armor.Encode(&b, pgp.PublicKeyType, nil)
	if err == nil {
		err = e.Serialize(a)
	}
	if err == nil {
		err = a.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCommunities: the list is this installation and those that an administrator keeps;
// a request to join is a letter to their address, shown only with mock, encrypted or not
// sent where the community has a key, bounded, and in the log.
func TestCommunities(t *testing.T) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		w.post.Use(communityRing{w})
		w.post.Sign(w.seal)
		w.joinable.List = []remark.Community{
			{UUID: openCommunity, Name: "Отворена", Org: "Савез", Email: "join@open.example", Lang: "sr-Cyrl"},
			{UUID: sealedCommunity, Name: "Sealed", Email: "join@sealed.example", Lang: "en", Key: armoredKey(t, now)},
		}
		var list []struct {
			ID                  int
			UUID, Name, OrgName string
			Email               string
		}
		got := w.ask("admin", "GET", "/communities/index", "")
		w.Must(json.Unmarshal([]byte(got.body), &list))
		if len(list) != 3 || list[0].ID != 1 || list[0].UUID == "" || list[2].UUID != sealedCommunity || list[2].ID != 3 || list[1].Email != "join@open.example" {
			t.Fatalf("%s", got.body)
		}
		if got := w.ask("admin", "GET", "/communities/index/value:сав", ""); strings.Count(got.body, `"uuid"`) != 2 || !strings.Contains(got.body, openCommunity) {
			t.Errorf("found: %s", got.body)
		}
		for _, ref := range []string{"2", openCommunity, strings.ToUpper(openCommunity)} {
			if got := w.ask("admin", "GET", "/communities/view/"+ref, ""); !strings.Contains(got.body, `"name":"Отворена"`) {
				t.Errorf("%s: %s", ref, got.body)
			}
		}
		for path, status := range map[string]int{"view/4": 404, "view/0": 404, "view/": 404, "requestAccess/4": 404, "requestAccess/1": 403} {
			method := map[bool]string{true: "POST", false: "GET"}[strings.HasPrefix(path, "req")]
			if got := w.ask("admin", method, "/communities/"+path, ""); got.status != status {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		w.joins(ctx, db, now)
	})
}

func (w *world) joins(ctx context.Context, db *store.DB, now *clock.Moved) {
	t := w.T
	const body = `{"org_name":"ЦЕРТ Алфа","org_uuid":null,"org_description":"опис","email":"mika@alfa.example","gpgkey":null,"message":"молба","anonymise":false,"sync":true,"mock":MOCK}`
	as := func(who, ref, mock string) answer {
		return w.ask(who, "POST", "/communities/requestAccess/"+ref, strings.Replace(body, "MOCK", mock, 1))
	}
	var shown struct{ Headers, Message string }
	got := as("admin", "2", "true")
	w.Must(json.Unmarshal([]byte(got.body), &shown))
	if !strings.Contains(shown.Headers, "To: join@open.example") || !strings.Contains(shown.Headers, "Reply-To: mika@alfa.example") || !strings.Contains(shown.Headers, "[Отворена]") {
		t.Errorf("head %q", shown.Headers)
	}
	for _, part := range []string{"ЦЕРТ Алфа", w.people["admin"].OrgUUID, "размене", "опис", "молба", w.url} {
		if !strings.Contains(shown.Message, part) {
			t.Errorf("no %q in %q", part, shown.Message)
		}
	}
	if n := len(w.letters()); n != 0 {
		t.Errorf("mock sent %d letters", n)
	}
	if got := as("admin", "2", "false"); got.status != http.StatusOK || !strings.Contains(got.body, `"message":"Request sent."`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := w.ask("admin", "POST", "/communities/requestAccess/"+sealedCommunity, `{"Server":{"anonymise":1,"email":"mika@alfa.example"}}`); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	w.Must(jobs.New(db, w.post.Jobs(), nil).Drain(ctx))
	list := w.letters()
	if len(list) != 2 {
		t.Fatalf("%d letters", len(list))
	}
	sealed, open := list[0], list[1]
	if open.To != "join@open.example" || open.Body != shown.Message || open.Under != "" || sealed.To != "join@sealed.example" || sealed.Under == "" || strings.Contains(sealed.Body, w.url) {
		t.Errorf("letters %+v", list)
	}
	for _, bad := range []string{`{"email":"none"}`, `{"gpgkey":"rubbish"}`, `{"message":"` + strings.Repeat("x", 5000) + `"}`} {
		if got := w.ask("admin", "POST", "/communities/requestAccess/2", bad); got.status != http.StatusForbidden || !strings.Contains(got.body, "could not be sent") {
			t.Errorf("%.20s: %d %s", bad, got.status, got.body)
		}
	}
	for _, who := range []string{"orgadmin", "user", "sync"} {
		if got := as(who, "2", "true"); got.status != http.StatusForbidden {
			t.Errorf("%s: %d", who, got.status)
		}
	}
	lines, err := testkit.Audit(db).Lines(ctx, w.people["admin"], audit.Filter{Kind: "community", Limit: 9})
	w.Must(err)
	if len(lines) != 2 || lines[1].Label != openCommunity || lines[1].Verb != "community.ask" {
		t.Errorf("log %+v", lines)
	}
	now.Add(2 * time.Hour) // the key expires: nothing goes in the clear instead
	if got := as("admin", "3", "false"); got.status != http.StatusForbidden || !strings.Contains(got.body, "has expired") {
		t.Errorf("expired: %d %s", got.status, got.body)
	}
	as("admin", "2", "0")
	if got := as("admin", "2", "0"); got.status != http.StatusTooManyRequests || len(w.letters()) != 3 {
		t.Errorf("the fourth of a day: %d, %d letters", got.status, len(w.letters()))
	}
	now.Add(23 * time.Hour)
	if got := as("admin", "2", "0"); got.status != http.StatusOK {
		t.Errorf("the next day: %d %s", got.status, got.body)
	}
}
