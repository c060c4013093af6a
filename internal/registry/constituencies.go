package registry

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Owner gives the CERT that looks after an organisation: the default owner of its
// cases. 0 when it is foreign or there is no CERT yet.
func (s *Service) Owner(ctx context.Context, who ident.Actor, org int64) (cert int64, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		cert, err = s.OwnerTx(ctx, tx, who, org)
		return err
	})
	return cert, err
}

// OwnerTx is Owner within the caller's transaction.
func (s *Service) OwnerTx(ctx context.Context, tx *store.Tx, _ ident.Actor, org int64) (int64, error) {
	id, err := store.Int64(ctx, tx, resolvedID, org)
	if err != nil {
		return 0, err
	}
	return store.Int64(ctx, tx, certOf, id)
}

// Constituency lists the rules of all CERTs, strongest first. Needs registry.read.
func (s *Service) Constituency(ctx context.Context, who ident.Actor) (rules []Rule, err error) {
	if err := access.Check(who, "registry.read"); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		rules, err = listRules(ctx, tx)
		if err != nil {
			return err
		}
		return labelRules(ctx, tx, who, rules)
	})
	sortRules(rules)
	return rules, err
}

// ConstituencyOf lists the rules of one CERT, strongest first. Needs registry.read
// and sight of the CERT. Faults: NotFound.
func (s *Service) ConstituencyOf(ctx context.Context, who ident.Actor, cert string) (rules []Rule, err error) {
	o, err := s.Get(ctx, who, cert)
	if err != nil {
		return nil, err
	}
	all, err := s.Constituency(ctx, who)
	for _, r := range all {
		if r.CERT == o.ID {
			rules = append(rules, r)
		}
	}
	return rules, err
}

// SetConstituency replaces the rules of one CERT and places every organisation
// anew. Needs registry.merge (the lead's right: it decides who sees what), and that
// it is the lead's own CERT, or the host's, who divides the country among all.
// Faults: NotFound, Invalid on "rules", Conflict when another CERT has a rule.
func (s *Service) SetConstituency(ctx context.Context, who ident.Actor, cert string, rules []Rule) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		o, err := open(ctx, tx, who, cert, 0)
		if err != nil {
			return err
		}
		if err := mayDivide(ctx, tx, who, o); err != nil {
			return err
		}
		if o.Kind != KindCERT || o.State != Active || !o.Local {
			return fault.Field("cert", "registry.fault.no-cert", "organisation %d is no active CERT here", o.ID)
		}
		if err := dropRules(ctx, tx, o.ID); err != nil {
			return err
		}
		var lines []string
		for _, r := range rules {
			r.CERT = o.ID
			if err := s.pack().checkRule(r); err != nil {
				return err
			}
			if err := addRule(ctx, tx, who, r); err != nil {
				return err
			}
			lines = append(lines, r.Basis+"="+r.Value)
		}
		if err := s.reassign(ctx, tx); err != nil {
			return err
		}
		fields := make([]Field, len(lines))
		for i, l := range lines {
			fields[i] = Field{Name: "constituency", To: l}
		}
		return s.touch(ctx, tx, who, &o, "constituency", fields)
	}, store.Serializable())
}

func mayDivide(ctx context.Context, tx *store.Tx, who ident.Actor, cert Organisation) error {
	if err := access.Check(who, "registry.merge"); err != nil {
		return err
	}
	host, err := store.Int64(ctx, tx, hostID)
	if err != nil || who.CERT == host {
		return err
	}
	return mayWriteCard(who, cert)
}

// reassign decides the CERT of every organisation anew and rewrites those that
// moved, with their audiences, in batches. A rare act: it walks the whole table.
func (s *Service) reassign(ctx context.Context, tx *store.Tx) error {
	host, err := store.Int64(ctx, tx, hostID)
	if err != nil {
		return err
	}
	rules, err := listRules(ctx, tx)
	if err != nil {
		return err
	}
	type target struct {
		cert       int64
		disclosure Disclosure
		state      State
	}
	moved := map[target][]int64{}
	for o, err := range store.Each(ctx, tx, scanPlace, allPlaces) {
		if err != nil {
			return err
		}
		if cert := decide(rules, o, host); cert != o.CERT {
			t := target{cert, o.Disclosure, o.State}
			moved[t] = append(moved[t], o.ID)
		}
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	for t, ids := range moved {
		o := Organisation{CERT: t.cert, Disclosure: t.disclosure, State: t.state}
		if err := o.intern(ctx, tx); err != nil {
			return err
		}
		if err := setPlace(ctx, tx, ids, o, now); err != nil {
			return err
		}
	}
	return nil
}
