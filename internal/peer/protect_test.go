package peer_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/openpgp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/peer"
)

// signer is somebody's key.
type signer struct {
	t   testing.TB
	key *openpgp.Secret
	at  time.Time
	rng interface{ Read([]byte) (int, error) }
}

func (n *node) signer(name string) *signer {
	n.T.Helper()
	at := n.DB.Clock.Now().Add(-time.Hour)
	key, err := openpgp.NewSecret(openpgp.Owner{Name: name, Email: "x@example.org"}, at, n.DB.Clock)
	n.Must(err)
	return &signer{n.T, key, at, n.DB.Clock}
}

func (s *signer) cert() *openpgp.Cert {
	c, err := s.key.Cert()
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// sign signs as MISP does: without white space, in base64.
func (s *signer) sign(text string) string {
	g, err := s.key.Signing(s.at.Add(time.Minute), s.rng)
	if err != nil {
		s.t.Fatal(err)
	}
	_, _ = misp.Bare(g).Write([]byte(text))
	b, err := g.End()
	if err != nil {
		s.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)
}

func listedKeys(list ...*signer) string {
	var parts []string
	for i, s := range list {
		parts = append(parts, fmt.Sprintf(`{"uuid":"5f000000-0000-4000-8000-%012d","type":"pgp","key_data":%q,"fingerprint":%q}`, i, s.cert().Armored, s.cert().Fingerprint))
	}
	return `"CryptographicKey":[` + strings.Join(parts, ",") + `],`
}

// Versions of a protected event are taken from who signs them with a key that the event
// lists, as it stands here; the first one with a key that it brings itself (spec misp §5.1).
func TestSpec51ProtectedEvents(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, p peer.Peer) {
		good, other := n.signer("good"), n.signer("other")
		at := 1_700_000_000
		body, signature := "", ""
		s.index = func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			listed(uuidA)(rec, r)
			fmt.Fprint(w, strings.ReplaceAll(rec.Body.String(), "1700000000", fmt.Sprint(at)))
		}
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) {
			if signature != "" {
				w.Header()[http.CanonicalHeaderKey("x-pgp-signature")] = []string{signature}
			}
			fmt.Fprint(w, body)
		}
		version := func(info, extra string) string {
			at += 100
			return strings.NewReplacer("1700000000", fmt.Sprint(at), `"info":"x"`, `"info":"`+info+`"`).Replace(doc(uuidA, extra))
		}
		refused := func(what, reason string) {
			t.Helper()
			run := n.pull(p, peer.Options{})
			if run.Counts.Reasons[reason] != 1 || run.Counts.Events.Refused != 1 {
				t.Errorf("%s: %+v, want %s", what, run.Counts, reason)
			}
		}
		many := make([]*signer, 0, 1000)
		for range 1000 {
			many = append(many, good)
		}
		huge := `"CryptographicKey":[{"type":"pgp","key_data":"` + strings.Repeat("A", 1<<20) + `"}],`
		for _, x := range []struct{ what, extra, by, reason string }{
			{"first, unsigned", `"protected":true,` + listedKeys(good), "", "peer.reason.unsigned"},
			{"first, by a stranger", `"protected":true,` + listedKeys(good), "other", "peer.reason.stranger"},
			{"first, no signature at all", `"protected":true,` + listedKeys(good), "junk", "peer.reason.forged"},
			{"first, a thousand keys", `"protected":true,` + listedKeys(many...), "good", "peer.reason.invalid"},
			{"first, a huge key", `"protected":true,` + huge, "good", "peer.reason.stranger"},
			{"first, no keys", `"protected":true,`, "good", "peer.reason.stranger"},
		} {
			body = version("x", x.extra)
			switch x.by {
			case "":
				signature = ""
			case "junk":
				signature = "AAAA"
			case "other":
				signature = other.sign(body)
			default:
				signature = good.sign(body)
			}
			refused(x.what, x.reason)
			if !n.gone(uuidA) {
				t.Fatalf("%s: it is here", x.what)
			}
		}
		body = version("first", `"protected":true,`+listedKeys(good))
		signature = good.sign(body)
		if run := n.pull(p, peer.Options{}); run.Counts.Events.Created != 1 {
			t.Fatalf("first: %+v", run.Counts)
		}
		for _, x := range []struct {
			what, extra string
			sign        func(string) string
			reason      string
		}{
			{"without a signature, unprotected", "", func(string) string { return "" }, "peer.reason.unsigned"},
			{"protection taken off, unsigned", `"protected":false,`, func(string) string { return "" }, "peer.reason.unsigned"},
			{"of other bytes", `"protected":true,` + listedKeys(good), func(b string) string { return good.sign(b + "x") }, "peer.reason.forged"},
			{"key swapped in the same edit", `"protected":true,` + listedKeys(other), other.sign, "peer.reason.stranger"},
		} {
			body = version("forged", x.extra)
			signature = x.sign(body)
			refused(x.what, x.reason)
			if n.has(uuidA).Info != "first" {
				t.Fatalf("%s: %q", x.what, n.has(uuidA).Info)
			}
		}
		body = version("second", `"protected":true,`+listedKeys(good, other))
		signature = good.sign(strings.ReplaceAll(body, ",", ", \n")) // layout does not count
		if run := n.pull(p, peer.Options{}); run.Counts.Events.Updated != 1 || n.has(uuidA).Info != "second" {
			t.Fatalf("second: %+v", run.Counts)
		}
		body = version("third", `"protected":true,`+listedKeys(other))
		signature = other.sign(body)
		if run := n.pull(p, peer.Options{}); run.Counts.Events.Updated != 1 {
			t.Errorf("by the key that the second version brought: %+v", run.Counts)
		}
		keys, err := n.Intel.EventKeys(ctx, ident.SystemPart("peer"), uuidA)
		n.Must(err)
		if len(keys) != 1 || keys[0].Fingerprint != other.cert().Fingerprint {
			t.Errorf("keys: %+v", keys)
		}
	})
}

