package peer

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/outbound"
)

// What the other side may send: an event or an index as a stream, everything else
// in memory.
const (
	streamBytes = 4 << 30
	smallBytes  = 8 << 20
	indexMost   = 10_000_000 // rows of one index
)

// agent is how we name ourselves: peers switch to compact JSON for their own kind.
const agent = "MISP 2.5.34 - #straza"

// remote speaks to one peer with our key there.
type remote struct {
	base, key string
	http      *outbound.Client
	able      Able
}

func roots(pem string) *x509.CertPool {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil
	}
	return pool
}

// dial makes the client of a peer: its own patience, its own certificate, no redirects.
func (s *Service) dial(p *Peer, key string) *remote {
	return &remote{base: p.URL, key: key, http: Dial(s.out, p.Patience, p.CA, streamBytes), able: p.Health.Able}
}

// send makes one call. An answer that is no 200 or 304 is a *NoAnswer; the
// caller closes the body of the others.
func (r *remote) send(ctx context.Context, method, path string, body io.Reader, header ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, body)
	if err != nil {
		return nil, fault.New(fault.Invalid, "no address: %s", path).Because(err)
	}
	req.Header.Set("Authorization", r.key)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", agent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header[header[i]] = []string{header[i+1]}
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNotModified {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, Refusal(resp, sentence)
}

// sentence finds what MISP says of a refusal.
func sentence(body []byte) string {
	var said struct {
		Message string          `json:"message"`
		Errors  json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	if len(said.Errors) > 0 && said.Errors[0] == '"' {
		var text string
		if json.Unmarshal(said.Errors, &text) == nil {
			said.Message += " " + text
		}
	}
	return said.Message
}

// value makes a call whose answer fits into memory, and reads it into v (nil = not at all).
func (r *remote) value(ctx context.Context, method, path string, ask, v any) error {
	return r.call(ctx, method, path, ask, func(b io.Reader) error { return Value(b, smallBytes, v) })
}

// call asks, in JSON, and gives read the body of the answer.
func (r *remote) call(ctx context.Context, method, path string, ask any, read func(io.Reader) error) error {
	var body io.Reader
	var header []string
	if ask != nil {
		b, err := json.Marshal(ask)
		if err != nil {
			return err
		}
		body, header = r.packed(b)
	}
	resp, err := r.send(ctx, method, path, body, header...)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return read(resp.Body)
}

// packed compresses a body that is worth it when the other side reads gzip.
func (r *remote) packed(b []byte) (io.Reader, []string) {
	if len(b) <= 1024 || !slices.Contains(r.able.Encoding, "gzip") {
		return bytes.NewReader(b), nil
	}
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, _ = z.Write(b)
	_ = z.Close()
	return &buf, []string{"Content-Encoding", "gzip"}
}

// version asks what the other side is and what our key may do there.
func (r *remote) version(ctx context.Context) (Able, error) {
	var a Able
	err := r.value(ctx, http.MethodGet, "/servers/getVersion", nil, &a)
	if err == nil && !strings.Contains(a.Version, ".") {
		err = Odd("no version of MISP")
	}
	a.Version, a.UUID, a.Signer = Cut(a.Version), Cut(a.UUID), Cut(a.Signer)
	if len(a.Encoding) > 8 {
		a.Encoding = a.Encoding[:8]
	}
	r.able = a
	return a, err
}

// postTest sends a text and our headers and tells whether both arrived.
func (r *remote) postTest(ctx context.Context, text string) (Code, string) {
	var a struct {
		Body    struct{ TestString string }
		Headers map[string]string
	}
	err := r.value(ctx, http.MethodPost, "/servers/postTest", map[string]string{"testString": text}, &a)
	switch {
	case err != nil:
		return NoPostTest, DetailOf(err)
	case a.Body.TestString != text:
		return BodyLost, ""
	case !strings.HasPrefix(a.Headers["Accept"], "application/json") || !strings.HasPrefix(a.Headers["Content-type"], "application/json"):
		return HeaderLost, ""
	}
	return OK, ""
}

// codeOf is CodeOf with what MISP refuses a key for.
func codeOf(err error) Code {
	c := CodeOf(err)
	var said *NoAnswer
	if c == Forbidden && errors.As(err, &said) {
		switch {
		case strings.Contains(said.Message, "terms"):
			return Terms
		case strings.Contains(said.Message, "password"):
			return Password
		}
	}
	return c
}

// indexRow is what the other side says of one event.
type indexRow struct {
	UUID      string      `json:"uuid"`
	Timestamp json.Number `json:"timestamp"`
	Sighted   json.Number `json:"sighting_timestamp"`
	Orgc      string      `json:"orgc_uuid"`
}

func (r indexRow) time() int64 {
	n, _ := strconv.ParseInt(r.Timestamp.String(), 10, 64)
	return n
}

func (r indexRow) sighted() int64 {
	n, _ := strconv.ParseInt(r.Sighted.String(), 10, 64)
	return n
}

// index streams the minimal index of published events; notModified is told when the
// other side knows our tag. The new tag is "" when none came.
func (r *remote) index(ctx context.Context, filter map[string]any, etag string, yield func(indexRow) error) (tag string, notModified bool, err error) {
	b, err := json.Marshal(filter)
	if err != nil {
		return "", false, err
	}
	resp, err := r.send(ctx, http.MethodPost, "/events/index", bytes.NewReader(b), "If-None-Match", etag)
	if err != nil {
		return "", false, err
	}
	defer resp.Body.Close()
	tag = Cut(resp.Header.Get("ETag"))
	if resp.StatusCode == http.StatusNotModified {
		return etag, true, nil
	}
	d := json.NewDecoder(resp.Body)
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return "", false, Broken(err, "the index is no list", "the index is no list")
	}
	for n := 0; d.More(); n++ {
		if n >= indexMost {
			return "", false, Odd("the index does not end")
		}
		var row struct {
			indexRow
			Event *indexRow
		}
		if err := d.Decode(&row); err != nil {
			return "", false, Broken(err, "the index cannot be read", "the index cannot be read")
		}
		if row.Event != nil {
			row.indexRow = *row.Event
		}
		if err := yield(row.indexRow); err != nil {
			return "", false, err
		}
	}
	if t, err := d.Token(); err != nil || t != json.Delim(']') {
		return "", false, Broken(err, "the index breaks off", "the index breaks off")
	}
	return tag, false, nil
}

