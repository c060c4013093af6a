package intelmisp

import (
	"net/http"
	"net/url"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

// call is one request, taken apart by CakePHP's grammar:
// [/misp][/admin]/controller/action/arg/key:value/key[]:a.ext
type call struct {
	w   http.ResponseWriter
	r   *http.Request
	who ident.Actor

	path       string // as the client asked, without /misp: it stands in error answers
	admin      bool
	controller string // under_score
	action     string // lower case, no underscores
	args       []string
	params     params // named segments, and later the body's keys
	ext        string // "json", "xml", "csv" or ""

	raw    []byte // a body that was read whole
	groups map[int64]*misp.SharingGroup
	// shortGroups: a group that was told once in the answer is named by its UUID afterwards.
	shortGroups bool
	folds       *folds

	noGroups bool // sharing groups are named by their id alone

	settled bool // the form of the answer was asked for by name: neither suffix nor Accept change it
	cards   map[int64]misp.Org
}

// arg is the nth positional argument, "" if there is none.
func (c *call) arg(n int) string {
	if n < len(c.args) {
		return c.args[n]
	}
	return ""
}

// hard tells whether a deletion is for good: the path's second word says so, or the body,
// as PyMISP does.
func (c *call) hard() (bool, error) {
	err := c.form()
	return params{"": c.arg(1)}.flag("", false) || c.params.flag("hard", false), err
}

// parse reads the path. It never fails: what names nothing is refused by the table.
func parse(w http.ResponseWriter, r *http.Request) *call {
	c := &call{w: w, r: r, who: web.Actor(r), params: params{}}
	segs := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	if segs[0] == "misp" {
		segs = segs[1:]
	}
	c.path = "/" + strings.Join(segs, "/")
	if len(segs) > 0 && segs[0] == "admin" {
		c.admin, segs = true, segs[1:]
	}
	var plain []string
	for i, s := range segs {
		s = unescape(s)
		if i == len(segs)-1 {
			s = c.suffix(s)
		}
		key, value, named := strings.Cut(s, ":")
		switch {
		case !named || i == 0:
			plain = append(plain, s)
		case strings.HasSuffix(key, "[]"):
			c.params.add(strings.TrimSuffix(key, "[]"), value)
		default:
			c.params[key] = value
		}
	}
	for len(plain) > 0 && plain[len(plain)-1] == "" {
		plain = plain[:len(plain)-1]
	}
	if len(plain) > 0 {
		c.controller, plain = misp.Underscore(plain[0]), plain[1:]
	}
	c.verb(plain)
	return c
}

// verb finds the action: named in the path, or by REST where an id or nothing
// stands in its place.
func (c *call) verb(plain []string) {
	if len(plain) > 0 && !isRef(plain[0]) {
		c.action, c.args = fold(plain[0]), plain[1:]
		return
	}
	c.args = plain
	rest := restful[c.controller]
	switch {
	case len(plain) == 0 && c.r.Method == http.MethodPost && rest:
		c.action = "add"
	case len(plain) == 0:
		c.action = "index"
	case c.r.Method == http.MethodDelete:
		c.action = "delete"
	case c.r.Method == http.MethodPut, c.r.Method == http.MethodPost:
		c.action = "edit"
	default:
		c.action = "view"
	}
}

// restful are the controllers with resource routes.
var restful = map[string]bool{"events": true, "attributes": true}

// fold makes restSearch, rest_search and restsearch one.
func fold(action string) string { return strings.ToLower(strings.ReplaceAll(action, "_", "")) }

// suffix takes .json, .xml or .csv off the last segment.
func (c *call) suffix(s string) string {
	for _, ext := range []string{"json", "xml", "csv"} {
		if rest, ok := strings.CutSuffix(s, "."+ext); ok {
			c.ext = ext
			return rest
		}
	}
	return s
}

// unescape decodes a segment; clients send spaces as plus signs.
func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// isRef tells an id or UUID from the name of an action.
func isRef(s string) bool {
	if isDigits(s) {
		return true
	}
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) < 19
}

// controllers are the first segments of MISP's addresses, in under_score form.
// "api" is left out at the root: /api/v1 is ours.
var controllers = set(`access_logs allowedlists analyst_data analyst_data_blocklists api attributes audit_logs auth_keys benchmarks
	bookmarks cerebrates collection_elements collections communities correlation_exclusions correlation_rules correlations
	cryptographic_keys dashboards decaying_model decaying_model_mapping event_blocklists event_delegations event_graph event_reports
	events favourite_tags feeds galaxies galaxy_cluster_blocklists galaxy_cluster_relations galaxy_clusters galaxy_elements jobs logs
	modules news noticelists object_references object_template_elements object_templates objects org_blocklists organisations pages
	posts regexp rest_client_history roles servers shadow_attributes sharing_group_blueprints sharing_groups sighting_blocklists
	sightingdb sightings tag_collections tags tasks taxii_servers taxonomies template_elements templates threads user_login_profiles
	user_settings users warninglists workflow_blueprints workflows`)

func set(list string) map[string]bool {
	out := map[string]bool{}
	for _, s := range strings.Fields(list) {
		out[s] = true
	}
	return out
}

// owns tells whether a path whose first segment is first is MISP's.
func owns(first string) bool {
	switch first {
	case "misp", "admin", "openapi":
		return true
	case "", "api":
		return false
	}
	for _, ext := range []string{".json", ".xml", ".csv"} {
		first = strings.TrimSuffix(first, ext)
	}
	return controllers[misp.Underscore(first)]
}
