package account

import (
	"context"
	"encoding/json"
	"slices"
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
	SecondFactor    []string      `json:"second_factor"` // roles that may not enter without one
}

// DefaultPolicy: 30 minutes idle and 12 hours in all, the usual of staff consoles.
func DefaultPolicy() Policy {
	return Policy{SessionIdle: 30 * time.Minute, SessionAbsolute: 12 * time.Hour, StepUpAge: 10 * time.Minute,
		InvitationLife: 7 * 24 * time.Hour, ResetLife: time.Hour, SecondFactor: []string{}}
}

const policySetting = "account.policy"

// mustHaveSecond tells whether the policy keeps somebody out until they enrol.
func (p Policy) mustHaveSecond(a ident.Actor) bool {
	return slices.ContainsFunc(a.Roles, func(r string) bool { return slices.Contains(p.SecondFactor, r) })
}

func (s *Service) policyTx(ctx context.Context, tx *store.Tx) (Policy, error) {
	p := DefaultPolicy()
	raw, _, err := readSetting(ctx, tx, policySetting)
	if err != nil || raw == "" {
		return p, err
	}
	return p, json.Unmarshal([]byte(raw), &p)
}

// Policy reads the settings in force and their version. Faults: Denied.
func (s *Service) Policy(ctx context.Context, who ident.Actor) (p Policy, version int64, err error) {
	if err := access.Check(who, "admin.settings"); err != nil {
		return p, 0, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if _, version, err = readSetting(ctx, tx, policySetting); err != nil {
			return err
		}
		p, err = s.policyTx(ctx, tx)
		return err
	})
	return p, version, err
}

// SetPolicy changes them, from the version that was read. It counts from the next
// request on. Faults: Denied, Invalid by field, Conflict when somebody was quicker.
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
	if err := c.Err("account policy"); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		for _, r := range p.SecondFactor {
			if _, err := access.RoleTx(ctx, tx, r); err != nil {
				return err
			}
		}
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
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
