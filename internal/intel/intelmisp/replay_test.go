package intelmisp

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/testkit"
)

// recording is one request to a real server and its answer.
type recording struct {
	Name     string            `json:"name"`
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Headers  map[string]string `json:"request_headers"`
	Body     json.RawMessage   `json:"request_body"`
	Status   int               `json:"status"`
	Answered map[string]string `json:"response_headers"`
	Answer   json.RawMessage   `json:"response_body"`
	Cut      int               `json:"truncated_from"`
	Shape    bool              `json:"shape_only"`
}

// What is replayed, by group, and the least share of answers that must be equal.
// It rises with what is built and never falls.
var replayed = map[string]int{
	"getVersion": 100, "describeTypes": 0, "auth": 100, "route": 100, "event": 100, "head": 100, "attr": 100, "obj": 100, "ref": 100, "tag": 100, "sg": 100,
	"rs": 100, "setup": 100, "users": 100, "roles": 100, "objtemplate": 100, "noticelist": 100, "org": 100,
	"sight": 100, "report": 100, "server": 100, "rep": 100, "prop": 100,
	"note": 100, "opinion": 100, "relationship": 100, "analyst": 100,
	"user": 100, "auth_keys": 100, "userSettings": 100, "eblock": 100, "oblock": 100, "serverSettings": 100, "logs": 100, "news": 100, "community": 100, "queryACL": 100, "dbSchemaDiagnostic": 100, "postTest": 100,
	"availableSyncFilteringRules": 100, "ft": 100, "feed": 100,
	"upload_stix2": 100,
	"gal":          100, "galaxy": 100, "gcluster": 100, "gcrel": 100, "taxonomy": 100, "warninglist": 100, "decaying": 100, "corr_exclusions": 100,
}

// Divergences on purpose, each with its reason; they are left out of the count.
var onPurpose = map[string]string{
	"event.view.id0":                 "a defect of 2.5.1: the first event for id 0",
	"route.no_accept":                "kinder: a key counts whatever Accept says",
	"route.accept_star":              "as above",
	"route.get_on_post_only.delete":  "2.5.1 breaks with 500",
	"event.checkuuid":                "2.5.1 breaks with 500",
	"event.checkuuid.unknown":        "as above",
	"attr.edit.invalid":              "one fault of an attribute at a time",
	"event.add.orgc_forced":          "locked is for who may synchronise",
	"event.edit.request_wrapped":     "we take what was meant",
	"route.unknown_controller":       "what is nobody's address gets our own 404, not MISP's",
	"route.unknown_controller.user":  "as above",
	"route.get_on_post_only.publish": "GET changes nothing, and says so before it looks",
	"route.accept_html":              "kinder: a key counts whatever Accept says",
	"describeTypes":                  "194 types, as today's PyMISP has them; 2.5.1 has 191",
	"describeTypes.etag_empty":       "as above",
	"describeTypes.etag_match":       "as above: another content, another tag",
	"event.index.root":               "locked is for who may synchronise (orgc_forced)",
	"event.index.searchorg":          "a pipe is OR: one unknown name does not empty the answer",
	"attr.add.duplicate_break0":      "the existing row is given back as it is",
	"attr.event.deleted":             "follows from duplicate_break0",
	"obj.add.breakOnDuplicate":       "a duplicate is found without its category too",
	"obj.add.breakOnDuplicate.key":   "as above",
	"obj.add.unknown_template_full":  "to_ids by the type: 2.5.1 stores true for a text in an unknown template",
	"obj.restSearch":                 "follows: two objects fewer",
	"objtemplate.getRaw":             "templates are answered, 2.5.1 had none on disk",
	"objtemplate.view":               "our own template",
	"tag.attach.local_by_user":       "several teams share one installation: the host of an event is the organisation that holds it",
	"tag.event_view":                 "follows from local_by_user",
	"tag.statistics":                 "as above",
	"tag.statistics.pct":             "as above",
	"prop.delete_attr":               "the recorded server's mail was broken; letters go through our outbox",
	"org.add.no_name":                "an organisation has a name",
	"note.add.no_note":               "a note has a text; PyMISP cannot read one without",
	"opinion.add.range":              "an opinion lies between 0 and 100",
	"gcrel.add":                      "a defect: the answer is JSON with its quotes escaped as HTML",
	"galaxy.search.cluster":          "a defect: a search by value gives the first cluster of all",
	"ft.view":                        "an event is not locked against letters by its first proposal",
	"users.me":                       "the account that MISP installs itself has no dates",
	"auth.readonly_key.get":          "what a key narrows shows in the role, so that clients do not try in vain",
	"event.index.minimal":            "an event of whose parts the asker sees none is not listed: counts are the asker's own",
	"server.getWorkers":              "workers cannot be stopped over REST: one runner lives as long as the program",
	"rs.bad_body":                    "follows: two objects fewer",
	"rs.events.fmt.context":          "HTML goes as text/html; 2.5.1 calls it JSON",
	"rs.events.fmt.attack":           "as above",
	"taxonomy.toggleRequired.nobody": "2.5.1 breaks with 500",
	"user.add.escalate_by_orgadmin":  "2.5.1 breaks with 500",
	"news":                           "2.5.1 breaks with 500",
	"feed.add.no_url":                "2.5.1 breaks with 500",
	"rs.events.fmt.opendata":         "2.5.1 breaks with 500",
	"rs.attributes.fmt.opendata":     "2.5.1 breaks with 500",
	"rs.events.fmt.kunai":            "2.5.1 breaks with 500",
	"rs.attributes.cache.uuid":       "2.5.1 breaks with 500",
	"roles.edit":                     "a defect: an edit that names the name only takes every permission away",
	"user.statistics.orgs":           "follows: no organisation without a name",
	"serverSettings.get":             "the recorded server was asked under another address than its own",
	"serverSettings.edit_bad":        "a defect: abc is taken for a length",
	"sg.add.admin":                   "the maker's organisation is always in",
	"sg.add.admin.duplicate_name":    "as above",
}

