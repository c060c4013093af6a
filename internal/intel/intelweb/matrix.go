package intelweb

import (
	"cmp"
	"slices"
	"strings"
)

// technique is one cell of an ATT&CK matrix.
type technique struct {
	Code, Name string
	Tag        string
	Phases     []string // "attack-Windows:persistence"
	Events     int64
	Attributes int64
	Href       string
}

// Lit is how often it was used: the event counts as one use.
func (t technique) Lit() int64 { return t.Events + t.Attributes }

// Level is the shade of a lit cell, 1 to 3; 0 is none.
func (t technique) Level() int {
	switch n := t.Lit(); {
	case n == 0:
		return 0
	case n < 5:
		return 1
	case n < 20:
		return 2
	}
	return 3
}

// tactic is one column of a matrix.
type tactic struct {
	Key, Name  string
	Techniques []technique
	Lit        int
}

// domain names the matrix that a kill chain belongs to: attack-Windows and attack-PRE
// are one, mobile-attack-iOS and mobile-attack-Android another.
func domain(chain string) string {
	switch {
	case strings.HasPrefix(chain, "mobile-attack"), chain == "mobile":
		return "mobile"
	case strings.HasPrefix(chain, "ics-attack"), strings.Contains(chain, "ics"):
		return "ics"
	case chain == "pre-attack":
		return "pre"
	}
	return "enterprise"
}

// domains are the matrices in the order in which they are offered.
var domains = []string{"enterprise", "mobile", "ics", "pre"}

// columnsOf merges the orders of all kill chains of a domain into one: the platform
// before any attack (PRE) leads, then the longest chain; what a shorter one has more
// stands behind its predecessor there.
func columnsOf(order map[string][]string, of string) []string {
	var chains []string
	for c := range order {
		if domain(c) == of {
			chains = append(chains, c)
		}
	}
	first := func(c string) int {
		if strings.HasSuffix(c, "-PRE") {
			return 0
		}
		return 1
	}
	slices.SortFunc(chains, func(a, b string) int {
		return cmp.Or(first(a)-first(b), len(order[b])-len(order[a]), cmp.Compare(a, b))
	})
	var out []string
	for i, c := range chains {
		at := len(out) - 1 // the second chain follows the first; later ones only fill gaps
		if i > 1 {
			at = -1
		}
		for _, t := range order[c] {
			if k := slices.Index(out, t); k >= 0 {
				at = k
				continue
			}
			at++
			out = slices.Insert(out, at, t)
		}
	}
	return out
}

// arrange sets techniques under the tactics of a domain, by code; one that stands in no
// known column is left over.
func arrange(order map[string][]string, of string, list []technique) (columns []tactic, left []technique) {
	for _, key := range columnsOf(order, of) {
		columns = append(columns, tactic{Key: key, Name: phaseName(key)})
	}
	for _, t := range list {
		placed := false
		for i := range columns {
			if !slices.ContainsFunc(t.Phases, func(p string) bool {
				chain, phase, _ := strings.Cut(p, ":")
				return phase == columns[i].Key && domain(chain) == of
			}) {
				continue
			}
			placed = true
			columns[i].Techniques = append(columns[i].Techniques, t)
			if t.Lit() > 0 {
				columns[i].Lit++
			}
		}
		if !placed {
			left = append(left, t)
		}
	}
	for i := range columns {
		slices.SortFunc(columns[i].Techniques, func(a, b technique) int { return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Name, b.Name)) })
	}
	return columns, left
}

// phaseName makes a name of a phase's key: "command-and-control" → "Command and control".
func phaseName(key string) string {
	s := strings.ReplaceAll(key, "-", " ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// splitCode parts "Spearphishing Attachment - T1566.001" into name and code.
func splitCode(value string) (name, code string) {
	if i := strings.LastIndex(value, " - "); i > 0 && len(value) > i+4 && value[i+3] == 'T' {
		return value[:i], value[i+3:]
	}
	return value, ""
}
