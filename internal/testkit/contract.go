package testkit

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Contract holds real traffic against a fragment of our OpenAPI 3.1 contract. It
// knows the keywords that our fragments use: type, properties, required,
// additionalProperties, items, enum, pattern, format uuid and date-time, oneOf,
// $ref, minimum, maximum. A keyword it does not know fails, so that none is
// written in vain.
type Contract struct {
	doc   map[string]any
	paths []contractPath

	mu   sync.Mutex
	seen map[string]bool // "GET /path 200"
}

type contractPath struct {
	template string
	match    *regexp.Regexp
	ops      map[string]any
}

// NewContract reads a fragment.
func NewContract(t testing.TB, fragment []byte) *Contract {
	t.Helper()
	c := &Contract{seen: map[string]bool{}}
	if err := json.Unmarshal(fragment, &c.doc); err != nil {
		t.Fatalf("the contract is no JSON: %v", err)
	}
	paths, _ := c.doc["paths"].(map[string]any)
	for p, ops := range paths {
		expr := regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(p), `[^/]+`)
		c.paths = append(c.paths, contractPath{p, regexp.MustCompile("^" + expr + "$"), ops.(map[string]any)})
	}
	// Fixed segments win over {id}, as in http.ServeMux.
	slices.SortFunc(c.paths, func(a, b contractPath) int { return strings.Count(a.template, "{") - strings.Count(b.template, "{") })
	return c
}

// Check holds one exchange against the contract.
func (c *Contract) Check(t testing.TB, req *http.Request, status int, header http.Header, body []byte) {
	t.Helper()
	at := fmt.Sprintf("%s %s: %d", req.Method, req.URL.Path, status)
	i := slices.IndexFunc(c.paths, func(p contractPath) bool { return p.match.MatchString(req.URL.Path) })
	if i < 0 {
		t.Errorf("%s: the contract has no such path", at)
		return
	}
	op, _ := c.paths[i].ops[strings.ToLower(req.Method)].(map[string]any)
	responses, _ := op["responses"].(map[string]any)
	response := c.follow(responses[fmt.Sprint(status)])
	if response == nil {
		t.Errorf("%s: the contract does not foresee it (%.300s)", at, body)
		return
	}
	c.parameters(t, at, req, op)
	c.mu.Lock()
	c.seen[req.Method+" "+c.paths[i].template+" "+fmt.Sprint(status)] = true
	c.mu.Unlock()
	content, _ := response["content"].(map[string]any)
	if content == nil {
		if len(body) > 0 {
			t.Errorf("%s: a body where the contract has none", at)
		}
		return
	}
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	media, ok := content[kind].(map[string]any)
	if !ok {
		t.Errorf("%s: the contract has no body of type %q", at, kind)
		return
	}
	if !strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "ndjson") {
		return
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("%s: the body is no JSON: %v", at, err)
		return
	}
	for _, why := range c.check("", v, media["schema"]) {
		t.Errorf("%s: %s", at, why)
	}
}

// parameters refuses a query parameter that the contract does not name.
func (c *Contract) parameters(t testing.TB, at string, req *http.Request, op map[string]any) {
	t.Helper()
	known := map[string]bool{}
	list, _ := op["parameters"].([]any)
	for _, p := range list {
		if m := c.follow(p); m["in"] == "query" {
			known[fmt.Sprint(m["name"])] = true
		}
	}
	for name := range req.URL.Query() {
		if !known[name] {
			t.Errorf("%s: the contract has no parameter %q", at, name)
		}
	}
}

// Routes fails when the contract and the declared routes differ; routes are
// "GET /path/{id}".
func (c *Contract) Routes(t testing.TB, routes ...string) {
	t.Helper()
	var have []string
	for _, p := range c.paths {
		for method := range p.ops {
			have = append(have, strings.ToUpper(method)+" "+p.template)
		}
	}
	for _, r := range routes {
		if !slices.Contains(have, r) {
			t.Errorf("route %s is not in the contract", r)
		}
	}
	for _, h := range have {
		if !slices.Contains(routes, h) {
			t.Errorf("the contract has %s, no route does", h)
		}
	}
}

