package peer

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

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

// statusError is an answer that is no success.
type statusError struct {
	Status   int
	Message  string // the other side's sentence, cut
	Location string
}

func (e *statusError) Error() string { return fmt.Sprintf("answered %d: %s", e.Status, e.Message) }

func roots(pem string) *x509.CertPool {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil
	}
	return pool
}

// dial makes the client of a peer: its own patience, its own certificate, no redirects.
func (s *Service) dial(p *Peer, key string) *remote {
	cfg := s.out
	cfg.Timeout, cfg.MaxBytes, cfg.NoRedirects = time.Duration(p.Patience)*time.Second, streamBytes, true
	if p.CA != "" {
		cfg.Roots = roots(p.CA)
	}
	return &remote{base: p.URL, key: key, http: outbound.New(cfg), able: p.Health.Able}
}

// send makes one call. An answer that is no 200 or 304 is a *statusError; the
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
	return nil, refusedAs(resp)
}

// refusedAs reads the other side's sentence; its length and letters are not trusted.
func refusedAs(resp *http.Response) *statusError {
	e := &statusError{Status: resp.StatusCode, Location: resp.Header.Get("Location")}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var said struct {
		Message string          `json:"message"`
		Errors  json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(b, &said) == nil {
		e.Message = said.Message
		if len(said.Errors) > 0 && said.Errors[0] == '"' {
			var text string
			if json.Unmarshal(said.Errors, &text) == nil {
				e.Message += " " + text
			}
		}
	}
	e.Message = cut(e.Message)
	return e
}

// cut makes somebody else's text fit for a line of ours.
func cut(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200])
	}
	return strings.TrimSpace(s)
}

// value makes a call whose answer fits into memory, and reads it into v (nil = not at all).
func (r *remote) value(ctx context.Context, method, path string, ask, v any) error {
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
	return readValue(resp.Body, v)
}

// readValue reads an answer that fits into memory into v (nil = not at all).
func readValue(r io.Reader, v any) error {
	b, err := io.ReadAll(io.LimitReader(r, smallBytes+1))
	if err != nil {
		return fault.New(fault.Unavailable, "the answer broke off").Because(err)
	}
	if len(b) > smallBytes {
		return unexpected("the answer is too large")
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(b, v); err != nil {
		return unexpected("the answer is not what was asked for")
	}
	return nil
}

func unexpected(why string) error {
	return fault.New(fault.Unavailable, "%s", why).WithKey("peer.fault.unexpected")
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
		err = unexpected("no version of MISP")
	}
	a.Version, a.UUID, a.Signer = cut(a.Version), cut(a.UUID), cut(a.Signer)
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
		return NoPostTest, detailOf(err)
	case a.Body.TestString != text:
		return BodyLost, ""
	case !strings.HasPrefix(a.Headers["Accept"], "application/json") || !strings.HasPrefix(a.Headers["Content-type"], "application/json"):
		return HeaderLost, ""
	}
	return OK, ""
}

// codeOf turns a failed call into MISP's number.
func codeOf(err error) Code {
	var said *statusError
	switch {
	case err == nil:
		return OK
	case !errors.As(err, &said):
		if f := fault.Of(err); f != nil && f.Key == "peer.fault.unexpected" {
			return Unexpected
		}
		return Unreachable
	case said.Status == http.StatusForbidden || said.Status == http.StatusUnauthorized:
		switch {
		case strings.Contains(said.Message, "terms"):
			return Terms
		case strings.Contains(said.Message, "change your password"), strings.Contains(said.Message, "password"):
			return Password
		}
		return Forbidden
	}
	return Unexpected
}

// detailOf is what an operator reads of a failure: never a body, never a key.
func detailOf(err error) string {
	var said *statusError
	if errors.As(err, &said) {
		return cut(strconv.Itoa(said.Status) + " " + said.Message)
	}
	if f := fault.Of(err); f != nil {
		return cut(f.Detail)
	}
	return cut(err.Error())
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
	tag = cut(resp.Header.Get("ETag"))
	if resp.StatusCode == http.StatusNotModified {
		return etag, true, nil
	}
	d := json.NewDecoder(resp.Body)
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return "", false, orBroken(err, "the index is no list")
	}
	for n := 0; d.More(); n++ {
		if n >= indexMost {
			return "", false, unexpected("the index does not end")
		}
		var row struct {
			indexRow
			Event *indexRow
		}
		if err := d.Decode(&row); err != nil {
			return "", false, orBroken(err, "the index cannot be read")
		}
		if row.Event != nil {
			row.indexRow = *row.Event
		}
		if err := yield(row.indexRow); err != nil {
			return "", false, err
		}
	}
	if t, err := d.Token(); err != nil || t != json.Delim(']') {
		return "", false, orBroken(err, "the index breaks off")
	}
	return tag, false, nil
}

// orBroken tells a stream that ended from one that is not what was asked for.
func orBroken(err error, why string) error {
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	if err == nil || errors.As(err, &syntax) || errors.As(err, &typed) {
		return unexpected(why)
	}
	if f := fault.Of(err); f != nil && f.Kind == fault.Limited {
		return unexpected("the answer is too large")
	}
	return fault.New(fault.Unavailable, "%s", why).Because(err)
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
	var said *statusError
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

// put streams an event there: write is called with the body to write to.
func (r *remote) put(ctx context.Context, path string, write func(io.Writer) error) error {
	pr, pw := io.Pipe()
	header := []string{}
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