// Single values that differ on purpose, wherever they stand; the rest of their answers is
// held against the recorded ones.
var valuesOnPurpose = []struct {
	at   *regexp.Regexp
	want string // of theirs; "" = any
	why  string
}{
	{regexp.MustCompile(`^\.Object\.description$`), "A domain/hostname and IP address seen as a tuple in a specific time frame.", "built-in templates are described in our own words"},
	{regexp.MustCompile(`SharingGroup\.description$`), "d", "a sharing group's edit by part of the body changes the description too; 2.5.1 leaves it"},
	{regexp.MustCompile(`SharingGroup\.sync_user_id$`), "2", "who entered a sharing group is not told to its readers: 0"},
	{regexp.MustCompile(`^\.Tag\[?\]?\.attribute_count$`), "1", "uses on deleted attributes are not counted"},
	{regexp.MustCompile(`^\.stats\.(local_)?org_count$`), "", "follows from org.add.no_name: an organisation has a name"},
	{regexp.MustCompile(`^\.stats\.attribute_count(_month)?$`), "", "follows from duplicates that are refused (obj.add.breakOnDuplicate)"},
}

func recordings(t *testing.T) []recording {
	t.Helper()
	path := "../../../../shared/data/misp-recordings/recordings.jsonl"
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []recording
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		var r recording
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	if len(out) != 678 {
		t.Fatalf("%d recordings, want 678", len(out))
	}
	return out
}

// replay holds what the recorded server's ids and names are here.
type replay struct {
	*world
	ids   map[string]map[string]string // kind → theirs → ours
	uuids map[string]string

	refused map[string]bool // uuids of what we refuse on purpose: later answers are held against theirs without it

	path0     string // the request's path as recorded
	searching bool   // answers of searches come in an order of their own
}

