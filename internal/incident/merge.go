package incident

import (
	"context"
	"slices"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Merge joins any number of cases into one. Nothing is moved or copied: the merged
// ones keep their rows, and their numbers lead to the target. Undo takes it back
// for 30 days. Needs incident.merge for every one of them; cases of different
// audiences do not merge, because that would widen who sees them.
func (s *Service) Merge(ctx context.Context, who ident.Actor, into string, version int64, from []string) (d Done, err error) {
	if len(from) == 0 || len(from) > 100 {
		return d, fault.Field("from", "incident.fault.needed", "1 to 100 cases are merged at a time")
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, strings.TrimSpace(into))
		if err != nil {
			return err
		}
		d, err = s.changeTx(ctx, tx, who, c, version, "merge", func(a *act) error { return a.merge(from) })
		return err
	}, store.Serializable())
	return d, err
}

// MergeCase is a case in the preview of a merge: what would come along, and (Held) a
// message key of why it cannot.
type MergeCase struct {
	Case
	Tasks, Entries, Notes, Parties, Evidence, Links int64
	Held                                            string
}

// MergePreview says what merging cases would bring together; nothing is changed. The
// first one is the suggested target. Needs incident.merge. Faults: NotFound.
func (s *Service) MergePreview(ctx context.Context, who ident.Actor, refs []string) (out []MergeCase, err error) {
	if err := access.Check(who, "incident.merge"); err != nil {
		return nil, err
	}
	if len(refs) > 101 {
		return nil, fault.Field("from", "incident.fault.needed", "1 to 100 cases are merged at a time")
	}
	err = s.view(ctx, who, func(tx *store.Tx) error {
		for _, ref := range refs {
			c, err := headTx(ctx, tx, who, strings.TrimSpace(ref))
			if err != nil {
				return err
			}
			if slices.ContainsFunc(out, func(m MergeCase) bool { return m.ID == c.ID }) {
				continue
			}
			m := MergeCase{Case: c.blank(who)}
			if _, err := tx.Row(ctx, partCounts, []any{c.ID}, &m.Tasks, &m.Entries, &m.Notes, &m.Parties, &m.Evidence, &m.Links); err != nil {
				return err
			}
			switch {
			case len(out) > 0 && out[0].audience != c.audience:
				m.Held = "incident.fault.audience"
			case mayWrite(who, c, "incident.merge") != nil:
				m.Held = "fault.denied"
			}
			out = append(out, m)
		}
		return nil
	})
	return out, err
}

func (a *act) merge(from []string) error {
	if err := a.need("incident.merge"); err != nil {
		return err
	}
	var seen []int64
	for _, ref := range from {
		o, err := headTx(a.ctx, a.tx, a.who, strings.TrimSpace(ref))
		if fault.Is(err, fault.NotFound) {
			return fault.Field("from", "incident.fault.nocase", "no such case").Because(err)
		}
		if err != nil {
			return err
		}
		switch {
		case o.ID == a.c.ID:
			return fault.Field("from", "incident.fault.self", "a case is not merged into itself")
		case slices.Contains(seen, o.ID):
			continue
		case o.audience != a.c.audience:
			return fault.Field("from", "incident.fault.audience", "cases of different audiences do not merge")
		}
		if err := mayWrite(a.who, o, "incident.merge"); err != nil {
			return err
		}
		if err := a.set("incident_case", o.ID, map[string]any{"merged_into": a.c.ID}); err != nil {
			return err
		}
		seen = append(seen, o.ID)
		a.label = strings.TrimSpace(a.label + " " + o.Number)
	}
	a.detail["merged"] = seen
	return nil
}

// Parts are what a split takes along.
type Parts struct {
	Tasks, Entries, Notes, Measures, Links, Evidence, Orgs []int64
	Parties                                                []string // UUIDs
}

func (p Parts) tables(parties []int64) map[string][]int64 {
	return map[string][]int64{"incident_task": p.Tasks, "incident_entry": p.Entries, "incident_note": p.Notes, "incident_measure": p.Measures,
		"incident_link": p.Links, "incident_party": parties, "incident_evidence": p.Evidence, "incident_org": p.Orgs}
}

// Split opens a new case and moves chosen parts there. To the journal the new case
// is one that had been merged into the old and comes free, so that undoing the
// split leaves its number leading back. Needs incident.merge.
func (s *Service) Split(ctx context.Context, who ident.Actor, ref string, version int64, title string, p Parts) (d Done, number string, err error) {
	d, err = s.change(ctx, who, ref, version, "split", func(a *act) error {
		if err := a.need("incident.merge"); err != nil {
			return err
		}
		seed := Seed{Draft: Draft{Title: title, Severity: a.c.Severity, Why: a.c.Why, TLP: a.c.TLP, PAP: a.c.PAP, Classes: a.c.Classes, National: a.c.National,
			Sectors: a.c.Sectors, Aware: a.c.Aware}, CERT: a.c.CERT}
		id, n, err := s.openTx(ctx, a.tx, who, seed)
		if err != nil {
			return err
		}
		number, a.label = n, n
		if err := alignAudience(ctx, a.tx, id, a.c.audience); err != nil {
			return err
		}
		a.changes = append(a.changes, change{"incident_case", id, map[string]any{"merged_into": a.c.ID}, map[string]any{"merged_into": int64(0)}})
		return a.move(id, p)
	})
	return d, number, err
}

func (a *act) move(to int64, p Parts) error {
	n := 0
	parties, err := a.parties(p.Parties)
	if err != nil {
		return err
	}
	for table, ids := range p.tables(parties) {
		for _, id := range ids {
			if err := a.child(table, id); err != nil {
				return err
			}
			if err := a.set(table, id, map[string]any{"case_id": to}); err != nil {
				return err
			}
			if table == "incident_evidence" {
				if err := a.s.custody(a.ctx, a.tx, a.who, id, "moved", a.label, a.now); err != nil {
					return err
				}
			}
			n++
		}
	}
	a.detail["parts"] = n
	if n == 0 {
		return fault.Field("parts", "incident.fault.nothing", "a split takes something along")
	}
	return nil
}

// Merged lists the numbers that lead to this case.
func (s *Service) Merged(ctx context.Context, who ident.Actor, ref string) (out []string, err error) {
	err = s.view(ctx, who, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		out, err = store.All(ctx, tx, store.ScanString, mergedInto, c.ID)
		return err
	})
	return out, err
}

// WhoSees says who reads a case: the principals of its audience.
func (s *Service) WhoSees(ctx context.Context, who ident.Actor, ref string) (out []access.Principal, err error) {
	if err := access.Check(who, "incident.read"); err != nil {
		return nil, err
	}
	err = s.view(ctx, who, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		out, err = access.ReachTx(ctx, tx, c.audience)
		return err
	})
	return out, err
}
