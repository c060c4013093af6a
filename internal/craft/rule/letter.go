package rule

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// Messages are the sentences of the package's faults and letters.
//
//go:embed messages/*.json
var Messages embed.FS

// Keys derives the secret that a rule's webhook is signed with; vault.Vault does.
type Keys interface {
	MAC(purpose string, parts ...[]byte) []byte
}

// World is the guarded way to other people's servers; outbound.Client is.
type World interface {
	Do(r *http.Request) (*http.Response, error)
}

// travels tells whether a subject's title may leave by a way: in the clear, what is
// labelled AMBER or higher is named by its address alone; a letter encrypted to somebody
// who sees the subject says it up to AMBER+STRICT (decisions §7).
func travels(s *Subject, way tlp.Way) bool {
	if s.Label == "" {
		return true
	}
	l, ok := tlp.Parse(s.Label)
	return ok && tlp.Out(l, way, tlp.Circumstance{Named: way == tlp.SealedMail}).Answer == tlp.Pass
}

// link is a subject's page for somebody, "" when there is none.
func (s *Service) link(to ident.Actor, x *Subject) string {
	at := x.Own
	if to.OnTeam() {
		at = x.Path
	}
	if at == "" {
		return ""
	}
	return strings.TrimSuffix(s.d.Origin(), "/") + at
}

// found is what a letter says of one rule: what it held for, as far as the person has
// just been found to see it.
type found struct {
	rule Rule
	list []*Subject
	more bool // than a letter lists
}

// letterTx writes one letter to one person about what their rules held for.
func (s *Service) letterTx(ctx context.Context, tx *store.Tx, to ident.Actor, about []found) error {
	if s.d.Post == nil || mail.Address(to.Email) == "" || len(about) == 0 {
		return nil
	}
	sealed, err := s.d.Post.SealsTx(ctx, tx, to.CERT, to.Email)
	if err != nil {
		return err
	}
	way := tlp.Mail
	if sealed {
		way = tlp.SealedMail
	}
	lang := i18n.Lang(to.Lang)
	l := mail.Letter{Purpose: "rule", To: to.Email, Lang: to.Lang, CERT: to.CERT}
	var bodies []string
	n, more := 0, ""
	for _, f := range about {
		var list strings.Builder
		for _, x := range f.list {
			title := s.d.Text.T(lang, "rules.letter.held", "tlp", x.Label)
			if travels(x, way) {
				title, l.Secret = x.Title, l.Secret || !travels(x, tlp.Mail)
			}
			list.WriteString("• " + oneLine(title) + "\n  " + s.link(to, x) + "\n\n")
		}
		if n += len(f.list); f.more {
			more = "+"
			list.WriteString(s.d.Text.T(lang, "rules.letter.more") + "\n\n")
		}
		bodies = append(bodies, s.d.Text.T(lang, "rules.letter.body", "name", oneLine(f.rule.Name), "list", list.String(),
			"link", strings.TrimSuffix(s.d.Origin(), "/")+f.rule.Path()))
	}
	l.Subject = s.d.Text.T(lang, "rules.letter.subject", "name", oneLine(about[0].rule.Name), "n", strconv.Itoa(n)+more)
	if len(about) > 1 {
		l.Subject = s.d.Text.T(lang, "rules.letter.subjects", "n", strconv.Itoa(n)+more, "rules", strconv.Itoa(len(about)))
	}
	l.Body = strings.Join(bodies, "\n")
	id, err := s.d.Post.QueueTx(ctx, tx, l)
	if err != nil {
		return err
	}
	for i := range about {
		if err := s.d.Audit.Record(ctx, tx, part, "rule.letter", thing(&about[i].rule), map[string]any{"person": to.Person, "letter": id, "subjects": len(about[i].list)}); err != nil {
			return err
		}
	}
	return nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// Path is the page of a rule.
func (r *Rule) Path() string {
	if r.Own() {
		return "/account/alerts/" + r.UUID
	}
	return "/console/rules/" + r.UUID
}

// Whom the act "mail" writes to.
const (
	ToPerson = "person" // the rule's own
	ToLeads  = "leads"
	ToTeam   = "team"
)

// mail writes to people of the rule's team, each only while they may see it.
func (s *Service) mail(ctx context.Context, who ident.Actor, o Order) (string, error) {
	people := []ident.Actor{who}
	if o.With["to"] != ToPerson {
		var err error
		if people, err = s.team(ctx, who, o.With["to"] == ToLeads); err != nil {
			return "", err
		}
	}
	r, err := s.Get(ctx, who, o.Rule)
	if err != nil {
		return "", err
	}
	t, n := s.trigger(o.Trigger), 0
	for _, p := range people {
		x, err := s.load(ctx, p.Person, t, o.Subject.ID)
		if err != nil {
			return "", err
		}
		if x == nil {
			continue
		}
		n++
		err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
			_, _, err := store.Once(ctx, tx, o.Key+"."+strconv.FormatInt(p.Person, 10), func() (string, error) {
				return "", s.tellTx(ctx, tx, p, &r, x)
			})
			return err
		}, store.InLane(store.Jobs))
		if err != nil {
			return "", err
		}
	}
	return strconv.Itoa(n), nil
}