// newReplay makes the recorded world: ORGNAME and two organisations by their
// recorded UUIDs, people of every role.
func newReplay(t *testing.T, db *store.DB) *replay {
	in := inteltest.Open(t, db)
	in.Must(db.Update(t.Context(), func(tx *store.Tx) error { return access.SeedTx(t.Context(), tx) }))
	host, err := in.Registry.Add(t.Context(), ident.SystemPart("setup"), registry.Draft{Name: "ORGNAME", Kind: "cert", UUID: "1d449477-978c-4d90-b722-798e242658f9"})
	in.Must(err)
	w := openWorld(t, db, in)
	w.plain = true // the recorded key of a synchronising role reads what it likes
	r := &replay{world: w, ids: map[string]map[string]string{}, uuids: map[string]string{}, refused: map[string]bool{}}
	r.learn("org", "1", itoa(host.ID))
	w.account("admin@admin.test", access.Admin, host.ID)
	w.hand("admin", "admin@admin.test", account.NewKey{})
	r.learn("user", "1", itoa(w.people["admin"].Person))
	w.serve(t, db)
	w.Must(w.Intel.SetOrgCard(t.Context(), w.people["admin"], intel.OrgCard{Org: host.ID, Description: text0("Automatically generated admin organisation"), Type: "ADMIN"}))
	_, _, err = w.Intel.AddBlocks(t.Context(), w.people["admin"], intel.OrgBlocks, []string{"58d38339-7b24-4386-b4b4-4c0f950d210f"}, intel.Block{Name: "Setec Astrononomy", Comment: "default example"})
	w.Must(err)
	_, _, err = w.Intel.AddBlocks(t.Context(), w.people["admin"], intel.OrgBlocks, []string{"58d38326-eda8-443a-9fa8-4e12950d210f"}, intel.Block{Name: "Acme Finance", Comment: "default example"})
	w.Must(err)
	for tag, is := range map[string]struct {
		colour string
		number int64
	}{"almost-certain": {"#001fc2", 95}, "likely": {"#001899", 55}, "roughly-even-chance": {"#001585", 45}, "unlikely": {"#001270", 20}, "very-likely": {"#001cad", 80}} {
		_, err := w.Intel.AddTag(t.Context(), w.people["admin"], intel.Tag{Name: `estimative-language:likelihood-probability="` + tag + `"`, Exportable: true, Colour: is.colour, Numerical: &is.number})
		w.Must(err)
	}
	return r
}

func text0(s string) *string { return &s }

// meet takes the keys that recorded calls make: those of new people, and two more.
func (r *replay) meet(rec recording, got answer) {
	var v struct {
		User    struct{ Authkey string }
		AuthKey struct {
			Raw string `json:"authkey_raw"`
		}
	}
	_ = json.Unmarshal([]byte(got.body), &v)
	if name, ok := strings.CutPrefix(rec.Name, "user.add."); ok && name != "tmp" && v.User.Authkey != "" { // tmp is invited: nothing opens yet
		r.learnKey(name, v.User.Authkey)
	}
	if name := map[string]string{"auth_keys.add.readonly": "rokey", "auth_keys.add.expiring": "expkey"}[rec.Name]; name != "" && v.AuthKey.Raw != "" {
		r.learnKey(name, v.AuthKey.Raw)
	}
}

func (r *replay) learn(kind, theirs, ours string) {
	if r.ids[kind] == nil {
		r.ids[kind] = map[string]string{}
	}
	r.ids[kind][theirs] = ours
}

// controllerKind tells which kind of id stands in a path.
var controllerKind = map[string]string{"events": "event", "attributes": "attribute", "objects": "object", "tags": "tag", "sharing_groups": "group",
	"organisations": "org", "users": "user", "auth_keys": "key", "warninglists": "list", "taxonomies": "taxonomy", "objectreferences": "reference",
	"objectReferences": "reference", "objectTemplates": "template", "sightings": "sighting", "eventReports": "report", "servers": "server", "shadowAttributes": "proposal", "roles": "role", "feeds": "feed",
	"galaxies": "galaxy", "correlation_exclusions": "exclusion", "galaxy_clusters": "cluster"}

var digits = regexp.MustCompile(`^\d+$`)

