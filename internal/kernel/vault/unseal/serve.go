package unseal

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"straza/internal/kernel/fault"
)

const (
	maxJSON       = 256 << 10
	headerRequest = "Straza-Request" // base64 of the Request's JSON; the body is the sealed text
	headerReceipt = "Straza-Receipt" // trailer: JSON of the Receipt
	headerFault   = "Straza-Fault"   // trailer: JSON of the fault, or "none"
)

// Serve answers at the socket in the folder and, when Listen is set, there too,
// until ctx ends:
//
//   - "" or "unix:///path": a socket, mode 0600, for the process's own user, root and AllowUIDs;
//   - "https://host:port": TLS with a certificate of its own and the token of the
//     file "token"; Ready gives the address with the certificate's fingerprint,
//     both go to the web node (--unseal and the file unseal.token beside its keys).
//
// It holds the folder's lock from New to Close.
func (s *Server) Serve(ctx context.Context) error {
	local, err := listenUnix(filepath.Join(s.cfg.Dir, socketFile), s.allowed())
	if err != nil {
		return err
	}
	listeners, address := []net.Listener{local}, "unix://"+absolute(filepath.Join(s.cfg.Dir, socketFile))
	var far net.Listener
	token := ""
	switch u, err := url.Parse(s.cfg.Listen); {
	case s.cfg.Listen == "" || s.cfg.Listen == address:
	case err == nil && u.Scheme == "unix" && u.Path != "":
		l, err := listenUnix(u.Path, s.allowed())
		if err != nil {
			return errors.Join(err, local.Close())
		}
		listeners, address = append(listeners, l), s.cfg.Listen
	case err == nil && u.Scheme == "https" && u.Port() != "":
		if far, address, token, err = s.listenTLS(u.Host); err != nil {
			return errors.Join(err, local.Close())
		}
	default:
		return errors.Join(fmt.Errorf("unseal: listen address %q: want unix:///path or https://host:port", s.cfg.Listen), local.Close())
	}
	return s.serve(ctx, listeners, far, token, address)
}

func (s *Server) serve(ctx context.Context, local []net.Listener, far net.Listener, token, address string) error {
	near := s.httpServer(s.mux())
	away := s.httpServer(withToken(token, s.mux()))
	failed := make(chan error, 4)
	for _, l := range local {
		go func() { failed <- near.Serve(l) }()
	}
	if far != nil {
		go func() { failed <- away.Serve(far) }()
	}
	if s.cfg.Ready != nil {
		s.cfg.Ready(address)
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	// openings under way get a moment to finish; what is cut off was logged as granted
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	stop := errors.Join(near.Shutdown(end), away.Shutdown(end))
	if errors.Is(stop, context.DeadlineExceeded) {
		stop = errors.Join(near.Close(), away.Close())
	}
	return errors.Join(err, stop)
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ReadTimeout: 15 * time.Minute,
		WriteTimeout: 15 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: log.New(sayer(s.cfg.Say), "", 0)}
}

// sayer carries net/http's own complaints to the process's log.
type sayer func(msg string, args ...any)

func (say sayer) Write(p []byte) (int, error) {
	say("unseal: " + strings.TrimSpace(string(p)))
	return len(p), nil
}

func (s *Server) allowed() []int { return append([]int{0, os.Getuid()}, s.cfg.AllowUIDs...) }

func absolute(path string) string {
	if a, err := filepath.Abs(path); err == nil {
		return a
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

type afar struct{}

// fromAfar tells whether a request came over the network.
func fromAfar(ctx context.Context) bool { return ctx.Value(afar{}) != nil }

// withToken guards the network listener.
func withToken(token string, h http.Handler) http.Handler {
	want := sha256.Sum256([]byte("Bearer " + token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if token == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			answerFault(w, fault.New(fault.Denied, "unseal: wrong token"))
			return
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), afar{}, true)))
	})
}

func (s *Server) listenTLS(host string) (l net.Listener, address, token string, err error) {
	cert, print, err := loadCertificate(filepath.Join(s.cfg.Dir, tlsFile), s.cfg.Rand, s.cfg.Now())
	if err != nil {
		return nil, "", "", err
	}
	if token, err = loadToken(filepath.Join(s.cfg.Dir, tokenFile), s.cfg.Rand); err != nil {
		return nil, "", "", err
	}
	l, err = tls.Listen("tcp", host, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13})
	if err != nil {
		return nil, "", "", fmt.Errorf("unseal: listen: %w", err)
	}
	return l, "https://" + l.Addr().String() + "#sha256=" + print, token, nil
}

