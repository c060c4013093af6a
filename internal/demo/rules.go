package demo

import (
	"context"

	"straza/internal/craft/rule"
)

// addRules gives both teams the rules that they would make in their first week, and
// some people their own alerts, before anything happens that starts them.
func (c *country) addRules(ctx context.Context) error {
	with := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i+1 < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for _, x := range []struct {
		who int
		own bool
		r   rule.Rule
	}{
		{0, false, rule.Rule{Name: "Наше мреже у објављеном догађају", Trigger: "event.ours", Cond: rule.Cond{Tests: []rule.Test{{Fact: "threat", Op: rule.Is, Value: "high"}, {Fact: "mine", Op: rule.False}}}, Acts: []rule.Act{
			{Do: rule.Ask, With: with("question", "Отворити случај?")}, {Do: "open_case", With: with("title", "Наши у догађају:", "severity", "medium")}}}},
		{0, false, rule.Rule{Name: "Уцењивачки програми", Trigger: "event.published", Cond: rule.Cond{Any: true, Tests: []rule.Test{
			{Fact: "words", Op: rule.Has, Value: "ransomware"}, {Fact: "taxonomies", Op: rule.Has, Value: "misp-galaxy"}}, Also: "mine = yes"},
			Acts: []rule.Act{{Do: "tag", With: with("tag", "прати", "scope", "local")}, {Do: "mail", With: with("to", rule.ToLeads)}}}},
		{0, false, rule.Rule{Name: "Озбиљан случај у здравству или енергетици", Trigger: "case.opened", Cond: rule.Cond{Tests: []rule.Test{
			{Fact: "severity", Op: rule.OneOf, Value: "high, very-high"}}, Also: `sectors has "health" or sectors has "energy"`},
			Acts: []rule.Act{{Do: "mail", With: with("to", rule.ToTeam)}}}},
		{8, false, rule.Rule{Name: "Догађај дели вредности са нашим", Trigger: "event.correlated", Cond: rule.Cond{Tests: []rule.Test{{Fact: "related", Op: rule.Least, Value: "3"}}},
			Acts: []rule.Act{{Do: "mail", With: with("to", rule.ToLeads)}}}},
		{0, true, rule.Rule{Name: "Све објављено, ујутру", Trigger: "event.published", Acts: []rule.Act{{Do: rule.Alert, With: with("when", rule.Daily)}}}},
	} {
		x.r.Active = true
		if _, err := c.Rules.Add(ctx, c.actors[x.who], x.r, x.own); err != nil {
			return err
		}
	}
	return nil
}

// answerRules lets the first team answer what its rules asked but the last three, as a
// team does in the morning: most of it is known already.
func (c *country) answerRules(ctx context.Context) error {
	lead := c.actors[0]
	for {
		list, err := c.Rules.Waiting(ctx, lead, 0, 200)
		if err != nil || len(list) <= 3 {
			return err
		}
		for i, x := range list[3:] {
			if err := c.Rules.Decide(ctx, lead, x.RuleUUID, x.ID, i == 0); err != nil {
				return err
			}
		}
	}
}
