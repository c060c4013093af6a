package unseal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func writeLog(t testing.TB, n int) (path string, receipts []Receipt) {
	t.Helper()
	path = filepath.Join(t.TempDir(), logFile)
	j, _, err := openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		r, err := j.add(Entry{Time: time.Unix(int64(i), 0), Act: "open", Who: ana, Record: fmt.Sprint("r", i), Reason: "зато", Result: "granted"})
		if err != nil {
			t.Fatal(err)
		}
		receipts = append(receipts, r)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	return path, receipts
}

// 600 random acts of tampering, each named by VerifyLog.
func TestTamperedLog(t *testing.T) {
	path, receipts := writeLog(t, 40)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := VerifyLog(bytes.NewReader(whole), receipts...); err != nil || s.Lines != 40 || s.Last != receipts[39] || s.Bytes != int64(len(whole)) {
		t.Fatalf("%+v, %v", s, err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(whole), "\n"), "\n")
	lines[39] += "\n"
	rnd := rand.New(rand.NewPCG(1, 2))
	acts := map[string]func() string{
		"changed byte": func() string {
			b := bytes.Clone(whole)
			at := rnd.IntN(len(b))
			b[at] ^= 1 << rnd.IntN(7)
			return string(b)
		},
		"changed word": func() string {
			i := rnd.IntN(40)
			return strings.Replace(string(whole), fmt.Sprintf(`"r%d"`, i), `"other"`, 1)
		},
		"line taken out": func() string { i := rnd.IntN(40); return strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "") },
		"line put in": func() string {
			i := rnd.IntN(40)
			return strings.Join(slices.Insert(slices.Clone(lines), i, lines[rnd.IntN(40)]), "")
		},
		"lines swapped": func() string {
			l, i := slices.Clone(lines), rnd.IntN(39)
			l[i], l[i+1] = l[i+1], l[i]
			return strings.Join(l, "")
		},
		"end cut off": func() string { return strings.Join(lines[:rnd.IntN(40)], "") },
	}
	for name, act := range acts {
		for range 100 {
			if _, err := VerifyLog(strings.NewReader(act()), receipts...); !errors.Is(err, ErrLogDamaged) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Whoever changes a line and mends its hash breaks the line after it.
func TestMendedLineBreaksTheNext(t *testing.T) {
	path, _ := writeLog(t, 5)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	before, _, _ := strings.Cut(lines[1], " ")
	_, body, _ := strings.Cut(strings.TrimSuffix(lines[2], "\n"), " ")
	body = strings.Replace(body, `"r2"`, `"r9"`, 1)
	lines[2] = chain(before, []byte(body)) + " " + body + "\n"
	if _, err := VerifyLog(strings.NewReader(strings.Join(lines[:3], ""))); err != nil {
		t.Fatalf("the mended line itself follows: %v", err)
	}
	if _, err := VerifyLog(strings.NewReader(strings.Join(lines, ""))); !errors.Is(err, ErrLogDamaged) {
		t.Errorf("the line after it: %v", err)
	}
}

// A log written anew, with a good chain, lacks the lines that were acknowledged.
func TestRewrittenLog(t *testing.T) {
	_, receipts := writeLog(t, 5)
	path, _ := writeLog(t, 6)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(data, []byte("r3"), []byte("r9"), 1)
	if _, err := VerifyLog(bytes.NewReader(forged)); !errors.Is(err, ErrLogDamaged) {
		t.Errorf("chain: %v", err)
	}
	other := filepath.Join(t.TempDir(), logFile)
	j, _, err := openJournal(other)
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if _, err := j.add(Entry{Act: "open", Result: "granted"}); err != nil {
			t.Fatal(err)
		}
	}
	rewritten, _ := os.ReadFile(other)
	if _, err := VerifyLog(bytes.NewReader(rewritten)); err != nil {
		t.Fatalf("its own chain is good: %v", err)
	}
	if _, err := VerifyLog(bytes.NewReader(rewritten), receipts[2]); !errors.Is(err, ErrLogDamaged) {
		t.Errorf("against a receipt: %v", err)
	}
}

func TestTornLastLineIsMended(t *testing.T) {
	path, receipts := writeLog(t, 3)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`abc {"seq":4,"half`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	j, torn, err := openJournal(path)
	if err != nil || !torn || j.head() != receipts[2] {
		t.Fatalf("torn %v, %v", torn, err)
	}
	next, err := j.add(Entry{Act: "start", Result: "ready"})
	if err != nil || next.Seq != 4 {
		t.Fatalf("%+v, %v", next, err)
	}
	data, _ := os.ReadFile(path)
	if _, err := VerifyLog(bytes.NewReader(data), append(receipts, next)...); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, bytes.Replace(data, []byte("r1"), []byte("r7"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openJournal(path); !errors.Is(err, ErrLogDamaged) {
		t.Errorf("a changed log was opened for writing: %v", err)
	}
}

func TestLongReasonsDoNotBreakTheLog(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	for _, reason := range []string{strings.Repeat("<&>", 7000), strings.Repeat("ш", 9000), "a\nb\x00\x1b[2J\u0085", "\xff\xfe"} {
		if _, err := st.s.Open(ctx, Request{Reason: reason, Email: reason, Ref: reason}, strings.NewReader(""), &bytes.Buffer{}); err == nil {
			t.Error("granted")
		}
	}
	text := st.logText()
	if s, err := VerifyLog(strings.NewReader(text)); err != nil || s.Lines != 5 {
		t.Errorf("%+v, %v", s, err)
	}
	if strings.ContainsAny(text, "\x00\x1b") {
		t.Error("control characters stand in the log")
	}
}

func FuzzReadLog(f *testing.F) {
	path, _ := writeLog(f, 3)
	good, _ := os.ReadFile(path)
	f.Add(good)
	f.Add([]byte("0 {}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := VerifyLog(bytes.NewReader(data))
		if err == nil && s.Lines > 0 && !bytes.HasPrefix(data, []byte(strings.Split(string(good), " ")[0])) && !bytes.Contains(data, []byte(`"seq":1`)) {
			t.Fatal("lines without numbers were taken")
		}
		if s.Bytes > int64(len(data)) {
			t.Fatal("longer than the file")
		}
	})
}
