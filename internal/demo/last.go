package demo

import (
	"context"
	"fmt"
	"time"

	"straza/internal/incident"
	"straza/internal/intake"
	"straza/internal/intel"
	"straza/internal/kernel/ident"
)

// night is the last night's reports: minutes before the end of the story, and
// whether the shift has dealt with it by then. Two wait longer than the hour that
// triage may take; the rest is on time.
var night = []struct {
	before time.Duration
	done   bool
}{{600, true}, {520, true}, {440, true}, {370, true}, {300, true}, {230, true}, {160, true}, {84, false}, {66, false},
	{51, false}, {44, false}, {37, false}, {29, false}, {22, false}, {15, false}, {9, false}}

// lastNight is what the person meets who opens the demo: a break-in at an operator
// under way, a queue with its clocks, and the hand-over of the night shift.
func (c *country) lastNight(ctx context.Context, days int) error {
	c.moveTo(c.to.Add(-22 * time.Hour))
	if err := c.breakIn(ctx); err != nil {
		return fmt.Errorf("break-in: %w", err)
	}
	for i, n := range night {
		c.moveTo(c.to.Add(-n.before * time.Minute))
		s, uuid, err := c.report(ctx)
		if err != nil {
			return err
		}
		switch {
		case n.done:
			err = c.triage(ctx, uuid, s, days-1, days)
		case i%3 == 0:
			var who ident.Actor
			if who, _, err = c.handler(ctx, uuid); err == nil {
				_, err = c.Intake.Take(ctx, who, uuid)
			}
		}
		if err != nil {
			return err
		}
	}
	if err := c.wave(ctx); err != nil {
		return err
	}
	if err := c.neighbours(ctx); err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	if err := c.dossier(ctx); err != nil {
		return err
	}
	if err := c.collection(ctx); err != nil {
		return fmt.Errorf("collection: %w", err)
	}
	if err := c.handOn(ctx); err != nil {
		return fmt.Errorf("delegation: %w", err)
	}
	return c.handOver(ctx)
}