func (s *Server) mux() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.Status()) })
	m.HandleFunc("GET /people", func(w http.ResponseWriter, _ *http.Request) { answer(w, s.roster.list()) })
	m.HandleFunc("POST /challenge", act(func(ctx context.Context, in struct{ Email string }) (Challenge, error) {
		return s.Challenge(ctx, in.Email)
	}))
	m.HandleFunc("POST /prove", act(s.Prove))
	m.HandleFunc("POST /post", act(s.Post))
	m.HandleFunc("POST /enrol", act(s.Enrol))
	m.HandleFunc("POST /remove", act(func(ctx context.Context, in removal) (struct{}, error) {
		return struct{}{}, s.Remove(ctx, in.Email, in.Session)
	}))
	m.HandleFunc("POST /open", s.answerOpen)
	m.HandleFunc("GET /log", s.answerLog)
	return m
}

type removal struct {
	Email   string `json:"email"`
	Session string `json:"session"`
}

// act answers JSON with JSON.
func act[In, Out any](f func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJSON))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			answerFault(w, fault.New(fault.Invalid, "unseal: request is no JSON of this door"))
			return
		}
		out, err := f(r.Context(), in)
		if err != nil {
			answerFault(w, err)
			return
		}
		answer(w, out)
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the caller is gone; nothing to tell it
}

// wireFault is a fault on the wire. Causes stay here: they may quote content.
type wireFault struct {
	Kind   fault.Kind        `json:"kind"`
	Key    string            `json:"key,omitempty"`
	Detail string            `json:"detail,omitempty"`
	Fields map[string]string `json:"fields,omitempty"`
	After  time.Duration     `json:"after,omitempty"`
}

func toWire(err error) wireFault {
	f := fault.Of(err)
	if f == nil {
		return wireFault{Kind: fault.Internal}
	}
	return wireFault{f.Kind, f.Key, f.Detail, f.Fields, f.RetryAfter}
}

func (f wireFault) err() error {
	if f.Kind == fault.Internal || f.Kind == "" {
		return errors.New("unseal: the unsealing process failed; its own log says why")
	}
	return &fault.Error{Kind: f.Kind, Key: f.Key, Detail: f.Detail, Fields: f.Fields, RetryAfter: f.After}
}

func answerFault(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(toWire(err))
}

// answerOpen streams: the outcome stands in trailers, because damage in the
// middle shows only after the first bytes left.
func (s *Server) answerOpen(w http.ResponseWriter, r *http.Request) {
	raw, err := base64.StdEncoding.DecodeString(r.Header.Get(headerRequest))
	var in Request
	if err == nil {
		err = json.Unmarshal(raw, &in)
	}
	if err != nil {
		answerFault(w, fault.New(fault.Invalid, "unseal: request header is no JSON of this door"))
		return
	}
	// plaintext flows out while ciphertext flows in; HTTP/1 has to be told
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		answerFault(w, err)
		return
	}
	out := &lazyBody{w: w}
	receipt, err := s.Open(r.Context(), in, r.Body, out)
	if err != nil && !out.started {
		if !fault.Is(err, fault.Denied) { // a refusal comes before the client sent its body
			_, _ = io.CopyN(io.Discard, r.Body, s.cfg.Limits.OpenBytes)
		}
		answerFault(w, err)
		return
	}
	out.start()
	rec, _ := json.Marshal(receipt)
	outcome := "none"
	if err != nil {
		f, _ := json.Marshal(toWire(err))
		outcome = string(f)
	}
	w.Header().Set(headerReceipt, string(rec))
	w.Header().Set(headerFault, outcome)
}

type lazyBody struct {
	w       http.ResponseWriter
	started bool
}

func (l *lazyBody) start() {
	if l.started {
		return
	}
	l.started = true
	l.w.Header().Set("Trailer", headerReceipt+", "+headerFault)
	l.w.Header().Set("Content-Type", "application/octet-stream")
	l.w.WriteHeader(http.StatusOK)
}

func (l *lazyBody) Write(p []byte) (int, error) {
	l.start()
	return l.w.Write(p)
}

// answerLog gives the log's whole lines as they stand, for `audit verify`.
func (s *Server) answerLog(w http.ResponseWriter, _ *http.Request) {
	s.journal.mu.Lock()
	size := s.journal.size
	s.journal.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.Copy(w, io.NewSectionReader(s.journal.f, 0, size))
}

// loadToken gives the shared token of the network door, made at first use.
func loadToken(path string, rand io.Reader) (string, error) {
	return loadOrMake(path, func() ([]byte, error) {
		b := make([]byte, 32)
		if _, err := io.ReadFull(rand, b); err != nil {
			return nil, fmt.Errorf("unseal: token: %w", err)
		}
		return []byte(fmt.Sprintf("%x\n", b)), nil
	}, strings.TrimSpace)
}
