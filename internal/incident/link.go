package incident

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

var cveShape = regexp.MustCompile(`^CVE-\d{4}-\d{4,10}$`)

// LinkCase joins two cases; both show it. Faults: NotFound for one that who does
// not see, Invalid for the case itself.
func (s *Service) LinkCase(ctx context.Context, who ident.Actor, ref, other, relation string) (Done, error) {
	return s.change(ctx, who, ref, 0, "link", func(a *act) error {
		o, err := headTx(ctx, a.tx, who, strings.TrimSpace(other))
		if fault.Is(err, fault.NotFound) {
			return fault.Field("other", "incident.fault.nocase", "no such case")
		}
		if err != nil {
			return err
		}
		if o.ID == a.c.ID {
			return fault.Field("other", "incident.fault.self", "a case is not linked to itself")
		}
		return a.link(LinkCase, o.ID, o.Number, relation)
	})
}

// LinkOther joins the case to an advisory or CVE by its number. Reports and events
// are linked by their own rooms (LinkReportTx, LinkEventTx).
func (s *Service) LinkOther(ctx context.Context, who ident.Actor, ref, kind, label, relation string) (Done, error) {
	return s.change(ctx, who, ref, 0, "link", func(a *act) error {
		label = strings.ToUpper(strings.TrimSpace(label))
		switch {
		case kind == LinkCVE && !cveShape.MatchString(label):
			return fault.Field("other", "incident.fault.cve", "no CVE number")
		case kind != LinkCVE && kind != LinkAdvisory || label == "" || len(label) > 60:
			return fault.Field("kind", "incident.fault.code", "cases link to %v", linkKinds)
		}
		return a.link(kind, 0, label, relation)
	})
}

// link adds a link unless it is there.
func (a *act) link(kind string, ref int64, label, relation string) error {
	var c fault.Collector
	relation = text(&c, "relation", relation, 200, false)
	if err := c.Err("link"); err != nil {
		return err
	}
	there, err := store.All(a.ctx, a.tx, scanLink, linksOf, a.c.ID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(there, func(l Link) bool { return l.Kind == kind && l.Ref == ref && (ref != 0 || l.Label == label) }) {
		return nil
	}
	a.label = label
	a.detail["kind"], a.detail["ref"] = kind, ref
	_, err = a.add("incident_link", linkRow(a.c.ID, kind, ref, label, relation, a.now, nameOf(a.who)))
	return err
}

// Unlink takes a link away.
func (s *Service) Unlink(ctx context.Context, who ident.Actor, ref string, link int64) (Done, error) {
	return s.change(ctx, who, ref, 0, "unlink", func(a *act) error {
		ok, err := store.Int64(ctx, a.tx, linkTouches, link, a.c.ID)
		if err != nil {
			return err
		}
		if ok == 0 {
			return missing("link")
		}
		return a.remove("incident_link", link)
	})
}

// LinkReportTx links a report to a case that is there, named by number; one report
// may stand in several cases. Faults: NotFound.
func (s *Service) LinkReportTx(ctx context.Context, tx *store.Tx, who ident.Actor, number string, report int64, label string) (caseID int64, err error) {
	c, err := headTx(ctx, tx, who, strings.ToUpper(strings.TrimSpace(number)))
	if err != nil {
		return 0, err
	}
	_, err = s.changeTx(ctx, tx, who, c, 0, "link", func(a *act) error { return a.link(LinkReport, report, label, "") })
	return c.ID, err
}

// UnlinkReportTx takes a report out of a case, wherever a merge has brought it.
func (s *Service) UnlinkReportTx(ctx context.Context, tx *store.Tx, who ident.Actor, caseID, report int64) error {
	c, err := caseByID(ctx, tx, who, caseID)
	if err != nil {
		return err
	}
	_, err = s.changeTx(ctx, tx, who, c, 0, "unlink", func(a *act) error {
		ids, err := store.All(ctx, tx, store.ScanInt64, reportLinks, a.c.ID, report)
		if err != nil {
			return err
		}
		own := int64(0) // whether the report has opened this very case
		for _, id := range ids {
			n, err := store.Int64(ctx, tx, openedByLink, id)
			if err != nil {
				return err
			}
			own += n
			if err := a.remove("incident_link", id); err != nil {
				return err
			}
		}
		if own == 0 {
			return nil
		}
		return a.withdraw()
	})
	return err
}

// withdraw closes a case that a report had opened and nobody has touched since: its
// clock never should have run. One that somebody works on stays.
func (a *act) withdraw() error {
	n, err := store.Int64(a.ctx, a.tx, touchedSince, a.c.ID)
	if err != nil || n > 0 || a.c.State != Fresh {
		return err
	}
	return a.set("incident_case", a.c.ID, map[string]any{"state": Closed, "closed": a.now})
}

// LinkEventTx links an event to the case; label is what the case shows of it.
func (s *Service) LinkEventTx(ctx context.Context, tx *store.Tx, who ident.Actor, caseID, event int64, label string) error {
	c, err := caseByID(ctx, tx, who, caseID)
	if err != nil {
		return err
	}
	if r := []rune(label); len(r) > 200 {
		label = string(r[:200])
	}
	_, err = s.changeTx(ctx, tx, who, c, 0, "link", func(a *act) error { return a.link(LinkEvent, event, label, "") })
	return err
}

// CaseAudienceTx gives the audience of a case that who may see.
func (s *Service) CaseAudienceTx(ctx context.Context, tx *store.Tx, who ident.Actor, caseID int64) (int64, error) {
	if err := mayRead(who); err != nil {
		return 0, err
	}
	c, err := caseByID(ctx, tx, who, caseID)
	if err != nil {
		return 0, err
	}
	return c.audience, nil
}

// CasesOf lists the numbers of the cases that a report (or event) stands in, as far
// as who sees them.
func (s *Service) CasesOf(ctx context.Context, who ident.Actor, kind string, ref int64) (out []Case, err error) {
	err = s.view(ctx, who, func(tx *store.Tx) error {
		ids, err := store.All(ctx, tx, store.ScanInt64, casesLinked, kind, ref)
		if err != nil {
			return err
		}
		for _, id := range ids {
			c, err := caseTx(ctx, tx, who, id)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			out = append(out, c.blank(who))
		}
		return nil
	})
	return out, err
}