// Exercised fails for every operation whose success was never seen: what no test
// calls is no contract.
func (c *Contract) Exercised(t testing.TB) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.paths {
		for method := range p.ops {
			call := strings.ToUpper(method) + " " + p.template
			if !slices.ContainsFunc(slices.Collect(maps.Keys(c.seen)), func(s string) bool { return strings.HasPrefix(s, call+" 2") }) {
				t.Errorf("%s: no test saw it succeed", call)
			}
		}
	}
}

// follow resolves a $ref within the fragment.
func (c *Contract) follow(v any) map[string]any {
	m, _ := v.(map[string]any)
	ref, ok := m["$ref"].(string)
	if !ok {
		return m
	}
	at := c.doc
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at, _ = at[part].(map[string]any)
	}
	return at
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// check gives what is wrong with v under a schema; path names the place.
func (c *Contract) check(path string, v, schema any) (out []string) {
	s := c.follow(schema)
	bad := func(format string, args ...any) { out = append(out, path+" "+fmt.Sprintf(format, args...)) }
	if s == nil {
		bad("has no schema")
		return out
	}
	for _, k := range slices.Sorted(maps.Keys(s)) {
		switch want := s[k]; k {
		case "type":
			if !hasType(v, want) {
				bad("is %T, not %v", v, want)
			}
		case "enum":
			if list := want.([]any); !slices.Contains(list, v) {
				bad("%v is none of %v", v, list)
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(want.(string)).MatchString(text) {
				bad("%q does not match %s", text, want)
			}
		case "format":
			if text, ok := v.(string); ok && !hasForm(text, want) {
				bad("%q is no %s", text, want)
			}
		case "minimum", "maximum":
			if n, ok := v.(float64); ok && (k == "minimum" && n < want.(float64) || k == "maximum" && n > want.(float64)) {
				bad("%v breaks %s %v", n, k, want)
			}
		case "oneOf":
			fits := 0
			for _, one := range want.([]any) {
				if len(c.check(path, v, one)) == 0 {
					fits++
				}
			}
			if fits != 1 {
				bad("fits %d of oneOf", fits)
			}
		case "required":
			m, isObject := v.(map[string]any)
			for _, name := range want.([]any) {
				if _, ok := m[name.(string)]; isObject && !ok {
					bad("lacks %v", name)
				}
			}
		case "items":
			if list, ok := v.([]any); ok {
				for i, x := range list {
					out = append(out, c.check(fmt.Sprintf("%s[%d]", path, i), x, want)...)
				}
			}
		case "properties", "additionalProperties":
		case "description", "title", "minItems", "maxItems", "minLength", "maxLength", "default", "example", "examples":
		default:
			bad("has a keyword that testkit.Contract does not know: %s", k)
		}
	}
	return append(out, c.members(path, v, s)...)
}

func (c *Contract) members(path string, v any, s map[string]any) (out []string) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	props, _ := s["properties"].(map[string]any)
	for name, x := range m {
		switch extra := s["additionalProperties"].(type) {
		case map[string]any:
			if props[name] == nil {
				out = append(out, c.check(path+"."+name, x, extra)...)
				continue
			}
		case bool:
			if !extra && props[name] == nil {
				out = append(out, path+"."+name+" is not in the contract")
				continue
			}
		}
		if props[name] != nil {
			out = append(out, c.check(path+"."+name, x, props[name])...)
		}
	}
	return out
}

func hasType(v, want any) bool {
	if list, ok := want.([]any); ok {
		return slices.ContainsFunc(list, func(w any) bool { return hasType(v, w) })
	}
	switch v := v.(type) {
	case nil:
		return want == "null"
	case bool:
		return want == "boolean"
	case string:
		return want == "string"
	case float64:
		return want == "number" || want == "integer" && v == float64(int64(v))
	case []any:
		return want == "array"
	}
	return want == "object"
}

func hasForm(s string, format any) bool {
	switch format {
	case "uuid":
		return uuidForm.MatchString(s)
	case "date-time":
		_, err := time.Parse(time.RFC3339, s)
		return err == nil
	}
	return true
}