// handOver is what the night shift leaves the morning.
func (c *country) handOver(ctx context.Context) error {
	c.moveTo(c.to.Add(-6 * time.Minute))
	nightShift := c.actors[3]
	for _, line := range []string{
		"Електромрежа Подунавље: диспечерски центар ради ручно, чекамо дневник уређаја.",
		"Произвођач Капије шаље исправку до поднева.",
		"Позвати Водовод Грабовац: пошта се враћа, контакт је застарео.",
	} {
		if err := c.Incident.LeaveLine(ctx, nightShift, latin(line)); err != nil {
			return err
		}
	}
	if err := c.Incident.TakeShift(ctx, c.actors[1]); err != nil {
		return err
	}
	list, err := c.Incident.Handover(ctx, nightShift)
	if err != nil {
		return err
	}
	for _, l := range list {
		if !l.Taken && l.Body == latin("Произвођач Капије шаље исправку до поднева.") {
			if err := c.Incident.TickLine(ctx, c.actors[0], l.UUID, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// breakIn is the case that is told from end to end: an operator reports through the
// portal, the lead handles it with three outside parties, its indicators are shared,
// and the operator has been asked for something by tomorrow.
func (c *country) breakIn(ctx context.Context) error {
	operator, lead, analyst := c.actors[10], c.actors[0], c.actors[1]
	org := latin(orgs[2].name)
	rc, err := c.Intake.Submit(ctx, operator, &intake.Input{Secret: c.secret(), Channel: intake.ByPortal, Lang: "sr-Latn", What: "intruder",
		Contact: intake.Contact{Name: operator.Name, Email: c.emails[10], Phone: "+381 11 202 1000"},
		Body: intake.Body{For: "organisation", OrgName: org, Where: "gw2.elektromreza.example",
			Description: latin("Испад даљинског управљања. Уређај за даљински приступ (Капија 400, издање 7.2.8) јутрос је сам направио налог svc_bkp, а са њега неко улази на сервер за надзор. Уређај смо искључили са интернета, диспечерски центар ради ручно. Испорука струје није прекинута.")}})
	if err != nil {
		return err
	}
	c.Clock.Add(2 * time.Minute)
	if err := c.Tick(ctx); err != nil {
		return err
	}
	c.Clock.Add(9 * time.Minute)
	x, err := c.Intake.Take(ctx, lead, rc.ID)
	if err != nil {
		return err
	}
	x, err = c.Intake.Classify(ctx, lead, x.UUID, x.Version, intake.Decision{Type: x.Type, RSIT: []string{"intrusions/system-compromise"}, National: x.National, Facts: x.Facts,
		TLP: "AMBER+STRICT", PAP: "AMBER", Severity: "very-high", Why: latin("управљање испоруком, 212.000 корисника")})
	if err != nil {
		return err
	}
	c.Clock.Add(8 * time.Minute)
	if err := c.Intake.Write(ctx, lead, x.UUID, latin("Примили смо пријаву и отварамо случај. Не враћајте уређај у мрежу и не гасите га. Зовемо вас за пет минута."), false); err != nil {
		return err
	}
	if x, err = c.Intake.Get(ctx, lead, rc.ID); err != nil {
		return err
	}
	x, err = c.Intake.Accept(ctx, lead, x.UUID, x.Version, "", latin("Упад у мрежу електродистрибуције преко уређаја Капија 400"),
		latin("Нападач је ушао преко уређаја за даљински приступ (CVE-2026-99412), направио налог svc_bkp и стигао до сервера за надзор. Диспечерски центар ради ручно; испорука струје није прекинута. Нема знакова да је дирао заштиту трафостаница."))
	if err != nil {
		return err
	}
	if err := c.breakInWork(ctx, lead, x.CaseNumber); err != nil {
		return err
	}
	return c.breakInLetters(ctx, x.CaseNumber, org, lead, analyst, operator)
}

// breakInWork fills the case: lead, tasks, timeline, countermeasures, shared traces.
func (c *country) breakInWork(ctx context.Context, lead ident.Actor, ref string) error {
	if _, err := c.Incident.Take(ctx, lead, ref); err != nil {
		return err
	}
	x, err := c.Incident.Get(ctx, lead, ref)
	if err != nil {
		return err
	}
	if _, err := c.Incident.Move(ctx, lead, ref, x.Version, incident.InProgress, ""); err != nil {
		return err
	}
	due := func(h float64) time.Time { return c.to.Add(time.Duration(h * float64(time.Hour))) }
	for i, t := range []struct {
		title string
		due   time.Time
	}{{"Затражи слику диска сервера SCADA-GW2", due(-12)}, {"Провери остале кориснике Капије 400 у регистру", due(-10)}, {"Прегледај дневник уређаја", due(3.5)},
		{"Попуни извештај за сектор енергетике", due(9)}, {"Одлучи о јавном упозорењу", due(26)}} {
		who := c.actors[i%3]
		if _, err := c.Incident.AddTask(ctx, lead, ref, incident.TaskInput{Title: latin(t.title), Due: t.due, Assignee: who.Person, Name: who.Name}); err != nil {
			return err
		}
	}
	now := c.Clock.Now()
	for _, e := range []incident.EntryInput{
		{Kind: "attack", Body: latin("Направљен налог svc_bkp на уређају"), Happened: now.Add(-82 * time.Hour), Source: latin("дневник уређаја"), Technique: "T1136.001"},
		{Kind: "attack", Body: latin("Улаз на сервер SCADA-GW2 са 198.51.100.24"), Happened: now.Add(-6 * time.Hour), Source: latin("дневник сервера"), Technique: "T1071.001"},
		{Kind: "done", Body: latin("Оператор је искључио Капију 400 са интернета"), Happened: now.Add(-70 * time.Minute), Source: latin("дежурни оператора, телефоном")},
	} {
		e.Zone = "Europe/Belgrade"
		if _, err := c.Incident.AddEntry(ctx, lead, ref, e); err != nil {
			return err
		}
	}
	for _, m := range [][2]string{{"Блокада 198.51.100.24", "седам оператора"}, {"Гашење домена update-kapija.example", "Регистар домена"}, {"Замена лозинки управљача", "Електромрежа Подунавље"}} {
		if _, err := c.Incident.AskMeasure(ctx, lead, ref, latin(m[0]), latin(m[1])); err != nil {
			return err
		}
	}
	f, err := c.Incident.Read(ctx, lead, ref)
	if err != nil {
		return err
	}
	if _, err := c.Incident.MoveMeasure(ctx, lead, ref, f.Measures[0].ID, incident.Active); err != nil {
		return err
	}
	for i := range 2 {
		if _, err := c.Incident.DoTask(ctx, lead, ref, f.Tasks[i].ID, true); err != nil {
			return err
		}
	}
	if _, err := c.Incident.LinkOther(ctx, lead, ref, incident.LinkCVE, "CVE-2026-99412", latin("користи се у нападу")); err != nil {
		return err
	}
	found, _, err := c.Incident.Extract(ctx, lead, ref, "198.51.100[.]24 hxxp://update-kapija[.]example/remote/cfg update-kapija[.]example 203.0.113[.]77 9f2b7c11d0a9465e83b1f3a2c6d07e58b94a1c3342f0d1e8b7a6c5d4e3f2a1b0")
	if err != nil {
		return err
	}
	var picks []incident.Pick
	for _, x := range found {
		picks = append(picks, incident.Pick{Type: x.Type, Value: x.Value, Comment: latin("активно до јутрос"), ToIDS: x.ToIDS})
	}
	_, _, err = c.Incident.Share(ctx, lead, ref, incident.Sharing{Info: latin("Капија 400: трагови упада у електродистрибуцију"), TLP: "GREEN", Distribution: intel.Community, Picks: picks, Publish: true})
	if err != nil {
		return err
	}
	for _, who := range []int{0, 1, 8, 9} { // the teams met the address in the days before
		for range 2 + c.rng.IntN(4) {
			at := now.Add(-time.Duration(c.rng.IntN(11*24)) * time.Hour)
			if _, _, err := c.Intel.AddSightings(ctx, c.actors[who], nil, []string{"198.51.100.24"}, intel.Sighting{Seen: at.Unix()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// breakInLetters is the correspondence: the operator answers in the portal, and a
// question to it is open until tomorrow.
func (c *country) breakInLetters(ctx context.Context, ref, org string, lead, analyst, operator ident.Actor) error {
	err := c.letter(ctx, lead, ref, incident.PartyInput{Org: org, Lang: "sr-Latn", Subject: latin("Упад преко уређаја Капија 400"), Deadline: c.to.Add(26*time.Hour + 12*time.Minute)},
		"Поштовани, одвојите SCADA-GW2 од осталих система и не враћајте уређај у мрежу. Молимо дневник уређаја за последњих пет дана и списак људи који одржавају приступ.")
	if err != nil {
		return err
	}
	f, err := c.Incident.Read(ctx, lead, ref)
	if err != nil {
		return err
	}
	party := f.Parties[len(f.Parties)-1].UUID
	c.Clock.Add(70 * time.Minute)
	if err := c.Incident.AnswerOwn(ctx, operator, party, latin("Потврђујем: SCADA-GW2 је одвојен. Дневник шаљемо током дана. Можемо ли да вратимо надзор преко резервне везе?"), nil); err != nil {
		return err
	}
	c.Clock.Add(12 * time.Minute)
	if _, err := c.Incident.Write(ctx, analyst, ref, party, "note", latin("Резервна веза иде кроз исти уређај у Брезову. Не док не проверимо.")); err != nil {
		return err
	}
	c.Clock.Add(6 * time.Minute)
	if _, err := c.Incident.Write(ctx, lead, ref, party, "out", latin("Молимо да резервну везу не укључујете док не потврдимо стање уређаја у Брезову. Дневник нам је потребан до сутра.")); err != nil {
		return err
	}
	for _, p := range []struct{ org, address, tlp, subject, text string }{
		{"Произвођач Капије", "psirt@kapija.example", "AMBER", "Рањивост CVE-2026-99412", "Молимо процену да ли издање 7.2.11 затвара пропуст који се користи у нападима."},
		{orgs[39].name, "", "", "Трагови упада преко Капије 400", "Делимо трагове у доставу. Јавите ако исту адресу видите код својих оператора."},
	} {
		c.Clock.Add(11 * time.Minute)
		if err := c.letter(ctx, lead, ref, incident.PartyInput{Org: latin(p.org), Address: p.address, TLP: p.tlp, Lang: "sr-Latn", Subject: latin(p.subject)}, p.text); err != nil {
			return err
		}
	}
	c.Clock.Add(9 * time.Minute)
	return c.sealedAnswer(ctx, lead, "PSIRT", "psirt@kapija.example", "CVE-2026-99412",
		latin("Издање 7.2.11 затвара овај пропуст. Молимо да то до објаве у понедељак не износите: делимо га само са тимовима који имају уређаје у мрежи."))
}
