package exportweb

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A receiver that takes nothing for a while does not hold the export: its write fails.
func TestStalledReceiver(t *testing.T) {
	stalled = 50 * time.Millisecond
	ended := make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := New(w, r)
		for piece := bytes.Repeat([]byte("x"), 1<<20); ; {
			if _, err := f.Write(piece); err != nil {
				ended <- err
				panic(http.ErrAbortHandler)
			}
		}
	}))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the receiver never has to read")
	}
}
