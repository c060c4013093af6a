package incident

import (
	"straza/internal/craft/deadline"
	"straza/internal/craft/search"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// follow brings what is derived from rows up to date with an act: which case an
// old number leads to, the words it is found by, its clocks. Derived, so that an
// undo needs no rules of its own.
func (a *act) follow() error {
	cases := map[int64]bool{a.c.ID: true}
	for _, ch := range a.changes {
		if ch.Table == "incident_case" {
			cases[ch.ID] = true
		}
	}
	if err := a.resolve(); err != nil {
		return err
	}
	var own Case
	for id := range cases {
		if id != a.c.ID {
			if _, err := a.tx.Exec(a.ctx, touchCase, id, a.now); err != nil {
				return err
			}
		}
		c, found, err := store.First(a.ctx, a.tx, scanCase, anyCase, id)
		if err != nil || !found {
			return orMissing(err)
		}
		if err := a.words(&c); err != nil {
			return err
		}
		if err := a.followCase(&c); err != nil {
			return err
		}
		if id == a.c.ID {
			own = c
		}
	}
	for _, ch := range a.changes {
		if ch.Table == "incident_task" || ch.Table == "incident_party" {
			if err := a.followChild(&own, ch.Table, ch.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func orMissing(err error) error {
	if err != nil {
		return err
	}
	return missing("case")
}

// words rewrites the search index when the act touched what is searched.
func (a *act) words(c *Case) error {
	for _, ch := range a.changes {
		_, title := ch.After["title"]
		_, summary := ch.After["summary"]
		if ch.Table == "incident_org" || ch.Table == "incident_case" && ch.ID == c.ID && (title || summary || ch.Before == nil) {
			if err := fillOrgs(a.ctx, a.tx, []*Case{c}); err != nil {
				return err
			}
			return writeWords(a.ctx, a.tx, c)
		}
	}
	return nil
}

// maxWords caps the index of one case; titles come first.
const maxWords = 200

// words are the folded words that a case is found by, in both scripts.
func words(c *Case) []string {
	out := search.Words(search.Words(nil, c.Number, maxWords), c.Title, maxWords)
	for _, o := range c.Orgs {
		out = search.Words(out, o.Name, maxWords)
	}
	return search.Words(out, c.Summary, maxWords)
}

// resolve recomputes where numbers lead after merged_into changed somewhere.
func (a *act) resolve() error {
	var heads []int64
	for _, ch := range a.changes {
		if ch.Table != "incident_case" {
			continue
		}
		for _, m := range []map[string]any{ch.Before, ch.After} {
			if into, ok := m["merged_into"].(int64); ok {
				heads = append(heads, ch.ID, into)
			}
		}
	}
	if len(heads) == 0 {
		return nil
	}
	var all []int64
	for _, id := range heads {
		if id == 0 {
			continue
		}
		h, err := store.Int64(a.ctx, a.tx, caseOfID, id)
		if err != nil {
			return err
		}
		all = append(all, h)
	}
	type row struct{ id, into, resolved int64 }
	rows, err := store.All(a.ctx, a.tx, func(s store.Scanner) (r row, err error) { err = s.Scan(&r.id, &r.into, &r.resolved); return }, familyLinks+store.In(all))
	if err != nil {
		return err
	}
	into := map[int64]int64{}
	for _, r := range rows {
		into[r.id] = r.into
	}
	for _, r := range rows {
		head := r.id
		for steps := 0; into[head] != 0; steps++ {
			if steps > len(rows) { // two merges that each other's undo would close to a ring
				return fault.New(fault.Conflict, "cases merged in a ring").WithKey("incident.fault.undolater")
			}
			head = into[head]
		}
		if head != r.resolved {
			if _, err := a.tx.Exec(a.ctx, setResolved, r.id, head); err != nil {
				return err
			}
		}
	}
	return nil
}

// followCase holds the answer clock to the case: waiting pauses it with the reason, an
// answer ends it. A case that was solved, closed or merged without an answer has no
// such clock any more: nothing was on time. Reopened, it runs from where it began.
func (a *act) followCase(c *Case) error {
	ctx, tx := a.ctx, a.tx
	over := !c.State.Open() || c.Merged != 0
	if over && c.Answered == 0 {
		if err := deadline.DropTx(ctx, tx, "case", c.ID, answerClock); err != nil {
			return err
		}
		return a.followParts(c)
	}
	if !over {
		if err := deadline.StartTx(ctx, tx, c.answerClock(), answerTerm); err != nil {
			return err
		}
	}
	clocks, err := deadline.OfTx(ctx, tx, "case", c.ID)
	if err != nil {
		return err
	}
	for _, k := range clocks {
		done := c.Answered > 0
		switch {
		case done && k.Done == 0:
			err = deadline.DoneTx(ctx, tx, k.Kind, k.Object, k.Name)
		case !done && k.Done > 0:
			err = deadline.UndoneTx(ctx, tx, k.Kind, k.Object, k.Name)
		}
		if err != nil {
			return err
		}
		if wait := !done && c.State == Waiting; wait && k.Paused == 0 {
			err = deadline.PauseTx(ctx, tx, k.Kind, k.Object, k.Name, c.Waiting)
		} else if !wait && k.Paused > 0 {
			err = deadline.ResumeTx(ctx, tx, k.Kind, k.Object, k.Name)
		}
		if err != nil {
			return err
		}
	}
	return a.followParts(c)
}

// followParts holds the clocks of a case's tasks and parties to the case.
func (a *act) followParts(c *Case) error {
	type part struct {
		kind string
		id   int64
	}
	parts, err := store.All(a.ctx, a.tx, func(s store.Scanner) (p part, err error) { err = s.Scan(&p.kind, &p.id); return }, partsOf, c.ID)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := a.followChild(c, "incident_"+p.kind, p.id); err != nil {
			return err
		}
	}
	return nil
}

// followChild holds the clock of a task or party to its row. In a case that is over
// nobody owes anything: what was neither done nor answered has no clock until the case
// is reopened.
func (a *act) followChild(c *Case, table string, id int64) error {
	kind, col := "task", "due"
	if table == "incident_party" {
		kind, col = "party", "deadline"
	}
	row, err := readRow(a.ctx, a.tx, table, id, columns[table])
	if fault.Is(err, fault.NotFound) {
		return deadline.DropTx(a.ctx, a.tx, kind, id, kind)
	}
	if err != nil {
		return err
	}
	due := row[col].(int64)
	done := kind == "task" && row["done"].(int64) > 0 || kind == "party" && row["state"] == PartyDone
	answered, _ := row["answered"].(int64)
	if due == 0 || !done && answered == 0 && !c.State.Open() {
		return deadline.DropTx(a.ctx, a.tx, kind, id, kind)
	}
	audience := c.audience // a party's clock is the team's, too: the portal reads the party's deadline
	started := min(row["created"].(int64), due)
	if err := deadline.StartTx(a.ctx, a.tx, deadline.Clock{Kind: kind, Object: id, Name: kind, Label: c.Number, CERT: c.CERT, Audience: audience,
		Started: started, Due: due}, 1); err != nil {
		return err
	}
	if err := deadline.MoveTx(a.ctx, a.tx, kind, id, kind, due); err != nil {
		return err
	}
	if answered > 0 {
		return deadline.DoneAtTx(a.ctx, a.tx, kind, id, kind, answered)
	}
	if done {
		return deadline.DoneTx(a.ctx, a.tx, kind, id, kind)
	}
	return deadline.UndoneTx(a.ctx, a.tx, kind, id, kind)
}