// path puts our ids into a recorded path.
func (r *replay) path(p string) string {
	segs := strings.Split(p, "/")
	kind := ""
	for i, s := range segs {
		if k, ok := controllerKind[s]; ok && kind == "" {
			kind = k
		}
		if n, ok := strings.CutPrefix(s, "event_id:"); ok {
			segs[i] = "event_id:" + r.ours("event", n)
		}
		if !digits.MatchString(s) && !ident36(s) {
			continue
		}
		at := kind
		for prefix, k := range map[string]string{"/sightings/index": "event", "/attributes/deleteSelected": "event", "/sightings/add": "attribute", "/sightings/listSightings": "attribute",
			"/eventReports/add": "event", "/auth_keys/add": "user", "/galaxies/attachCluster": "event", "/galaxy_clusters/add": "galaxy",
			"/galaxy_clusters/index": "galaxy"} {
			if strings.HasPrefix(p, prefix) {
				at = k
			}
		}
		if strings.HasPrefix(p, "/galaxies/") && strings.Contains(p, "/attribute/") {
			at = "attribute"
		}
		if kind == "group" && i > 3 {
			at = "org"
		}
		if kind == "event" && i > 3 && strings.Contains(strings.ToLower(p), "tag") || kind == "tag" && i > 3 {
			at = "tag"
		}
		if (s == "1" || s == "0") && i > 3 && strings.Contains(p, "delete") || strings.Contains(p, "/upload_stix/") {
			continue
		}
		segs[i] = r.ours(at, s)
	}
	return strings.Join(segs, "/")
}

func ident36(s string) bool { return len(s) == 36 && isRef(s) }

func (r *replay) ours(kind, id string) string {
	if o, ok := r.ids[kind][id]; ok {
		return o
	}
	if o, ok := r.uuids[id]; ok {
		return o
	}
	return id
}

var bodyKind = map[string]string{"org_id": "org", "sharing_group_id": "group", "sharinggroup": "group", "eventid": "event", "tag": "tag", "id": "event",
	"event_id": "event", "attribute_id": "attribute", "orgc_id": "org", "remote_org_id": "org", "target_id": "cluster"}

// body puts our ids into a recorded body.
func (r *replay) body(v any, key string) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = r.body(e, k)
		}
		return v
	case []any:
		for i, e := range v {
			v[i] = r.body(e, key)
		}
		return v
	case float64:
		if strings.HasPrefix(r.path0, "/sightings/restSearch") && key == "id" {
			n, _ := strconv.Atoi(r.ours(r.path0[len("/sightings/restSearch/"):], strconv.Itoa(int(v))))
			return n
		}
	case string:
		kind := bodyKind[key]
		if key == "id" && r.path0 == "/sightings/add" {
			kind = "attribute"
		}
		if key == "id" && strings.Contains(r.path0, "/attributes/") {
			kind = "attribute"
		}
		return r.ours(kind, v)
	}
	return v
}

func (r *replay) play(rec recording) answer {
	as := rec.Headers["role"]
	r.path0 = rec.Path
	var body string
	if len(rec.Body) > 0 && string(rec.Body) != "null" {
		var v any
		_ = json.Unmarshal(rec.Body, &v)
		if s, ok := v.(string); ok {
			body = s
		} else {
			b, err := json.Marshal(r.body(v, ""))
			r.Must(err)
			body = string(b)
		}
	}
	var extra []string
	for k, v := range rec.Headers {
		if k == "role" {
			continue
		}
		if k == "Authorization" || k == "X-MISP-AUTH" {
			v = strings.NewReplacer("<key:user>", r.secret("user"), "<wrong>", strings.Repeat("x", 40)).Replace(v)
		}
		extra = append(extra, k, v)
	}
	if as == "none" {
		as = ""
	}
	return r.ask(as, rec.Method, r.path(rec.Path), body, extra...)
}

