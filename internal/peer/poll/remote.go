package poll

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/taxii"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/outbound"
	"straza/internal/peer"
)

// What the other side may send.
const (
	resourceBytes = 4 << 20
	pageBytes     = 64 << 20
	pageObjects   = 20_000 // of one page, whatever we asked for
	askFor        = 1000
	rootsMost     = 50
	collsMost     = 1000
)

// remote speaks to one server.
type remote struct {
	base          *url.URL
	login, secret string
	http          *outbound.Client
}

func (s *Service) dial(x *Server, secret string) (*remote, error) {
	base, err := url.Parse(x.URL)
	if err != nil {
		return nil, fault.New(fault.Invalid, "no address").Because(err)
	}
	cfg := s.d.Out
	cfg.Timeout, cfg.MaxBytes, cfg.NoRedirects = time.Duration(x.Patience)*time.Second, pageBytes, true
	if x.CA != "" {
		cfg.Roots = x509.NewCertPool()
		cfg.Roots.AppendCertsFromPEM([]byte(x.CA))
	}
	return &remote{base: base, login: x.Login, secret: secret, http: outbound.New(cfg)}, nil
}

// answerError is an answer that is no success.
type answerError struct {
	status int
	title  string        // the other side's sentence, cut
	after  time.Duration // Retry-After
}

func (e *answerError) Error() string { return fmt.Sprintf("answered %d: %s", e.status, e.title) }

func (r *remote) get(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fault.New(fault.Invalid, "no address").Because(err)
	}
	req.Header.Set("Accept", taxii.MediaType)
	req.Header.Set("User-Agent", "straza-taxii")
	switch {
	case r.login != "":
		req.SetBasicAuth(r.login, r.secret)
	case r.secret != "":
		req.Header.Set("Authorization", "Bearer "+r.secret)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, err
	}
	// Some servers name plain JSON; its letters are looked at anyway.
	if resp.StatusCode == http.StatusOK && strings.Contains(strings.ToLower(resp.Header.Get("Content-Type")), "json") {
		return resp, nil
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil, unexpected("the answer is not TAXII's")
	}
	e := &answerError{status: resp.StatusCode}
	var said taxii.Error
	if b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10)); err == nil && json.Unmarshal(b, &said) == nil {
		e.title = cut(said.Title)
	}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		e.after = min(time.Duration(n)*time.Second, 24*time.Hour)
	}
	return nil, e
}

// resource reads an answer that fits into memory.
func (r *remote) resource(ctx context.Context, address string, v any) error {
	resp, err := r.get(ctx, address)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, resourceBytes+1))
	if err != nil {
		return fault.New(fault.Unavailable, "the answer broke off").Because(err)
	}
	if len(b) > resourceBytes {
		return unexpected("the answer is too large")
	}
	if json.Unmarshal(b, v) != nil {
		return unexpected("the answer is not what was asked for")
	}
	return nil
}

func unexpected(why string) error {
	return fault.New(fault.Unavailable, "%s", why).WithKey("peer.fault.unexpected")
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

// roots gives the addresses of the API roots: the one that was entered, or those
// that the discovery names, without such as are elsewhere (elsewhere counts them).
func (r *remote) roots(ctx context.Context) (title string, list []string, elsewhere int, err error) {
	var said struct {
		Title    string   `json:"title"`
		Versions []string `json:"versions"` // of an API root
		APIRoots []string `json:"api_roots"`
	}
	if err := r.resource(ctx, r.base.String(), &said); err != nil {
		return "", nil, 0, err
	}
	title = cut(said.Title)
	if len(said.Versions) > 0 {
		return title, []string{r.base.String()}, 0, nil
	}
	for _, text := range said.APIRoots[:min(len(said.APIRoots), rootsMost)] {
		u, err := r.base.Parse(text)
		if err != nil || u.Scheme != r.base.Scheme || !strings.EqualFold(u.Host, r.base.Host) || u.User != nil {
			elsewhere++
			continue
		}
		u.RawQuery, u.Fragment = "", ""
		if !strings.HasSuffix(u.Path, "/") {
			u.Path += "/"
		}
		list = append(list, u.String())
	}
	if len(list) == 0 {
		return title, nil, elsewhere, unexpected("the server names no API root of its own")
	}
	return title, list, elsewhere, nil
}

// collections lists what an API root has.
func (r *remote) collections(ctx context.Context, root string) (out []Collection, err error) {
	var said taxii.Collections
	if err := r.resource(ctx, root+"collections/", &said); err != nil {
		return nil, err
	}
	for _, c := range said.Collections[:min(len(said.Collections), collsMost)] {
		if c.ID == "" || len(c.ID) > 200 {
			continue
		}
		out = append(out, Collection{Root: root, Ref: c.ID, Title: cut(c.Title), Read: c.CanRead})
	}
	return out, nil
}

// sheet is one page of objects.
type sheet struct {
	list []intel.InboxEntry
	more bool
	next string
	last string // X-TAXII-Date-Added-Last, "" when there is none that can be read
}

func (r *remote) objects(ctx context.Context, c *Collection) (p sheet, err error) {
	q := url.Values{"limit": {strconv.Itoa(askFor)}}
	if c.After != "" {
		q.Set("added_after", c.After)
	}
	if c.page != "" {
		q.Set("next", c.page)
	}
	resp, err := r.get(ctx, c.Root+"collections/"+url.PathEscape(c.Ref)+"/objects/?"+q.Encode())
	if err != nil {
		return p, err
	}
	defer resp.Body.Close()
	p.more, p.next, err = taxii.ReadEnvelope(resp.Body, func(raw json.RawMessage) error {
		if len(p.list) == pageObjects {
			return unexpected("the page does not end")
		}
		p.list = append(p.list, intel.NewInboxEntry(raw))
		return nil
	})
	if err != nil {
		return p, broken(err)
	}
	if last := resp.Header.Get("X-TAXII-Date-Added-Last"); last != "" {
		if _, ok := taxii.ParseTime(last); ok {
			p.last = last
		}
	}
	if len(p.next) > 4000 {
		return p, unexpected("the token of the next page is too long")
	}
	return p, nil
}

// broken tells a page that broke off from one that is not what was asked for.
func broken(err error) error {
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	f := fault.Of(err)
	switch {
	case f != nil && f.Kind == fault.Limited:
		return unexpected("the page is too large")
	case f != nil:
		return err
	case errors.Is(err, taxii.ErrNoEnvelope) || errors.As(err, &typed) || errors.As(err, &syntax):
		return unexpected("the page is no envelope")
	}
	return fault.New(fault.Unavailable, "the page broke off").Because(err)
}

// codeOf and detailOf say a failed exchange by the room's numbers and in a line.
func codeOf(err error) peer.Code {
	var said *answerError
	switch {
	case err == nil:
		return peer.OK
	case errors.As(err, &said) && (said.status == http.StatusUnauthorized || said.status == http.StatusForbidden):
		return peer.Forbidden
	case errors.As(err, &said):
		return peer.Unexpected
	}
	if f := fault.Of(err); f != nil && f.Key == "peer.fault.unexpected" {
		return peer.Unexpected
	}
	return peer.Unreachable
}

func detailOf(err error) string {
	var said *answerError
	if errors.As(err, &said) {
		return cut(strconv.Itoa(said.status) + " " + said.title)
	}
	if f := fault.Of(err); f != nil {
		return cut(f.Detail)
	}
	return cut(err.Error())
}
