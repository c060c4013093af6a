// Package pattern holds regular expressions that somebody else wrote: in a warning list,
// in the settings of a feed. Go's engine takes time in proportion to pattern times text
// and never runs away; so both are bounded, and with them what one comparison can cost.
package pattern

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
)

// The bounds. A comparison at both of them takes some ten milliseconds; the longest
// pattern of the public warning lists has a fifth of these steps.
const (
	MostBytes = 2000 // of a pattern as it is written
	MostSteps = 500  // of it compiled: repetitions are written out
	MostText  = 1024 // bytes of a text that are looked at

	// MostTogether is the steps of all patterns that one text is held against: a list of
	// many small ones costs what one large one does. The longest public list has 902.
	MostTogether = 1000
)

// ErrLarge is the fault of a pattern that is too costly.
var ErrLarge = errors.New("the pattern is too large")

// Pattern is one that is within the bounds. Safe for concurrent use.
type Pattern struct {
	re    *regexp.Regexp
	steps int
}

// Compile reads a pattern of RE2's syntax.
func Compile(text string) (*Pattern, error) {
	if len(text) > MostBytes {
		return nil, ErrLarge
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	if len(prog.Inst) > MostSteps {
		return nil, ErrLarge
	}
	re, err := regexp.Compile(text)
	return &Pattern{re, len(prog.Inst)}, err
}

// Steps is what a comparison costs, of MostSteps at most.
func (p *Pattern) Steps() int { return p.steps }

// Delimited reads the form /…/flags, in which MISP's lists and feeds write patterns, into
// RE2's; what stands in no delimiters is taken as it is. Flags that RE2 has not are passed over.
func Delimited(s string) string {
	i := strings.LastIndexByte(s, '/')
	if i < 1 || s[0] != '/' {
		return s
	}
	flags := ""
	for _, c := range s[i+1:] {
		if strings.ContainsRune("ims", c) && !strings.ContainsRune(flags, c) {
			flags += string(c)
		}
	}
	if flags != "" {
		flags = "(?" + flags + ")"
	}
	return flags + strings.ReplaceAll(s[1:i], `\@`, "@")
}

// In tells whether the pattern stands in the beginning of a text, MostText bytes of it.
func (p *Pattern) In(text string) bool { return p.re.MatchString(text[:min(len(text), MostText)]) }

// String gives the pattern as it was written.
func (p *Pattern) String() string { return p.re.String() }
