package intel

import (
	"strconv"
	"strings"

	"straza/internal/kernel/store"
)

// partLeavingWhere is PartLeaves of the attributes under an alias, but for those of the
// caller's own organisation; "" where no label keeps any. In SQL, so that what stays is not
// found by its value either.
func (p *plan) partLeavingWhere(a string) string {
	if !p.Leaving || len(p.strict) == 0 {
		return ""
	}
	org := strconv.FormatInt(p.own, 10)
	is := map[bool]string{true: "", false: "NOT "}
	var any []string
	for _, x := range p.strict {
		any = append(any, is[!x.own]+"he.locked AND "+is[x.named]+"he.distribution = "+strconv.Itoa(int(Group))+" AND hg.tag_id IN "+store.In(x.ids))
	}
	return "NOT EXISTS (SELECT 1 FROM intel_tagging hg JOIN intel_event he ON he.id = hg.event_id WHERE hg.event_id = " + a + ".event_id AND hg.attribute_id = " + a +
		".id AND he.org_id <> " + org + " AND he.orgc_id <> " + org + " AND (" + strings.Join(any, " OR ") + "))"
}

// andLeaving is partLeavingWhere behind other conditions.
func (p *plan) andLeaving(a string) string {
	if sql := p.partLeavingWhere(a); sql != "" {
		return " AND " + sql
	}
	return ""
}
