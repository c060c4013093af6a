package vault

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// A report with an attachment of 200 KB, as intake seals it: code, key pair,
// body, identity, address, file. The issue wants 20 of them a second.
func BenchmarkSealedReport(b *testing.B) {
	v := open(b, b.TempDir())
	meet(b, v)
	file := make([]byte, 200_000)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		secret, err := v.NewDraftSecret()
		if err != nil {
			b.Fatal(err)
		}
		code, err := v.DeriveCode(secret)
		if err != nil {
			b.Fatal(err)
		}
		sub, err := v.NewSubmission(code)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.SealAddress("r", "ana@example.rs"); err != nil {
			b.Fatal(err)
		}
		for kind, plain := range map[string][]byte{KindReport: file[:2000], KindIdentity: file[:200], KindFile: file} {
			w, err := v.SealReport(io.Discard, Label{kind, "r"}, sub.Public)
			if err != nil {
				b.Fatal(err)
			}
			_, err = w.Write(plain)
			if err = errors.Join(err, w.Close()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkCell(b *testing.B) {
	v, f := open(b, b.TempDir()), Field{"t", "c", 1, 2}
	plain := []byte(strings.Repeat("x", 100))
	for b.Loop() {
		box, err := v.Seal(f, plain)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.Open(f, box); err != nil {
			b.Fatal(err)
		}
	}
}
