package unseal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/totp"
)

// TestMain lets the test binary be the child that StartChild starts.
func TestMain(m *testing.M) {
	if dir := os.Getenv("UNSEAL_TEST_DIR"); dir != "" {
		os.Exit(childMain(dir))
	}
	lockWait = 50 * time.Millisecond
	os.Exit(m.Run())
}

func childMain(dir string) int {
	err := Run(context.Background(), Config{Dir: dir, Origin: os.Getenv("UNSEAL_TEST_ORIGIN")}, os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestChild(t *testing.T) {
	// longer than the 107 bytes that a socket's name may have
	dir := filepath.Join(t.TempDir(), strings.Repeat("duga-putanja-", 10), "unseal")
	restarting := make(chan struct{}, 10)
	c, err := StartChild(t.Context(), ChildConfig{Env: []string{"UNSEAL_TEST_DIR=" + dir, "UNSEAL_TEST_ORIGIN=" + origin}, Stderr: os.Stderr,
		Backoff: time.Millisecond, Say: func(string, ...any) { restarting <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	before, err := c.Client().Status(t.Context())
	if err != nil || !before.Recipients.Complete() {
		t.Fatalf("%+v, %v", before, err)
	}
	pid, _ := c.PID()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-restarting
	after, err := awaitStatus(t, c.Client())
	if err != nil || after.Recipients != before.Recipients {
		t.Errorf("after kill -9: %+v, %v", after, err)
	}
	again, runs := c.PID()
	if again == pid || runs != 2 {
		t.Errorf("pid %d, then %d, %d runs", pid, again, runs)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(again, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the child outlives its parent's Stop: %v", err)
	}
	if _, err := c.Client().Status(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("stopped: %v", err)
	}
}

// awaitStatus asks until the restarted child answers.
func awaitStatus(t *testing.T, c *Client) (s Status, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if s, err = c.Status(ctx); err == nil {
			tick.Stop()
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, err
		case <-tick.C:
		}
	}
}

func TestChildWithWrongSettingsIsNotStartedForEver(t *testing.T) {
	_, err := StartChild(t.Context(), ChildConfig{Env: []string{"UNSEAL_TEST_DIR=" + t.TempDir(), "UNSEAL_TEST_ORIGIN=nonsense"}, Stderr: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "before it was ready") {
		t.Errorf("%v", err)
	}
}

func TestChildEndsWithItsParent(t *testing.T) {
	r, w := io.Pipe()
	ctx, cancel := WithParent(context.Background(), r)
	defer cancel()
	if err := w.Close(); err != nil { // what the kernel does when the parent dies
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Error("the child does not notice")
	}
}

func TestStrangersAtTheSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := listenUnix(path, []int{os.Getuid() + 4242})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan error, 1)
	go func() { _, err := l.Accept(); got <- err }()
	c, err := dialUnix(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("a stranger gets %d bytes, %v", n, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err == nil {
		t.Error("a stranger was let in")
	}
}

func TestNetworkDoor(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	var address string
	st.start(func(c *Config) {
		c.Listen = "https://127.0.0.1:0"
		ready := c.Ready
		c.Ready = func(u string) { address = u; ready(u) }
	})
	token, err := os.ReadFile(filepath.Join(st.dir, "unseal", tokenFile))
	if err != nil {
		t.Fatal(err)
	}
	dial := func(address, token string) *Client {
		t.Helper()
		c, err := Dial(address, token)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	far, near := dial(address, string(token)), dial("unix://"+filepath.Join(st.dir, "unseal", socketFile), "")
	if s, err := far.Status(ctx); err != nil || s.Recipients != st.v.Recipients() {
		t.Errorf("right token and certificate: %+v, %v", s, err)
	}
	if _, err := dial(address, "guess").Status(ctx); !fault.Is(err, fault.Denied) {
		t.Errorf("wrong token: %v", err)
	}
	plain, print, _ := strings.Cut(address, "#sha256=")
	if _, err := dial(plain+"#sha256="+strings.Repeat("0", len(print)), string(token)).Status(ctx); !fault.Is(err, fault.Unavailable) {
		t.Errorf("another certificate: %v", err)
	}
	if _, err := Dial(plain, string(token)); err == nil {
		t.Error("an address without a fingerprint was taken")
	}
	if _, err := far.Enrol(ctx, Enrolment{Email: ana}); !fault.Is(err, fault.Denied) {
		t.Errorf("the first person came in over the network: %v", err)
	}
	if _, err := near.Enrol(ctx, Enrolment{Email: ana}); err != nil {
		t.Errorf("on the host: %v", err)
	}
	st.stop()
	st.start(func(c *Config) {
		c.Listen = "https://127.0.0.1:0"
		ready := c.Ready
		c.Ready = func(u string) { address = u; ready(u) }
	})
	if _, again, _ := strings.Cut(address, "#sha256="); again != print {
		t.Error("the certificate changes with the start")
	}
}

// kill -9 at random moments while people prove and open: every receipt that was
// given is in the log, the chain is whole, and no code is good a second time.
func TestKilledProcessForgetsNothing(t *testing.T) {
	dir, ctx := filepath.Join(t.TempDir(), "unseal"), t.Context()
	c, err := StartChild(ctx, ChildConfig{Env: []string{"UNSEAL_TEST_DIR=" + dir, "UNSEAL_TEST_ORIGIN=" + origin}, Stderr: os.Stderr, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	door := c.Client()
	status, err := door.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(filepath.Join(dir, "..", "keys"), vault.Options{Create: true})
	if err = errors.Join(err, v.Trust(status.Recipients)); err != nil {
		t.Fatal(err)
	}
	e, err := door.Enrol(ctx, Enrolment{Email: ana})
	if err != nil {
		t.Fatal(err)
	}
	seed, err := totp.ParseSecret(e.Secret)
	if err != nil {
		t.Fatal(err)
	}
	step := totp.Step(time.Now()) - 1 // the three codes that are good now, in order
	l := vault.Label{Kind: vault.KindReport, Record: "r"}
	var box bytes.Buffer
	w, err := v.SealReport(&box, l, "")
	if err == nil {
		_, err = w.Write([]byte("садржај"))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	var receipts []Receipt
	var used []string
	for kill := range 6 {
		code := totp.At(totp.SHA1, seed, step+int64(kill%3), totp.Digits)
		if s, err := door.Prove(ctx, Proof{Email: ana, Code: code}); err == nil {
			used = append(used, code)
			done := make(chan struct{})
			go func() { // opens until the process dies under it
				defer close(done)
				for {
					r, err := door.Open(ctx, Request{Session: s.Token, Email: ana, Label: l, Reason: "r"}, bytes.NewReader(box.Bytes()), io.Discard)
					if err != nil {
						return
					}
					receipts = append(receipts, r)
				}
			}()
			pid, _ := c.PID()
			<-time.After(time.Duration(3+7*kill) * time.Millisecond) // the random moment
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			<-done
		} else if !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Limited) {
			t.Fatal(err)
		}
		if _, err := awaitStatus(t, door); err != nil {
			t.Fatal(err)
		}
		for _, code := range used {
			if _, err := door.Prove(ctx, Proof{Email: ana, Code: code}); err == nil {
				t.Error("a code is good again after kill -9")
			}
		}
	}
	if len(used) == 0 || len(receipts) == 0 {
		t.Fatalf("%d proofs and %d openings: nothing was tested", len(used), len(receipts))
	}
	var log bytes.Buffer
	if err := door.Log(ctx, &log); err != nil {
		t.Fatal(err)
	}
	sum, err := VerifyLog(bytes.NewReader(log.Bytes()), receipts...)
	if err != nil {
		t.Errorf("%d lines, %d receipts: %v", sum.Lines, len(receipts), err)
	}
	t.Logf("%d kills, %d openings acknowledged, %d log lines", len(used), len(receipts), sum.Lines)
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
}

func TestReachAndStrangers(t *testing.T) {
	st, ctx := newStage(t), t.Context()
	cfg := Config{Dir: filepath.Join(st.dir, "unseal"), Origin: origin, Now: st.now}
	door, closeIt, err := Reach(ctx, cfg)
	if _, ok := door.(*Client); err != nil || !ok {
		t.Fatalf("beside the running process: %T, %v", door, err)
	}
	if err := closeIt(); err != nil {
		t.Error(err)
	}
	st.stop()
	door, closeIt, err = Reach(ctx, cfg)
	if _, ok := door.(*Server); err != nil || !ok {
		t.Fatalf("without it: %T, %v", door, err)
	}
	e, err := door.Enrol(ctx, Enrolment{Email: ana})
	if err != nil || !e.First {
		t.Fatalf("%+v, %v", e, err)
	}
	seed, _ := totp.ParseSecret(e.Secret)
	s, err := door.Prove(ctx, Proof{Email: ana, Code: totp.Code(seed, st.now())})
	if err != nil {
		t.Fatal(err)
	}
	l := vault.Label{Kind: vault.KindReport, Record: "r"}
	box := st.seal(l, "", []byte("x"))
	for _, ref := range []string{"audit-1", "", "audit-2"} {
		if _, err := door.Open(ctx, Request{Session: s.Token, Email: ana, Label: l, Reason: "r", Ref: ref}, bytes.NewReader(box), io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	if err := closeIt(); err != nil {
		t.Fatal(err)
	}
	got, err := Strangers(strings.NewReader(st.logText()), func(ref string) bool { return ref == "audit-1" })
	if err != nil || len(got) != 2 || got[0].Ref != "" || got[1].Ref != "audit-2" {
		t.Errorf("%+v, %v", got, err)
	}
}
