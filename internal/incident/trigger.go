package incident

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"straza/internal/craft/pack"
	"straza/internal/craft/rule"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// CaseOpened is the name of the trigger that a case was opened.
const CaseOpened = "case.opened"

// Triggers are what can happen to a case, for rules without code (craft/rule).
func Triggers(s *Service) []rule.Trigger {
	return []rule.Trigger{{Name: CaseOpened, Event: OpenedEvent{}.EventType(), Perm: "incident.read", Load: s.subject, Recent: s.subjects,
		ID: func(p json.RawMessage) (int64, error) {
			var e OpenedEvent
			err := json.Unmarshal(p, &e)
			return e.Case, err
		},
		Facts: []rule.Fact{
			{Name: "severity", Kind: pack.Word, Choices: []string{"low", "medium", "high", "very-high", "none"}},
			{Name: "classes", Kind: pack.Many}, {Name: "sectors", Kind: pack.Many},
			{Name: "organisations", Kind: pack.Many, Folded: true}, {Name: "words", Kind: pack.Many, Folded: true},
			{Name: "tlp", Kind: pack.Word, Choices: []string{"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED", "NONE"}},
			{Name: "lead", Kind: pack.Yesno}, {Name: "report", Kind: pack.Yesno},
		}}}
}

func (s *Service) subject(ctx context.Context, who ident.Actor, id int64) (*rule.Subject, error) {
	var out *rule.Subject
	err := s.view(ctx, who, func(tx *store.Tx) error {
		c, err := caseTx(ctx, tx, who, id)
		if err != nil {
			return err
		}
		linked, err := store.Int64(ctx, tx, countLinks, id, LinkReport)
		out = subjectOf(c, linked > 0)
		return err
	})
	return out, err
}

func (s *Service) subjects(ctx context.Context, who ident.Actor, n int) (out []*rule.Subject, err error) {
	list, _, err := s.List(ctx, who, Filter{Sort: "-opened"}, Page{Limit: n})
	for i := range list {
		x, err := s.subject(ctx, who, list[i].ID)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, err
}

func subjectOf(c *Case, report bool) *rule.Subject {
	orgs := make([]string, len(c.Orgs))
	for i, o := range c.Orgs {
		orgs[i] = i18n.Fold(o.Name)
	}
	var classes []string
	for _, x := range c.Classes { // a pair is also of its class
		classes = append(classes, x)
		if class, _, ok := strings.Cut(x, "/"); ok {
			classes = append(classes, class)
		}
	}
	or := func(s string) pack.Value {
		if s == "" {
			return pack.Text("none")
		}
		return pack.Text(s)
	}
	label := pack.Text("NONE")
	if c.TLP != "" {
		label = pack.Text(c.TLP)
	}
	return &rule.Subject{ID: c.ID, Title: c.Number + " " + c.Title, Path: "/console/cases/" + c.Number, Label: c.TLP, At: c.Opened, Facts: pack.Map{
		"severity": or(c.Severity), "classes": pack.Texts(classes...), "sectors": pack.Texts(c.Sectors...), "organisations": pack.Texts(orgs...),
		"words": pack.Texts(strings.Fields(i18n.Fold(c.Title))...), "tlp": label, "lead": pack.Yes(c.Lead != 0), "report": pack.Yes(report)}}
}

// Actions are what a rule can do in this room: open a case about an event.
func Actions(s *Service, events []string) []rule.Action {
	return []rule.Action{{Name: "open_case", For: events, Perm: "incident.open",
		Params: []rule.Param{{Name: "title", Optional: true}, {Name: "severity", Optional: true, Choices: []string{"low", "medium", "high", "very-high"}}},
		Do:     s.openAbout}}
}

// openAbout opens a case about an event that no case of the team's is about yet, and
// links the two; else it gives the number of the one there is. Once a key.
func (s *Service) openAbout(ctx context.Context, who ident.Actor, o rule.Order) (number string, err error) {
	room, err := s.intel()
	if err != nil {
		return "", err
	}
	there, err := s.CasesOf(ctx, who, LinkEvent, o.Subject.Thing())
	if err != nil {
		return "", err
	}
	for _, c := range there {
		if c.CERT == who.CERT && c.State != Closed {
			return c.Number, nil
		}
	}
	d := Draft{Title: cutRunes(strings.TrimSpace(o.With["title"]+" "+o.Subject.Title), 200), Severity: o.With["severity"], TLP: o.Subject.Label}
	if d.Severity != "" {
		d.Why = o.Name
	}
	if d.Title == "" {
		return "", fault.Field("title", "web.error.required", "event %d has no title", o.Subject.Thing())
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		number, _, err = store.Once(ctx, tx, "incident.rule "+o.Key, func() (string, error) {
			id, n, err := s.openTx(ctx, tx, who, Seed{Draft: d})
			if err != nil {
				return "", err
			}
			if err := room.BindTx(ctx, tx, who, strconv.FormatInt(o.Subject.Thing(), 10), intel.Origin{Kind: "case", Ref: id}); err != nil {
				return "", err
			}
			return n, s.LinkEventTx(ctx, tx, who, id, o.Subject.Thing(), o.Subject.Title)
		})
		return err
	})
	return number, err
}
