package intel

import (
	"strings"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/kernel/i18n"
)

// setValue normalises a value for the attribute's type and fills the keys under
// which its halves are found. Every half has a key, so that a search finds it;
// which ones correlate is the query's affair (noCorrelation).
func (a *Attribute) setValue(value string) *misp.Invalid {
	v, bad := misp.Normalise(a.Type, value)
	if bad != nil {
		return bad
	}
	a.Value, a.key1, a.key2 = v.Value, misp.CorrelationKey(v.Value1), nil
	if v.Value2 != "" {
		k := misp.CorrelationKey(v.Value2)
		a.key2 = &k
	}
	return nil
}

// halves splits a stored value as its type has it.
func halves(typ, value string) (first, second string) {
	if !misp.Composite(typ) {
		return value, ""
	}
	first, second, _ = strings.Cut(value, "|")
	return first, second
}

// uncorrelated are the types whose equality means nothing (spec misp §5.7).
var uncorrelated = []string{"comment", "http-method", "aba-rtn", "gender", "counter", "integer", "float", "port",
	"nationality", "cortex", "boolean", "anonymised"}

// firstHalfOnly are composites whose second half, a port, does not correlate.
var firstHalfOnly = []string{"ip-src|port", "ip-dst|port", "hostname|port"}

// foldText is the form under which an event's info is searched.
func foldText(s string) string { return i18n.Fold(s) }

// labels gives TLP and PAP of a set of tag names, the strictest of each, as bare
// words in capitals ("AMBER+STRICT"); "" where there is none.
func labels(names []string) (level, permissible string) {
	return tlp.FromTags(names).String(), tlp.PAPFromTags(names).String()
}
