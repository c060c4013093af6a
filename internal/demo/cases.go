package demo

import (
	"context"
	"fmt"
	"time"

	"straza/internal/incident"
	"straza/internal/intake"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
)

// tasks of a case, in the order in which they are done.
var tasks = []string{"Затражи дневнике и снимак диска", "Провери остале кориснике истог система", "Обавести погођену организацију", "Предложи блокаду адреса", "Напиши извештај"}

// work is a case's life after it was opened: taken, investigated, shared, asked
// about, resolved and, for most of the older ones, closed.
func (c *country) work(ctx context.Context, who ident.Actor, r intake.Report, day, days int) error {
	ref := r.CaseNumber
	move := func(to incident.State, why string) error {
		x, err := c.Incident.Get(ctx, who, ref)
		if err != nil {
			return err
		}
		_, err = c.Incident.Move(ctx, who, ref, x.Version, to, why)
		return err
	}
	left := days - day
	if left < 2 && c.rng.IntN(4) == 0 {
		return nil // just opened: an empty case, its first answer still to come
	}
	if c.rng.IntN(5) > 0 {
		if _, err := c.Incident.Take(ctx, who, ref); err != nil {
			return fmt.Errorf("case %s: %w", ref, err)
		}
	}
	if err := move(incident.InProgress, ""); err != nil {
		return fmt.Errorf("case %s: %w", ref, err)
	}
	if err := c.investigate(ctx, who, ref, r); err != nil {
		return fmt.Errorf("case %s: %w", ref, err)
	}
	switch {
	case left < 11, c.rng.IntN(6) == 0:
		return c.progress(ctx, who, ref) // still being worked on
	case c.rng.IntN(8) == 0:
		if err := c.progress(ctx, who, ref); err != nil {
			return err
		}
		return move(incident.Waiting, latin("чекамо дневнике оператора"))
	}
	if err := c.finish(ctx, who, ref); err != nil {
		return fmt.Errorf("case %s: %w", ref, err)
	}
	if err := move(incident.Resolved, ""); err != nil || c.rng.IntN(4) == 0 {
		return err
	}
	lead := c.actors[0]
	if who.CERT == c.orgs[1].ID {
		lead = c.actors[8]
	}
	x, err := c.Incident.Get(ctx, lead, ref)
	if err != nil {
		return err
	}
	_, err = c.Incident.Move(ctx, lead, ref, x.Version, incident.Closed, "")
	return err
}

func (c *country) investigate(ctx context.Context, who ident.Actor, ref string, r intake.Report) error {
	now := c.Clock.Now()
	for i, t := range tasks[:2+c.rng.IntN(3)] {
		if _, err := c.Incident.AddTask(ctx, who, ref, incident.TaskInput{Title: latin(t), Due: now.Add(time.Duration(6+18*i) * time.Hour), Assignee: who.Person, Name: who.Name}); err != nil {
			return err
		}
	}
	for _, e := range []incident.EntryInput{
		{Kind: "note", Body: latin("Примљена пријава, подаци сачувани."), Happened: now.Add(-20 * time.Minute), Zone: "Europe/Belgrade"},
		{Kind: "attack", Body: latin("Први траг у дневнику."), Happened: now.Add(-30 * time.Hour), Zone: "Europe/Belgrade", Technique: "T1566"},
	} {
		if _, err := c.Incident.AddEntry(ctx, who, ref, e); err != nil {
			return err
		}
	}
	if _, err := c.Incident.AddNote(ctx, who, ref, latin("Оператор потврђује телефоном. Не гасимо систем док се не сачува меморија.")); err != nil {
		return err
	}
	if err := c.write(ctx, who, ref, r.OrgName); err != nil {
		return err
	}
	if c.rng.IntN(3) == 0 {
		return c.share(ctx, who, ref)
	}
	return nil
}

