package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/peer"
)

// elsewhere plays two other installations on a loopback address while the story is told:
// one gives its events, the other has been shut out. Nothing leaves the machine.
type elsewhere struct{ events []misp.Event }

func (e *elsewhere) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20)) // what cannot be read is answered as empty
	path, mine := strings.CutPrefix(r.URL.Path, "/sever")
	var out any = []any{}
	switch {
	case !mine:
		w.WriteHeader(http.StatusForbidden)
		out = map[string]string{"name": "Authentication failed. Please make sure you pass the API key of an API enabled user along in the Authorization header.", "message": "Authentication failed.", "url": path}
	case path == "/servers/getVersion":
		out = map[string]any{"version": "2.5.1", "perm_sync": true, "perm_sighting": true, "perm_galaxy_editor": false, "request_encoding": []string{"gzip"}, "filter_sightings": true}
	case path == "/servers/postTest":
		var sent map[string]string
		_ = json.Unmarshal(body, &sent) // an empty answer is a failed test, which is seen
		out = map[string]any{"body": sent, "headers": map[string]string{"Accept": "application/json", "Content-type": "application/json"}}
	case path == "/events/index":
		var list []map[string]any
		for _, ev := range e.events {
			list = append(list, map[string]any{"id": ev.ID.Or(0), "uuid": ev.UUID.Or(""), "timestamp": ev.Timestamp.Or(0), "sighting_timestamp": 0, "published": true, "orgc_uuid": ev.Orgc.UUID.Or("")})
		}
		out = list
	case strings.HasPrefix(path, "/events/view/"):
		for i := range e.events {
			if strings.Contains(path, e.events[i].UUID.Or("-")) {
				out = map[string]any{"Event": &e.events[i]}
			}
		}
	}
	_ = json.NewEncoder(w).Encode(out) // the other side of the same program
}

// neighbours enters two peers: the partner's CERT, whose events were taken in, and an
// installation whose key no longer opens.
func (c *country) neighbours(ctx context.Context) error {
	there := &elsewhere{}
	partner := c.orgs[39]
	for i, camp := range campaigns[:3] {
		ev := c.event(camp, i)
		ev.ID, ev.UUID, ev.Timestamp, ev.Published = misp.N(int64(i+1)), misp.T(fmt.Sprintf("7d1f2a80-1c2b-4d5e-8f90-%012x", i+1)), misp.N(c.Clock.Now().Unix()-3600), misp.B(true)
		ev.Info, ev.Distribution = misp.T("Sever: "+ev.Info.Or("")), misp.N(2)
		ev.Org, ev.Orgc = &misp.Org{UUID: misp.T(partner.UUID), Name: misp.T(partner.Name)}, &misp.Org{UUID: misp.T(partner.UUID), Name: misp.T(partner.Name)}
		there.events = append(there.events, *ev)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: there, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends with Close below
	defer srv.Close()
	at, lead := "http://"+l.Addr().String(), c.actors[0]
	for _, x := range []struct {
		name, path, url string
		org             int
		fails           bool
	}{{"Партнерски ЦЕРТ Север", "/sever", "https://misp.cert-sever.example", 39, false}, {"Телеком Ветар, размена", "/vetar", "https://razmena.vetar.example", 19, true}} {
		key := c.hash(20)
		p, err := c.Peers.Add(ctx, lead, peer.Peer{Name: latin(x.name), URL: at + x.path, Flags: peer.Flags{Pull: true}, Ceiling: tlp.Green}, key, peer.Remote{Ref: c.orgs[x.org].UUID})
		if err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
		if _, err := c.Peers.Test(ctx, lead, p.UUID); err != nil {
			return fmt.Errorf("test of %s: %w", x.name, err)
		}
		c.Clock.Add(3 * time.Minute)
		run, err := c.Peers.Pull(ctx, lead, p.UUID, peer.Options{Technique: peer.Full})
		if x.fails != (err != nil) {
			return errors.Join(fmt.Errorf("pull from %s: %+v", x.name, run), err)
		}
		if _, err := c.Peers.Edit(ctx, lead, p.UUID, key, peer.Remote{}, func(p *peer.Peer) error { p.URL = x.url; return nil }); err != nil {
			return err
		}
	}
	return nil
}
