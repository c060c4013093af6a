package incident

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
)

// Handing is what another CERT of this installation gets of a case: what is ticked,
// beside title, reason and labels. Who reported and the evidence never go along.
type Handing struct {
	To         string // UUID or name of the CERT
	Title      string // of the new case
	Reason     string // stands in its first note
	Summary    bool
	Facts      bool     // codes, severity and the facts it was computed from
	Indicators bool     // as text: what our own events hold of the case, RED left out
	Evidence   bool     // only that it exists: its labels
	Entries    []int64  // of the timeline, without their sources
	Parties    []string // UUIDs; their names
}

// handingPart is the part of Straža that opens the other team's case, which the
// person who hands over may not do.
var handingPart = ident.SystemPart("handing")

const (
	actHand       = "hand"
	maxIndicators = 500
)

// HandTo lists the CERTs that a case can be handed over to. Needs incident.write.
func (s *Service) HandTo(ctx context.Context, who ident.Actor) (out []registry.Organisation, err error) {
	if err := access.Check(who, "incident.write"); err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		out, err = s.d.Registry.CERTsTx(ctx, tx, who)
		out = slices.DeleteFunc(out, func(o registry.Organisation) bool { return o.ID == who.CERT })
		return err
	})
	return out, err
}

// Hand gives another CERT of this installation a case of its own with a chosen copy;
// this one stays, with a link by number, and may stay open. Undo withdraws the new
// case while its team has not touched it. Faults: Invalid on "to", "title", "reason"
// and, with the reason, "tlp" (RED names persons); NotFound for a part of another case.
func (s *Service) Hand(ctx context.Context, who ident.Actor, ref string, version int64, in Handing) (d Done, number string, err error) {
	values, err := s.ownValues(ctx, who, ref, in.Indicators)
	if err != nil {
		return d, "", err
	}
	d, err = s.change(ctx, who, ref, version, actHand, func(a *act) error {
		to, err := a.otherCERT(in.To)
		if err != nil {
			return err
		}
		var c fault.Collector
		in.Title, in.Reason = text(&c, "title", in.Title, 200, true), text(&c, "reason", in.Reason, 2000, true)
		if v := MayReceive(a.c.TLP, true); v != "" {
			c.Add("tlp", v)
		}
		if err := c.Err("hand"); err != nil {
			return err
		}
		id, n, err := a.copyTo(to, in, values)
		if err != nil {
			return err
		}
		number, a.label = n, n
		a.detail["to"], a.detail["as"], a.detail["case"] = to.ID, n, id
		a.detail["copied"] = in.copied(len(values))
		_, err = a.add("incident_link", linkRow(a.c.ID, LinkHandedTo, id, n, to.Name, a.now, nameOf(who)))
		return err
	})
	return d, number, err
}

// copied names what went along, for the audit.
func (in Handing) copied(indicators int) map[string]any {
	return map[string]any{"summary": in.Summary, "facts": in.Facts, "indicators": indicators, "evidence": in.Evidence, "entries": len(in.Entries), "parties": len(in.Parties)}
}

func (a *act) otherCERT(to string) (registry.Organisation, error) {
	certs, err := a.s.d.Registry.CERTsTx(a.ctx, a.tx, a.who)
	if err != nil {
		return registry.Organisation{}, err
	}
	for _, o := range certs {
		if o.ID != a.c.CERT && (o.UUID == to || o.Name == to) {
			return o, nil
		}
	}
	return registry.Organisation{}, fault.Field("to", "incident.fault.nocert", "no other CERT %q here", to)
}

// ownValues are the indicators made from a case that our own events hold. What other
// owners shared with us is not ours to pass on.
func (s *Service) ownValues(ctx context.Context, who ident.Actor, ref string, wanted bool) (out []string, err error) {
	if !wanted {
		return nil, nil
	}
	events, ids, err := s.Events(ctx, who, ref)
	if err != nil {
		return nil, err
	}
	own := map[int64]bool{}
	for _, e := range events {
		own[e.ID] = e.Owner.ID == who.CERT && !isRed(e.TLP)
	}
	for _, id := range ids {
		if len(out) == maxIndicators {
			break
		}
		x, err := s.d.Intel.Attribute(ctx, who, strconv.FormatInt(id, 10))
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		red := false
		for _, t := range x.Tags {
			red = red || isRed(strings.TrimPrefix(strings.ToLower(t.Name), "tlp:"))
		}
		if own[x.EventID] && !x.Deleted && !red {
			out = append(out, x.Type+" "+x.Value)
		}
	}
	return out, nil
}

