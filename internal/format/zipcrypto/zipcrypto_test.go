package zipcrypto

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var modified = time.Date(2026, 11, 22, 13, 37, 42, 0, time.UTC)

func archive(t testing.TB, files map[string][]byte, order ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := NewWriter(&b, Password, rand.Reader)
	for _, name := range order {
		w, err := z.Create(name, modified)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func sample() (map[string][]byte, []string) {
	return map[string][]byte{
		"uzorak.exe": append([]byte("MZ"), random(300_000)...),
		"порука.eml": []byte(strings.Repeat("Поштовани, кликните овде.\r\n", 2000)),
		"empty":      nil,
	}, []string{"uzorak.exe", "порука.eml", "empty"}
}

func TestRoundTrip(t *testing.T) {
	files, order := sample()
	data := archive(t, files, order...)
	if bytes.Contains(data, []byte("кликните")) {
		t.Fatal("content stands in the archive in plain form")
	}
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if len(zr.File) != len(order) {
		t.Fatalf("%d files", len(zr.File))
	}
	for _, f := range zr.File {
		r, err := OpenFile(f, Password, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, files[f.Name]) {
			t.Errorf("%s: %d bytes, %v", f.Name, len(got), err)
		}
		if !f.Modified.Equal(modified) {
			t.Errorf("%s: modified %v", f.Name, f.Modified)
		}
	}
}

// The archive must open with the tool that is on every analyst's machine.
func TestUnzipOpensIt(t *testing.T) {
	unzip, err := exec.LookPath("unzip")
	if err != nil {
		t.Skip("no unzip on this machine")
	}
	files, order := sample()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.zip")
	if err := os.WriteFile(path, archive(t, files, order...), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(unzip, "-P", Password, "-d", dir, path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes instead of %d, %v", name, len(got), len(want), err)
		}
	}
	if err := exec.Command(unzip, "-o", "-P", "wrong", "-d", dir, path, "uzorak.exe").Run(); err == nil {
		t.Error("unzip took a wrong password")
	}
}

func TestRefusals(t *testing.T) {
	data := archive(t, map[string][]byte{"a": random(5000)}, "a")
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for _, pw := range []string{"", "x", "Infected", "infected ", "1", "2", "3", "4"} {
		r, err := OpenFile(zr.File[0], pw, 1<<20)
		if err == nil {
			_, err = io.ReadAll(r) // one wrong password in 256 passes the check byte; the checksum catches it
		}
		if err != nil {
			wrong++
		}
	}
	if wrong != 8 {
		t.Errorf("%d of 8 wrong passwords refused", wrong)
	}
	r, err := OpenFile(zr.File[0], Password, 4999)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
}

func TestSafeName(t *testing.T) {
	for in, want := range map[string]string{
		"a.txt": "a.txt", "../../etc/passwd": "passwd", `C:\x\evil.exe`: "evil.exe", "": "file", "..": "file", "/": "file",
		"a\x00b\n": "a_b_", "invoice\u202efdp.exe": "invoice_fdp.exe", "извештај.pdf": "извештај.pdf", "a\xffb": "a_b",
		strings.Repeat("ш", 300): strings.Repeat("ш", 100),
	} {
		if diff := cmp.Diff(want, SafeName(in)); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

func FuzzOpenFile(f *testing.F) {
	f.Add(archive(f, map[string][]byte{"a": []byte("hello")}, "a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, file := range zr.File {
			r, err := OpenFile(file, Password, 1<<16)
			if err != nil {
				continue
			}
			if n, err := io.Copy(io.Discard, r); n > 1<<16 {
				t.Fatalf("%d bytes past the limit, %v", n, err)
			}
		}
	})
}
