package accountcli

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/kernel/account"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

const bankUUID = "00000000-0000-7000-8000-000000000022"

// line runs a command as app does: flags may stand anywhere.
type line struct {
	t    *testing.T
	s    *account.Service
	cmds []cli.Command
}

func (l *line) run(stdin string, words ...string) (out map[string]any, all string, err error) {
	l.t.Helper()
	name := words[0] + " " + words[1]
	for _, c := range l.cmds {
		if c.Name != name {
			continue
		}
		fs := flag.NewFlagSet(name, flag.ContinueOnError)
		run := c.Flags(fs)
		var args []string
		for rest := words[2:]; len(rest) > 0; {
			if err := fs.Parse(rest); err != nil {
				l.t.Fatal(err)
			}
			if rest = fs.Args(); len(rest) > 0 {
				args, rest = append(args, rest[0]), rest[1:]
			}
		}
		var b, e bytes.Buffer
		env := &cli.Env{Who: ident.Actor{Kind: ident.Operator, Name: "root", Channel: ident.CLI}, In: strings.NewReader(stdin), Out: &b, Err: &e, JSON: true}
		err = run(context.Background(), env, args)
		if b.Len() > 0 {
			if jerr := json.Unmarshal([]byte(strings.SplitN(b.String(), "\n", 2)[0]), &out); jerr != nil {
				l.t.Fatalf("%s: %v in %q", name, jerr, b.String())
			}
		}
		return out, b.String(), err
	}
	l.t.Fatalf("no command %q", name)
	return nil, "", nil
}

func TestCommands(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		orgs := testkit.Orgs{22: {ID: 22, UUID: bankUUID, Name: "Banka"}}
		s := testkit.Accounts(t, db, orgs, account.Deps{})
		find := func(_ context.Context, name string) (int64, error) {
			o, err := orgs.FindOrgTx(context.Background(), nil, name)
			return o.ID, err
		}
		l := &line{t, s, Commands(s, find, now)}
		must := func(out map[string]any, _ string, err error) map[string]any {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return out
		}

		got := must(l.run("vetar 2026\nrest", "user", "add", "Ana@banka.rs", "--name", "Ana", "--role", "member", "--org", "Banka", "--password-stdin"))
		id := got["id"]
		want := map[string]any{"id": id, "email": "ana@banka.rs", "name": "Ana", "role": "member", "roles": []any{"member"},
			"org": map[string]any{"id": bankUUID, "name": "Banka"}, "state": "active", "second_factor": false, "invitation": nil}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if _, err := s.LogIn(context.Background(), account.From{}, "ana@banka.rs", "vetar 2026", ""); err != nil {
			t.Errorf("the password of standard input: %v", err)
		}
		got = must(l.run("", "user", "add", "bo@banka.rs", "--role", "member", "--org", bankUUID))
		if link, _ := got["invitation"].(string); got["state"] != "invited" || !strings.HasPrefix(link, "https://straza.test/invitation/") {
			t.Errorf("invited: %v", got)
		}
		if _, _, err := l.run("", "user", "add", "ANA@banka.rs", "--role", "member", "--org", "Banka"); !fault.Is(err, fault.Conflict) {
			t.Errorf("twice: %v", err)
		}
		if _, _, err := l.run("", "user", "add", "x@banka.rs", "--role", "member", "--org", "Nema"); fault.Of(err) == nil || fault.Of(err).Fields["org"] == "" {
			t.Errorf("unknown organisation: %v", err)
		}
		if _, all, err := l.run("", "user", "list"); err != nil || strings.Count(all, "\n") != 2 {
			t.Errorf("list: %q %v", all, err)
		}
		for _, c := range [][2]string{{"disable", "disabled"}, {"enable", "active"}, {"reset-second-factor", "active"}} {
			if got := must(l.run("", "user", c[0], "ana@banka.rs")); got["state"] != c[1] {
				t.Errorf("%s: %v", c[0], got)
			}
		}

		key := must(l.run("", "key", "add", "--user", "ana@banka.rs", "--name", "skripta", "--scope", "misp", "--read-only", "--expires", "90d", "--allow-ip", "192.0.2.0/24"))
		secret, _ := key["key"].(string)
		until := now.Now().AddDate(0, 0, 90).Format(time.RFC3339)
		wantKey := map[string]any{"id": key["id"], "key": secret, "prefix": secret[:4], "user": "ana@banka.rs", "name": "skripta", "scopes": []any{"misp"},
			"read_only": true, "expires": until, "allow_ip": []any{"192.0.2.0/24"}}
		if diff := cmp.Diff(wantKey, key); diff != "" {
			t.Error(diff)
		}
		from := account.From{Addr: netip.MustParseAddr("192.0.2.1")}
		if _, err := s.ByKey(context.Background(), secret, from); err != nil {
			t.Errorf("the printed key: %v", err)
		}
		listed := must(l.run("", "key", "list"))
		if _, shown := listed["key"]; shown || listed["last_used"] == nil || listed["revoked"] != nil {
			t.Errorf("key list: %v", listed)
		}
		must(l.run("", "key", "revoke", key["id"].(string)))
		if _, err := s.ByKey(context.Background(), secret, from); !account.IsUnauthenticated(err) {
			t.Errorf("revoked: %v", err)
		}
	})
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{"": "0001-01-01T00:00:00Z", "90d": "2027-02-20T07:00:00Z", "12h": "2026-11-22T19:00:00Z",
		"2027-01-31": "2027-01-31T00:00:00Z", "-3d": "error", "0d": "error", "soon": "error", "99999999d": "error"} {
		got, err := expiry(now, in)
		if err != nil && want != "error" || err == nil && got.Format(time.RFC3339) != want {
			t.Errorf("%q: %s, %v; want %s", in, got, err, want)
		}
	}
}
