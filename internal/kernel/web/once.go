package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"net/http"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// Onces makes acts happen at most once for a key: *store.DB does.
type Onces interface {
	Claim(ctx context.Context, key string) context.Context
	KeepAnswer(ctx context.Context, key, answer string) error
}

// kept is an answer as it is remembered.
type kept struct {
	Status   int    `json:"status"`
	Type     string `json:"type"`
	Location string `json:"location,omitempty"`
	ETag     string `json:"etag,omitempty"`
	Body     string `json:"body"`
	Asked    string `json:"asked,omitempty"` // hash of what the handler read of the request
}

// keptMost bounds a remembered answer; a larger one is not repeated, its act is done
// once all the same.
const keptMost = 256 << 10

// once tells whether a request asks to be done once: a POST of our JSON interface
// with an Idempotency-Key, whose room does not keep it itself. A report without a
// log-in has a way of its own, because its key makes the receipt code.
func (m *Mux) once(r *http.Request, route Route) bool {
	return m.cfg.Onces != nil && !route.KeepsKey && route.Method == http.MethodPost && strings.HasPrefix(route.Pattern, "/api/v1/") &&
		route.Policy.Name != Public.Name && r.Header.Get("Idempotency-Key") != ""
}

// doOnce runs a handler under the request's key. The key commits with the first
// write of the act; the same request later gets the same answer and the header
// Idempotent-Replayed. When the answer was lost between the two, it is a Conflict
// that says that the act was done; another body under the same key is a Conflict too, and
// nothing is done.
func (m *Mux) doOnce(w http.ResponseWriter, r *http.Request, route Route) error {
	key, err := IdempotencyKey(r)
	if err != nil {
		return err
	}
	who := Actor(r)
	key = who.String() + "|" + r.Method + "|" + r.URL.EscapedPath() + "|" + key
	rec := &keeper{ResponseWriter: w, status: http.StatusOK}
	asked := &asked{ReadCloser: r.Body, sum: sha256.New()}
	r.Body = asked
	err = route.Handler(rec, r.WithContext(m.cfg.Onces.Claim(r.Context(), key)))
	var again *store.Again
	if errors.As(err, &again) {
		return replay(w, again.Answer, asked.String())
	}
	if err != nil || rec.cut || rec.status >= 400 {
		return err
	}
	h := w.Header()
	raw, err := json.Marshal(kept{rec.status, h.Get("Content-Type"), h.Get("Location"), h.Get("ETag"), rec.body.String(), asked.String()})
	if err == nil {
		err = m.cfg.Onces.KeepAnswer(r.Context(), key, string(raw))
	}
	if err != nil {
		m.cfg.Log.ErrorContext(r.Context(), "an answer could not be kept for its key", "err", err)
	}
	return nil
}

// asked hashes what is read of a request.
type asked struct {
	io.ReadCloser
	sum hash.Hash
}

func (a *asked) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	a.sum.Write(p[:n])
	return n, err
}

func (a *asked) String() string { return hex.EncodeToString(a.sum.Sum(nil)) }

func replay(w http.ResponseWriter, text, asked string) error {
	var k kept
	if json.Unmarshal([]byte(text), &k) != nil || k.Status == 0 {
		return fault.New(fault.Conflict, "this request was done before; its answer was lost, read what it changed").WithKey("web.fault.replayed")
	}
	if k.Asked != "" && k.Asked != asked {
		return fault.New(fault.Conflict, "this Idempotency-Key was used for another request; take a new one").WithKey("web.fault.otherkey")
	}
	for name, v := range map[string]string{"Content-Type": k.Type, "Location": k.Location, "ETag": k.ETag} {
		if v != "" {
			w.Header().Set(name, v)
		}
	}
	w.Header().Set("Idempotent-Replayed", "true")
	w.WriteHeader(k.Status)
	_, err := w.Write([]byte(k.Body))
	return ignoreGone(err)
}

// keeper keeps a copy of what is answered.
type keeper struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
	cut    bool
}

func (x *keeper) WriteHeader(status int) { x.status = status; x.ResponseWriter.WriteHeader(status) }

func (x *keeper) Write(b []byte) (int, error) {
	if x.body.Len()+len(b) > keptMost {
		x.cut = true
	} else if !x.cut {
		x.body.Write(b)
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (x *keeper) Unwrap() http.ResponseWriter { return x.ResponseWriter }