// Two of ours: a protected event goes both ways, pulled and pushed, and comes whole; it
// stays where none of our keys is on its list, and where the other side is too old.
func TestProtectedBetweenTwo(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		p := here.knows(there, "there", peer.Flags{Pull: true})
		e := there.made(&misp.Event{Info: misp.T("Protected"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5)}})
		there.Must(there.Intel.SetProtected(ctx, there.Lead, e.UUID, 0, true, ""))
		there.Must(there.Intel.Publish(ctx, there.Lead, e.UUID))
		here.pull(p, peer.Options{})
		if !here.gone(e.UUID) {
			t.Fatal("without a key of the sender's it went out")
		}
		own, err := there.seal.Keys(ctx, there.Lead)
		there.Must(err)
		_, err = there.Intel.AddEventKey(ctx, there.Lead, e.UUID, own[0].Armored)
		there.Must(err)
		there.Must(there.Intel.Publish(ctx, there.Lead, e.UUID))
		if run := here.pull(p, peer.Options{}); run.Counts.Events.Created != 1 {
			t.Fatalf("pulled: %+v", run.Counts)
		}
		if got := here.has(e.UUID); !got.IsProtected() {
			t.Error("not protected here")
		}
		q := here.knows(there, "push", peer.Flags{Push: true})
		mine := here.made(&misp.Event{Info: misp.T("Mine"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "b.example.org", 5)}})
		here.Must(here.Intel.SetProtected(ctx, here.Lead, mine.UUID, 0, true, ""))
		here.Must(here.Intel.Publish(ctx, here.Lead, mine.UUID))
		run, err := here.Peers.PushTo(ctx, here.Lead, q.UUID, peer.Options{})
		here.Must(err)
		if run.Counts.Reasons["peer.hold.seal"] != 2 || !there.gone(mine.UUID) {
			t.Fatalf("without our key: %+v", run.Counts)
		}
		own, err = here.seal.Keys(ctx, here.Lead)
		here.Must(err)
		_, err = here.Intel.AddEventKey(ctx, here.Lead, mine.UUID, own[0].Armored)
		here.Must(err)
		here.Must(here.Intel.Publish(ctx, here.Lead, mine.UUID))
		run, err = here.Peers.PushTo(ctx, here.Lead, q.UUID, peer.Options{})
		here.Must(err)
		if run.Counts.Events.Created != 1 || there.gone(mine.UUID) {
			t.Fatalf("pushed: %+v", run.Counts)
		}
		here.Must(here.seal.Rotate(ctx, here.Person(here.CERT, access.Admin, ident.Web)))
		mine = here.anew(mine)
		run, err = here.Peers.PushTo(ctx, here.Lead, q.UUID, peer.Options{})
		here.Must(err)
		if run.Counts.Events.Updated != 1 || there.has(mine.UUID).Info != mine.Info {
			t.Errorf("after a rotation, signed with the key that is listed: %+v", run.Counts)
		}
	})
}
