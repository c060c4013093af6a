package incident

import (
	"context"
	"fmt"
	"strings"

	"straza/internal/craft/deadline"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// OpenedEvent is published when a case is opened.
type OpenedEvent struct {
	Case int64 `json:"case"`
}

// EventType names the event.
func (OpenedEvent) EventType() string { return "incident.opened" }

// Open opens a case of the actor's CERT by hand. Needs incident.open. key makes
// the act idempotent ("" = none).
func (s *Service) Open(ctx context.Context, who ident.Actor, d Draft, key string) (number string, err error) {
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if key == "" {
			_, number, err = s.openTx(ctx, tx, who, Seed{Draft: d})
			return err
		}
		number, _, err = store.Once(ctx, tx, "incident.open "+who.String()+" "+key, func() (string, error) {
			_, n, err := s.openTx(ctx, tx, who, Seed{Draft: d})
			return n, err
		})
		return err
	})
	return number, err
}

// OpenFromReportTx opens a case and links the report to it, in the caller's
// transaction: accepted and opened commit together. Needs incident.open.
func (s *Service) OpenFromReportTx(ctx context.Context, tx *store.Tx, who ident.Actor, seed Seed) (id int64, number string, err error) {
	return s.openTx(ctx, tx, who, seed)
}

func (s *Service) openTx(ctx context.Context, tx *store.Tx, who ident.Actor, seed Seed) (id int64, number string, err error) {
	if err := access.Check(who, "incident.open"); err != nil {
		return 0, "", err
	}
	if seed.CERT == 0 {
		seed.CERT = who.CERT
	}
	if seed.CERT == 0 || who.Kind == ident.Person && seed.CERT != who.CERT {
		return 0, "", fault.New(fault.Denied, "%s opens no case for CERT %d", who, seed.CERT).WithKey("fault.denied")
	}
	if err := seed.check(s.d.Book()); err != nil {
		return 0, "", err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return 0, "", err
	}
	audience, err := access.InternTx(ctx, tx, access.Audience{CERT: seed.CERT, Owner: seed.CERT, Level: access.LevelTeam})
	if err != nil {
		return 0, "", err
	}
	c := &Case{ID: s.d.DB.NewID(), UUID: s.d.DB.NewUUID(), CERT: seed.CERT, Title: seed.Title, Summary: seed.Summary, State: Fresh, Severity: seed.Severity,
		TLP: seed.TLP, PAP: seed.PAP, Classes: seed.Classes, National: seed.National, Sectors: seed.Sectors, Orgs: seed.Orgs,
		Aware: seed.Aware, Opened: now, Updated: now, audience: audience, Version: 1}
	if c.Aware == 0 || c.Aware > now {
		c.Aware = now
	}
	if c.Number, err = s.number(ctx, tx, who, c.CERT, now); err != nil {
		return 0, "", err
	}
	if err := s.insertTx(ctx, tx, who, c, seed); err != nil {
		return 0, "", err
	}
	if err := jobs.Publish(ctx, tx, OpenedEvent{c.ID}); err != nil {
		return 0, "", err
	}
	return c.ID, c.Number, s.d.Audit.Record(ctx, tx, who, "case.open", thing(c), map[string]any{"report": seed.Report})
}

// insertTx writes a new case with its organisations, report, words, clock and the
// first line of its history.
func (s *Service) insertTx(ctx context.Context, tx *store.Tx, who ident.Actor, c *Case, seed Seed) error {
	if _, err := tx.Exec(ctx, insertCase, c.ID, c.UUID, c.Number, c.CERT, c.audience, c.Title, c.Summary, string(c.State), c.Lead, c.LeadName,
		c.Severity, rankOf(c.Severity), strings.TrimSpace(seed.Why), c.TLP, c.PAP, c.Class(), classOf(c.Class()), asJSON(c.Classes), asJSON(c.National), asJSON(c.Sectors),
		c.Aware, c.Opened); err != nil {
		return err
	}
	for _, o := range c.Orgs {
		if err := insertRow(ctx, tx, "incident_org", s.d.DB.NewID(), map[string]any{"case_id": c.ID, "org": o.ID, "name": o.Name}); err != nil {
			return err
		}
	}
	if seed.Report != 0 {
		if err := insertRow(ctx, tx, "incident_link", s.d.DB.NewID(), linkRow(c.ID, LinkReport, seed.Report, seed.Number, "", c.Opened, nameOf(who))); err != nil {
			return err
		}
	}
	if err := writeWords(ctx, tx, c); err != nil {
		return err
	}
	if err := deadline.StartTx(ctx, tx, c.answerClock(), answerTerm); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, insertAct, s.d.DB.NewID(), c.ID, c.Opened, who.Person, nameOf(who), "open", seed.Number, "", "[]", 1, 0)
	return err
}

// answerClock is the clock of the CERT's own answer, from when it got to know.
func (c *Case) answerClock() deadline.Clock {
	return deadline.Clock{Kind: "case", Object: c.ID, Name: answerClock, Label: c.Number, CERT: c.CERT, Audience: c.audience, Started: c.Aware}
}

// number draws the next human number: S-2026-000417; CERTs that are not the host
// of the installation have their code in front, each its own series.
func (s *Service) number(ctx context.Context, tx *store.Tx, who ident.Actor, cert, now int64) (string, error) {
	prefix, err := s.prefix(ctx, tx, who, cert)
	if err != nil {
		return "", err
	}
	series := fmt.Sprintf("%sS-%d", prefix, clock.FromMicros(now).In(i18n.Belgrade).Year())
	n, err := s.d.DB.NextNumber(ctx, tx, series)
	return fmt.Sprintf("%s-%06d", series, n), err
}

func (s *Service) prefix(ctx context.Context, tx *store.Tx, who ident.Actor, cert int64) (string, error) {
	host, err := s.d.Registry.HostTx(ctx, tx, who)
	if err != nil || host.ID == cert {
		return "", err
	}
	code, err := s.d.Code(ctx, tx, who, cert)
	return code + "-", err
}
