// Package outbound is the one way from Straža to other people's servers over
// HTTP: feeds, peers, webhooks, references. Everything else that needs the world
// asks here; no other package makes a client.
//
// The address is checked where the connection is made, after every name look-up
// and on every redirect, so that neither rebinding nor a redirect reaches a
// private network. Only http and https, no proxy from the environment, answers
// bounded in bytes and time. Keys are never sent on to another host.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"straza/internal/kernel/fault"
)

// Config says which private networks may be reached all the same (--allow-net)
// and how much an answer may weigh and last.
type Config struct {
	Allow    []netip.Prefix
	Timeout  time.Duration // whole exchange; 0 = 30 s
	MaxBytes int64         // of an answer; 0 = 64 MiB
	Resolver *net.Resolver // nil = the system's; tests give a lying one
	// NoRedirects gives a redirect back as the answer it is: for peers' interfaces,
	// where following one would carry a key to wherever the other side says.
	NoRedirects bool
	Roots       *x509.CertPool // who may have signed the other side's certificate; nil = the system's
}

// Client is the guarded client. Safe for concurrent use.
type Client struct {
	http *http.Client
	max  int64
}

// New makes a client.
func New(cfg Config) *Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 64 << 20
	}
	d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second, Resolver: cfg.Resolver,
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			return allowed(network, address, cfg.Allow)
		}}
	t := &http.Transport{Proxy: nil, DialContext: d.DialContext, TLSHandshakeTimeout: 10 * time.Second,
		ResponseHeaderTimeout: cfg.Timeout, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.Roots}, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 4}
	follow := redirect
	if cfg.NoRedirects {
		follow = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return &Client{max: cfg.MaxBytes, http: &http.Client{Transport: t, Timeout: cfg.Timeout, CheckRedirect: follow}}
}

var errForbidden = errors.New("that address is not reached from here")

// forbidden are networks that are nobody's server on the internet (RFC 6890 and
// its registry, IPv4 inside IPv6, NAT64, 6to4, Teredo).
var forbidden = parse("0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 " +
	"192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 " +
	"::/128 ::1/128 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/32 2001:db8::/32 2002::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8")

func parse(list string) (out []netip.Prefix) {
	for _, s := range strings.Fields(list) {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// allowed judges the address that is about to be connected to.
func allowed(network, address string, allow []netip.Prefix) error {
	if network != "tcp4" && network != "tcp6" {
		return errForbidden
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil || ap.Addr().Zone() != "" {
		return errForbidden
	}
	a := ap.Addr().Unmap()
	for _, p := range allow {
		if p.Contains(a) {
			return nil
		}
	}
	for _, p := range forbidden {
		if p.Contains(a) {
			return errForbidden
		}
	}
	return nil
}

// redirect follows at most five, to http(s) only and never from https back to http, and
// sends nothing again that was sent in a body. What the first request carried beside its
// address (keys in any header, the address itself as Referer) stays with the first origin:
// a chain that has left it once gets none of it, also when it comes back.
func redirect(r *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("too many redirects")
	}
	if err := schemeOK(r); err != nil {
		return err
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return errors.New("a redirect would send the same words elsewhere")
	}
	if last := via[len(via)-1]; last.URL.Scheme == "https" && r.URL.Scheme != "https" {
		return errors.New("a redirect from https to http is not followed")
	}
	home := origin(via[0].URL)
	away := origin(r.URL) != home
	for _, v := range via {
		away = away || origin(v.URL) != home
	}
	if away {
		r.Header = http.Header{"User-Agent": via[0].Header["User-Agent"], "Accept": via[0].Header["Accept"]}
	}
	return nil
}

// origin is scheme, host and port (RFC 6454 §4).
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

func schemeOK(r *http.Request) error {
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" || r.URL.User != nil {
		return fault.New(fault.Invalid, "only http and https addresses without a password are reached")
	}
	return nil
}

// Do sends r and gives the answer, whose body ends in an error past the limit.
// Faults: Invalid for an address that is not reached from here, Unavailable when
// the other side does not answer.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	if err := schemeOK(r); err != nil {
		return nil, err
	}
	if r.Header.Get("User-Agent") == "" {
		r.Header.Set("User-Agent", "Straza")
	}
	resp, err := c.http.Do(r)
	if errors.Is(err, errForbidden) {
		return nil, fault.New(fault.Invalid, "the address of %s is not reached from here; an operator may allow its network (--allow-net CIDR)", r.URL.Hostname()).Because(err)
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, "%s does not answer", r.URL.Hostname()).Because(err)
	}
	resp.Body = &capped{ReadCloser: resp.Body, left: c.max}
	return resp, nil
}

// Get fetches a URL.
func (c *Client) Get(ctx context.Context, url string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fault.New(fault.Invalid, "no address: %q", url).Because(err)
	}
	return c.Do(r)
}

type capped struct {
	io.ReadCloser
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fault.New(fault.Limited, "the answer is too large")
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.ReadCloser.Read(p)
	c.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("reading the answer: %w", err)
	}
	return n, err
}
