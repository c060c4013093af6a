package intelmisp

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/web"
)

// version is what clients and peers ask first; it decides what they dare.
func (a *api) version(c *call) error {
	uuid := "-"
	if access.Allowed(c.who, "misp.sync") && a.UUID != "" {
		uuid = a.UUID
	}
	answer := struct {
		Version     string   `json:"version"`
		Recommended string   `json:"pymisp_recommended_version"`
		Sync        bool     `json:"perm_sync"`
		Sighting    bool     `json:"perm_sighting"`
		Galaxy      bool     `json:"perm_galaxy_editor"`
		Analyst     bool     `json:"perm_analyst_data"`
		UUID        string   `json:"uuid"`
		Encoding    []string `json:"request_encoding"`
		Filter      bool     `json:"filter_sightings"`
		Collections bool     `json:"collection_sync,omitempty"` // to servers: MISP of 2026 asks for it, 2.5.1 does not know it
		// What Straža adds between its own kind (spec misp D11), told to servers alone.
		Short      bool   `json:"short_groups,omitempty"`
		Retraction bool   `json:"retraction,omitempty"`
		Signer     string `json:"signer,omitempty"` // of retractions
		Resumable  bool   `json:"resumable_cursors,omitempty"`
	}{Version, Version, access.Allowed(c.who, "misp.sync"), access.Allowed(c.who, "misp.sighting"),
		access.Allowed(c.who, "misp.galaxy_editor"), access.Allowed(c.who, "misp.analyst_data"), uuid, []string{"gzip"}, true, server(c), server(c), false, "", a.resumable(c)}
	if server(c) && a.Sign != nil {
		_, verifier, err := a.Sign("straza\n")
		if err != nil {
			return err
		}
		answer.Retraction, answer.Signer = true, verifier
	}
	return c.value(answer)
}

func (a *api) pymispVersion(c *call) error { return c.value(map[string]string{"version": Version}) }

func (a *api) describeTypes(c *call) error { return c.json(misp.DescribeTypes()) }

// postTest lets a peer see that what it sends arrives.
func (a *api) postTest(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	body := map[string]any{}
	if c.params.has("testString") {
		body["testString"] = c.params["testString"]
	}
	return c.value(map[string]any{"body": body, "headers": map[string]string{
		"Content-type": mediaType(c.r.Header.Get("Content-Type")), "Accept": mediaType(c.r.Header.Get("Accept")), "Authorization": "OK"}})
}

// mediaType gives back only what is a media type: this answer must not carry
// whatever somebody put into a header.
func mediaType(s string) string {
	for _, t := range []string{"application/json", "application/xml", "text/csv"} {
		if strings.HasPrefix(strings.ToLower(s), t) {
			return t
		}
	}
	return ""
}

// ordered is a JSON object whose keys stay in their order.
type ordered []struct {
	Key   string
	Value any
}

// MarshalJSON writes the keys as they stand.
func (o ordered) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, kv := range o {
		if i > 0 {
			b = append(b, ',')
		}
		v, err := marshal(kv.Value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, '"'), kv.Key...), '"', ':')
		b = append(b, v...)
	}
	return append(b, '}'), nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// syncRules names the organisations and tags by which a peer may filter.
func (a *api) syncRules(c *call) error {
	out := struct {
		Organisations []string `json:"organisations"`
		Tags          []string `json:"tags"`
	}{[]string{}, []string{}}
	orgs, err := a.orgs(c, "all")
	if err != nil {
		return err
	}
	for _, o := range orgs {
		out.Organisations = append(out.Organisations, o.Name)
	}
	tags, err := a.allTags(c)
	if err != nil {
		return err
	}
	for _, t := range tags {
		out.Tags = append(out.Tags, t.Name)
	}
	slices.Sort(out.Organisations)
	slices.Sort(out.Tags)
	return c.value(out)
}

func (a *api) empty(c *call) error { return c.json([]byte("[]")) }

// queryACL: clients ask for actions without a permission; there are none, since
// an action without a row is refused.
func (a *api) queryACL(c *call) error { return c.json([]byte("[]")) }

// heartbeat's words are MISP's own.
func (a *api) heartbeat(c *call) error {
	return c.value(map[string]string{"message": "Not enough minerals."})
}

func now(c *call) time.Time { return web.Now(c.r) }
