package demo

import (
	"context"
	"fmt"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// story is one kind of report as people write it: what was chosen on the form, the
// text, and what the duty officer makes of it.
type story struct {
	what, text, rsit, severity string
	org                        bool // sent for an organisation
}

var stories = []story{
	{"message", "Стигла ми је порука да пошиљка чека и да платим 149 динара за доставу. Отворила сам везу posiljka-%d[.]example и уписала број картице, па сам се тек онда сетила да ништа нисам наручила. Шта да радим?", "fraud/phishing", "", false},
	{"message", "На службену е-пошту је стигао позив да потврдим налог, наводно од службе за подршку. Веза води на hxxp://prijava-%d[.]example/login. Колеге су добиле исто.", "fraud/phishing", "", true},
	{"locked", "Јутрос датотеке на рачунару у канцеларији имају наставак .klv. На екрану пише да платимо у биткоину. Искључили смо рачунар из мреже, рачуноводство не ради.", "malicious-code/infected-system", "high", true},
	{"password", "Неко је ушао у мој налог и шаље поруке мојим пријатељима са захтевом за новац. Лозинку више не могу да променим.", "intrusions/unprivileged-account-compromise", "", false},
	{"intruder", "У дневнику уређаја за даљински приступ видимо улазе из иностранства у два ујутру са адресе 203.0.113.%d, налог одржавања. Налог смо угасили, чувамо дневнике.", "intrusions/system-compromise", "very-high", true},
	{"down", "Сајт општине не ради од осам сати. Провајдер каже да стиже огроман саобраћај са много адреса. Грађани не могу да закажу термине.", "availability/ddos", "high", true},
	{"message", "Директор је наводно тражио хитну уплату 2.400.000 динара на нови рачун. Уплату смо зауставили, порука је са адресе direktor%d@uprava-pisma.example.", "fraud/masquerade", "", true},
	{"other", "На насловној страни нашег сајта стоји слика коју нисмо ми ставили. Администратор је на годишњем одмору.", "information-content-security/unauthorised-information-modification", "", true},
	{"question", "Да ли је безбедно да наставници користе приватне телефоне за електронски дневник? Желели бисмо препоруку.", "", "", true},
	{"message", "Звао ме човек који се представио као банка и тражио код из поруке. Нисам му дао, али је знао моје име и последње четири цифре картице.", "fraud/phishing", "", false},
	{"password", "На списку процурелих лозинки нашли смо %d налога наших запослених. Принудили смо промену лозинки, тражимо савет шта даље.", "information-content-security/data-leak", "high", true},
	{"other", "Са једног нашег рачунара у ноћи излази саобраћај ка 198.51.100.%d, порт 8443. Антивирус не налази ништа.", "malicious-code/infected-system", "", true},
}

// reports lets a day's people write, and the shift work on what lies there.
func (c *country) reports(ctx context.Context, day, days int) error {
	for range 1 + c.rng.IntN(3) {
		c.Clock.Add(time.Duration(10+c.rng.IntN(90)) * time.Minute)
		s, uuid, err := c.report(ctx)
		if err != nil {
			return err
		}
		if err := c.triage(ctx, uuid, s, day, days); err != nil {
			return err
		}
	}
	return c.Tick(ctx)
}

// report is one that comes in, and is acknowledged within the minute.
func (c *country) report(ctx context.Context) (story, string, error) {
	s := stories[c.rng.IntN(len(stories))]
	in := c.written(s)
	who := ident.Nobody(ident.Web)
	if in.Channel == intake.ByPhone {
		who = c.actors[1]
	}
	rc, err := c.Intake.Submit(ctx, who, in)
	if err != nil {
		return s, "", fmt.Errorf("report: %w", err)
	}
	c.Clock.Add(2 * time.Minute)
	return s, rc.ID, c.Tick(ctx)
}

// written is the report as somebody fills it in.
func (c *country) written(s story) *intake.Input {
	text := s.text
	text = withNumber(text, c.rng.IntN(90)+10)
	name := c.name(c.rng.IntN(400))
	in := &intake.Input{Secret: c.secret(), Channel: intake.ByWeb, Lang: "sr-Cyrl", What: s.what,
		Contact: intake.Contact{Name: name, Email: mailbox(name, "posta-primer.example")}, Body: intake.Body{Description: text, For: "self"}}
	if s.org {
		o := c.rng.IntN(len(orgs)-2) + 2
		in.Body.For, in.Body.OrgName, in.Contact.Email = "organisation", latin(orgs[o].name), mailbox(name, orgs[o].domain)
	}
	switch c.rng.IntN(12) {
	case 0:
		in.Channel, in.ReceivedBy, in.Contact.Phone = intake.ByPhone, latin(people[1].name), "+381 60 000 000"
	case 1:
		in.What, in.Anonymous = "vulnerability", true
		in.Body = intake.Body{Description: "На страници за заказивање може да се види туђи захтев ако се промени број у адреси.", Where: "zakazivanje.grabovac.example"}
	case 2:
		in.Sealed = true
	}
	return in
}

func (c *country) secret() string {
	return fmt.Sprintf("%032x", c.rng.Uint64()) + fmt.Sprintf("%032x", c.rng.Uint64())
}

// withNumber fills a text's gap, if it has one.
func withNumber(text string, n int) string {
	if containsVerb(text) {
		return fmt.Sprintf(text, n)
	}
	return text
}

func containsVerb(s string) bool {
	for i := range len(s) - 1 {
		if s[i] == '%' && s[i+1] == 'd' {
			return true
		}
	}
	return false
}

// triage is what the shift did with a report, within its hour: most become cases,
// some are answered and rejected.
func (c *country) triage(ctx context.Context, uuid string, s story, day, days int) error {
	who, x, err := c.handler(ctx, uuid)
	if err != nil {
		return err
	}
	c.Clock.Add(time.Duration(4+c.rng.IntN(24)) * time.Minute)
	if _, err = c.Intake.Take(ctx, who, x.UUID); err != nil {
		return err
	}
	d := intake.Decision{Type: x.Type, RSIT: x.RSIT, National: x.National, TLP: x.TLP, PAP: x.PAP, Facts: x.Facts}
	if s.rsit != "" && !x.Anonymous {
		d.RSIT = []string{s.rsit}
	}
	if s.severity != "" {
		d.Severity, d.Why = s.severity, "погођена услуга ради отежано"
	}
	x, err = c.Intake.Get(ctx, who, uuid)
	if err != nil {
		return err
	}
	if x, err = c.Intake.Classify(ctx, who, x.UUID, x.Version, d); err != nil {
		return fmt.Errorf("classify: %w", err)
	}
	c.Clock.Add(time.Duration(3+c.rng.IntN(18)) * time.Minute)
	if err := c.Intake.Write(ctx, who, x.UUID, "Хвала на пријави. Не отварајте поруку поново и сачувајте је. Јављамо се чим прегледамо податке.", c.rng.IntN(4) == 0); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if x, err = c.Intake.Get(ctx, who, uuid); err != nil {
		return err
	}
	switch {
	case x.Type == intake.Question || c.rng.IntN(4) == 0:
		_, err = c.Intake.Reject(ctx, who, x.UUID, x.Version, "одговорено саветом, није инцидент")
	default:
		if x, err = c.Intake.Accept(ctx, who, x.UUID, x.Version, "", caseTitle(s), "Преузето из пријаве. Провера је у току."); err == nil {
			err = c.work(ctx, who, x, day, days)
		}
	}
	return err
}

// handler is somebody of the team whose report it is.
func (c *country) handler(ctx context.Context, uuid string) (ident.Actor, intake.Report, error) {
	who := c.actors[1+c.rng.IntN(3)]
	x, err := c.Intake.Get(ctx, who, uuid)
	if fault.Is(err, fault.NotFound) { // the second CERT's
		who = c.actors[8+c.rng.IntN(2)]
		x, err = c.Intake.Get(ctx, who, uuid)
	}
	return who, x, err
}

func caseTitle(s story) string {
	titles := map[string]string{"fraud/phishing": "Крађа података лажном поруком", "malicious-code/infected-system": "Заражени рачунар", "intrusions/unprivileged-account-compromise": "Преузет налог", "intrusions/system-compromise": "Упад преко даљинског приступа",
		"availability/ddos": "Ускраћивање услуге сајта", "fraud/masquerade": "Лажни налог за уплату", "information-content-security/unauthorised-information-modification": "Измењена насловна страна", "information-content-security/data-leak": "Процуреле лозинке запослених"}
	if t := titles[s.rsit]; t != "" {
		return latin(t)
	}
	return latin("Пријављена сумњива појава")
}
