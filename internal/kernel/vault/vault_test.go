package vault

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"filippo.io/age"

	"straza/internal/kernel/fault"
)

func open(t testing.TB, dir string) *Vault {
	t.Helper()
	v, err := Open(dir, Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOpenCreatesOnceAndCloses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "keys")
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrNoKeys) {
		t.Fatalf("without Create: %v", err)
	}
	first := open(t, dir)
	again := open(t, dir)
	if !first.Created() || again.Created() {
		t.Errorf("created: %v then %v", first.Created(), again.Created())
	}
	if first.KeyCheck() != again.KeyCheck() {
		t.Error("the second start has other keys")
	}
	for path, want := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, filepath.Join(dir, keyFile): 0o600} {
		st, err := os.Stat(path)
		if err != nil || st.Mode() != want {
			t.Errorf("%s: mode %v, %v", filepath.Base(path), st.Mode(), err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTwoFirstStartsAgree(t *testing.T) {
	dir, checks := t.TempDir(), make([]string, 16)
	var wg sync.WaitGroup
	for i := range checks {
		wg.Go(func() {
			v, err := Open(dir, Options{Create: true})
			if err != nil {
				t.Error(err)
				return
			}
			checks[i] = v.KeyCheck()
		})
	}
	wg.Wait()
	for _, c := range checks {
		if c != checks[0] {
			t.Fatal("two first starts made two sets of keys")
		}
	}
}

func TestCheck(t *testing.T) {
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	stored := a.KeyCheck()
	if err := a.Check(stored); err != nil {
		t.Errorf("own keys: %v", err)
	}
	if err := b.Check(stored); !errors.Is(err, ErrWrongKeys) {
		t.Errorf("foreign keys: %v", err)
	}
	if err := a.Check(" "); !errors.Is(err, ErrWrongKeys) {
		t.Errorf("empty check: %v", err)
	}
	if _, err := a.Rotate(); err != nil {
		t.Fatal(err)
	}
	if err := a.Check(stored); err != nil {
		t.Errorf("after rotation: %v", err)
	}
	if err := a.Check(a.KeyCheck()); err != nil {
		t.Errorf("after rotation, new check: %v", err)
	}
	if err := os.Remove(filepath.Join(a.Dir(), keyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(a.Dir(), Options{}); !errors.Is(err, ErrNoKeys) {
		t.Errorf("removed keys: %v", err)
	}
}

func TestDamagedKeyFileIsRefused(t *testing.T) {
	good, err := newKeyring(bytes.NewReader(bytes.Repeat([]byte("k"), 96)), time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(good)), "\n")
	for name, data := range map[string]string{
		"empty":        "",
		"no field key": strings.Join(append(lines[:len(lines)-2:len(lines)-2], lines[len(lines)-1]), "\n"),
		"cut":          string(good[:len(good)-10]),
		"twice":        string(good) + lines[len(lines)-1],
		"unknown kind": string(good) + "future 1 " + strings.Fields(lines[len(lines)-1])[2],
		"version zero": string(good) + "field 0 " + strings.Fields(lines[len(lines)-1])[2],
		"short key":    string(good) + "field 2 AAAA",
	} {
		if _, err := parseKeyring([]byte(data)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := parseKeyring(good); err != nil {
		t.Errorf("good: %v", err)
	}
}

// Swap any two cells: refused. Every cell must open in its own place and nowhere else.
func TestCellsCannotBeSwapped(t *testing.T) {
	v := open(t, t.TempDir())
	var cells []Field
	for _, table := range []string{"intake_reporter", "account_factor"} {
		for _, column := range []string{"name", "seed"} {
			for _, row := range []int64{1, 2} {
				for _, org := range []int64{0, 7} {
					cells = append(cells, Field{table, column, row, org})
				}
			}
		}
	}
	cells = append(cells, Field{"intake_reporter/name", "", 1, 0}, Field{"intake_", "reportername", 1, 0})
	boxes := make([][]byte, len(cells))
	for i, c := range cells {
		var err error
		if boxes[i], err = v.Seal(c, []byte("isti tekst")); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range cells {
		for j := range cells {
			plain, err := v.Open(c, boxes[j])
			if i == j && (err != nil || string(plain) != "isti tekst") {
				t.Errorf("%v does not open in its own place: %v", c, err)
			}
			if i != j && !errors.Is(err, ErrSealBroken) {
				t.Errorf("cell of %v opens at %v: %v", cells[j], c, err)
			}
		}
	}
}

func TestDamagedCells(t *testing.T) {
	v, f := open(t, t.TempDir()), Field{"t", "c", 1, 2}
	box, err := v.Seal(f, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range box {
		bad := bytes.Clone(box)
		bad[i] ^= 1
		if _, err := v.Open(f, bad); !errors.Is(err, ErrSealBroken) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if _, err := v.Open(f, box[:i]); !errors.Is(err, ErrSealBroken) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	if _, err := open(t, t.TempDir()).Open(f, box); !errors.Is(err, ErrSealBroken) {
		t.Errorf("foreign keys: %v", err)
	}
	again, _ := v.Seal(f, []byte("x"))
	if bytes.Equal(again, box) {
		t.Error("the same text gives the same ciphertext")
	}
}

func TestRotate(t *testing.T) {
	dir := t.TempDir()
	v, f := open(t, dir), Field{"t", "c", 1, 0}
	old, err := v.Seal(f, []byte("staro"))
	if err != nil {
		t.Fatal(err)
	}
	code, _ := v.DeriveCode(strings.Repeat("s", 32))
	look, idx := v.Lookup(code), v.Index(BlindField{"t.e", NormalEmail}, "a@b.rs")
	if n, err := v.Rotate(); err != nil || n != 2 {
		t.Fatalf("rotate: %d, %v", n, err)
	}
	fresh, err := v.Seal(f, []byte("novo"))
	if err != nil {
		t.Fatal(err)
	}
	if !v.Stale(old) || v.Stale(fresh) {
		t.Errorf("stale: old %v, new %v", v.Stale(old), v.Stale(fresh))
	}
	for _, w := range []*Vault{v, open(t, dir)} { // the running one and the next start
		for box, want := range map[string]string{string(old): "staro", string(fresh): "novo"} {
			if plain, err := w.Open(f, []byte(box)); err != nil || string(plain) != want {
				t.Errorf("%q, %v; want %q", plain, err, want)
			}
		}
		if w.Lookup(code) != look || !bytes.Equal(w.Index(BlindField{"t.e", NormalEmail}, "a@b.rs"), idx) {
			t.Error("look-ups changed with the field key")
		}
	}
	fresh[4] = 1 // a cell of version 2 claims version 1
	if _, err := v.Open(f, fresh); !errors.Is(err, ErrSealBroken) {
		t.Errorf("version forged: %v", err)
	}
}

func TestVaultDoesNotPrintKeys(t *testing.T) {
	v := open(t, t.TempDir())
	code, _ := v.DeriveCode(strings.Repeat("s", 32))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, x := range []any{v, code, struct{ C Code }{code}} {
			out := fmt.Sprintf(verb, x)
			if strings.Contains(out, string(code)) || len(out) > 60 {
				t.Errorf("%s prints %.80s", verb, out)
			}
		}
	}
}

func TestBlindIndex(t *testing.T) {
	v := open(t, t.TempDir())
	mail, phone := BlindField{"intake_reporter.email", NormalEmail}, BlindField{"intake_reporter.phone", NormalPhone}
	for _, c := range []struct {
		f    BlindField
		a, b string
		same bool
	}{
		{mail, "Ana@Example.RS", " ana@example.rs ", true},
		{mail, "Ana Anić <ana@example.rs>", "ana@example.rs", true},
		{mail, "ａna@example.rs", "ana@example.rs", true},
		{mail, "ana@example.rs", "anа@example.rs", false}, // the second а is Cyrillic
		{phone, "011/123-4567", "+381 11 123 4567", true},
		{phone, "00381 11 123-4567", "381111234567", true},
		{phone, "+43 1 234", "01 234", false},
		{BlindField{"t.n", NormalText}, "Дом  Здравља\nБор", "дом здравља бор", true},
		{BlindField{"t.h", NormalExact}, "aa", "AA", false},
	} {
		if got := bytes.Equal(v.Index(c.f, c.a), v.Index(c.f, c.b)); got != c.same {
			t.Errorf("%s: %q and %q same: %v", c.f.Name, c.a, c.b, got)
		}
	}
	if v.Index(mail, "  ") != nil || v.Index(phone, "нема") != nil {
		t.Error("an absent value has an index")
	}
	other := BlindField{"account_person.email", NormalEmail}
	if bytes.Equal(v.Index(mail, "a@b.rs"), v.Index(other, "a@b.rs")) {
		t.Error("two columns share an index: dumps could be joined")
	}
	if bytes.Equal(v.Index(mail, "a@b.rs"), open(t, t.TempDir()).Index(mail, "a@b.rs")) {
		t.Error("two installations share an index")
	}
}

func TestMACAndTokenHash(t *testing.T) {
	v := open(t, t.TempDir())
	if bytes.Equal(v.MAC("audit", []byte("ab"), []byte("c")), v.MAC("audit", []byte("a"), []byte("bc"))) {
		t.Error("parts run together")
	}
	if bytes.Equal(v.MAC("audit", []byte("a")), v.MAC("mail", []byte("a"))) {
		t.Error("purposes share a key")
	}
	if a, b := v.TokenHash("session", "x"), v.TokenHash("key", "x"); a == b || len(a) != 64 {
		t.Errorf("token hashes %s %s", a, b)
	}
}

func TestSigner(t *testing.T) {
	dir := t.TempDir()
	signer, verifier, err := open(t, dir).Signer("straza.test/audit")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := note.Sign(&note.Note{Text: "checkpoint\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	ver, err := note.NewVerifier(verifier)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open(msg, note.VerifierList(ver)); err != nil {
		t.Errorf("own signature: %v", err)
	}
	if _, err := note.Open(bytes.Replace(msg, []byte("check"), []byte("cheek"), 1), note.VerifierList(ver)); err == nil {
		t.Error("a changed checkpoint verifies")
	}
	_, again, _ := open(t, dir).Signer("straza.test/audit")
	if diff := cmp.Diff(verifier, again); diff != "" {
		t.Error("the verifier changes with the start:", diff)
	}
	if _, _, err := open(t, dir).Signer("two words"); err == nil {
		t.Error("a name with a space was taken")
	}
}

func TestKeysBackup(t *testing.T) {
	from, pass := t.TempDir(), "четири речи за кључеве"
	keys, unseal := filepath.Join(from, "keys"), filepath.Join(from, "unseal")
	v := open(t, keys)
	if err := MakeDir(unseal); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"team.txt": "AGE-SECRET-KEY-1X", "unseal.log": "line", ".tmp": "half"} {
		if err := os.WriteFile(filepath.Join(unseal, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := backupKeys(&b, pass, 10, []KeySet{{"keys", keys}, {"unseal", unseal}}); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b.Bytes(), []byte("AGE-SECRET")) || bytes.Contains(b.Bytes(), []byte("field 1")) {
		t.Fatal("the backup is readable")
	}
	to := t.TempDir()
	sets := []KeySet{{"keys", filepath.Join(to, "keys")}, {"unseal", filepath.Join(to, "unseal")}}
	if _, err := RestoreKeys(bytes.NewReader(b.Bytes()), "погрешна лозинка", sets...); !fault.Is(err, fault.Invalid) {
		t.Fatalf("wrong passphrase: %v", err)
	}
	if _, err := RestoreKeys(bytes.NewReader(b.Bytes()[:b.Len()-20]), pass, sets...); err == nil {
		t.Fatal("a cut backup was taken")
	}
	if left, _ := os.ReadDir(to); len(left) != 0 {
		t.Fatal("a refused restore wrote something")
	}
	names, err := RestoreKeys(bytes.NewReader(b.Bytes()), pass, sets...)
	if err != nil || len(names) != 2 {
		t.Fatalf("%v, %v", names, err)
	}
	w, err := Open(sets[0].Dir, Options{})
	if err != nil || w.Check(v.KeyCheck()) != nil {
		t.Fatalf("restored keys: %v", err)
	}
	if _, err := RestoreKeys(bytes.NewReader(b.Bytes()), pass, sets...); err != nil {
		t.Errorf("again over the same: %v", err)
	}
	if _, err := RestoreKeys(bytes.NewReader(b.Bytes()), pass, KeySet{"keys", open(t, t.TempDir()).Dir()}, sets[1]); !fault.Is(err, fault.Conflict) {
		t.Errorf("over other keys: %v", err)
	}
	if err := BackupKeys(&b, "kratka", sets...); !fault.Is(err, fault.Invalid) {
		t.Errorf("short passphrase: %v", err)
	}
	if err := backupKeys(&b, pass, 10, []KeySet{{"keys", filepath.Join(to, "none")}}); !fault.Is(err, fault.NotFound) {
		t.Errorf("nothing to back up: %v", err)
	}
}

func FuzzParseKeyring(f *testing.F) {
	good, err := newKeyring(bytes.NewReader(bytes.Repeat([]byte("k"), 96)), time.Unix(0, 0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := parseKeyring(data)
		if err != nil {
			return
		}
		if len(k.fixed) != rootSize || len(k.field[k.newest]) != rootSize || len(k.sign.Seed()) != rootSize {
			t.Fatal("a keyring without all its keys was taken")
		}
	})
}

// TestRow10KeyBackupNames is row 10: an archive of keys that names anything but a plain
// file of one of the two folders is refused whole, before a byte is written.
func TestRow10KeyBackupNames(t *testing.T) {
	const pass = "četiri reči za ključeve"
	for _, h := range []tar.Header{
		{Name: "../evil", Typeflag: tar.TypeReg}, {Name: "keys/../../evil", Typeflag: tar.TypeReg}, {Name: "/etc/evil", Typeflag: tar.TypeReg}, {Name: "keys//evil", Typeflag: tar.TypeReg},
		{Name: `keys\..\evil`, Typeflag: tar.TypeReg}, {Name: "keys/.evil", Typeflag: tar.TypeReg}, {Name: "keys/evil\x00", Typeflag: tar.TypeReg}, {Name: "keys/sub/evil", Typeflag: tar.TypeReg},
		{Name: "other/evil", Typeflag: tar.TypeReg}, {Name: "keys", Typeflag: tar.TypeReg}, {Name: "keys/", Typeflag: tar.TypeDir}, {Name: "keys/evil", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "keys/evil", Typeflag: tar.TypeLink, Linkname: "../../evil"}, {Name: "keys/evil", Typeflag: tar.TypeFifo}, {Name: "keys/..", Typeflag: tar.TypeReg},
	} {
		var b bytes.Buffer
		rec, err := age.NewScryptRecipient(pass)
		if err != nil {
			t.Fatal(err)
		}
		rec.SetWorkFactor(10)
		enc, err := age.Encrypt(&b, rec)
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(enc)
		h.Mode, h.Format = 0o600, tar.FormatPAX
		if h.Typeflag == tar.TypeReg {
			h.Size = 4
		}
		if err := w.WriteHeader(&h); err != nil {
			if strings.ContainsRune(h.Name, 0) {
				continue // the writer itself refuses it
			}
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			_, _ = w.Write([]byte("evil"))
		}
		_ = w.Close()
		_ = enc.Close()
		root := t.TempDir()
		sets := []KeySet{{"keys", filepath.Join(root, "in", "keys")}, {"unseal", filepath.Join(root, "in", "unseal")}}
		if names, err := RestoreKeys(bytes.NewReader(b.Bytes()), pass, sets...); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q (%c): %v, %v", h.Name, h.Typeflag, names, err)
		}
		if left, _ := os.ReadDir(root); len(left) != 0 {
			t.Errorf("%q: something was written: %v", h.Name, left)
		}
	}
}
