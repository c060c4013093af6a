package intel

import (
	"context"
	"slices"

	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Readers says who exactly will see something.
type Readers struct {
	Members bool  // every organisation of this installation
	Peers   bool  // and other installations, by the peer's rule
	Orgs    []Org // by name: those that the caller may know of
	Count   int   // all organisations
	People  int64 // active accounts of those organisations
	ByOrg   []OrgReaders
	Verdict tlp.Verdict
}

// OrgReaders are the people of one organisation who will see something. Names are
// given of one's own organisation and, to a team, of every organisation whose card it
// sees; at most namesMost of all of them together.
type OrgReaders struct {
	Org    Org
	People int64
	Names  []string
}

const namesMost = 500

// WhoSees tells who will see an event of the caller's own organisation with a
// level, group and tags, before it is saved or published: names and counts as
// memberships stand now, and whether the label allows it (Verdict: Pass, Ask, or
// Hold with the reason). Faults: Invalid for a group that is not the caller's.
func (s *Service) WhoSees(ctx context.Context, who ident.Actor, d Distribution, group int64, tags []string) (r Readers, err error) {
	if err := mayRead(who); err != nil {
		return r, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		ids := []int64{who.Org}
		switch d {
		case Community, Connected, All:
			r.Members, r.Peers = true, d != Community
			all, err := access.MembersTx(ctx, tx, access.Members(), access.KindOrg)
			if err != nil {
				return err
			}
			ids = append(ids, all...)
		case Group:
			if group, err = usableGroup(ctx, tx, who, group); err != nil {
				return err
			}
			if group == 0 {
				return noGroup()
			}
			if ids, r.Members, err = groupReaders(ctx, tx, group, ids); err != nil {
				return err
			}
		}
		return fillReaders(ctx, tx, who, ids, &r)
	})
	r.Verdict = tlp.Fits(tlp.FromTags(tags), reachOf(d, r))
	return r, err
}

// GroupReaders tells who a sharing group of these members would reach, before it is
// saved: the caller's own organisation is always one, all = the whole installation.
// Faults: Invalid for an organisation that is not known.
func (s *Service) GroupReaders(ctx context.Context, who ident.Actor, members []Org, all bool) (r Readers, err error) {
	if err := mayGroup(who); err != nil {
		return r, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		r = Readers{Members: all}
		ids := []int64{who.Org}
		for _, m := range members {
			o, err := knownOrg(ctx, tx, m)
			if err != nil {
				return err
			}
			ids = append(ids, o.ID)
		}
		if all {
			of, err := access.MembersTx(ctx, tx, access.Members(), access.KindOrg)
			if err != nil {
				return err
			}
			ids = append(ids, of...)
		}
		return fillReaders(ctx, tx, who, ids, &r)
	})
	return r, err
}

// fillReaders names and counts the organisations behind ids, and their people.
func fillReaders(ctx context.Context, tx *store.Tx, who ident.Actor, ids []int64, r *Readers) (err error) {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if r.Orgs, err = orgsByID(ctx, tx, who, ids); err != nil {
		return err
	}
	r.Count = len(ids)
	if r.People, err = countPeople(ctx, tx, ids); err != nil {
		return err
	}
	r.ByOrg, err = readersByOrg(ctx, tx, who, r.Orgs)
	return err
}

// readersByOrg counts and, where they may be known, names the people of organisations.
func readersByOrg(ctx context.Context, tx *store.Tx, who ident.Actor, orgs []Org) ([]OrgReaders, error) {
	out, at := make([]OrgReaders, len(orgs)), map[int64]int{}
	var known []int64
	for i, o := range orgs {
		out[i].Org, at[o.ID] = o, i
		if o.ID == who.Org || who.OnTeam() {
			known = append(known, o.ID)
		}
	}
	var ids []int64
	for id := range at {
		ids = append(ids, id)
	}
	counts, err := peopleByOrg(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		out[at[c[0]]].People = c[1]
	}
	names, err := peopleNamed(ctx, tx, known)
	for _, p := range names {
		out[at[p.org]].Names = append(out[at[p.org]].Names, p.name)
	}
	return out, err
}

// groupReaders adds the organisations of a group, all of them when the group
// names this whole installation.
func groupReaders(ctx context.Context, tx *store.Tx, group int64, ids []int64) (out []int64, all bool, err error) {
	of, err := access.MembersTx(ctx, tx, access.Group(group), access.KindOrg)
	if err != nil {
		return nil, false, err
	}
	ids = append(ids, of...)
	whole, err := access.MembersTx(ctx, tx, access.Group(group), access.KindMembers)
	if err != nil || len(whole) == 0 {
		return ids, false, err
	}
	of, err = access.MembersTx(ctx, tx, access.Members(), access.KindOrg)
	return append(ids, of...), true, err
}

func reachOf(d Distribution, r Readers) tlp.Reach {
	switch {
	case d == Connected || d == All:
		return tlp.ToPeers
	case r.Members:
		return tlp.ToMembers
	}
	return tlp.ToOrganisations
}

// WayOut tells whether an event may leave by a way, by its label; an unlabelled
// one counts as the installation's policy says. Every exporter asks first.
func (s *Service) WayOut(_ context.Context, who ident.Actor, e *Event, w tlp.Way) tlp.Verdict {
	level, _ := tlp.Parse(e.TLP)
	own := who.Org != 0 && e.Origin.ID == who.Org
	return tlp.Out(level.Or(s.untagged), w, tlp.Circumstance{Own: own,
		Named: e.Distribution == OwnOrg || e.Distribution == Group || who.Org != 0 && e.Owner.ID == who.Org})
}

// PartWayOut is WayOut for an attribute, with its tags, of an event that may leave itself: a
// label of its own may be stricter.
func (s *Service) PartWayOut(_ context.Context, who ident.Actor, a *Attribute, e *Event, w tlp.Way) tlp.Verdict {
	level := a.own()
	if level == tlp.None {
		return tlp.Verdict{Answer: tlp.Pass}
	}
	return tlp.Out(level, w, tlp.Circumstance{Own: who.Org != 0 && e.Origin.ID == who.Org,
		Named: e.Distribution == OwnOrg || e.Distribution == Group || a.Distribution == OwnOrg || a.Distribution == Group || who.Org != 0 && e.Owner.ID == who.Org})
}

// TagsOut are the tags that leave the installation: exportable, not for here alone. Pure.
func TagsOut(uses []TagUse) []TagUse {
	var out []TagUse
	for _, u := range uses {
		if u.Exportable && !u.Local && !u.LocalOnly {
			out = append(out, u)
		}
	}
	return out
}

func usedNames(list []TagUse) (names []string) {
	for i := range list {
		names = append(names, list[i].Name)
	}
	return names
}