func isRed(label string) bool {
	l, ok := tlp.Parse(label)
	return ok && l >= tlp.Red
}

// copyTo makes the other CERT's case. Its rows bear our CERT's name, not the person's.
func (a *act) copyTo(to registry.Organisation, in Handing, values []string) (int64, string, error) {
	from, err := a.s.d.Registry.OrgTx(a.ctx, a.tx, a.who, a.c.CERT)
	if err != nil {
		return 0, "", err
	}
	seed := Seed{Draft: Draft{Title: in.Title, TLP: a.c.TLP, PAP: a.c.PAP}, CERT: to.ID}
	if in.Summary {
		seed.Summary = a.c.Summary
	}
	if in.Facts {
		seed.Classes, seed.National, seed.Sectors, seed.Severity, seed.Why = a.c.Classes, a.c.National, a.c.Sectors, a.c.Severity, a.c.Why
	}
	id, n, err := a.s.openTx(a.ctx, a.tx, handingPart, seed)
	if err != nil {
		return 0, "", err
	}
	if in.Facts {
		if err := updateRow(a.ctx, a.tx, "incident_case", id, map[string]any{"facts": asJSON(a.c.Facts), "computed": a.c.Computed, "rule": a.c.Rule}); err != nil {
			return 0, "", err
		}
	}
	put := func(table string, cols map[string]any) error {
		return insertRow(a.ctx, a.tx, table, a.s.d.DB.NewID(), cols)
	}
	if err := put("incident_link", linkRow(id, LinkHandedFrom, a.c.ID, a.c.Number, from.Name, a.now, from.Name)); err != nil {
		return 0, "", err
	}
	note, err := a.handNote(in, values)
	if err != nil {
		return 0, "", err
	}
	if err := put("incident_note", map[string]any{"case_id": id, "body": note, "person": int64(0), "author": from.Name, "at": a.now, "edited": int64(0), "revision": int64(1)}); err != nil {
		return 0, "", err
	}
	for _, e := range in.Entries {
		if err := a.child("incident_entry", e); err != nil {
			return 0, "", err
		}
		row, err := readRow(a.ctx, a.tx, "incident_entry", e, columns["incident_entry"])
		if err != nil {
			return 0, "", err
		}
		// a source may name who reported
		row["case_id"], row["recorded"], row["source"], row["author"] = id, a.now, "", from.Name
		if err := put("incident_entry", row); err != nil {
			return 0, "", err
		}
	}
	return id, n, a.s.d.Audit.Record(a.ctx, a.tx, a.who, "case.receive", thing(&Case{ID: id, Number: n}), map[string]any{"from": a.c.Number})
}

// handNote is the first note of the new case, in the language of who hands over:
// the reason, and what goes along as text only.
func (a *act) handNote(in Handing, values []string) (string, error) {
	lang := i18n.Lang(a.who.Lang)
	if lang == "" {
		lang = i18n.SrCyrl
	}
	out := []string{in.Reason}
	add := func(key string, list []string, sep string) {
		if len(list) > 0 {
			out = append(out, a.s.d.Text.T(lang, key)+sep+strings.Join(list, sep))
		}
	}
	var names, labels []string
	for _, id := range in.Parties {
		p, err := partyOf(a.ctx, a.tx, a.c.ID, id)
		if err != nil {
			return "", err
		}
		names = append(names, p.Name)
	}
	if in.Evidence {
		proofs, err := store.All(a.ctx, a.tx, scanEvidence, evidenceOf, a.c.ID)
		if err != nil {
			return "", err
		}
		for _, v := range proofs {
			labels = append(labels, v.Label)
		}
	}
	add("incident.hand.parties", names, "\n")
	add("incident.hand.indicators", values, "\n")
	add("incident.hand.evidence", labels, "\n")
	return strings.Join(out, "\n\n"), nil
}

// withdrawHanded takes the other team's case back while nobody there has touched it.
func (a *act) withdrawHanded(changes string) error {
	id, err := handedIn(changes)
	if err != nil {
		return err
	}
	c, err := caseByID(a.ctx, a.tx, handingPart, id)
	if err != nil {
		return err
	}
	if c.ID != id || c.Version != 1 {
		return fault.New(fault.Conflict, "the other team works on case %d", id).WithKey("incident.fault.handed")
	}
	a.detail["withdrawn"] = c.Number
	_, err = a.s.changeTx(a.ctx, a.tx, handingPart, c, 0, "withdraw", func(b *act) error {
		return b.set("incident_case", id, map[string]any{"state": Closed, "closed": b.now})
	})
	return err
}