func (s *Service) team(ctx context.Context, who ident.Actor, leads bool) (out []ident.Actor, err error) {
	var ids []int64
	if err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		ids, err = access.MembersTx(ctx, tx, access.Team(who.CERT), access.KindPerson)
		return err
	}); err != nil {
		return nil, err
	}
	for _, id := range ids {
		p, err := s.d.People.Resolve(ctx, id, ident.Job)
		if account.IsUnauthenticated(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !leads || p.HasRole(access.Lead) {
			out = append(out, p)
		}
	}
	return out, nil
}

// Secret is what a rule's webhook is signed with, as the receiver enters it. Needs
// rule.write. It is derived, never stored.
func (s *Service) Secret(ctx context.Context, who ident.Actor, uuid string) (string, error) {
	r, err := s.Get(ctx, who, uuid)
	if err == nil {
		err = mayChange(who, r.Own())
	}
	if err != nil {
		return "", err
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(s.secret(r.UUID)), nil
}

// secretPrefix marks a webhook secret (Standard Webhooks 1.0.0, "signature scheme").
const secretPrefix = "whsec_"

func (s *Service) secret(uuid string) []byte { return s.d.Keys.MAC("rule webhook", []byte(uuid)) }

// call is the message of a webhook. Title is left out when it may not leave.
type call struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Rule  string `json:"rule"`
		ID    string `json:"id"`
		Title string `json:"title,omitempty"`
		TLP   string `json:"tlp,omitempty"`
		Link  string `json:"link"`
	} `json:"data"`
}

func checkWebhook(_ context.Context, _ ident.Actor, with map[string]string) error {
	u, err := url.Parse(with["url"])
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return fault.Field("url", "rules.fault.url", "no address to call")
	}
	return nil
}

// webhook calls an address with a signed message (Standard Webhooks: headers
// webhook-id, webhook-timestamp, webhook-signature). The same id may come twice.
func (s *Service) webhook(ctx context.Context, who ident.Actor, o Order) (string, error) {
	c := call{Type: o.Trigger, Timestamp: s.d.DB.Clock.Now().UTC().Truncate(time.Second)}
	c.Data.Rule, c.Data.ID, c.Data.TLP, c.Data.Link = o.Rule, strconv.FormatInt(o.Subject.Thing(), 10), o.Subject.Label, s.link(who, o.Subject)
	if travels(o.Subject, tlp.Mail) {
		c.Data.Title = o.Subject.Title
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.With["url"], bytes.NewReader(body))
	if err != nil {
		return "", fault.Field("url", "rules.fault.url", "no address to call")
	}
	at := strconv.FormatInt(c.Timestamp.Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("webhook-id", o.Key)
	r.Header.Set("webhook-timestamp", at)
	r.Header.Set("webhook-signature", Sign(s.secret(o.Rule), o.Key, at, body))
	res, err := s.d.World.Do(r)
	if err != nil {
		return "", fault.New(fault.Unavailable, "the webhook of rule %s does not answer", o.Rule).WithKey("rules.fault.silent").Because(err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	switch {
	case res.StatusCode < 300:
		return strconv.Itoa(res.StatusCode), nil
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500:
		return "", fault.New(fault.Unavailable, "the webhook answered %d", res.StatusCode).WithKey("rules.fault.silent")
	}
	return "", fault.New(fault.Invalid, "the webhook answered %d", res.StatusCode).WithKey("rules.fault.refused")
}

// Sign is the signature of a webhook's message: version 1, HMAC-SHA256 over id, time
// and body joined by full stops.
func Sign(secret []byte, id, at string, body []byte) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(id + "." + at + "."))
	m.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}
