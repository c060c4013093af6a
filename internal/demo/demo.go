// Package demo builds the invented country: 52 organisations in 12 sectors, two
// CERTs, people in every role, and ninety days of work up to a date. It is told
// through the Services with a moved clock, so every rule of the house has applied
// to it; the same seed and date give the same export.
package demo

import (
	"context"
	"encoding/base32"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"straza/internal/advisory"
	"straza/internal/catalog"
	"straza/internal/craft/rule"
	"straza/internal/craft/seal"
	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/intake"
	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/intel/feed"
	"straza/internal/intel/remark"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/peer"
	"straza/internal/registry"
)

// Deps are the Services and the clock that the story moves.
type Deps struct {
	Clock    *clock.Moved
	Update   func(ctx context.Context, fn func(tx *store.Tx) error) error
	Tick     func(ctx context.Context) error // lets the periodic jobs run
	Registry *registry.Service
	Accounts *account.Service
	Intel    *intel.Service
	Catalog  *catalog.Service
	Remarks  *remark.Service
	Dossiers *dossier.Service
	Feeds    *feed.Service
	Peers    *peer.Service // may reach 127.0.0.1
	Intake   *intake.Service
	Incident *incident.Service
	Advisory *advisory.Service
	Rules    *rule.Service
	Post     *mail.Post
	Threads  *thread.Desk
	Seal     *seal.Office
	Say      func(format string, args ...any)
}

// Persona is somebody whom a visitor of the demo may become (spec program §3).
type Persona struct {
	Name       string `json:"name"`
	Email      string `json:"email"`
	Role       string `json:"role"`
	Org        string `json:"org"`
	CERT       string `json:"cert"`
	Password   string `json:"password"`
	TOTPSecret string `json:"totp_secret"`
	Key        string `json:"key"`
	Login      string `json:"login"`
	What       string `json:"-"`
}

// Report is what the command prints.
type Report struct {
	Seed     uint64    `json:"seed"`
	AsOf     string    `json:"as_of"`
	Personas []Persona `json:"personas"`
}

// Password of everybody in the invented country; it is printed, so it is no secret.
const Password = "plava lipa kraj reke"

// country is the story while it is told.
type country struct {
	Deps
	rng    *rand.Rand
	from   time.Time
	to     time.Time
	orgs   []registry.Organisation
	actors map[int]ident.Actor // index in people → who they are
	emails map[int]string
	setup  ident.Actor
	forgot map[int64]bool // CERT → one task of it was forgotten
}

// Fill tells the story. The installation must be empty.
func Fill(ctx context.Context, d Deps, seed uint64, days int, asOf time.Time) (Report, error) {
	c := &country{Deps: d, rng: rand.New(rand.NewPCG(seed, 0x5374)), from: asOf.AddDate(0, 0, -days), to: asOf, setup: ident.SystemPart("demo"), actors: map[int]ident.Actor{}, forgot: map[int64]bool{}, emails: map[int]string{}}
	c.setup.Channel = ident.CLI
	rep := Report{Seed: seed, AsOf: asOf.Format("2006-01-02")}
	c.Clock.Set(c.from)
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{{"organisations", c.addOrgs}, {"people", func(ctx context.Context) (err error) { rep.Personas, err = c.addPeople(ctx); return err }}, {"settings", c.settle}, {"holdings", c.addHoldings}, {"vocabulary", c.vocabulary}, {"rules", c.addRules}, {"days", c.tellDays}, {"answers", c.answerRules}} {
		if err := step.run(ctx); err != nil {
			return rep, fmt.Errorf("%s: %w", step.name, err)
		}
		c.Say("%s", step.name)
	}
	return rep, nil
}

func latin(s string) string { return i18n.Latin(s) }

