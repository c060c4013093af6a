package unseal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/totp"
)

const origin = "https://straza.test"

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) move(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

// stage is one installation on one machine: a web node's vault, an unsealing
// process behind a real socket, and a mailbox.
type stage struct {
	*clock
	t    *testing.T
	dir  string
	v    *vault.Vault
	s    *Server
	c    *Client
	mu   sync.Mutex
	mail []Mail
	fail error
	stop func()
}

func newStage(t *testing.T, change ...func(*Config)) *stage {
	t.Helper()
	st := &stage{clock: &clock{t: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}, t: t, dir: t.TempDir()}
	var err error
	if st.v, err = vault.Open(filepath.Join(st.dir, "keys"), vault.Options{Create: true}); err != nil {
		t.Fatal(err)
	}
	st.start(change...)
	status, err := st.c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := st.v.Trust(status.Recipients); err != nil {
		t.Fatal(err)
	}
	return st
}

func (st *stage) send(_ context.Context, m Mail) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.fail == nil {
		st.mail = append(st.mail, m)
	}
	return st.fail
}

// start starts the process; calling it again is a restart.
func (st *stage) start(change ...func(*Config)) {
	st.t.Helper()
	if st.stop != nil {
		st.stop()
	}
	ready := make(chan string, 1)
	cfg := Config{Dir: filepath.Join(st.dir, "unseal"), Origin: origin, Name: "Национални ЦЕРТ", Now: st.now, Send: st.send, Ready: func(u string) { ready <- u }}
	for _, f := range change {
		f(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		st.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	var url string
	select {
	case url = <-ready:
	case err := <-done:
		st.t.Fatal(err)
	}
	c, err := Dial(url, "")
	if err != nil && strings.HasPrefix(url, "unix:") {
		st.t.Fatal(err)
	}
	st.s, st.c = s, c
	var once sync.Once
	st.stop = func() {
		once.Do(func() {
			if c != nil {
				c.Close()
			}
			cancel()
			if err := errors.Join(<-done, s.Close()); err != nil {
				st.t.Error(err)
			}
		})
	}
	st.t.Cleanup(st.stop)
}

// enrol enrols a person and gives the secret; by is a session or "".
func (st *stage) enrol(email, by string) []byte {
	st.t.Helper()
	e, err := st.c.Enrol(st.t.Context(), Enrolment{Email: email, Session: by})
	if err != nil {
		st.t.Fatal(err)
	}
	secret, err := totp.ParseSecret(e.Secret)
	if err != nil {
		st.t.Fatal(err)
	}
	return secret
}

// prove gives a session; the clock moves a step so that the next code is fresh.
func (st *stage) prove(email string, secret []byte) string {
	st.t.Helper()
	st.move(totp.Period)
	s, err := st.c.Prove(st.t.Context(), Proof{Email: email, Code: totp.Code(secret, st.now())})
	if err != nil {
		st.t.Fatal(err)
	}
	return s.Token
}

func (st *stage) seal(l vault.Label, sub string, plain []byte) []byte {
	st.t.Helper()
	var b bytes.Buffer
	w, err := st.v.SealReport(&b, l, sub)
	if err != nil {
		st.t.Fatal(err)
	}
	_, err = w.Write(plain)
	if err = errors.Join(err, w.Close()); err != nil {
		st.t.Fatal(err)
	}
	return b.Bytes()
}

func (st *stage) logText() string {
	st.t.Helper()
	data, err := os.ReadFile(filepath.Join(st.dir, "unseal", logFile))
	if err != nil {
		st.t.Fatal(err)
	}
	return string(data)
}

const ana, boris = "ana@cert.test", "boris@cert.test"

// One report on paper: sealed with a code, read back with the code, opened by the
// team with a one-time code, and by nobody without.
func TestOneReportOnPaper(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	secret, err := st.v.NewDraftSecret()
	if err != nil {
		t.Fatal(err)
	}
	code, err := st.v.DeriveCode(secret)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := st.v.NewSubmission(code)
	if err != nil {
		t.Fatal(err)
	}
	const text = "Стигла ми је порука са лажне адресе банке."
	l := vault.Label{Kind: vault.KindReport, Record: "0193b0a4-7c1e-7b3a-9d51-6f2f6f0e7a11"}
	box := st.seal(l, sub.Public, []byte(text))

	typed, err := vault.ParseCode(code.Grouped())
	if err != nil {
		t.Fatal(err)
	}
	r, err := st.v.OpenWithCode(typed, sub, l, bytes.NewReader(box))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != text {
		t.Fatalf("with the code: %q, %v", got, err)
	}

	seed := st.enrol(ana, "")
	session := st.prove(ana, seed)
	good := Request{Session: session, Email: ana, Label: l, Reason: "тријажа", Ref: "audit-17"}
	var out bytes.Buffer
	receipt, err := st.c.Open(ctx, good, bytes.NewReader(box), &out)
	if err != nil || out.String() != text {
		t.Fatalf("with a one-time code: %q, %v", out.String(), err)
	}
	for name, change := range map[string]func(*Request){
		"no session":       func(r *Request) { r.Session = "" },
		"made-up session":  func(r *Request) { r.Session = strings.Repeat("ab", 32) },
		"another person":   func(r *Request) { r.Email = boris },
		"no reason":        func(r *Request) { r.Reason = " " },
		"another record":   func(r *Request) { r.Label.Record = "another" },
		"another kind":     func(r *Request) { r.Label.Kind = vault.KindIdentity },
		"a postman's text": func(r *Request) { r.Label.Kind = vault.KindAddress },
	} {
		req := good
		change(&req)
		var out bytes.Buffer
		if _, err := st.c.Open(ctx, req, bytes.NewReader(box), &out); fault.Of(err) == nil || out.Len() > 0 {
			t.Errorf("%s: %d bytes, %v", name, out.Len(), err)
		}
	}
	toPostman, err := st.v.SealAddress("r", "a@b.rs")
	if err != nil {
		t.Fatal(err)
	}
	ask := good
	ask.Label = vault.Label{Kind: vault.KindAddress, Record: "r"}
	if _, err := st.c.Open(ctx, ask, bytes.NewReader(toPostman), io.Discard); err == nil || fault.Of(err).Fields["label"] == "" {
		t.Errorf("an address was asked for: %v", err)
	}
	st.move(ProofTime)
	if _, err := st.c.Open(ctx, good, bytes.NewReader(box), io.Discard); !fault.Is(err, fault.Denied) {
		t.Errorf("after ten minutes: %v", err)
	}
	log := st.logText()
	for _, want := range []string{`"act":"open","who":"ana@cert.test","proof":"totp","kind":"report","record":"` + l.Record, `"ref":"audit-17"`, `"reason":"тријажа","result":"granted"`, `"result":"refused: denied"`, "done: "} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	for _, never := range []string{"банке", session, totp.Text(seed)} {
		if strings.Contains(log, never) {
			t.Errorf("the log holds %q", never)
		}
	}
	var remote bytes.Buffer
	if err := st.c.Log(ctx, &remote); err != nil || remote.String() != log {
		t.Errorf("log over the door: %v", err)
	}
	if _, err := VerifyLog(&remote, receipt); err != nil {
		t.Errorf("verify: %v", err)
	}
}

func TestCodeWinsOnce(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	seed := st.enrol(ana, "")
	st.move(totp.Period)
	code := totp.Code(seed, st.now())
	var wg sync.WaitGroup
	results := make([]error, 50)
	for i := range results {
		wg.Go(func() { _, results[i] = st.c.Prove(ctx, Proof{Email: ana, Code: code}) })
	}
	wg.Wait()
	won := 0
	for _, err := range results {
		switch {
		case err == nil:
			won++
		case fault.Of(err).Key != "unseal.code_used":
			t.Errorf("loser: %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 50 uses of one code won", won)
	}
	st.start() // a restart must not forget what was used
	if _, err := st.c.Prove(ctx, Proof{Email: ana, Code: code}); !fault.Is(err, fault.Denied) {
		t.Errorf("after a restart: %v", err)
	}
}

func TestWrongProofsLock(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	seed := st.enrol(ana, "")
	st.move(totp.Period)
	right := totp.Code(seed, st.now())
	wrong := totp.Code(seed, st.now().Add(time.Hour))
	for i := range maxFailures {
		if _, err := st.c.Prove(ctx, Proof{Email: ana, Code: wrong}); !fault.Is(err, fault.Denied) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	st.start()
	_, err := st.c.Prove(ctx, Proof{Email: ana, Code: right})
	if f := fault.Of(err); f == nil || f.Kind != fault.Limited || f.RetryAfter <= 0 || f.RetryAfter > lockTime {
		t.Fatalf("locked, also after a restart: %v", err)
	}
	st.move(lockTime)
	if _, err := st.c.Prove(ctx, Proof{Email: ana, Code: totp.Code(seed, st.now())}); err != nil {
		t.Errorf("after the lock: %v", err)
	}
	if _, err := st.c.Prove(ctx, Proof{Email: "nobody@cert.test", Code: right}); !fault.Is(err, fault.Denied) {
		t.Errorf("a stranger: %v", err)
	}
}

func TestEnrolment(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	seed := st.enrol(" Ana@Cert.Test ", "")
	if _, err := st.c.Enrol(ctx, Enrolment{Email: boris}); !fault.Is(err, fault.Denied) {
		t.Errorf("a second person unvouched: %v", err)
	}
	session := st.prove(ana, seed)
	second := st.enrol(boris, session)
	if _, err := st.c.Enrol(ctx, Enrolment{Email: boris, Session: session}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a factor put under somebody else's name: %v", err)
	}
	if _, err := st.c.Enrol(ctx, Enrolment{Email: ana, Session: session, Secret: totp.Text(bytes.Repeat([]byte{7}, 20))}); err != nil {
		t.Errorf("a further factor of one's own: %v", err)
	}
	for name, e := range map[string]Enrolment{
		"no address":   {Email: "ana", Session: session},
		"short secret": {Email: "c@cert.test", Session: session, Secret: "AAAA"},
		"no key":       {Email: "c@cert.test", Session: session, Passkey: &Passkey{ID: make([]byte, 16), PublicKey: []byte("x")}},
		"two factors":  {Email: "c@cert.test", Session: session, Secret: totp.Text(seed), Passkey: &Passkey{ID: make([]byte, 16)}},
	} {
		if _, err := st.c.Enrol(ctx, e); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	st.start()
	if people, err := st.c.People(ctx); err != nil || len(people) != 2 || people[1].Email != ana || people[0].By != ana {
		if len(people) != 2 {
			t.Errorf("people after a restart: %+v, %v", people, err)
		}
	}
	if err := st.c.Remove(ctx, boris, session); !fault.Is(err, fault.Denied) {
		t.Errorf("a session survived the restart: %v", err)
	}
	session, other := st.prove(ana, seed), st.prove(boris, second)
	if err := st.c.Remove(ctx, boris, session); err != nil {
		t.Error(err)
	}
	if _, err := st.c.Enrol(ctx, Enrolment{Email: "c@cert.test", Session: other}); !fault.Is(err, fault.Denied) {
		t.Errorf("a removed person vouches: %v", err)
	}
	l := vault.Label{Kind: vault.KindReport, Record: "r"}
	req := Request{Session: other, Email: boris, Label: l, Reason: "r"}
	if _, err := st.c.Open(ctx, req, bytes.NewReader(st.seal(l, "", []byte("x"))), io.Discard); !fault.Is(err, fault.Denied) {
		t.Errorf("a removed person's session lives on: %v", err)
	}
	if err := st.c.Remove(ctx, ana, session); !fault.Is(err, fault.Conflict) {
		t.Errorf("the last person was removed: %v", err)
	}
}

func TestFilesLeaveAsArchivesAndStream(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	session := st.prove(ana, st.enrol(ana, ""))
	plain := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB
	l := vault.Label{Kind: vault.KindFile, Record: "file-1"}
	box := st.seal(l, "", plain)
	req := Request{Session: session, Email: ana, Label: l, Reason: "анализа"}
	var out bytes.Buffer
	if _, err := st.c.Open(ctx, req, bytes.NewReader(box), &out); err != nil || !bytes.Equal(out.Bytes(), plain) {
		t.Fatalf("plain: %d bytes, %v", out.Len(), err)
	}
	req.Archive = "../uzorak.exe"
	out.Reset()
	if _, err := st.c.Open(ctx, req, bytes.NewReader(box), &out); err != nil {
		t.Fatal(err)
	}
	if got := unzip(t, out.Bytes(), "uzorak.exe"); !bytes.Equal(got, plain) {
		t.Errorf("archive: %d bytes", len(got))
	}
	req.Archive = ""
	damaged := bytes.Clone(box)
	damaged[len(damaged)/2] ^= 1
	for name, box := range map[string][]byte{"damaged": damaged, "cut": box[:len(box)/2]} {
		out.Reset()
		_, err := st.c.Open(ctx, req, bytes.NewReader(box), &out)
		if err == nil || out.Len() >= len(plain) {
			t.Errorf("%s in the middle: %d bytes, %v", name, out.Len(), err)
		}
		if !bytes.HasPrefix(plain, out.Bytes()) {
			t.Errorf("%s: what came is not authentic", name)
		}
	}
}

// A refused request must not have to carry its hundred megabytes first.
func TestRefusedBeforeTheBody(t *testing.T) {
	st := newStage(t)
	body := &counter{r: bytes.NewReader(make([]byte, 8<<20))}
	_, err := st.c.Open(t.Context(), Request{Session: "x", Email: ana, Label: vault.Label{Kind: vault.KindFile, Record: "f"}, Reason: "r"}, body, io.Discard)
	if !fault.Is(err, fault.Denied) || body.n > 1 {
		t.Errorf("%d bytes sent, %v", body.n, err)
	}
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestLimits(t *testing.T) {
	st, ctx := newStage(t, func(c *Config) { c.Limits = Limits{OpenBytes: 4096, OpenSession: 2} }), t.Context()
	session := st.prove(ana, st.enrol(ana, ""))
	l := vault.Label{Kind: vault.KindFile, Record: "f"}
	req := Request{Session: session, Email: ana, Label: l, Reason: "r"}
	if _, err := st.c.Open(ctx, req, bytes.NewReader(st.seal(l, "", make([]byte, 100_000))), io.Discard); !fault.Is(err, fault.Limited) {
		t.Errorf("too long: %v", err)
	}
	small := st.seal(l, "", []byte("x"))
	if _, err := st.c.Open(ctx, req, bytes.NewReader(small), io.Discard); err != nil {
		t.Error(err)
	}
	if _, err := st.c.Open(ctx, req, bytes.NewReader(small), io.Discard); !fault.Is(err, fault.Limited) {
		t.Errorf("third opening on one proof: %v", err)
	}
}

// No line, no content.
func TestNoOpeningWithoutItsLine(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	session := st.prove(ana, st.enrol(ana, ""))
	l := vault.Label{Kind: vault.KindReport, Record: "r"}
	box := st.seal(l, "", []byte("садржај"))
	full, err := os.Open(filepath.Join(st.dir, "unseal", logFile)) // opened for reading: writing fails like a full disk
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	good := st.s.journal.f
	st.s.journal.f = full
	var out bytes.Buffer
	_, err = st.c.Open(ctx, Request{Session: session, Email: ana, Label: l, Reason: "r"}, bytes.NewReader(box), &out)
	if !fault.Is(err, fault.Unavailable) || out.Len() > 0 {
		t.Errorf("%d bytes left without a line, %v", out.Len(), err)
	}
	st.s.journal.f = good
}

func TestKeysStayTheSameAndSafe(t *testing.T) {
	st := newStage(t)
	before := st.v.Recipients()
	if !st.s.Created() {
		t.Error("the first start did not say that it made keys")
	}
	if status, err := st.c.Status(t.Context()); err != nil || !status.RecoveryOnDisk {
		t.Errorf("recovery sheet not noticed: %+v, %v", status, err)
	}
	if err := os.Remove(filepath.Join(st.dir, "unseal", recoveryFile)); err != nil {
		t.Fatal(err)
	}
	st.start()
	status, err := st.c.Status(t.Context())
	if err != nil || status.Recipients != before || st.s.Created() || status.RecoveryOnDisk {
		t.Errorf("after a restart: %+v, %v", status, err)
	}
	list, err := os.ReadDir(filepath.Join(st.dir, "unseal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		info, err := f.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", f.Name(), info.Mode(), err)
		}
	}
	st.stop()
	if err := os.Remove(filepath.Join(st.dir, "unseal", postmanFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Dir: filepath.Join(st.dir, "unseal"), Origin: origin}); err == nil {
		t.Error("a folder without its postman key was taken for a new one")
	}
}

// The recovery sheet opens what the team's key no longer can.
func TestRecoverySheet(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	l := vault.Label{Kind: vault.KindReport, Record: "r"}
	box := st.seal(l, "", []byte("старо"))
	seed := st.enrol(ana, "")
	dir := filepath.Join(st.dir, "unseal")
	sheet, err := os.ReadFile(filepath.Join(dir, recoveryFile))
	if err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "u")
	if err := makeKeys(fresh, st.now()); err != nil {
		t.Fatal(err)
	}
	team, err := os.ReadFile(filepath.Join(fresh, teamFile))
	if err != nil {
		t.Fatal(err)
	}
	line := string(sheet[bytes.LastIndex(sheet, []byte("AGE-SECRET-KEY")):])
	if err := os.WriteFile(filepath.Join(dir, teamFile), append(team, line...), 0o600); err != nil {
		t.Fatal(err)
	}
	st.start()
	var out bytes.Buffer
	req := Request{Session: st.prove(ana, seed), Email: ana, Label: l, Reason: "опоравак"}
	if _, err := st.c.Open(ctx, req, bytes.NewReader(box), &out); err != nil || out.String() != "старо" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestOneProcessPerFolder(t *testing.T) {
	st := newStage(t)
	if _, err := New(Config{Dir: filepath.Join(st.dir, "unseal"), Origin: origin}); err == nil {
		t.Error("two processes on one folder")
	}
}

func TestAwayIsUnavailable(t *testing.T) {
	st := newStage(t)
	st.stop()
	_, err := st.c.Status(t.Context())
	if f := fault.Of(err); f == nil || f.Kind != fault.Unavailable || f.RetryAfter == 0 {
		t.Errorf("%v", err)
	}
}

// 200 canaries in sealed texts, reporters' addresses, evidence and drafts: with
// everything the web node has, a search finds none; the control finds them all.
func TestCanaries(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	var all []string
	rows, archive := &bytes.Buffer{}, map[string][]byte{}
	for i := range 200 {
		c := fmt.Sprintf("KANARINAC-%03d-%s", i, strings.Repeat("ž", i%5))
		all = append(all, c)
		record := fmt.Sprintf("rec-%03d", i)
		secret, err := st.v.NewDraftSecret()
		if err != nil {
			t.Fatal(err)
		}
		code, err := st.v.DeriveCode(secret)
		if err != nil {
			t.Fatal(err)
		}
		sub, err := st.v.NewSubmission(code)
		if err != nil {
			t.Fatal(err)
		}
		draft, err := st.v.SealDraft(secret, "page", []byte(c))
		if err != nil {
			t.Fatal(err)
		}
		address, err := st.v.SealAddress(record, c+"@example.rs")
		if err != nil {
			t.Fatal(err)
		}
		l := vault.Label{Kind: []string{vault.KindReport, vault.KindIdentity, vault.KindFile, vault.KindEvidence, vault.KindAnswer}[i%5], Record: record}
		box := st.seal(l, sub.Public, []byte("почетак "+c+" крај"))
		archive[record+" "+l.Kind] = box
		// what the database would hold of it
		for _, cell := range [][]byte{box, address, draft, sub.Wrapped, []byte(sub.Public), []byte(st.v.Lookup(code)), []byte(st.v.DraftID(secret)),
			st.v.Index(vault.BlindField{Name: "intake_reporter.email", Normal: vault.NormalEmail}, c+"@example.rs")} {
			rows.Write(cell)
			rows.WriteByte('\n')
		}
		for _, hidden := range []string{string(code), code.Grouped(), secret} {
			if bytes.Contains(rows.Bytes(), []byte(hidden)) {
				t.Fatal("the rows hold a code or a draft's secret")
			}
		}
	}
	// the web node's folder, entirely, and the unsealing process's log and list
	_ = filepath.WalkDir(st.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			rows.Write(data)
			if strings.HasPrefix(path, filepath.Join(st.dir, "keys")) && bytes.Contains(data, []byte("AGE-SECRET-KEY")) {
				t.Errorf("a private key lies with the web node: %s", filepath.Base(path))
			}
		}
		return nil
	})
	for _, c := range all {
		for _, form := range [][]byte{[]byte(c), []byte(strings.ToLower(c)), []byte(fmt.Sprintf("%x", c)), []byte(b64.EncodeToString([]byte(c)))} {
			if bytes.Contains(rows.Bytes(), form) {
				t.Errorf("%s found", c)
			}
		}
	}
	// a thief with the web node's keys and no code
	thief, err := vault.Open(filepath.Join(st.dir, "keys"), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	guess, err := thief.DeriveCode(strings.Repeat("guess", 8))
	if err != nil {
		t.Fatal(err)
	}
	sub, err := thief.NewSubmission(guess)
	if err != nil {
		t.Fatal(err)
	}
	session := st.prove(ana, st.enrol(ana, ""))
	found := 0
	for key, box := range archive {
		record, kind, _ := strings.Cut(key, " ")
		l := vault.Label{Kind: kind, Record: record}
		if _, err := thief.OpenWithCode(guess, sub, l, bytes.NewReader(box)); !errors.Is(err, vault.ErrSealBroken) {
			t.Errorf("%s opens to a thief: %v", key, err)
		}
		var out bytes.Buffer
		if _, err := st.c.Open(ctx, Request{Session: session, Email: ana, Label: l, Reason: "проба"}, bytes.NewReader(box), &out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "KANARINAC-"+record[4:]) {
			found++
		}
		if found == 200 {
			break
		}
	}
	if found != 200 {
		t.Errorf("control: %d of 200 canaries come out through the door", found)
	}
}
