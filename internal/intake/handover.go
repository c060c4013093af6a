package intake

import (
	"context"
	"encoding/json"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// HandOver gives another CERT of this installation a report of its own with a chosen
// copy: note is all the text that goes along, beside type, codes, severity, labels
// and organisation. The reporter, files and a sealed body stay here. Needs
// intake.triage. Faults: Invalid on "to", NotFound, Conflict.
func (s *Service) HandOver(ctx context.Context, who ident.Actor, uuid string, version int64, to, note string) (Report, error) {
	note = strings.TrimSpace(note)
	if note == "" {
		return Report{}, fault.Field("note", "intake.fault.note", "a hand-over needs the text that goes along")
	}
	return s.do(ctx, who, uuid, act{verb: ActHandOver, version: version, change: func(ctx context.Context, tx *store.Tx, r *Report) (any, error) {
		state, err := r.State.move(ActHandOver)
		if err != nil {
			return nil, err
		}
		cert, err := s.otherCERT(ctx, tx, r.CERT, to)
		if err != nil {
			return nil, err
		}
		copied, err := s.copyTo(ctx, tx, who, r, cert, cut(note, maxDescription))
		if err != nil {
			return nil, err
		}
		r.State, r.HandedTo, r.HandedReport = state, cert.ID, copied.ID
		return map[string]any{"to": cert.ID, "as": copied.Number}, s.letter(ctx, tx, r, "state")
	}})
}

// OtherCERTs lists whom a report can be handed to. Needs intake.triage.
func (s *Service) OtherCERTs(ctx context.Context, who ident.Actor) (out []Org, err error) {
	if err := mayTriage(who); err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		certs, err := s.Registry.CERTsTx(ctx, tx)
		for _, c := range certs {
			if c.ID != who.CERT {
				out = append(out, c)
			}
		}
		return err
	})
	return out, err
}

func (s *Service) otherCERT(ctx context.Context, tx *store.Tx, from int64, to string) (Org, error) {
	certs, err := s.Registry.CERTsTx(ctx, tx)
	if err != nil {
		return Org{}, err
	}
	for _, c := range certs {
		if c.ID != from && (c.UUID == to || c.Name == to) {
			return c, nil
		}
	}
	return Org{}, fault.Field("to", "intake.fault.nocertto", "no other CERT %q here", to)
}

// copyTo makes the other CERT's report. It has a submission of its own, whose code
// nobody gets: the reporter goes on talking to the first CERT.
func (s *Service) copyTo(ctx context.Context, tx *store.Tx, who ident.Actor, r *Report, cert Org, note string) (*Report, error) {
	in := &Input{Channel: r.Channel, Lang: r.Lang, Type: r.Type, What: r.What, Sealed: r.Sealed, CERT: cert.ID, Body: Body{Description: note}}
	if err := s.prepareKeys(in); err != nil {
		return nil, err
	}
	_, prefix, err := s.place(ctx, tx, cert.ID, Org{})
	if err != nil {
		return nil, err
	}
	in.prefix, in.org, in.orgBy = prefix, Org{ID: r.Org, Name: r.OrgName, Sector: r.Sector}, r.OrgBy
	set, err := settingsTx(ctx, tx, cert.ID)
	if err != nil {
		return nil, err
	}
	in.Sealed = in.Sealed || set.yes(SealIncidents)
	in.Channel = r.Channel
	c, err := s.newReport(ctx, tx, ident.Actor{Kind: ident.System, Name: "handover"}, in)
	if err != nil {
		return nil, err
	}
	c.RSIT, c.National, c.Facts, c.Computed = r.RSIT, r.National, r.Facts, r.Computed
	c.Severity, c.SeverityReason, c.TLP, c.PAP, c.From = r.Severity, r.SeverityReason, r.TLP, r.PAP, r.ID
	if c.audience, err = access.InternTx(ctx, tx, access.Audience{CERT: cert.ID, Owner: cert.ID, Level: access.LevelTeam}); err != nil {
		return nil, err
	}
	if err := s.writeSubmission(ctx, tx, in, c); err != nil {
		return nil, err
	}
	if err := insertReport(ctx, tx, c); err != nil {
		return nil, err
	}
	if err := s.writeWords(ctx, tx, c); err != nil {
		return nil, err
	}
	if err := s.startClocks(ctx, tx, c); err != nil {
		return nil, err
	}
	return c, s.record(ctx, tx, who, "report.receive", c, map[string]any{"from": r.Number})
}

// withdrawCopy takes a handed-over copy back while its CERT has not decided about it.
func (s *Service) withdrawCopy(ctx context.Context, tx *store.Tx, who ident.Actor, id int64) error {
	c, found, err := reportByID(ctx, tx, id)
	if err != nil || !found {
		return err
	}
	if !c.State.Open() {
		return fault.New(fault.Conflict, "the other CERT has decided about report %d", id).WithKey("intake.fault.decided")
	}
	return s.apply(ctx, tx, who, &c, act{verb: "withdraw", change: func(context.Context, *store.Tx, *Report) (any, error) {
		c.State, c.Reason = Rejected, withdrawnReason
		return nil, nil
	}})
}

// withdrawnReason is a mark, not a sentence: pages say it in the reader's language.
const withdrawnReason = "@withdrawn"

func decodeBody(text string, b *Body) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), b)
}

// answerLabel is the label of a sealed message.
func answerLabel(uuid string) vault.Label { return vault.Label{Kind: vault.KindAnswer, Record: uuid} }
