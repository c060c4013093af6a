package intelmisp

import (
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// candidateTypes are what a text of that type may stand for as well, as MISP's
// import offers it to a person who chooses.
var candidateTypes = map[string][]string{
	"ip-dst":        {"ip-dst", "ip-src", "ip-src/ip-dst"},
	"ip-dst|port":   {"ip-dst|port", "ip-src|port", "ip-src|port/ip-dst|port"},
	"hostname":      {"hostname", "domain", "url", "filename"},
	"domain":        {"domain", "hostname", "url", "filename"},
	"md5":           {"md5", "imphash", "x509-fingerprint-md5", "ja3-fingerprint-md5"},
	"sha1":          {"sha1", "pehash", "x509-fingerprint-sha1", "cdhash"},
	"sha256":        {"sha256", "authentihash", "sha512/256", "x509-fingerprint-sha256"},
	"email-src":     {"email", "email-src", "email-dst", "target-email", "whois-registrant-email"},
	"phone-number":  {"phone-number", "prtn", "whois-registrant-phone"},
	"btc":           {"btc", "xmr"},
	"vulnerability": {"vulnerability"},
}

// candidate is one of the text's with the type that is stored when nobody chooses.
type candidate struct {
	intel.Candidate
	typ   string
	def   misp.Default
	toIDS bool
	found string // as it stands in the text
}

// freetext is MISP's reading of a candidate's type.
func freetext(text string, list []intel.Candidate) []candidate {
	out := make([]candidate, len(list))
	for i, c := range list {
		typ := map[string]string{"email": "email-src"}[c.Type]
		if typ == "" {
			typ = c.Type
		}
		def, _ := misp.DefaultOf(typ)
		out[i] = candidate{Candidate: c, typ: typ, def: def, toIDS: def.ToIDS, found: strings.ToValidUTF8(text[c.Start:c.End], "")}
	}
	return out
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// head begins an answer's element: names and URLs carry an empty comment, values
// with a port say so.
func (x candidate) head() ordered {
	switch {
	case x.typ == "url" || x.typ == "hostname" || x.typ == "domain":
		return ordered{{"comment", false}}
	case x.comment() != "":
		return ordered{{"comment", x.comment()}}
	}
	return ordered{}
}

func (x candidate) comment() string {
	if strings.HasSuffix(x.typ, "|port") {
		return "On port " + x.Value[strings.LastIndexByte(x.Value, '|')+1:]
	}
	return ""
}

func (x candidate) meta() ordered {
	names := candidateTypes[x.typ]
	if names == nil {
		names = []string{x.typ}
	}
	types := ordered{}
	for _, n := range names {
		types = append(types, ordered{{n, n}}...)
	}
	o := append(ordered{{"types", types}, {"default_type", x.typ}}, x.head()...)
	return append(o, ordered{{"value", x.Value}, {"original_value", x.found}, {"to_ids", one(x.toIDS)}}...)
}

// freeTextImport finds indicators in a text and stores them in an event: as
// attributes by who may change it, as proposals by everybody else who sees it.
func (a *api) freeTextImport(c *call) error {
	delete(c.params, "returnMetaAttributes") // measured: it counts in the body only
	if err := c.form(); err != nil {
		return err
	}
	e, err := a.Intel.Event(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid event"), fault.NotFound)
	}
	found, _, err := a.Intel.Extract(c.ctx(), c.who, c.params.text("value"))
	if err != nil {
		return err
	}
	list := freetext(c.params.text("value"), found)
	if c.params.flag("returnMetaAttributes", false) {
		out := []any{}
		for _, x := range list {
			out = append(out, x.meta())
		}
		return c.value(out)
	}
	list = heedLists(list, c.params["adhereToWarninglists"])
	out, err := a.keepFound(c, &e, list)
	if err != nil {
		return err
	}
	return c.value(out)
}

// heedLists drops what stands on a warning list ("true"), or keeps it for no
// detection ("soft").
func heedLists(list []candidate, how any) []candidate {
	soft := strings.EqualFold(text(how), "soft")
	if !soft && !(params{"": how}).flag("", false) {
		return list
	}
	for i := range list {
		list[i].toIDS = list[i].toIDS && len(list[i].Hits) == 0
	}
	return slices.DeleteFunc(list, func(x candidate) bool { return !soft && len(x.Hits) > 0 })
}

func (a *api) keepFound(c *call, e *intel.Event, list []candidate) ([]any, error) {
	level := c.params.number("distribution", int(intel.Inherit))
	attrs := make([]misp.Attribute, len(list))
	for i, x := range list {
		attrs[i] = misp.Attribute{Type: misp.T(x.typ), Category: misp.T(x.def.Category), Value: misp.T(x.Value), ToIDS: misp.B(x.toIDS),
			Comment: misp.T(x.comment()), Distribution: misp.N(int64(level)), SharingGroupID: misp.N(int64(c.params.number("sharing_group_id", 0)))}
	}
	out := []any{}
	refused := make([]intel.Refused, len(list))
	switch err := intel.MayEdit(c.who, e); {
	case len(list) == 0:
	case err == nil:
		if _, refused, err = a.Intel.AddAttributes(c.ctx(), c.who, e.Ref(), attrs, true); err != nil {
			return nil, err
		}
	case a.Remarks == nil:
		return nil, forbidden(misp.MsgNoPermission)
	default:
		for i := range attrs {
			if _, err := a.Remarks.Propose(c.ctx(), c.who, e.Ref(), attrs[i]); fault.Is(err, fault.Denied) {
				return nil, forbidden(misp.MsgNoPermission)
			} else if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Invalid) {
				return nil, err
			}
		}
	}
	for i, x := range list {
		if refused[i] != nil {
			continue
		}
		out = append(out, append(x.head(), ordered{{"value", x.Value}, {"original_value", x.found}, {"to_ids", one(x.toIDS)}, {"type", x.typ},
			{"category", x.def.Category}, {"distribution", level}, {"event_id", itoa(e.ID)}}...))
	}
	return out, nil
}