// compare tells how an answer differs from the recorded one; "" is equal.
func (r *replay) compare(rec recording, got answer) string {
	if got.status != rec.Status {
		return fmt.Sprintf("status %d, want %d: %.160s", got.status, rec.Status, got.body)
	}
	if rec.Method == http.MethodHead {
		return ""
	}
	if want, have := media(rec.Answered["content-type"]), media(got.header.Get("Content-Type")); want != "" && want != have {
		return "Content-Type " + have + ", want " + want
	}
	if rec.Shape {
		return shape(rec.Answer, got.body)
	}
	if rec.Cut > 0 {
		return ""
	}
	var want any
	if json.Unmarshal(rec.Answer, &want) != nil {
		return ""
	}
	if text, ok := want.(string); ok {
		return r.compareText(rec, text, got.body)
	}
	var have any
	if err := json.Unmarshal([]byte(got.body), &have); err != nil {
		return "not JSON: " + got.body[:min(len(got.body), 80)]
	}
	if n := rec.Answered["x-result-count"]; n != "" && !strings.Contains(rec.Name, "limit") && got.header.Get("X-Result-Count") != n && !strings.HasPrefix(rec.Name, "event.index") {
		return "X-Result-Count " + got.header.Get("X-Result-Count") + ", want " + n
	}
	return r.diff("", r.prune(want), have)
}

// prune takes what we refused on purpose out of a recorded answer.
func (r *replay) prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			list, _ := e.([]any)
			if e = r.prune(e); r.refused[k] || len(list) > 0 && len(e.([]any)) == 0 {
				delete(v, k)
				continue
			}
			v[k] = e
		}
		return v
	case []any:
		kept := v[:0:0]
		for _, e := range v {
			if m, ok := e.(map[string]any); ok && r.refused[uuidIn(m)] {
				continue
			}
			kept = append(kept, r.prune(e))
		}
		return kept
	}
	return v
}

// uuidIn is the uuid of a record, bare or in its wrapper.
func uuidIn(m map[string]any) string {
	if u, ok := m["uuid"].(string); ok {
		return u
	}
	for _, v := range m {
		if inner, ok := v.(map[string]any); ok && len(m) == 1 {
			return uuidIn(inner)
		}
	}
	return ""
}

func (r *replay) compareText(rec recording, want, got string) string {
	if strings.HasPrefix(want, "<?xml") {
		return r.compareXML(want, got)
	}
	norm := func(s string) []string {
		s = regexp.MustCompile(`# Generated: .*`).ReplaceAllString(s, "# Generated")
		s = regexp.MustCompile(`[0-9a-f]{8}[-_][0-9a-f_-]{27}`).ReplaceAllString(s, "U")
		s = regexp.MustCompile(`\b\d{9,16}\b`).ReplaceAllString(s, "N")
		if strings.HasPrefix(rec.Name, "sight") {
			s = regexp.MustCompile(`(?m)(^|,)\d+`).ReplaceAllString(s, "${1}N")
		}
		s = regexp.MustCompile(`,\d+,`).ReplaceAllString(s, ",N,")
		s = regexp.MustCompile(`,\d+\n`).ReplaceAllString(s+"\n", ",N\n")
		s = regexp.MustCompile(`\b(e|sid:|events/view/)\d+`).ReplaceAllString(strings.ReplaceAll(s, r.url, "<baseurl>"), "${1}N") // rules name their event
		lines := strings.Split(strings.TrimSpace(s), "\n")
		if !strings.Contains(rec.Name, "csv") { // what programs pass over, each writes in words of its own
			lines = slices.DeleteFunc(lines, func(l string) bool {
				return strings.TrimSpace(l) == "" || l[0] == '#' && !strings.HasPrefix(l, "# Gen") || l[0] == ';' || strings.HasPrefix(l, "//")
			})
		}
		sort.Strings(lines)
		return lines
	}
	if a, b := norm(want), norm(got); !slices.Equal(a, b) {
		for i := range a {
			if i >= len(b) || a[i] != b[i] {
				return fmt.Sprintf("line %q, got %q", a[i], append(b, make([]string, len(a))...)[i])
			}
		}
		return "more lines"
	}
	return ""
}

