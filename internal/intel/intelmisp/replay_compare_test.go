package intelmisp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Divergences on purpose, each with its reason; they are left out of the count.
var onPurpose = map[string]string{
	"event.view.id0":                 "a defect of 2.5.1: the first event for id 0",
	"route.no_accept":                "kinder: a key counts whatever Accept says",
	"route.accept_star":              "as above",
	"route.get_on_post_only.delete":  "2.5.1 breaks with 500",
	"event.checkuuid":                "2.5.1 breaks with 500",
	"event.checkuuid.unknown":        "as above",
	"route.accept_html":              "kinder: a key counts whatever Accept says",
	"describeTypes":                  "194 types, as today's PyMISP has them; 2.5.1 has 191",
	"describeTypes.etag_empty":       "as above",
	"describeTypes.etag_match":       "as above: another content, another tag",
	"event.index.searchorg":          "a pipe is OR: one unknown name does not empty the answer",
	"objtemplate.getRaw":             "templates are answered, 2.5.1 had none on disk",
	"org.add.no_name":                "an organisation has a name",
	"note.add.no_note":               "a note has a text; PyMISP cannot read one without",
	"opinion.add.range":              "an opinion lies between 0 and 100",
	"gcrel.add":                      "a defect: the answer is JSON with its quotes escaped as HTML",
	"galaxy.search.cluster":          "a defect: a search by value gives the first cluster of all",
	"event.index.minimal":            "an event of whose parts the asker sees none is not listed: counts are the asker's own",
	"taxonomy.toggleRequired.nobody": "2.5.1 breaks with 500",
	"user.add.escalate_by_orgadmin":  "2.5.1 breaks with 500",
	"news":                           "2.5.1 breaks with 500",
	"feed.add.no_url":                "2.5.1 breaks with 500",
	"rs.events.fmt.opendata":         "2.5.1 breaks with 500",
	"rs.attributes.fmt.opendata":     "2.5.1 breaks with 500",
	"rs.events.fmt.kunai":            "2.5.1 breaks with 500",
	"rs.attributes.cache.uuid":       "2.5.1 breaks with 500",
	"user.statistics.orgs":           "follows: no organisation without a name",
	"serverSettings.edit_bad":        "a defect: abc is taken for a length",
}

// Single values that differ on purpose, wherever they stand; the rest of their answers is
// held against the recorded ones.
var valuesOnPurpose = []struct {
	at   *regexp.Regexp
	want string // of theirs; "" = any
	why  string
}{
	{regexp.MustCompile(`^(\.response\[?\]?)?\.Object\.description$`), "A domain/hostname and IP address seen as a tuple in a specific time frame.", "built-in templates are described in our own words"},
	{regexp.MustCompile(`SharingGroup\.description$`), "d", "a sharing group's edit by part of the body changes the description too; 2.5.1 leaves it"},
	{regexp.MustCompile(`SharingGroup\.sync_user_id$`), "", "who entered a sharing group is not told to its readers: 0"},
	{regexp.MustCompile(`^\.Tag\[?\]?\.attribute_count$`), "1", "uses on deleted attributes are not counted"},
	{regexp.MustCompile(`^\.stats\.(local_)?org_count$`), "", "follows from org.add.no_name: an organisation has a name"},
}

// placesOnPurpose are single places of one answer; all else of it is compared.
var placesOnPurpose = map[string]struct {
	at  *regexp.Regexp
	why string
}{
	"users.me":                      {regexp.MustCompile(`^\.User\.(date_created|last_pw_change|date_modified|last_api_access|certif_public|gpgkey|external_auth_key|invited_by)$`), "the account that MISP installs itself has no dates"},
	"auth.readonly_key.get":         {regexp.MustCompile(`^\.Role\.perm`), "what a key narrows shows in the role, so that clients do not try in vain"},
	"serverSettings.get":            {regexp.MustCompile(`^\.errorMessage$`), "the recorded server was asked under another address than its own"},
	"event.add.orgc_forced":         {regexp.MustCompile(`^\.Event\.locked$`), "locked is for who may synchronise"},
	"event.index.root":              {regexp.MustCompile(`^\[5\]\.locked$`), "locked is for who may synchronise (orgc_forced)"},
	"objtemplate.view":              {regexp.MustCompile(`^\.ObjectTemplate(\.description|Element)$`), "our own template"},
	"obj.add.unknown_template_full": {regexp.MustCompile(`^\.Object\.Attribute\[0\]\.to_ids$`), "to_ids by the type: 2.5.1 stores true for a text in an unknown template"},
	"roles.edit":                    {regexp.MustCompile(`^\.Role\.perm`), "a defect: an edit that names the name only takes every permission away"},
	"server.getWorkers":             {regexp.MustCompile(`^\.controls$`), "workers cannot be stopped over REST: one runner lives as long as the program"},
	"ft.view":                       {regexp.MustCompile(`^\.Event\.proposal_email_lock$`), "an event is not locked against letters by its first proposal"},
	"prop.delete_attr":              {regexp.MustCompile(`^\.success$`), "the recorded server's mail was broken; letters go through our outbox"},
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
	if p, ok := placesOnPurpose[r.name]; ok && p.at.MatchString(at) && !reflect.DeepEqual(want, have) {
		r.placed[r.name] = true
		return ""
	}
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
	if at == ".response.Attribute[39].to_ids" && r.path0 == "/attributes/restSearch" && want == true && have == false {
		return "" // the text of obj.add.unknown_template_full: to_ids by its type
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
