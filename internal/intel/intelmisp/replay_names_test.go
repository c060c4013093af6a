package intelmisp

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

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
