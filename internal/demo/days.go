package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"straza/internal/advisory"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
)

// tellDays walks from the first day to the last and lets each bring its work.
func (c *country) tellDays(ctx context.Context) error {
	days := int(c.to.Sub(c.from).Hours() / 24)
	for day := range days {
		c.moveTo(morning(c.from.AddDate(0, 0, day)))
		if err := c.events(ctx, day); err != nil {
			return fmt.Errorf("day %d, events: %w", day, err)
		}
		if err := c.reports(ctx, day, days); err != nil {
			return fmt.Errorf("day %d, reports: %w", day, err)
		}
		if err := c.weekly(ctx, day, days); err != nil {
			return fmt.Errorf("day %d, portal: %w", day, err)
		}
		if err := c.warnings(ctx, day, days); err != nil {
			return fmt.Errorf("day %d, warnings: %w", day, err)
		}
		if days-day == 18 {
			if err := c.confirm(ctx); err != nil {
				return fmt.Errorf("day %d, contacts: %w", day, err)
			}
		}
	}
	if err := c.lastNight(ctx, days); err != nil {
		return fmt.Errorf("the last night: %w", err)
	}
	c.moveTo(c.to)
	return c.Tick(ctx)
}

// confirm is the half-yearly round of contacts: the duty officers and most of the
// others confirm what the registry has, some do not answer.
func (c *country) confirm(ctx context.Context) error {
	for i, o := range c.orgs {
		list, err := c.Registry.Contacts(ctx, c.setup, o.UUID)
		if err != nil {
			return err
		}
		for n, x := range list {
			if (i+n)%4 == 3 {
				continue
			}
			now, err := c.Registry.Get(ctx, c.setup, o.UUID)
			if err != nil {
				return err
			}
			if _, err := c.Registry.ConfirmContact(ctx, c.setup, o.UUID, now.Version, x.UUID); err != nil {
				return err
			}
		}
	}
	return nil
}

// morning is seven o'clock in Belgrade on the day of t: a day's work ends by the
// evening, whatever the hour at which the story ends.
func morning(t time.Time) time.Time {
	t = t.In(i18n.Belgrade)
	return time.Date(t.Year(), t.Month(), t.Day(), 7, 0, 0, 0, i18n.Belgrade).UTC()
}

// moveTo sets the clock, never backwards.
func (c *country) moveTo(t time.Time) {
	if now := c.Clock.Now(); t.After(now) {
		c.Clock.Set(t)
	}
}

// authors of threat events: mostly the CERTs, sometimes members and the partner.
var authors = []int{0, 1, 2, 3, 0, 8, 9, 14, 15, 0, 1}

func (c *country) events(ctx context.Context, day int) error {
	for range 1 + c.rng.IntN(2) {
		c.Clock.Add(time.Duration(20+c.rng.IntN(120)) * time.Minute)
		camp := campaigns[c.rng.IntN(len(campaigns))]
		who := c.actors[authors[c.rng.IntN(len(authors))]]
		ev := c.event(camp, day)
		c.told(camp, ev)
		publish := c.rng.IntN(6) > 0
		saved, err := c.Intel.AddEvent(ctx, who, intel.FromEvent(ev), intel.AddOptions{Publish: publish})
		if err == nil && publish {
			err = c.discuss(ctx, saved.UUID, ev)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", camp.info, err)
		}
	}
	return nil
}

func (c *country) event(camp campaign, day int) *misp.Event {
	now := c.Clock.Now()
	tlp := []string{"clear", "green", "green", "amber", "amber"}[c.rng.IntN(5)]
	ev := &misp.Event{Info: misp.T(latin(camp.info) + ", " + i18n.Date(i18n.SrLatn, now)), Date: misp.T(now.Format("2006-01-02")), ThreatLevelID: misp.N(camp.threat),
		Analysis: misp.N(int64(c.rng.IntN(3))), Distribution: misp.N([]int64{1, 1, 1, 3, 0}[c.rng.IntN(5)]), Tag: []misp.Tag{{Name: misp.T("tlp:" + tlp)}}}
	if tlp == "amber" && ev.Distribution.V == int64(intel.All) {
		ev.Distribution = misp.N(int64(intel.Community)) // the label goes no further than our members
	}
	for _, t := range camp.tags {
		ev.Tag = append(ev.Tag, misp.Tag{Name: misp.T(t)})
	}
	at := func(typ, value, comment string) {
		ev.Attribute = append(ev.Attribute, misp.Attribute{Type: misp.T(typ), Value: misp.T(value), Comment: misp.T(latin(comment))})
	}
	for n := range 3 + c.rng.IntN(12) {
		switch c.rng.IntN(6) {
		case 0:
			at("ip-dst", fmt.Sprintf("203.0.113.%d", 1+c.rng.IntN(250)), "активна јутрос")
		case 1:
			at("domain", fmt.Sprintf("%s-%d.example", camp.tool, c.rng.IntN(60)), "")
		case 2:
			at("url", fmt.Sprintf("http://%s-%d.example/%s", camp.tool, c.rng.IntN(60), []string{"naplata", "login", "update", "cfg"}[c.rng.IntN(4)]), "")
		case 3:
			at("sha256", c.hash(32), "узорак")
		case 4:
			at("email-src", fmt.Sprintf("racuni%d@%s-%d.example", c.rng.IntN(9), camp.tool, n), "пошиљалац")
		case 5:
			at("ip-src", fmt.Sprintf("198.51.100.%d", 1+c.rng.IntN(250)), "извор скенирања")
		}
	}
	ev.Object = []misp.Object{{Name: misp.T("file"), MetaCategory: misp.T("file"), TemplateUUID: misp.T("688c46fb-5edb-40a3-8273-1af7923e2215"), TemplateVersion: misp.N(24),
		Description: misp.T("File object describing a file with meta-information"),
		Attribute: []misp.Attribute{
			{ObjectRelation: misp.T("filename"), Type: misp.T("filename"), Value: misp.T(fmt.Sprintf("%s-%d.exe", camp.tool, day))},
			{ObjectRelation: misp.T("sha256"), Type: misp.T("sha256"), Value: misp.T(c.hash(32))},
			{ObjectRelation: misp.T("md5"), Type: misp.T("md5"), Value: misp.T(c.hash(16))}}}}
	join(ev)
	return ev
}

