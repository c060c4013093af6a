package unseal

import (
	"archive/zip"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"testing"
	"time"

	"straza/internal/format/zipcrypto"
	"straza/internal/kernel/fault"
)

func unzip(t *testing.T, data []byte, name string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		if f.Name == name {
			r, err := zipcrypto.OpenFile(f, "infected", 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatalf("no %s in the archive", name)
	return nil
}

// authenticator is a passkey in software, as WebAuthn §6 describes one.
type authenticator struct {
	id    []byte
	key   *ecdsa.PrivateKey
	count uint32
}

func newAuthenticator(t *testing.T) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authenticator{id: make([]byte, 32), key: key}
	_, _ = rand.Read(a.id)
	return a
}

// cose is the public key as COSE_Key (RFC 9053 §7.1.1): EC2, ES256, P-256, x, y.
func (a *authenticator) cose(t *testing.T) []byte {
	t.Helper()
	pub, err := a.key.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		t.Fatal(err)
	}
	out := []byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}
	out = append(out, pub[1:33]...)
	return append(append(out, 0x22, 0x58, 0x20), pub[33:]...)
}

type assertion struct {
	nonce, origin, rp, kind string
	flags                   byte
}

const present, verified = 0x01, 0x04

func (a *authenticator) sign(t *testing.T, x assertion) []byte {
	t.Helper()
	client, _ := json.Marshal(map[string]any{"type": x.kind, "challenge": x.nonce, "origin": x.origin, "crossOrigin": false})
	rp := sha256.Sum256([]byte(x.rp))
	data := binary.BigEndian.AppendUint32(append(rp[:], x.flags), a.count)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(bytes.Clone(data), sum[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(map[string]any{"id": b64.EncodeToString(a.id), "rawId": b64.EncodeToString(a.id), "type": "public-key",
		"response": map[string]string{"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data), "signature": b64.EncodeToString(sig)}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPasskey(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	key, other := newAuthenticator(t), newAuthenticator(t)
	if _, err := st.c.Enrol(ctx, Enrolment{Email: ana, Passkey: &Passkey{ID: key.id, PublicKey: key.cose(t)}}); err != nil {
		t.Fatal(err)
	}
	good := assertion{origin: origin, rp: "straza.test", kind: "webauthn.get", flags: present | verified}
	try := func(a *authenticator, email string, change func(*assertion)) error {
		t.Helper()
		c, err := st.c.Challenge(ctx, ana)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Credentials) != 1 || c.Credentials[0] != b64.EncodeToString(key.id) || c.RPID != "straza.test" {
			t.Fatalf("challenge %+v", c)
		}
		x := good
		x.nonce = c.Nonce
		change(&x)
		_, err = st.c.Prove(ctx, Proof{Email: email, Challenge: c.ID, Assertion: a.sign(t, x)})
		return err
	}
	nothing := func(*assertion) {}
	for _, c := range []struct {
		name   string
		a      *authenticator
		email  string
		change func(*assertion)
		ok     bool
	}{
		{"right", key, ana, nothing, true},
		{"another key", other, ana, nothing, false},
		{"another key with this id", &authenticator{id: key.id, key: other.key}, ana, nothing, false},
		{"no user verification", key, ana, func(x *assertion) { x.flags = present }, false},
		{"nobody present", key, ana, func(x *assertion) { x.flags = verified }, false},
		{"another origin", key, ana, func(x *assertion) { x.origin = "https://straza.evil" }, false},
		{"http origin", key, ana, func(x *assertion) { x.origin = "http://straza.test" }, false},
		{"another domain's key", key, ana, func(x *assertion) { x.rp = "evil" }, false},
		{"a registration", key, ana, func(x *assertion) { x.kind = "webauthn.create" }, false},
		{"another nonce", key, ana, func(x *assertion) { x.nonce = b64.EncodeToString(make([]byte, 32)) }, false},
		{"another person's challenge", key, boris, nothing, false},
		{"right again", key, ana, nothing, true},
	} {
		if err := try(c.a, c.email, c.change); (err == nil) != c.ok || err != nil && !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Limited) {
			t.Errorf("%s: %v", c.name, err)
		}
		st.move(lockTime) // wrong ones must not lock the next case
	}
}

func TestPasskeyReplayAndAge(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	key := newAuthenticator(t)
	key.count = 5
	if _, err := st.c.Enrol(ctx, Enrolment{Email: ana, Passkey: &Passkey{ID: key.id, PublicKey: key.cose(t), SignCount: 4}}); err != nil {
		t.Fatal(err)
	}
	proof := func(wait time.Duration) Proof {
		t.Helper()
		c, err := st.c.Challenge(ctx, ana)
		if err != nil {
			t.Fatal(err)
		}
		st.move(wait)
		return Proof{Email: ana, Challenge: c.ID, Assertion: key.sign(t, assertion{c.Nonce, origin, "straza.test", "webauthn.get", present | verified})}
	}
	p := proof(0)
	if _, err := st.c.Prove(ctx, p); err != nil {
		t.Fatal(err)
	}
	if _, err := st.c.Prove(ctx, p); !fault.Is(err, fault.Denied) {
		t.Errorf("the same assertion twice: %v", err)
	}
	if _, err := st.c.Prove(ctx, proof(0)); !fault.Is(err, fault.Denied) {
		t.Errorf("the counter stood still, a copied key: %v", err)
	}
	key.count = 9
	if _, err := st.c.Prove(ctx, proof(challengeTime)); !fault.Is(err, fault.Denied) {
		t.Errorf("an old challenge: %v", err)
	}
	if _, err := st.c.Prove(ctx, proof(0)); err != nil {
		t.Errorf("a risen counter: %v", err)
	}
}

// A challenge is one person's and good once, also for keys that count nothing.
func TestChallengeIsPersonalAndSingle(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	keys := map[string]*authenticator{ana: newAuthenticator(t), boris: newAuthenticator(t)}
	session := ""
	sign := func(email, nonce string) []byte {
		return keys[email].sign(t, assertion{nonce, origin, "straza.test", "webauthn.get", present | verified})
	}
	for _, email := range []string{ana, boris} {
		if _, err := st.c.Enrol(ctx, Enrolment{Email: email, Session: session, Passkey: &Passkey{ID: keys[email].id, PublicKey: keys[email].cose(t)}}); err != nil {
			t.Fatal(err)
		}
		c, err := st.c.Challenge(ctx, email)
		if err != nil {
			t.Fatal(err)
		}
		p := Proof{Email: email, Challenge: c.ID, Assertion: sign(email, c.Nonce)}
		s, err := st.c.Prove(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		session = s.Token
		if _, err := st.c.Prove(ctx, p); !fault.Is(err, fault.Denied) {
			t.Errorf("%s: the same assertion twice: %v", email, err)
		}
	}
	c, err := st.c.Challenge(ctx, ana)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.c.Prove(ctx, Proof{Email: boris, Challenge: c.ID, Assertion: sign(boris, c.Nonce)}); !fault.Is(err, fault.Denied) {
		t.Errorf("another person's challenge: %v", err)
	}
}

// On localhost the port is free, on a real origin it is not.
func TestAcceptedOrigin(t *testing.T) {
	for _, c := range []struct {
		own, claimed string
		ok           bool
	}{
		{"http://localhost:8480", "http://localhost:8481", true},
		{"http://localhost:8480", "https://localhost:8480", false},
		{"http://localhost:8480", "http://localhost.evil:8480", false},
		{"http://localhost:8480", "http://x@localhost:8480", false},
		{"https://straza.test", "https://straza.test:8443", false},
		{"https://straza.test", "https://straza.test", true},
	} {
		st := newStage(t, func(cfg *Config) { cfg.Origin = c.own })
		if got := st.s.acceptedOrigin(c.claimed) == c.claimed; got != c.ok {
			t.Errorf("%s at %s: %v", c.claimed, c.own, got)
		}
	}
}

func TestChallengesAreBounded(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	for range maxChallenges {
		if _, err := st.s.Challenge(ctx, "x@y.z"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := st.s.Challenge(ctx, ana); !fault.Is(err, fault.Limited) {
		t.Errorf("over the bound: %v", err)
	}
	st.move(challengeTime)
	if _, err := st.s.Challenge(ctx, ana); err != nil {
		t.Errorf("after they aged: %v", err)
	}
}
