package incident

import (
	"regexp"
	"slices"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
)

// Choice is one thing to choose, with its words.
type Choice struct {
	Value string
	Label i18n.Text
}

// Fact is one of the six facts of a severity (services, users, area, duration,
// data, outlook).
type Fact struct {
	Name    string
	Label   i18n.Text
	Options []Choice
}

// Book is what the data packs in force say; app hands it over, because the packs
// live with intake, which classifies first. Without one, codes are only checked
// for their shape and a severity is what a person says.
type Book struct {
	Classes   []Choice // "class" or "class/type" of RSIT
	National  []Choice
	Facts     []Fact
	Sectors   []Choice
	Retention []Choice
	Days      map[string]int // that a retention class keeps a closed case at least
	// Severity computes the level from facts ("" when none is known); rule is the
	// condition that decided.
	Severity func(facts map[string]string) (level, rule string, err error)
}

var codeShape = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,60}(/[a-z0-9][a-z0-9-]{0,60})?$`)

func (b *Book) known(list []Choice, codes []string, field string, c *fault.Collector) {
	for _, code := range codes {
		ok := codeShape.MatchString(code)
		if b != nil && len(list) > 0 {
			ok = slices.ContainsFunc(list, func(x Choice) bool { return x.Value == code })
		}
		c.Require(ok, field, "incident.fault.code")
	}
	c.Require(len(codes) <= 10, field, "incident.fault.code")
}

// Label names a code in words; a code that no pack names is itself.
func Label(list []Choice, code string) i18n.Text {
	for _, c := range list {
		if c.Value == code {
			return c.Label
		}
	}
	return i18n.Text{i18n.En: code}
}

// severity computes; without a pack nothing is computed.
func (b *Book) severity(facts map[string]string) (level, rule string, err error) {
	if b == nil || b.Severity == nil || len(facts) == 0 {
		return "", "", nil
	}
	return b.Severity(facts)
}