// join says how the file and what else was seen hang together. UUIDs are made of the
// file's sum: what is random elsewhere stays as it is.
func join(ev *misp.Event) {
	sum := ev.Object[0].Attribute[1].Value.Or("")
	uuid := func(n int) misp.Text {
		b := sha256.Sum256([]byte(fmt.Sprint(n, sum)))
		h := hex.EncodeToString(b[:])
		return misp.T(h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:32])
	}
	ev.Object[0].UUID = uuid(0)
	said := map[string]*misp.Attribute{}
	for i := range ev.Attribute {
		if a := &ev.Attribute[i]; said[a.Type.V] == nil {
			said[a.Type.V] = a
		}
	}
	point := func(to misp.Text, how string) {
		ev.Object[0].ObjectReference = append(ev.Object[0].ObjectReference, misp.ObjectReference{ReferencedUUID: to, RelationshipType: misp.T(how)})
	}
	if a := said["url"]; a != nil {
		a.UUID = uuid(1)
		point(a.UUID, "downloaded-from")
	}
	domain, ip := said["domain"], said["ip-dst"]
	if domain == nil || ip == nil {
		return
	}
	ev.Object = append(ev.Object, misp.Object{Name: misp.T("domain-ip"), MetaCategory: misp.T("network"), TemplateUUID: misp.T("43b3b146-77eb-4931-b4cc-b66c60f28734"), TemplateVersion: misp.N(11),
		Description: misp.T("A domain/hostname and IP address seen as a tuple in a specific time frame."), UUID: uuid(2),
		Attribute: []misp.Attribute{{ObjectRelation: misp.T("domain"), Type: misp.T("domain"), Value: domain.Value}, {ObjectRelation: misp.T("ip"), Type: misp.T("ip-dst"), Value: ip.Value}}})
	point(uuid(2), "connects-to")
}

func (c *country) hash(n int) string {
	b := make([]byte, n)
	_, _ = io.ReadFull(c.Clock, b)
	return hex.EncodeToString(b)
}

// warnings: five real ones in the last fortnight, weekly digests before, and a
// draft or two.
func (c *country) warnings(ctx context.Context, day, days int) error {
	lead := c.actors[0]
	if left := days - day; left >= 2 && left <= 10 && left%2 == 0 {
		w := warnings[(left-2)/2] // the gravest one last, so that it stands on top
		return c.warn(ctx, lead, w, true)
	}
	if day%3 == 2 {
		return nil
	}
	w := warnings[2+day%len(warnings[2:])]
	w.title = strings.TrimSuffix(w.title, ".") + " (" + i18n.Date(i18n.SrCyrl, c.Clock.Now()) + ")"
	w.titleEn += " (" + i18n.Date(i18n.En, c.Clock.Now()) + ")"
	return c.warn(ctx, lead, w, day%14 != 0)
}

func (c *country) warn(ctx context.Context, who ident.Actor, w warningDef, publish bool) error {
	c.Clock.Add(40 * time.Minute)
	text := func(sr, en string) i18n.Text {
		t := i18n.Text{i18n.SrCyrl: sr}
		if en != "" {
			t[i18n.En] = en
		}
		return t
	}
	number, err := c.Advisory.Create(ctx, who, advisory.Draftable{Level: w.level, TLP: "CLEAR", Readers: w.readers, Title: text(w.title, w.titleEn), Lead: text(w.lead, w.leadEn),
		Affects: text(w.affects, ""), Steps: text(w.steps, ""), Body: text(w.body, "")})
	if err != nil || !publish {
		return err
	}
	c.Clock.Add(15 * time.Minute)
	return c.Advisory.Publish(ctx, who, number, 1, nil)
}
