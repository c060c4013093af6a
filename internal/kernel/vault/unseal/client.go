package unseal

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"straza/internal/kernel/fault"
)

// Client reaches an unsealing process. It is safe for concurrent use; a process
// that is away gives Unavailable faults until it is back.
type Client struct {
	http  *http.Client
	base  string
	token string
}

// Dial prepares a client for an address as Ready gave it; it does not connect.
// token is the content of the process's file "token" and only for https.
func Dial(address, token string) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("unseal: address: %w", err)
	}
	tr := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
		// a refused request must not have to send 100 MB first
		ExpectContinueTimeout: 30 * time.Second}
	c := &Client{http: &http.Client{Transport: tr}, token: strings.TrimSpace(token)}
	switch {
	case u.Scheme == "unix" && u.Path != "":
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialUnix(ctx, u.Path) }
		c.base = "http://unseal"
	case u.Scheme == "https" && u.Host != "":
		print, ok := strings.CutPrefix(u.Fragment, "sha256=")
		if raw, err := hex.DecodeString(print); !ok || err != nil || len(raw) != 32 || c.token == "" {
			return nil, fmt.Errorf("unseal: %s://%s needs #sha256=FINGERPRINT and a token", u.Scheme, u.Host)
		}
		tr.TLSClientConfig = pinned(strings.ToLower(print))
		c.base = "https://" + u.Host
	default:
		return nil, fmt.Errorf("unseal: address %q: want unix:///path or https://host:port#sha256=…", address)
	}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func away(err error) error {
	return fault.New(fault.Unavailable, "unseal: the unsealing process does not answer").WithKey("unseal.away").Because(err).After(10 * time.Second)
}

func (c *Client) do(ctx context.Context, method, path string, h http.Header, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("unseal: %s: %w", path, err)
	}
	if h != nil {
		req.Header = h
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, away(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var f wireFault
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxJSON)).Decode(&f); err != nil {
		return nil, away(fmt.Errorf("status %d", resp.StatusCode))
	}
	return nil, f.err()
}

// ask sends JSON (nil: GET) and reads JSON.
func ask[Out any](ctx context.Context, c *Client, path string, in any) (out Out, err error) {
	method, body := http.MethodGet, io.Reader(nil)
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return out, fmt.Errorf("unseal: %s: %w", path, err)
		}
		method, body = http.MethodPost, bytes.NewReader(data)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	resp, err := c.do(ctx, method, path, nil, body)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, away(err)
	}
	return out, nil
}

// Challenge implements Door.
func (c *Client) Challenge(ctx context.Context, email string) (Challenge, error) {
	return ask[Challenge](ctx, c, "/challenge", struct{ Email string }{email})
}

// Prove implements Door.
func (c *Client) Prove(ctx context.Context, p Proof) (Session, error) {
	return ask[Session](ctx, c, "/prove", p)
}

// Post implements Door.
func (c *Client) Post(ctx context.Context, l Letter) (Receipt, error) {
	return ask[Receipt](ctx, c, "/post", l)
}

// Enrol implements Door.
func (c *Client) Enrol(ctx context.Context, e Enrolment) (Enrolled, error) {
	return ask[Enrolled](ctx, c, "/enrol", e)
}

// Status asks who is there: at start, for the public keys, and for `doctor`.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return ask[Status](ctx, c, "/status", nil)
}

// People lists who is enrolled.
func (c *Client) People(ctx context.Context) ([]Person, error) {
	return ask[[]Person](ctx, c, "/people", nil)
}

// Remove takes a person off; session is that of an enrolled person.
func (c *Client) Remove(ctx context.Context, email, session string) error {
	_, err := ask[struct{}](ctx, c, "/remove", removal{email, session})
	return err
}

// Log streams the process's log for VerifyLog and ReadLog.
func (c *Client) Log(ctx context.Context, w io.Writer) error {
	resp, err := c.do(ctx, http.MethodGet, "/log", nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return away(err)
	}
	return nil
}

// Open implements Door.
func (c *Client) Open(ctx context.Context, r Request, sealed io.Reader, plain io.Writer) (Receipt, error) {
	in, err := json.Marshal(r)
	if err != nil {
		return Receipt{}, fmt.Errorf("unseal: open: %w", err)
	}
	h := http.Header{headerRequest: {base64.StdEncoding.EncodeToString(in)}, "Expect": {"100-continue"}}
	resp, err := c.do(ctx, http.MethodPost, "/open", h, io.NopCloser(sealed))
	if err != nil {
		return Receipt{}, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(plain, resp.Body); err != nil {
		return Receipt{}, away(err)
	}
	var rec Receipt
	if err := json.Unmarshal([]byte(resp.Trailer.Get(headerReceipt)), &rec); err != nil {
		return Receipt{}, away(fmt.Errorf("answer without its end: %w", err))
	}
	if outcome := resp.Trailer.Get(headerFault); outcome != "none" {
		var f wireFault
		if err := json.Unmarshal([]byte(outcome), &f); err != nil {
			return rec, away(err)
		}
		return rec, f.err()
	}
	return rec, nil
}
