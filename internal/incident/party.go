package incident

import (
	"context"
	"io"
	"slices"
	"time"

	"straza/internal/craft/thread"
	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Party is what one outside party may see of a case: a row of its own with its own
// audience (the team and that organisation), a number, a subject, a state, a
// deadline, and the thread. Nothing of the case is reached through it.
type Party struct {
	ID       int64
	UUID     string
	Org      int64 // 0 = outside the registry
	Name     string
	Number   string // as it is shown to the party
	Subject  string // what the party is told it is about
	TLP      string
	State    string
	Deadline int64
	Thread   int64
	Created  int64
	Updated  int64
	Answered int64 // when they answered what we asked: their clock ended there; 0 = not yet
	Unread   int64 // answers nobody of the team has read

	caseID, audience int64
}

// PartyInput is what somebody types of a party.
type PartyInput struct {
	Org      string // UUID or name; one that the registry does not know is a party outside it
	Address  string // where letters go
	Lang     string
	Subject  string
	TLP      string // "" = the case's
	Deadline time.Time
}

// AddParty brings an outside party in and opens its thread. From that moment an
// organisation of the registry sees number, subject, state, deadline and thread.
func (s *Service) AddParty(ctx context.Context, who ident.Actor, ref string, in PartyInput) (Done, error) {
	return s.change(ctx, who, ref, 0, "party.add", func(a *act) error {
		o, err := s.orgTx(ctx, a.tx, who, in.Org)
		if err != nil {
			return err
		}
		var c fault.Collector
		in.Subject = text(&c, "subject", in.Subject, 200, true)
		if in.TLP == "" {
			in.TLP = a.c.TLP
		}
		in.TLP, _ = labels(&c, in.TLP, "")
		if v := MayReceive(in.TLP, o.ID != 0); v != "" {
			c.Add("tlp", v)
		}
		if err := c.Err("party"); err != nil {
			return err
		}
		owner := o.ID
		if owner == 0 {
			owner = a.c.CERT
		}
		audience, err := access.InternTx(ctx, a.tx, access.Audience{CERT: a.c.CERT, Owner: owner, Level: access.LevelTeam})
		if err != nil {
			return err
		}
		deadline := int64(0)
		if !in.Deadline.IsZero() {
			deadline = clock.Micros(in.Deadline)
		}
		a.label, a.made = o.Name, s.d.DB.NewUUID()
		id, err := a.add("incident_party", map[string]any{"uuid": a.made, "case_id": a.c.ID, "org": o.ID, "name": o.Name, "audience_id": audience, "number": a.c.Number,
			"subject": in.Subject, "tlp": in.TLP, "state": PartyOurs, "deadline": deadline, "thread": 0, "created": a.now, "updated": a.now, "answered": 0})
		if err != nil {
			return err
		}
		t, err := s.d.Threads.OpenTx(ctx, a.tx, who, thread.Thread{Kind: "party", Object: id, Number: a.c.Number, Party: o.Name, Org: o.ID,
			Address: in.Address, Lang: in.Lang, Audience: audience})
		if err != nil {
			return err
		}
		return a.set("incident_party", id, map[string]any{"thread": t})
	})
}

// MayReceive tells why a party may not receive what carries a label: a message key,
// "" when it may (decisions §1, §7). Letters carry number and link alone, so that up
// to AMBER a party whom the team has chosen may; AMBER+STRICT names organisations,
// so it needs one of the registry; RED names persons and leaves by no mail, and a
// party is never a person.
func MayReceive(label string, registered bool) string {
	switch l, ok := tlp.Parse(label); {
	case !ok:
		return "incident.tlp.unlabelled"
	case l >= tlp.Red:
		return "incident.tlp.persons"
	case l == tlp.AmberStrict && !registered:
		return "incident.tlp.registered"
	}
	return ""
}

// Held tells why nothing goes out to this party as it stands; "" = it may.
func (p Party) Held() string { return MayReceive(p.TLP, p.Org != 0) }

// PartyChange says what of a party changes.
type PartyChange struct {
	State    string
	Subject  string
	TLP      string    // "" = as it is
	Deadline time.Time // zero = none
}

// SetParty changes what a party is told: state, subject, deadline, and the label of
// its correspondence. A label that the party may not receive is refused with the
// reason, except RED, which holds everything back: nothing more goes out, and the
// page behind the link is closed.
func (s *Service) SetParty(ctx context.Context, who ident.Actor, ref, party string, in PartyChange) (Done, error) {
	return s.partyPart(ctx, who, ref, "party.set", party, func(a *act, p Party) error {
		var c fault.Collector
		c.Require(slices.Contains(partyStates, in.State), "state", "incident.fault.state")
		cols := map[string]any{"state": in.State, "subject": text(&c, "subject", in.Subject, 200, true), "deadline": int64(0), "updated": a.now}
		if !in.Deadline.IsZero() {
			cols["deadline"] = clock.Micros(in.Deadline)
		}
		if cols["deadline"] != p.Deadline || in.State == PartyTheirs && p.State != PartyTheirs { // asked anew
			cols["answered"] = 0
		}
		if in.TLP != "" && in.TLP != p.TLP {
			in.TLP, _ = labels(&c, in.TLP, "")
			if v := MayReceive(in.TLP, p.Org != 0); v != "" && v != "incident.tlp.persons" {
				c.Add("tlp", v)
			}
			cols["tlp"] = in.TLP
		}
		if err := c.Err("party"); err != nil {
			return err
		}
		return a.set("incident_party", p.ID, cols)
	})
}

// Write sends a message to a party (thread.Out) or leaves an internal note at its
// thread (thread.Note), with the files that Attach has taken in. The first message out is the CERT's answer and ends its
// clock. A message that has gone out is not undone. Faults: Invalid on "body" with
// the reason when the label does not let it go to this party (MayReceive).
func (s *Service) Write(ctx context.Context, who ident.Actor, ref, party, way, body string, files ...thread.Attachment) (Done, error) {
	if way != thread.Out && way != thread.Note {
		return Done{}, fault.Field("way", "incident.fault.code", "a message goes out or is a note")
	}
	if err := access.Check(who, "thread.write"); err != nil {
		return Done{}, err
	}
	return s.partyPart(ctx, who, ref, "write", party, func(a *act, p Party) error {
		if v := p.Held(); v != "" && way == thread.Out {
			return fault.Field("body", v, "TLP:%s does not go to this party", p.TLP)
		}
		m, err := s.d.Threads.WriteTx(ctx, a.tx, who, p.Thread, way, body, files...)
		if err != nil {
			return err
		}
		a.label, a.detail["message"], a.detail["way"] = p.Name, m, way
		if len(files) > 0 {
			a.detail["files"] = len(files)
		}
		cols := map[string]any{"updated": a.now}
		if way == thread.Out {
			cols["state"] = PartyTheirs
			if a.c.Answered == 0 {
				if err := a.set("incident_case", a.c.ID, map[string]any{"answered": a.now}); err != nil {
					return err
				}
			}
		}
		return a.set("incident_party", p.ID, cols)
	})
}

// Attach takes a file in for a message to a party: Write sends it. Needs
// thread.write and a case that the caller may change.
func (s *Service) Attach(ctx context.Context, who ident.Actor, ref, name string, r io.Reader) (thread.Attachment, error) {
	if err := access.Check(who, "thread.write"); err != nil {
		return thread.Attachment{}, err
	}
	err := s.d.DB.View(ctx, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		return mayWrite(who, c, "incident.write")
	})
	if err != nil {
		return thread.Attachment{}, err
	}
	return s.d.Threads.Attach(ctx, name, r)
}

