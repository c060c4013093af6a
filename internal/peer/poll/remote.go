package poll

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

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
	return &remote{base: base, login: x.Login, secret: secret, http: peer.Dial(s.d.Out, x.Patience, x.CA, pageBytes)}, nil
}

// title is what a TAXII server says of a refusal.
func title(body []byte) string {
	var said taxii.Error
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	return said.Title
}

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
		return nil, peer.Odd("the answer is not TAXII's")
	}
	return nil, peer.Refusal(resp, title)
}

// resource reads an answer that fits into memory.
func (r *remote) resource(ctx context.Context, address string, v any) error {
	resp, err := r.get(ctx, address)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return peer.Value(resp.Body, resourceBytes, v)
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
	title = peer.Cut(said.Title)
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
		return title, nil, elsewhere, peer.Odd("the server names no API root of its own")
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
		out = append(out, Collection{Root: root, Ref: c.ID, Title: peer.Cut(c.Title), Read: c.CanRead})
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
			return peer.Odd("the page does not end")
		}
		p.list = append(p.list, intel.NewInboxEntry(raw))
		return nil
	})
	if err != nil {
		return p, broken(err)
	}
	if last := resp.Header.Get("X-TAXII-Date-Added-Last"); last != "" {
		if at, ok := taxii.ParseTime(last); ok {
			p.last = taxii.FormatTime(at) // six digits: some servers take nothing else
		}
	}
	if len(p.next) > 4000 {
		return p, peer.Odd("the token of the next page is too long")
	}
	return p, nil
}

// broken tells a page that broke off from one that is not what was asked for.
func broken(err error) error {
	if errors.Is(err, taxii.ErrNoEnvelope) {
		return peer.Odd("the page is no envelope")
	}
	return peer.Broken(err, "the page is no envelope", "the page broke off")
}