// Values that are of the run, not of the contract: names that either server gave, times,
// keys. An id is 0 here where it is 0 there.
var (
	loose   = regexp.MustCompile(`(^|\.)(uuid|timestamp|created|modified|date|date_created|date_modified|publish_timestamp|version|pymisp_recommended_version|date_sighting|event_uuid|current_login|last_login|nids_sid|last_api_access|last_pw_change|authkey|authkey_start|authkey_end|authkey_raw|blocked_last_time|user_agent|user_agent_sha256)$`)
	idKey   = regexp.MustCompile(`(^|\.|_)id$|(^|\.)(created_by|invited_by|authkey_id)$`)
	fixedID = regexp.MustCompile(`(^|\.)(threat_level_id|role_id)$`)
)

// diff compares shapes, types and texts; ids and times by their type only.
func (r *replay) diff(at string, want, have any) string {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: %T, want an object", at, have)
		}
		for _, k := range sortedKeys(w) {
			if strings.HasSuffix(at, ".orgAdmins") { // its keys are ids
				h[k] = h[r.ours("user", k)]
				delete(h, r.ours("user", k))
			}
			v, ok := h[k]
			if !ok && w["default"] == true && (k == "distribution" || k == "sharing_group_id") {
				continue // left out on purpose: today's PyMISP raises at any value there (docs/divergences.md)
			}
			if strings.HasSuffix(at, ".extensionEvents") { // keys are ids
				v, ok = h[r.ours("event", k)]
				h[k] = v
				delete(h, r.ours("event", k))
			}
			if !ok {
				return at + "." + k + ": missing"
			}
			if d := r.diff(at+"."+k, w[k], v); d != "" {
				return d
			}
		}
		for _, k := range sortedKeys(h) {
			if _, ok := w[k]; !ok {
				return at + "." + k + ": too much"
			}
		}
	case []any:
		h, ok := have.([]any)
		if !ok {
			return fmt.Sprintf("%s: %T, want a list", at, have)
		}
		if len(h) != len(w) {
			return fmt.Sprintf("%s: %d elements, want %d", at, len(h), len(w))
		}
		for i := range w {
			if d := r.diff(fmt.Sprintf("%s[%d]", at, i), w[i], h[i]); d != "" {
				return d
			}
		}
	default:
		return r.scalar(at, want, have)
	}
	return ""
}

func (r *replay) scalar(at string, want, have any) string {
	if want == "" && have == nil && strings.HasSuffix(at, "EventTag[0].relationship_type") {
		return "" // "" or null by the way in which the tag came; ours null always
	}
	if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", have) {
		return fmt.Sprintf("%s: %v (%T), want %v (%T)", at, have, have, want, want)
	}
	bare := regexp.MustCompile(`\[\d+\]`).ReplaceAllString(at, "")
	if loose.MatchString(bare) || want == have {
		return ""
	}
	w, _ := want.(string)
	h, _ := have.(string)
	if n, ok := want.(float64); ok { // a few ids go as numbers
		w, h = strconv.FormatFloat(n, 'f', -1, 64), strconv.FormatFloat(have.(float64), 'f', -1, 64)
	}
	for _, v := range valuesOnPurpose {
		if v.at.MatchString(bare) && (v.want == "" || v.want == w) && h != "" {
			return ""
		}
	}
	if idKey.MatchString(bare) && !fixedID.MatchString(bare) && digits.MatchString(w) && digits.MatchString(h) && (w == "0") == (h == "0") {
		return ""
	}
	if strings.HasPrefix(w, "{") { // JSON as a text: this test sends bodies with sorted keys
		var x, y any
		if json.Unmarshal([]byte(w), &x) == nil && json.Unmarshal([]byte(h), &y) == nil {
			return r.diff(at, x, y)
		}
	}
	clean := func(s string) string {
		s = strings.ReplaceAll(s, r.url, "<baseurl>")
		s = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).ReplaceAllString(s, "U")
		return regexp.MustCompile(`\d+`).ReplaceAllString(s, "N")
	}
	if clean(w) == clean(h) && w != "" && !digits.MatchString(w) {
		return ""
	}
	return fmt.Sprintf("%s: %v, want %v", at, have, want)
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// follow pairs the ids of two answers of the same shape.
func (r *replay) follow(kind string, want, have any) {
	kinds := map[string]string{"Event": "event", "Attribute": "attribute", "Object": "object", "Tag": "tag", "SharingGroup": "group", "Server": "server",
		"Organisation": "org", "ObjectReference": "reference", "Org": "org", "Orgc": "org", "Warninglist": "list", "Taxonomy": "taxonomy", "User": "user", "Sighting": "sighting", "EventReport": "report", "ShadowAttribute": "proposal", "AuthKey": "key", "Role": "role", "Feed": "feed",
		"Galaxy": "galaxy", "CorrelationExclusion": "exclusion", "GalaxyCluster": "cluster"}
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return
		}
		a, _ := w["id"].(string)
		b, _ := h["id"].(string)
		if kind != "" && digits.MatchString(a) && digits.MatchString(b) && r.ids[kind][a] == "" {
			r.learn(kind, a, b)
		}
		ua, _ := w["uuid"].(string)
		ub, _ := h["uuid"].(string)
		if ident36(ua) && ident36(ub) && ua != ub && !r.searching {
			r.uuids[ua] = ub
		}
		for k, v := range w {
			r.follow(kinds[k], v, h[k])
		}
	case []any:
		h, ok := have.([]any)
		if !ok {
			return
		}
		for i := range min(len(w), len(h)) {
			r.follow(kind, w[i], h[i])
		}
	}
}