// Thread gives the correspondence with a party whole, notes and quarantine too,
// and marks it as read. The look is recorded before it is shown.
func (s *Service) Thread(ctx context.Context, who ident.Actor, ref, party string) (p Party, t thread.Thread, ms []thread.Message, err error) {
	if err := access.Check(who, "incident.read"); err != nil {
		return p, t, nil, err
	}
	err = s.d.DB.ViewLogged(ctx, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		if p, err = partyOf(ctx, tx, c.ID, party); err != nil {
			return err
		}
		if who.CERT == c.CERT {
			if err := s.d.Threads.SeenTx(ctx, tx, p.Thread); err != nil {
				return err
			}
		}
		return s.d.Audit.Record(ctx, tx, who, "thread.read", audit.Thing{Kind: "thread", ID: p.Thread, Label: p.Number}, map[string]any{"case": c.ID})
	}, func(tx *store.Tx) error {
		t, ms, err = s.d.Threads.ReadTx(ctx, tx, p.Thread)
		return err
	})
	return p, t, ms, err
}

// partyPart changes what hangs on a party of the case, named by its UUID.
func (s *Service) partyPart(ctx context.Context, who ident.Actor, ref, verb, party string, fn func(a *act, p Party) error) (Done, error) {
	return s.change(ctx, who, ref, 0, verb, func(a *act) error {
		p, err := partyNamedTx(ctx, a.tx, party)
		if err != nil {
			return err
		}
		if err := a.child("incident_party", p.ID); err != nil {
			return err
		}
		return fn(a, p)
	})
}