// write is the CERT's first answer: to the organisation, or to the host of the page
// that a citizen has reported.
func (c *country) write(ctx context.Context, who ident.Actor, ref, org string) error {
	in := incident.PartyInput{Org: org, Lang: "sr-Latn", Subject: latin("Инцидент у вашој мрежи"), Deadline: c.Clock.Now().Add(48 * time.Hour)}
	text := "Молимо сачувајте дневнике за последњих тридесет дана и јавите ко одржава систем."
	if org == "" {
		in.Org, in.Address, in.TLP, in.Subject = latin("Хостинг Равница"), "abuse@hosting-ravnica.example", "AMBER", latin("Молба за уклањање лажне странице")
		text = "Молимо да уклоните страницу која краде податке и да сачувате дневнике приступа."
	}
	return c.letter(ctx, who, ref, in, text)
}

func (c *country) letter(ctx context.Context, who ident.Actor, ref string, in incident.PartyInput, text string) error {
	if _, err := c.Incident.AddParty(ctx, who, ref, in); err != nil {
		return err
	}
	f, err := c.Incident.Read(ctx, who, ref)
	if err != nil || len(f.Parties) == 0 {
		return err
	}
	_, err = c.Incident.Write(ctx, who, ref, f.Parties[len(f.Parties)-1].UUID, "out", latin(text))
	return err
}

// share makes an event of a text that was pasted into the case.
func (c *country) share(ctx context.Context, who ident.Actor, ref string) error {
	text := fmt.Sprintf("hxxp://naplata-%d[.]example/login 203.0.113.%d %s", c.rng.IntN(60), 1+c.rng.IntN(250), c.hash(32))
	found, _, err := c.Incident.Extract(ctx, who, ref, text)
	if err != nil {
		return err
	}
	var picks []incident.Pick
	for _, x := range found {
		picks = append(picks, incident.Pick{Type: x.Type, Value: x.Value, ToIDS: x.ToIDS})
	}
	if len(picks) == 0 {
		return nil
	}
	_, _, err = c.Incident.Share(ctx, who, ref, incident.Sharing{Info: latin("Трагови из случаја ") + ref, TLP: "GREEN", Distribution: intel.Community, Picks: picks})
	return err
}

// progress does what is due by the end of the story in a case that runs on; one task
// of each team is forgotten, and what falls due later stays open.
func (c *country) progress(ctx context.Context, who ident.Actor, ref string) error {
	f, err := c.Incident.Read(ctx, who, ref)
	if err != nil {
		return err
	}
	for _, t := range f.Tasks {
		due := clock.FromMicros(t.Due)
		if due.After(c.to) {
			continue
		}
		if late := c.to.Sub(due); !c.forgot[who.CERT] && late < 40*time.Hour {
			c.forgot[who.CERT] = true
			continue
		}
		if _, err := c.Incident.DoTask(ctx, who, ref, t.ID, true); err != nil {
			return err
		}
	}
	for _, p := range f.Parties {
		if clock.FromMicros(p.Deadline).After(c.to) {
			continue
		}
		if _, err := c.Incident.SetParty(ctx, who, ref, p.UUID, incident.PartyChange{State: incident.PartyDone, Subject: p.Subject}); err != nil {
			return err
		}
	}
	return nil
}

// finish does the tasks and says what closing asks for.
func (c *country) finish(ctx context.Context, who ident.Actor, ref string) error {
	c.Clock.Add(time.Duration(1+c.rng.IntN(9)) * time.Hour)
	f, err := c.Incident.Read(ctx, who, ref)
	if err != nil {
		return err
	}
	for _, t := range f.Tasks {
		if _, err := c.Incident.DoTask(ctx, who, ref, t.ID, true); err != nil {
			return err
		}
	}
	for _, p := range f.Parties {
		if _, err := c.Incident.SetParty(ctx, who, ref, p.UUID, incident.PartyChange{State: incident.PartyDone, Subject: p.Subject}); err != nil {
			return err
		}
	}
	x, err := c.Incident.Get(ctx, who, ref)
	if err != nil {
		return err
	}
	root, impact, lessons, keep := latin("Лозинка унета на лажној страници, без потврде у два корака."), latin("Један налог, без губитка података."), "yes", "five-years"
	p := incident.Patch{RootCause: &root, Impact: &impact, Lessons: &lessons, Retention: &keep}
	if len(x.Classes) == 0 {
		p.Classes = &[]string{"other/undetermined"}
	}
	_, err = c.Incident.Edit(ctx, who, ref, x.Version, p)
	return err
}
