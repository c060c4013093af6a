package feed

import (
	"net/netip"
	"net/url"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
)

// The widest networks that a feed may name for detection: what is wider is a
// provider or a country.
const (
	widest4 = 16
	widest6 = 32
)

// governments are the labels below a country's suffix under which states stand.
var governments = map[string]bool{"gov": true, "gob": true, "gouv": true, "gub": true, "govt": true, "mil": true}

// judge tells why a value must not be used for detection as it came; ok is true
// when nothing speaks against it. hits are the warning lists it stands on, owner
// the organisation here that holds it.
func judge(typ, value string, hits []intel.Hit, owner string) (r Reason, ok bool) {
	for _, part := range halves(typ, value) {
		if p, err := netip.ParsePrefix(part); err == nil && (p.Addr().Is4() && p.Bits() < widest4 || p.Addr().Is6() && p.Bits() < widest6) {
			return Reason{Value: value, Why: "intel.feed.why.wide", What: part}, false
		}
		if host := hostOf(part); government(host) {
			return Reason{Value: value, Why: "intel.feed.why.government", What: host}, false
		}
	}
	if owner != "" {
		return Reason{Value: value, Why: "intel.feed.why.own", What: owner}, false
	}
	if len(hits) > 0 {
		return Reason{Value: value, Why: "intel.feed.why.list", What: hits[0].Name}, false
	}
	return Reason{}, true
}

func halves(typ, value string) []string {
	if misp.Composite(typ) {
		return strings.Split(value, "|")
	}
	return []string{value}
}

// hostOf is the host's name of a URL or the text itself, lower case.
func hostOf(s string) string {
	if strings.Contains(s, "://") {
		if u, err := url.Parse(s); err == nil {
			s = u.Hostname()
		}
	}
	return strings.TrimSuffix(strings.ToLower(s), ".")
}

// government: gov.rs, x.gov.uk, x.gov, x.mil. A bare label names nobody.
func government(host string) bool {
	labels := strings.Split(host, ".")
	n := len(labels)
	if n < 2 || strings.ContainsAny(host, "/:@ ") {
		return false
	}
	last, before := labels[n-1], labels[n-2]
	return last == "gov" || last == "mil" || len(last) == 2 && governments[before]
}