// parties gives the rows of parties of the case, named by their UUIDs.
func (a *act) parties(refs []string) (ids []int64, err error) {
	for _, ref := range refs {
		p, err := partyOf(a.ctx, a.tx, a.c.ID, ref)
		if err != nil {
			return nil, err
		}
		ids = append(ids, p.ID)
	}
	return ids, nil
}

// partyNamedTx loads a party by its UUID, whoever it is of.
func partyNamedTx(ctx context.Context, tx *store.Tx, ref string) (Party, error) {
	uuid, ok := store.ParseUUID(ref)
	if !ok {
		return Party{}, missing("party")
	}
	p, found, err := store.First(ctx, tx, scanParty, partyNamed, uuid)
	if err == nil && !found {
		err = missing("party")
	}
	return p, err
}

// partyOf loads a party by its UUID through its case.
func partyOf(ctx context.Context, tx *store.Tx, head int64, ref string) (Party, error) {
	p, err := partyNamedTx(ctx, tx, ref)
	if err != nil {
		return Party{}, err
	}
	return partyIn(ctx, tx, head, p.ID)
}

// partyIn loads a party through its case.
func partyIn(ctx context.Context, tx *store.Tx, head, party int64) (Party, error) {
	ok, err := belongs(ctx, tx, "incident_party", party, head)
	if err != nil {
		return Party{}, err
	}
	if !ok {
		return Party{}, missing("party")
	}
	p, _, err := store.First(ctx, tx, scanParty, oneParty, party)
	return p, err
}

// Decide releases a quarantined message as the party's own, or throws it away.
func (s *Service) Decide(ctx context.Context, who ident.Actor, ref, message string, release bool) (Done, error) {
	return s.change(ctx, who, ref, 0, "answer", func(a *act) error {
		id, t, err := s.d.Threads.ParkedTx(ctx, a.tx, message)
		if err != nil {
			return err
		}
		p, err := partyIn(ctx, a.tx, a.c.ID, t.Object)
		if err != nil || p.Thread != t.ID {
			return missing("message")
		}
		a.label = p.Name
		if !release {
			if err := s.d.Threads.DropTx(ctx, a.tx, who, id); err != nil {
				return err
			}
			return a.set("incident_party", p.ID, map[string]any{"updated": a.now})
		}
		if err := s.d.Threads.ReleaseTx(ctx, a.tx, who, id); err != nil {
			return err
		}
		return a.set("incident_party", p.ID, map[string]any{"updated": a.now, "state": PartyOurs})
	})
}

// File opens an attachment of a message of this case. The look is recorded first.
func (s *Service) File(ctx context.Context, who ident.Actor, ref, file string) (name string, size int64, body io.ReadCloser, err error) {
	if err := access.Check(who, "incident.read"); err != nil {
		return "", 0, nil, err
	}
	var f thread.File
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		var t thread.Thread
		if f, t, err = s.d.Threads.FileTx(ctx, tx, file); err != nil {
			return err
		}
		if p, err := partyIn(ctx, tx, c.ID, t.Object); err != nil || p.Thread != t.ID {
			return missing("file")
		}
		return s.d.Audit.Record(ctx, tx, who, "thread.file", thing(c), map[string]any{"file": f.ID})
	})
	if err != nil {
		return "", 0, nil, err
	}
	body, err = s.d.Threads.OpenFile(ctx, f)
	return f.Name, f.Size, body, err
}

// Unread counts the threads with answers nobody of the team has read.
func (s *Service) Unread(ctx context.Context, who ident.Actor) (int64, error) {
	if err := access.Check(who, "incident.read"); err != nil {
		return 0, err
	}
	return s.d.Threads.Unread(ctx, who)
}

// Letter is the page behind a thread's link: what the party may read of it.
type Letter struct {
	Number   string
	Subject  string
	Party    string
	TLP      string
	State    string
	Deadline int64
	Messages []thread.Message
}

// ByToken opens the party's page. Anybody who holds the link may; it shows the
// party's own words and our letters. Faults: NotFound.
func (s *Service) ByToken(ctx context.Context, _ ident.Actor, token string) (l Letter, err error) {
	t, ms, err := s.d.Threads.ByToken(ctx, token)
	if err != nil {
		return l, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		p, found, err := store.First(ctx, tx, scanParty, partyBy, t.ID)
		if l, _ := tlp.Parse(p.TLP); err == nil && (!found || l >= tlp.Red) { // raised to RED since: a link is nobody's person
			err = missing("thread")
		}
		l = Letter{Number: p.Number, Subject: p.Subject, Party: p.Name, TLP: p.TLP, State: p.State, Deadline: p.Deadline, Messages: ms}
		return err
	})
	return l, err
}

