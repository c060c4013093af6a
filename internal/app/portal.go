package app

import (
	"context"
	"io"
	"slices"

	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/portal"
)

// portalDeps are what the front room of organisations reads.
func (h *House) portalDeps() portal.Deps {
	return portal.Deps{Accounts: h.Accounts, Registry: h.Registry, Intake: h.Intake, Intel: h.Intel, Matters: ownMatters{h.Incident}, Roles: h.grantable, Now: h.clock.Now}
}

// grantable lists the roles of the portal that hold nothing the asker lacks.
func (h *House) grantable(ctx context.Context, who ident.Actor) (names []string, err error) {
	err = h.DB.View(ctx, func(tx *store.Tx) error {
		roles, err := access.RolesTx(ctx, tx)
		for _, r := range roles {
			above := slices.ContainsFunc(r.Permissions, func(p string) bool { return !who.Can(p) })
			if !r.Team && !above && slices.Contains(r.Permissions, "portal.use") {
				names = append(names, r.Name)
			}
		}
		return err
	})
	return names, err
}

// ownMatters gives an organisation its side of the cases it is a party of.
type ownMatters struct{ s *incident.Service }

func (o ownMatters) ForOrg(ctx context.Context, who ident.Actor) ([]portal.Matter, error) {
	list, err := o.s.ForOrg(ctx, who)
	out := make([]portal.Matter, len(list))
	for i, p := range list {
		out[i] = matterOf(p)
	}
	return out, err
}

func (o ownMatters) Read(ctx context.Context, who ident.Actor, id string) (portal.Matter, []portal.Word, error) {
	p, ms, err := o.s.OwnThread(ctx, who, id)
	if err != nil {
		return portal.Matter{}, nil, err
	}
	words := make([]portal.Word, len(ms))
	for i, m := range ms {
		words[i] = portal.Word{FromCERT: m.Way == thread.Out, Author: m.Author, At: clock.FromMicros(m.At), Body: m.Body}
		for _, f := range m.Files {
			words[i].Files = append(words[i].Files, portal.WordFile{UUID: f.UUID, Name: f.Name, Size: f.Size})
		}
	}
	return matterOf(p), words, nil
}

func (o ownMatters) Answer(ctx context.Context, who ident.Actor, id, text string, files map[string]io.Reader) error {
	return o.s.AnswerOwn(ctx, who, id, text, files)
}

func (o ownMatters) File(ctx context.Context, who ident.Actor, id, file string) (string, io.ReadCloser, error) {
	return o.s.OwnFile(ctx, who, id, file)
}

func matterOf(p incident.Party) portal.Matter {
	m := portal.Matter{UUID: p.UUID, Number: p.Number, Subject: p.Subject, TLP: p.TLP, State: p.State, Created: clock.FromMicros(p.Created), Updated: clock.FromMicros(p.Updated)}
	if p.Deadline != 0 {
		m.Deadline = clock.FromMicros(p.Deadline)
	}
	return m
}