// event opens one event as the other side shows it to a peer.
func (r *remote) event(ctx context.Context, uuid string, local bool) (*http.Response, error) {
	path := "/events/view/" + uuid + "/deleted[]:0/deleted[]:1/excludeGalaxy:1/includeEventCorrelations:0/includeFeedCorrelations:0/includeWarninglistHits:0"
	if !local {
		path += "/excludeLocalTags:1"
	}
	if r.able.Short {
		path += "/shortGroups:1"
	}
	return r.send(ctx, http.MethodGet, path, nil)
}

// has asks whether the other side shows us an event.
func (r *remote) has(ctx context.Context, uuid string) (bool, error) {
	resp, err := r.send(ctx, http.MethodHead, "/events/view/"+uuid, nil)
	if err == nil {
		_ = resp.Body.Close()
		return true, nil
	}
	var said *NoAnswer
	if errors.As(err, &said) && said.Status == http.StatusNotFound {
		return false, nil
	}
	return false, err
}

// wanted asks which of a list of events the other side does not hold as new.
func (r *remote) wanted(ctx context.Context, list []item) (map[string]bool, error) {
	type head struct {
		UUID      string `json:"uuid"`
		Timestamp string `json:"timestamp"`
	}
	ask := make([]map[string]head, len(list))
	for i, it := range list {
		ask[i] = map[string]head{"Event": {it.uuid, strconv.FormatInt(it.timestamp, 10)}}
	}
	var want []string
	if err := r.value(ctx, http.MethodPost, "/events/filterEventIdsForPush", ask, &want); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, u := range want {
		out[strings.ToLower(u)] = true
	}
	return out, nil
}

// put streams an event there: write is called with the body to write to; header are
// names and values beside it.
func (r *remote) put(ctx context.Context, path string, write func(io.Writer) error, header ...string) error {
	pr, pw := io.Pipe()
	zip := slices.Contains(r.able.Encoding, "gzip")
	if zip {
		header = append(header, "Content-Encoding", "gzip")
	}
	broken := make(chan error, 1)
	go func() {
		var err error
		if zip {
			z, _ := gzip.NewWriterLevel(pw, gzip.BestSpeed)
			if err = write(z); err == nil {
				err = z.Close()
			}
		} else {
			err = write(pw)
		}
		broken <- err
		_ = pw.CloseWithError(err)
	}()
	resp, err := r.send(ctx, http.MethodPost, path, pr, header...)
	_ = pr.CloseWithError(io.ErrClosedPipe)
	if werr := <-broken; werr != nil && !errors.Is(werr, io.ErrClosedPipe) {
		if resp != nil {
			_ = resp.Body.Close()
		}
		return werr
	}
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, smallBytes))
	return resp.Body.Close()
}