// FileByToken opens an attachment of the party's thread: anybody who holds the link
// may, of what the party's page shows. The look is recorded. Faults: NotFound.
func (s *Service) FileByToken(ctx context.Context, who ident.Actor, token, file string) (name string, body io.ReadCloser, err error) {
	if _, err := s.ByToken(ctx, who, token); err != nil {
		return "", nil, err
	}
	t, ms, err := s.d.Threads.ByToken(ctx, token)
	if err != nil {
		return "", nil, err
	}
	var p Party
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		p, _, err = store.First(ctx, tx, scanParty, partyBy, t.ID)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	return s.partyFile(ctx, who, p, ms, file)
}

// OwnFile opens an attachment of a thread of the caller's organisation.
func (s *Service) OwnFile(ctx context.Context, who ident.Actor, party, file string) (name string, body io.ReadCloser, err error) {
	var p Party
	var ms []thread.Message
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if p, err = s.ownParty(ctx, tx, who, party); err != nil {
			return err
		}
		_, ms, err = s.d.Threads.ReadTx(ctx, tx, p.Thread)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	return s.partyFile(ctx, who, p, ms, file)
}

// partyFile opens a file among messages that the party reads: nothing of notes or
// the quarantine, and nothing of ours while the label holds it back.
func (s *Service) partyFile(ctx context.Context, who ident.Actor, p Party, ms []thread.Message, file string) (string, io.ReadCloser, error) {
	uuid, ok := store.ParseUUID(file)
	for _, m := range ms {
		for _, f := range m.Files {
			if !ok || f.UUID != uuid || m.Way != thread.In && (m.Way != thread.Out || p.Held() != "") {
				continue
			}
			err := s.d.DB.Update(ctx, func(tx *store.Tx) error {
				return s.d.Audit.Record(ctx, tx, who, "thread.file", audit.Thing{Kind: "thread", ID: p.Thread, Label: p.Number}, map[string]any{"file": f.ID})
			})
			if err != nil {
				return "", nil, err
			}
			body, err := s.d.Threads.OpenFile(ctx, f)
			return f.Name, body, err
		}
	}
	return "", nil, missing("file")
}

// AnswerByToken adds the party's answer from its page.
func (s *Service) AnswerByToken(ctx context.Context, who ident.Actor, token, body string, files map[string]io.Reader) error {
	if _, err := s.ByToken(ctx, who, token); err != nil {
		return err
	}
	return s.d.Threads.AnswerByToken(ctx, token, body, files)
}

// ForOrg lists what concerns the caller's organisation: its parties, newest first.
func (s *Service) ForOrg(ctx context.Context, who ident.Actor) (out []Party, err error) {
	if err := access.Check(who, "portal.use"); err != nil || who.Org == 0 {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		out, err = store.All(ctx, tx, scanParty, ownParties(who), who.Org)
		return err
	})
	return out, err
}

// OwnThread gives a party of the caller's organisation with its correspondence:
// no notes, nothing of the quarantine. The look is recorded.
func (s *Service) OwnThread(ctx context.Context, who ident.Actor, party string) (p Party, ms []thread.Message, err error) {
	err = s.d.DB.ViewLogged(ctx, func(tx *store.Tx) error {
		if p, err = s.ownParty(ctx, tx, who, party); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "thread.read", audit.Thing{Kind: "thread", ID: p.Thread, Label: p.Number}, nil)
	}, func(tx *store.Tx) error {
		_, all, err := s.d.Threads.ReadTx(ctx, tx, p.Thread)
		for _, m := range all {
			if m.Way == thread.In || m.Way == thread.Out {
				ms = append(ms, m)
			}
		}
		return err
	})
	return p, ms, err
}

func (s *Service) ownParty(ctx context.Context, tx *store.Tx, who ident.Actor, party string) (Party, error) {
	if err := access.Check(who, "portal.use"); err != nil {
		return Party{}, err
	}
	p, err := partyNamedTx(ctx, tx, party)
	if err != nil {
		return p, err
	}
	may, err := access.MayTx(ctx, tx, who, p.audience)
	if err == nil && (!may || p.Org == 0 || p.Org != who.Org) {
		err = missing("party")
	}
	return p, err
}

// AnswerOwn adds an answer of a person of the party's organisation.
func (s *Service) AnswerOwn(ctx context.Context, who ident.Actor, party, body string, files map[string]io.Reader) error {
	var t thread.Thread
	err := s.d.DB.View(ctx, func(tx *store.Tx) error {
		p, err := s.ownParty(ctx, tx, who, party)
		if err != nil {
			return err
		}
		t, _, err = s.d.Threads.ReadTx(ctx, tx, p.Thread)
		return err
	})
	if err != nil {
		return err
	}
	return s.d.Threads.AnswerAs(ctx, who, t, body, files)
}
