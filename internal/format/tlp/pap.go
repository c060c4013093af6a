package tlp

import (
	"fmt"
	"strings"
)

// PAP says what a receiver may do with something, visibly to the adversary or not;
// greater is stricter, zero is "no label".
type PAP uint8

// The four labels of PAP.
const (
	PAPNone PAP = iota
	PAPClear
	PAPGreen
	PAPAmber
	PAPRed
)

var papWords = [...]string{"", "CLEAR", "GREEN", "AMBER", "RED"}

// String is the bare word in capitals; "" for PAPNone.
func (p PAP) String() string { return papWords[min(int(p), len(papWords)-1)] }

// Tag is the tag of the MISP taxonomy, PAP:AMBER; "" for PAPNone.
func (p PAP) Tag() string {
	if p == PAPNone {
		return ""
	}
	return "PAP:" + p.String()
}

// MarshalText carries the bare word.
func (p PAP) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText takes what ParsePAP takes, and "" as PAPNone.
func (p *PAP) UnmarshalText(b []byte) error {
	got, ok := ParsePAP(string(b))
	if !ok && len(b) > 0 {
		return fmt.Errorf("pap: unknown label")
	}
	*p = got
	return nil
}

// ParsePAP reads PAP:AMBER, pap:white, Green.
func ParsePAP(s string) (PAP, bool) {
	s, _ = label(s, "PAP")
	switch s {
	case "CLEAR", "WHITE":
		return PAPClear, true
	case "GREEN":
		return PAPGreen, true
	case "AMBER":
		return PAPAmber, true
	case "RED":
		return PAPRed, true
	}
	return PAPNone, false
}

// PAPFromTags returns the strictest PAP label among tags.
func PAPFromTags(tags []string) PAP {
	p := PAPNone
	for _, t := range tags {
		if len(t) > 4 && strings.EqualFold(t[:4], "pap:") {
			if got, ok := ParsePAP(t); ok {
				p = max(p, got)
			}
		}
	}
	return p
}

// Deed is something one does with an indicator.
type Deed uint8

// The deeds, from quiet to loud.
const (
	SearchOwn  Deed = iota // look into one's own logs: always allowed
	AskOthers              // passive lookups at third parties
	BlockProbe             // block it, connect to it: the adversary may notice
)

// Allows reports whether a deed is permitted. Without a label everything is.
func (p PAP) Allows(d Deed) bool {
	switch d {
	case SearchOwn:
		return true
	case AskOthers:
		return p <= PAPAmber
	}
	return p <= PAPGreen
}
