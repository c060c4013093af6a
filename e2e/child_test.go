package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestChildrenDieWithTheirParent: a test run that is killed leaves no server behind.
// The run is this binary once more; its server's end shows at an open connection.
func TestChildrenDieWithTheirParent(t *testing.T) {
	if os.Getenv("STRAZA_E2E_PARENT") == "1" {
		s := &Server{args: []string{"--data", os.Getenv("STRAZA_E2E_FOLDER")}}
		if err := s.tryServe(); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("\nserver at %s\n", s.Origin)
		select {} // until killed
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := child(exec.Command(self, "-test.run", "^TestChildrenDieWithTheirParent$", "-test.timeout", "60s"))
	run.Env = append(os.Environ(), "STRAZA_E2E_PARENT=1", "STRAZA_E2E_FOLDER="+t.TempDir())
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	origin, said := "", ""
	for sc := bufio.NewScanner(out); origin == "" && sc.Scan(); {
		said += sc.Text() + "\n"
		_, origin, _ = strings.Cut(sc.Text(), "server at http://")
	}
	if origin == "" {
		_ = run.Wait()
		t.Fatalf("no server:\n%s", said)
	}
	conn, err := net.Dial("tcp", origin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = run.Wait()
	// The server closes an idle connection after ten seconds itself: five tell the difference.
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err = conn.Read(make([]byte, 1))
	if ne, ok := err.(net.Error); ok && ne.Timeout() || err == nil {
		t.Fatalf("the server outlived its killed parent: %v", err)
	} else if err != io.EOF {
		t.Logf("ended with %v", err)
	}
}