func (c *country) addOrgs(ctx context.Context) error {
	for i, def := range orgs {
		names := i18n.Text{i18n.SrCyrl: def.name}
		if en := inEnglish[def.name]; en != "" {
			names[i18n.En] = en
		}
		o, err := c.Registry.Add(ctx, c.setup, registry.Draft{Name: latin(def.name), Names: names, Kind: def.kind, Sector: def.sector,
			Country: "RS", Website: "https://www." + def.domain})
		if err != nil {
			return fmt.Errorf("%s: %w", def.name, err)
		}
		c.orgs = append(c.orgs, o)
		version := o.Version
		add := func(kind, value string) error {
			_, err := c.Registry.AddResource(ctx, c.setup, o.UUID, version, kind, value, "")
			version++
			return err
		}
		if err := add("domain", def.domain); err != nil {
			return err
		}
		if err := add("network", c.network(i)); err != nil {
			return err
		}
		for n, kind := range []string{"duty", "responsible", "admin"} {
			if n > 0 && (i+n)%3 == 0 {
				continue // some organisations have told us less
			}
			person := c.name(i*3 + n)
			if _, err := c.Registry.AddContact(ctx, c.setup, o.UUID, version, registry.ContactInput{Kind: kind, Name: latin(person), Job: []string{"дежурни", "одговорно лице", "администратор"}[n],
				Phone: fmt.Sprintf("+381 11 %03d %04d", 200+i, 1000+n*37), Email: kind + "@" + def.domain, Hours: []string{"0–24", "8–16", "8–16"}[n]}); err != nil {
				return err
			}
			version++
		}
	}
	// The government's CERT looks after public bodies and municipalities.
	return c.Registry.SetConstituency(ctx, c.setup, c.orgs[1].UUID, []registry.Rule{{Basis: registry.ByKind, Value: "public-body"}, {Basis: registry.ByKind, Value: "municipality"}})
}

func (c *country) network(i int) string {
	base := []string{"192.0.2", "198.51.100", "203.0.113"}[i%3]
	return fmt.Sprintf("%s.%d/28", base, (i/3)*16%256)
}

func (c *country) name(n int) string {
	return firstNames[n%len(firstNames)] + " " + lastNames[(n/len(firstNames)*7+n*5)%len(lastNames)]
}

// mailbox makes an address of a name: ana.sumar@cert.example.
func mailbox(name, domain string) string {
	return strings.ReplaceAll(i18n.Fold(name), " ", ".") + "@" + domain
}

func (c *country) addPeople(ctx context.Context) (out []Persona, err error) {
	add := func(name, role string, org int, lang string) (account.Person, error) {
		c.Clock.Add(7 * time.Minute)
		p, _, err := c.Accounts.Add(ctx, c.setup, account.NewPerson{Email: mailbox(name, orgs[org].domain), Name: latin(name), Roles: []string{role}, Org: c.orgs[org].ID, Lang: lang, Password: Password})
		return p, err
	}
	for i, def := range people {
		p, err := add(def.name, def.role, def.org, def.lang)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", def.name, err)
		}
		persona, err := c.arm(ctx, p, def)
		if err != nil {
			return nil, err
		}
		out = append(out, persona)
		c.emails[i] = p.Email
		if c.actors[i], err = c.Accounts.Resolve(ctx, p.ID, ident.Web); err != nil {
			return nil, err
		}
	}
	for i := range orgs {
		for n := range 2 {
			name := c.name(200 + i*2 + n)
			if _, err := add(name, []string{"org-admin", "member"}[n], i, []string{"sr-Cyrl", "sr-Latn"}[n]); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return out, nil
}

// arm gives a persona a second factor and a key.
func (c *country) arm(ctx context.Context, p account.Person, def personDef) (Persona, error) {
	secret := make([]byte, 20)
	if _, err := io.ReadFull(c.Clock, secret); err != nil {
		return Persona{}, err
	}
	err := c.Update(ctx, func(tx *store.Tx) error { return c.Accounts.EnrolTx(ctx, tx, c.setup, p.ID, secret) })
	if err != nil {
		return Persona{}, err
	}
	operator := ident.Actor{Kind: ident.Operator, Name: "demo", Channel: ident.CLI}
	_, key, err := c.Accounts.AddKey(ctx, operator, p.Email, account.NewKey{Name: "demo"})
	if err != nil {
		return Persona{}, err
	}
	out := Persona{Name: p.Name, Email: p.Email, Role: def.role, Org: c.orgs[def.org].Name, Password: Password,
		TOTPSecret: base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret), Key: key, Login: "/dev/personas/" + p.UUID, What: def.persona}
	if def.role == "lead" || def.role == "analyst" {
		out.CERT = c.orgs[def.org].Name
	}
	return out, nil
}

// settle chooses what the teams' leads would: a telephone, and that the second CERT
// seals every report (decisions §5).
func (c *country) settle(ctx context.Context) error {
	for _, x := range []struct {
		who, cert   int
		name, value string
	}{{0, 0, intake.SitePhone, "0800 000 112"}, {0, 0, intake.SiteEmail, "prijava@cert.example"}, {8, 1, intake.CodePrefix, "GOV"}, {8, 1, intake.SealIncidents, "yes"}} {
		if err := c.Intake.Set(ctx, c.actors[x.who], c.orgs[x.cert].ID, x.name, x.value); err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
	}
	return nil
}