// TestReplay gives a real server's recorded requests to ours, in their order, and
// holds status, shape, types and texts of the answers against the recorded ones.
func TestReplay(t *testing.T) {
	all := recordings(t)
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		now.Set(time.Unix(1795321950, 0)) // when the recording began
		r := newReplay(t, db)
		r.recordedLists(t, all)
		equal, total := map[string]int{}, map[string]int{}
		var report []string
		for _, rec := range all {
			group, _, _ := strings.Cut(rec.Name, ".")
			if _, ok := replayed[group]; !ok {
				continue
			}
			if strings.HasPrefix(rec.Name, "setup.") || strings.HasPrefix(rec.Name, "event.edit") || strings.HasPrefix(rec.Name, "attr.") {
				now.Add(time.Second)
			}
			got := r.play(rec)
			r.meet(rec, got)
			var want, have any
			_ = json.Unmarshal(rec.Answer, &want)
			_ = json.Unmarshal([]byte(got.body), &have)
			r.searching = group == "rs"
			r.follow("", want, have)
			if m, ok := want.(map[string]any); ok && onPurpose[rec.Name] != "" && rec.Status == http.StatusOK && got.status >= 400 && strings.Contains(rec.Name, ".add.") {
				r.refused[uuidIn(m)] = true
			}
			if onPurpose[rec.Name] != "" || searchOnPurpose[rec.Name] != "" {
				if got.status >= 500 {
					report = append(report, rec.Name+" breaks: "+got.body)
				}
				if r.compare(rec, got) == "" && rec.Cut == 0 {
					report = append(report, rec.Name+" is excused and equal")
				}
				continue
			}
			total[group]++
			if d := r.compare(rec, got); d != "" {
				report = append(report, rec.Name+" "+rec.Method+" "+rec.Path+"  "+d)
				continue
			}
			equal[group]++
		}
		for _, line := range report {
			t.Error("not as listed: " + line)
		}
		sumEqual, sum := 0, 0
		for _, g := range sortedGroups(total) {
			share := equal[g] * 100 / total[g]
			sumEqual, sum = sumEqual+equal[g], sum+total[g]
			t.Logf("%-16s %3d of %3d equal, %d %%", g, equal[g], total[g], share)
			if share < replayed[g] {
				t.Errorf("%s: %d %% of the answers are equal, want %d %%", g, share, replayed[g])
			}
		}
		t.Logf("replay: %d of %d answers equal (%d %%)", sumEqual, sum, sumEqual*100/sum)
	})
}

func sortedGroups(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
