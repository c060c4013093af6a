package account

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Policy is what an administrator decides about accounts while the house runs.
type Policy struct {
	SessionIdle     time.Duration `json:"session_idle"`     // a session sleeps after this without use
	SessionAbsolute time.Duration `json:"session_absolute"` // and ends after this in any case
	StepUpAge       time.Duration `json:"step_up_age"`      // how fresh a proof must be for sensitive acts
	InvitationLife  time.Duration `json:"invitation_life"`
	ResetLife       time.Duration `json:"reset_life"`
	SecondFactor    []string      `json:"second_factor"` // roles that may not work without one
	SecondGrace     time.Duration `json:"second_grace"`  // how long they may without, from the account's making or SecondSince; 0 = not at all
	SecondSince     int64         `json:"second_since"`  // µs: since when the roles are asked; the Service keeps it
}

// DefaultPolicy: 30 minutes idle and 12 hours in all, the usual of staff consoles; a
// second factor of everybody who handles others' data or the house itself (NIST SP
// 800-63B §4.2 asks it wherever personal data is released), with three days to add one.
func DefaultPolicy() Policy {
	return Policy{SessionIdle: 30 * time.Minute, SessionAbsolute: 12 * time.Hour, StepUpAge: 10 * time.Minute,
		InvitationLife: 7 * 24 * time.Hour, ResetLife: time.Hour, SecondGrace: 3 * 24 * time.Hour,
		SecondFactor: []string{access.Admin, access.Analyst, access.Auditor, access.Lead, access.Privacy, access.Superv}}
}

const (
	policySetting = "account.policy"
	// sinceSetting is when an installation that had people before began to ask the
	// default policy's second factor of them.
	sinceSetting = "second-since"
)

// enrolBy is until when somebody without a second factor must have added one; 0 when
// the policy asks none of their roles.
func (p Policy) enrolBy(roles []string, created int64) int64 {
	if !slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(p.SecondFactor, r) }) {
		return 0
	}
	return max(created, p.SecondSince) + us(p.SecondGrace)
}

func (s *Service) policyTx(ctx context.Context, tx *store.Tx) (Policy, error) {
	p, _, err := s.readPolicyTx(ctx, tx)
	return p, err
}

// readPolicyTx reads the policy in force and the version of what was set, 0 = nothing.
func (s *Service) readPolicyTx(ctx context.Context, tx *store.Tx) (p Policy, version int64, err error) {
	p = DefaultPolicy()
	rows, err := readSettings(ctx, tx, policySetting, sinceSetting)
	if err != nil {
		return p, 0, err
	}
	if raw := rows[sinceSetting].value; raw != "" {
		if err := json.Unmarshal([]byte(raw), &p.SecondSince); err != nil {
			return p, 0, err
		}
	}
	if row := rows[policySetting]; row.value != "" {
		version, err = row.version, json.Unmarshal([]byte(row.value), &p)
	}
	return p, version, err
}

// Begin notes, once, when this installation began to ask second factors: people who
// were here before have their days of grace from then. app calls it at every start.
func (s *Service) Begin(ctx context.Context) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		rows, err := readSettings(ctx, tx, sinceSetting)
		if err != nil || rows[sinceSetting].value != "" {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		since := int64(0) // nobody here yet: everybody counts from their own making
		if n, err := countPeople(ctx, tx); err != nil {
			return err
		} else if n > 0 {
			since = now
		}
		_, err = writeSetting(ctx, tx, sinceSetting, strconv.FormatInt(since, 10), 0, now, ident.SystemPart("setup").String())
		return err
	})
}

// Policy reads the settings in force and their version. Faults: Denied.
func (s *Service) Policy(ctx context.Context, who ident.Actor) (p Policy, version int64, err error) {
	if err := access.Check(who, "admin.settings"); err != nil {
		return p, 0, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		p, version, err = s.readPolicyTx(ctx, tx)
		return err
	})
	return p, version, err
}

// SetPolicy changes them, from the version that was read. It counts from the next
// request on; a role of which a second factor was not asked yet has its days of grace
// from now. Needs a fresh proof of a person who asks. Faults: Denied, Invalid by field,
// Conflict when somebody was quicker.
func (s *Service) SetPolicy(ctx context.Context, who ident.Actor, version int64, p Policy) error {
	if err := access.Check(who, "admin.settings"); err != nil {
		return err
	}
	var c fault.Collector
	within := func(field string, d, low, high time.Duration) {
		c.Require(d >= low && d <= high, field, "account.policy-range")
	}
	within("session_idle", p.SessionIdle, time.Minute, 24*time.Hour)
	within("session_absolute", p.SessionAbsolute, 5*time.Minute, 30*24*time.Hour)
	within("step_up_age", p.StepUpAge, time.Minute, 12*time.Hour)
	within("invitation_life", p.InvitationLife, time.Hour, 90*24*time.Hour)
	within("reset_life", p.ResetLife, 5*time.Minute, 24*time.Hour)
	within("second_grace", p.SecondGrace, 0, 90*24*time.Hour)
	if err := c.Err("account policy"); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return err
		}
		was, err := s.policyTx(ctx, tx)
		if err != nil {
			return err
		}
		p.SecondSince = was.SecondSince
		slices.Sort(p.SecondFactor)
		p.SecondFactor = slices.Compact(p.SecondFactor)
		for _, r := range p.SecondFactor {
			if _, err := access.RoleTx(ctx, tx, r); err != nil {
				return err
			}
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(p.SecondFactor, func(r string) bool { return !slices.Contains(was.SecondFactor, r) }) {
			p.SecondSince = now
		}
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		n, err := writeSetting(ctx, tx, policySetting, string(raw), version, now, who.String())
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "the settings changed meanwhile").WithKey("fault.conflict")
		}
		return s.audit.Record(ctx, tx, who, "settings.account", audit.Thing{Kind: "setting", Label: policySetting}, p)
	})
}
