package account_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
)

// device is an authenticator in software: one ES256 key, a counter, and the
// origin that its browser would report.
type device struct {
	t       *testing.T
	key     *ecdsa.PrivateKey
	id      []byte
	handle  []byte
	counter uint32
	origin  string
	rp      string
}

func newDevice(t *testing.T) *device {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &device{t: t, key: key, id: id, origin: "https://straza.test", rp: "straza.test"}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// cbor writes what registering needs: maps of small integers or texts.
func cborBytes(b []byte) []byte {
	if len(b) < 24 {
		return append([]byte{0x40 | byte(len(b))}, b...)
	}
	if len(b) < 256 {
		return append([]byte{0x58, byte(len(b))}, b...)
	}
	return append([]byte{0x59, byte(len(b) >> 8), byte(len(b))}, b...)
}

func cborText(s string) []byte { return append([]byte{0x60 | byte(len(s))}, s...) }

// authData is the authenticator data of WebAuthn §6.1: user present and verified.
func (d *device) authData(attested bool) []byte {
	sum := sha256.Sum256([]byte(d.rp))
	flags := byte(0x01 | 0x04)
	if attested {
		flags |= 0x40
	}
	out := append(sum[:], flags)
	d.counter++
	out = binary.BigEndian.AppendUint32(out, d.counter)
	if !attested {
		return out
	}
	out = append(out, make([]byte, 16)...) // AAGUID: unknown make
	out = binary.BigEndian.AppendUint16(out, uint16(len(d.id)))
	out = append(out, d.id...)
	x, y := make([]byte, 32), make([]byte, 32)
	d.key.X.FillBytes(x)
	d.key.Y.FillBytes(y)
	out = append(out, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21) // kty EC2, alg ES256, crv P-256, x
	out = append(append(out, cborBytes(x)...), 0x22)                  // y
	return append(out, cborBytes(y)...)
}

func (d *device) client(kind, challenge string) []byte {
	raw, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	if err != nil {
		d.t.Fatal(err)
	}
	return raw
}

// register answers navigator.credentials.create.
func (d *device) register(c account.Ceremony) []byte {
	var o struct {
		PublicKey struct {
			Challenge string `json:"challenge"`
			User      struct {
				ID string `json:"id"`
			} `json:"user"`
		} `json:"publicKey"`
	}
	if err := json.Unmarshal(c.Options, &o); err != nil {
		d.t.Fatal(err)
	}
	d.handle, _ = base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	object := append([]byte{0xa3}, cborText("fmt")...)
	object = append(append(object, cborText("none")...), cborText("attStmt")...)
	object = append(append(object, 0xa0), cborText("authData")...)
	object = append(object, cborBytes(d.authData(true))...)
	return d.answer(map[string]any{"clientDataJSON": b64(d.client("webauthn.create", o.PublicKey.Challenge)),
		"attestationObject": b64(object), "transports": []string{"internal"}})
}

// assert answers navigator.credentials.get.
func (d *device) assert(c account.Ceremony) []byte {
	var o struct {
		PublicKey struct {
			Challenge string `json:"challenge"`
		} `json:"publicKey"`
	}
	if err := json.Unmarshal(c.Options, &o); err != nil {
		d.t.Fatal(err)
	}
	client, auth := d.client("webauthn.get", o.PublicKey.Challenge), d.authData(false)
	ch := sha256.Sum256(client)
	sum := sha256.Sum256(append(auth[:len(auth):len(auth)], ch[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, d.key, sum[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(auth), "signature": b64(sig), "userHandle": b64(d.handle)})
}

func (d *device) answer(response map[string]any) []byte {
	raw, err := json.Marshal(map[string]any{"id": b64(d.id), "rawId": b64(d.id), "type": "public-key",
		"authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{}, "response": response})
	if err != nil {
		d.t.Fatal(err)
	}
	return raw
}

func TestPasskeys(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		a := h.who(h.logIn("ana@cert.rs", "").Token)
		d := newDevice(h.t)
		c, err := h.StartPasskey(ctx, a, account.PasskeyRegister)
		h.ok(err)
		in, codes, err := h.AddPasskey(ctx, a, c.Ticket, "Telefon", d.register(c))
		h.ok(err)
		if len(codes) != 10 || !h.who(in.Token).SecondFA {
			h.t.Errorf("%d recovery codes, second factor %t", len(codes), h.who(in.Token).SecondFA)
		}
		a = h.who(in.Token)
		if half := h.logIn("ana@cert.rs", ""); !half.Second {
			h.t.Error("a passkey is a second factor: the password alone must not open")
		}

		start := func(purpose string) account.Ceremony {
			h.t.Helper()
			c, err := h.StartPasskey(ctx, a, purpose)
			h.ok(err)
			return c
		}
		c = start(account.PasskeyLogIn)
		answer := d.assert(c)
		full, err := h.LogInPasskey(ctx, home, c.Ticket, answer)
		h.ok(err)
		if who := h.who(full.Token); who.Email != "ana@cert.rs" || !who.SecondFA {
			h.t.Errorf("by passkey: %+v", who)
		}
		_, err = h.LogInPasskey(ctx, home, c.Ticket, answer)
		h.fails(err, fault.Denied, "account.refused") // the same answer twice

		a = h.who(full.Token)
		h.now.Add(11 * time.Minute)
		c = start(account.PasskeyStepUp)
		up, err := h.StepUp(ctx, a, home, account.Proof{Passkey: d.assert(c), Ticket: c.Ticket})
		h.ok(err)
		a = h.who(up.Token)
		h.ok(h.Fresh(ctx, a))

		for name, spoil := range map[string]func(d *device) (string, []byte){
			"another origin": func(d *device) (string, []byte) {
				d.origin = "https://straza.example"
				c := start(account.PasskeyLogIn)
				return c.Ticket, d.assert(c)
			},
			"another relying party": func(d *device) (string, []byte) {
				d.rp = "evil.test"
				c := start(account.PasskeyLogIn)
				return c.Ticket, d.assert(c)
			},
			"another key": func(d *device) (string, []byte) {
				d.key = newDevice(h.t).key
				c := start(account.PasskeyLogIn)
				return c.Ticket, d.assert(c)
			},
			"a counter that went back": func(d *device) (string, []byte) {
				d.counter = 0
				c := start(account.PasskeyLogIn)
				return c.Ticket, d.assert(c)
			},
			"another purpose": func(d *device) (string, []byte) { c := start(account.PasskeyStepUp); return c.Ticket, d.assert(c) },
			"no ticket":       func(d *device) (string, []byte) { return "", d.assert(start(account.PasskeyLogIn)) },
			"rubbish":         func(*device) (string, []byte) { return start(account.PasskeyLogIn).Ticket, []byte(`{"id":1}`) },
			"too old": func(d *device) (string, []byte) {
				c := start(account.PasskeyLogIn)
				h.now.Add(6 * time.Minute)
				return c.Ticket, d.assert(c)
			},
		} {
			bad := *d
			ticket, answer := spoil(&bad)
			if _, err := h.LogInPasskey(ctx, home, ticket, answer); !fault.Is(err, fault.Denied) {
				h.t.Errorf("%s: %v, want refused", name, err)
			}
		}

		list, err := h.Passkeys(ctx, a)
		h.ok(err)
		if len(list) != 1 || list[0].Name != "Telefon" || list[0].LastUsed == 0 {
			h.t.Fatalf("passkeys: %+v", list)
		}
		_, err = h.Disable(ctx, setup, "ana@cert.rs")
		h.ok(err)
		c = start(account.PasskeyLogIn)
		_, err = h.LogInPasskey(ctx, home, c.Ticket, d.assert(c))
		h.fails(err, fault.Denied, "account.refused")
		_, err = h.Enable(ctx, setup, "ana@cert.rs")
		h.ok(err)
		c = start(account.PasskeyLogIn)
		in, err = h.LogInPasskey(ctx, home, c.Ticket, d.assert(c))
		h.ok(err)
		h.ok(h.RemovePasskey(ctx, h.who(in.Token), list[0].UUID))
		h.fails(h.RemovePasskey(ctx, h.who(in.Token), list[0].UUID), fault.NotFound, "")
		c = start(account.PasskeyLogIn)
		_, err = h.LogInPasskey(ctx, home, c.Ticket, d.assert(c))
		h.fails(err, fault.Denied, "account.refused")
	})
}
