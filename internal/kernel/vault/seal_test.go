package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"

	"straza/internal/kernel/fault"
)

// unsealer is the other side's keys, as the unsealing process holds them.
type unsealer struct{ team, recovery, postman *age.X25519Identity }

func meet(t testing.TB, v *Vault) unsealer {
	t.Helper()
	var u unsealer
	for _, id := range []**age.X25519Identity{&u.team, &u.recovery, &u.postman} {
		var err error
		if *id, err = age.GenerateX25519Identity(); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Trust(u.public()); err != nil {
		t.Fatal(err)
	}
	return u
}

func (u unsealer) public() Recipients {
	return Recipients{u.team.Recipient().String(), u.recovery.Recipient().String(), u.postman.Recipient().String()}
}

func seal(t testing.TB, v *Vault, l Label, sub string, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := v.SealReport(&b, l, sub)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(plain)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(r io.Reader, err error) (string, error) {
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), err
}

// One report on paper, the vault's half: who can read it and who cannot.
func TestSealedReportReaders(t *testing.T) {
	v := open(t, t.TempDir())
	u := meet(t, v)
	secret, _ := v.NewDraftSecret()
	code, err := v.DeriveCode(secret)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := v.NewSubmission(code)
	if err != nil {
		t.Fatal(err)
	}
	l := Label{KindReport, "0193b0a4-7c1e-7b3a-9d51-6f2f6f0e7a11"}
	box := seal(t, v, l, sub.Public, []byte("Примила сам чудну поруку."))
	for who, id := range map[string]age.Identity{"team": u.team, "recovery": u.recovery} {
		if s, err := read(OpenSealed(bytes.NewReader(box), l, id)); err != nil || s != "Примила сам чудну поруку." {
			t.Errorf("%s: %q, %v", who, s, err)
		}
	}
	if _, err := OpenSealed(bytes.NewReader(box), l, u.postman); !errors.Is(err, ErrSealBroken) {
		t.Errorf("the postman reads reports: %v", err)
	}
	typed, err := ParseCode(strings.ReplaceAll(code.Grouped(), " ", " - "))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := read(v.OpenWithCode(typed, sub, l, bytes.NewReader(box))); err != nil || !strings.HasPrefix(s, "Примила") {
		t.Errorf("with the code: %q, %v", s, err)
	}
	wrong, _ := v.DeriveCode(secret + "x")
	if _, err := v.OpenWithCode(wrong, sub, l, bytes.NewReader(box)); !errors.Is(err, ErrSealBroken) {
		t.Errorf("with a wrong code: %v", err)
	}
	if _, err := open(t, t.TempDir()).OpenWithCode(code, sub, l, bytes.NewReader(box)); !errors.Is(err, ErrSealBroken) {
		t.Errorf("the code without the vault: %v", err)
	}
	other, _ := v.NewSubmission(wrong)
	if _, err := v.OpenWithCode(wrong, Submission{sub.Public, other.Wrapped}, l, bytes.NewReader(box)); !errors.Is(err, ErrSealBroken) {
		t.Errorf("another submission's wrapped key: %v", err)
	}
}

// Sealed texts cannot change places: neither by swapping them whole nor by
// giving one another's label.
func TestSealedTextsCannotBeSwapped(t *testing.T) {
	v := open(t, t.TempDir())
	u := meet(t, v)
	labels := []Label{{KindReport, "a"}, {KindReport, "b"}, {KindIdentity, "a"}, {KindFile, "a.1"}, {KindFile, "a.2"}}
	boxes := make([][]byte, len(labels))
	for i, l := range labels {
		boxes[i] = seal(t, v, l, "", []byte("isti tekst"))
	}
	for i, want := range labels {
		for j := range labels {
			forged := append([]byte(want.line()), boxes[j][len(labels[j].line()):]...)
			for _, box := range [][]byte{boxes[j], forged} {
				if _, err := OpenSealed(bytes.NewReader(box), want, u.team); (err == nil) != (i == j) {
					t.Errorf("%v at the place of %v: %v", labels[j], want, err)
				}
			}
		}
	}
}

// The label outside is for everyone to see; it must not lie about what is inside.
func TestTheLabelOutsideCannotLie(t *testing.T) {
	v := open(t, t.TempDir())
	u := meet(t, v)
	a, b := Label{KindReport, "a"}, Label{KindReport, "b"}
	box := seal(t, v, a, "", []byte("x"))
	lying := append([]byte(b.line()), box[len(a.line()):]...)
	for _, want := range []Label{a, b} {
		if _, err := OpenSealed(bytes.NewReader(lying), want, u.team); !errors.Is(err, ErrSealBroken) {
			t.Errorf("asked for %v: %v", want, err)
		}
	}
}

// What the database keeps of a code must not be the key that it wraps with.
func TestTheLookupHashOpensNothing(t *testing.T) {
	v := open(t, t.TempDir())
	code, err := v.DeriveCode(strings.Repeat("s", 32))
	if err != nil {
		t.Fatal(err)
	}
	sub, err := v.NewSubmission(code)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := hex.DecodeString(v.Lookup(code))
	if err != nil || bytes.Equal(stored, v.codeKey(code)) {
		t.Fatalf("the look-up hash is the wrapping key, %v", err)
	}
	aead, err := chacha20poly1305.NewX(stored)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := aead.Open(nil, sub.Wrapped[:24], sub.Wrapped[24:], []byte(sub.Public)); err == nil {
		t.Error("the look-up hash opens the reporter's copy")
	}
}

func TestSealedAddress(t *testing.T) {
	v := open(t, t.TempDir())
	if _, err := v.SealAddress("r", "ana@example.rs"); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("before the unsealing process was met: %v", err)
	}
	u := meet(t, v)
	short, err := v.SealAddress("r", "a@b.rs")
	if err != nil {
		t.Fatal(err)
	}
	long, err := v.SealAddress("r", strings.Repeat("a", 60)+"@example.rs")
	if err != nil || len(short) != len(long) {
		t.Errorf("lengths %d and %d tell addresses apart, %v", len(short), len(long), err)
	}
	l := Label{KindAddress, "r"}
	if s, err := read(OpenSealed(bytes.NewReader(short), l, u.postman)); err != nil || strings.TrimRight(s, "\x00") != "a@b.rs" {
		t.Errorf("postman: %q, %v", s, err)
	}
	for who, id := range map[string]age.Identity{"team": u.team, "recovery": u.recovery} {
		if _, err := OpenSealed(bytes.NewReader(short), l, id); !errors.Is(err, ErrSealBroken) {
			t.Errorf("%s reads the postman's address: %v", who, err)
		}
	}
	for _, bad := range []string{"", "nobody", "a@b\r\nBcc: x@y", strings.Repeat("a", 400) + "@b"} {
		if _, err := v.SealAddress("r", bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func TestSealedStreamIsWholeOrAnError(t *testing.T) {
	v := open(t, t.TempDir())
	u := meet(t, v)
	l, plain := Label{KindFile, "f"}, make([]byte, 300_000)
	_, _ = rand.Read(plain)
	box := seal(t, v, l, "", plain)
	if s, err := read(OpenSealed(bytes.NewReader(box), l, u.team)); err != nil || s != string(plain) {
		t.Fatalf("%d bytes, %v", len(s), err)
	}
	for _, cut := range []int{0, 5, 40, 200, len(box) / 2, len(box) - 1} {
		if _, err := read(OpenSealed(bytes.NewReader(box[:cut]), l, u.team)); err == nil {
			t.Errorf("cut at %d: taken as whole", cut)
		}
	}
	for _, at := range []int{0, 20, 100, 400, len(box) - 1} {
		bad := bytes.Clone(box)
		bad[at] ^= 1
		if _, err := read(OpenSealed(bytes.NewReader(bad), l, u.team)); err == nil {
			t.Errorf("byte %d changed: taken", at)
		}
	}
}

func TestTrust(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	first := meet(t, v).public()
	if err := v.Trust(first); err != nil {
		t.Errorf("the same keys again: %v", err)
	}
	second := meet(t, open(t, t.TempDir())).public()
	if err := v.Trust(second); !fault.Is(err, fault.Conflict) || v.Recipients() != first {
		t.Errorf("other keys: %v", err)
	}
	if got := open(t, dir).Recipients(); got != first {
		t.Errorf("after a restart: %+v", got)
	}
	if err := v.Retrust(second); err != nil || open(t, dir).Recipients() != second {
		t.Errorf("operator's change: %v", err)
	}
	if err := open(t, t.TempDir()).Trust(Recipients{"age1x", "age1y", "age1z"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("no keys at all: %v", err)
	}
}

func FuzzReadLabel(f *testing.F) {
	f.Add([]byte("straza-sealed/1 report 0193b0a4-7c1e-7b3a-9d51-6f2f6f0e7a11\nage-encryption.org/v1\n"))
	f.Add([]byte("straza-sealed/1 report \n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, rest, err := ReadLabel(bytes.NewReader(data))
		if err != nil {
			return
		}
		body, err := io.ReadAll(rest)
		if err != nil || l.line()+string(body) != string(data) {
			t.Fatalf("%+v: label and rest are not what was read, %v", l, err)
		}
	})
}
