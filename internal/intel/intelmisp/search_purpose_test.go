package intelmisp

// searchOnPurpose are restSearch's divergences on purpose, each with its reason.
var searchOnPurpose = map[string]string{
	"rs.events.published.not":        "a defect: X-Result-Count 1 with []",
	"rs.attributes.value.not":        "a defect: NOT is ignored on value",
	"rs.attributes.value.or_not":     "as above",
	"rs.attributes.published.not":    "a defect: false is ignored",
	"rs.events.fmt.cache":            "a defect: hashes of nothing",
	"rs.events.fmt.hosts":            "a defect: an empty name",
	"rs.events.fmt.netfilter":        "a defect: an empty address",
	"rs.events.fmt.stix2":            "our own converter; held against the STIX schemas elsewhere",
	"rs.attributes.fmt.stix2":        "as above",
	"rs.events.fmt.stix":             "our own small writer of STIX 1: its objects and texts, one list of indicators",
	"rs.attributes.fmt.stix":         "as above",
	"rs.events.stix_xml":             "as above",
	"rs.events.fmt.context-markdown": "our own taxonomies' texts, Markdown without HTML in it",
}
