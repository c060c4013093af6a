package remark

import (
	"context"
	"embed"
	"fmt"
	"net/url"
	"strings"

	"straza/internal/craft/pack"
	"straza/internal/format/openpgp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// Packs are the lists that come with the program.
//
//go:embed packs/*.yaml
var Packs embed.FS

// Community is a group of installations that one may ask to join.
type Community struct {
	UUID        string    `yaml:"uuid"`
	Name        string    `yaml:"name"`
	Org         string    `yaml:"org"`
	OrgUUID     string    `yaml:"org_uuid"`
	Description string    `yaml:"description"`
	URL         string    `yaml:"url"`
	Email       string    `yaml:"email"`
	Lang        i18n.Lang `yaml:"lang"`
	Sector      string    `yaml:"sector"`
	Nationality string    `yaml:"nationality"`
	Type        string    `yaml:"type"`
	Key         string    `yaml:"key"`
}

// Communities are the pack intel.communities in force.
type Communities struct {
	List []Community `yaml:"communities"`
}

// communitiesMost bounds the list: clients get it whole.
const communitiesMost = 500

// OpenCommunities reads the list in force on a day; without a pack it is empty. An
// entry has a name, a UUID that no other has, and an address to write to. A key has to
// be one, but may have expired: a day must not put the list out of force.
func OpenCommunities(shelf *pack.Shelf, day string) (*Communities, error) {
	out := &Communities{}
	p, ok := shelf.At("intel.communities", day)
	if !ok {
		return out, nil
	}
	if err := p.Decode(out); err != nil {
		return nil, err
	}
	if len(out.List) > communitiesMost {
		return nil, &pack.Error{File: p.File, Text: fmt.Sprintf("more than %d communities", communitiesMost)}
	}
	seen := map[string]bool{}
	for i := range out.List {
		c := &out.List[i]
		if err := c.validate(); err != nil {
			return nil, &pack.Error{File: p.File, Text: fmt.Sprintf("community %d: %s", i+1, err)}
		}
		if seen[c.UUID] {
			return nil, &pack.Error{File: p.File, Text: fmt.Sprintf("community %d: uuid %s is there twice", i+1, c.UUID)}
		}
		seen[c.UUID] = true
	}
	return out, nil
}

func (c *Community) validate() error {
	if c.Lang == "" {
		c.Lang = i18n.En
	}
	var ok, org bool
	c.UUID, ok = store.ParseUUID(c.UUID)
	if org = c.OrgUUID == ""; !org {
		c.OrgUUID, org = store.ParseUUID(c.OrgUUID)
	}
	switch u, err := url.Parse(c.URL); {
	case !ok || !org:
		return fmt.Errorf("uuid is needed, and org_uuid is one or left out")
	case c.Name == "" || strings.ContainsAny(c.Name, "\r\n\x00"):
		return fmt.Errorf("name is needed, on one line")
	case mail.Address(c.Email) == "" || strings.ContainsAny(c.Email, "\r\n\x00"):
		return fmt.Errorf("email %q is no address to write to", c.Email)
	case c.URL != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == ""):
		return fmt.Errorf("url %q is no address of the web", c.URL)
	case !c.Lang.Valid():
		return fmt.Errorf("lang %q is none of en, sr-Cyrl, sr-Latn", c.Lang)
	}
	if c.Key != "" {
		if _, err := openpgp.Read(c.Key); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	return nil
}

// Communities gives the list in its pack's order; this installation is not in it.
func (s *Service) Communities(_ context.Context, who ident.Actor) ([]Community, error) {
	if err := access.Check(who, "misp.site_admin"); err != nil {
		return nil, err
	}
	return s.communities(), nil
}

func (s *Service) communities() []Community {
	if s.d.Communities == nil {
		return nil
	}
	return s.d.Communities().List
}

// CommunityKeyTx gives the OpenPGP key of the community with an address; found is false
// without one and for a key that nothing is encrypted to any more.
func (s *Service) CommunityKeyTx(ctx context.Context, tx *store.Tx, _ ident.Actor, address string) (k mail.Key, found bool, err error) {
	for _, c := range s.communities() {
		if c.Key == "" || !strings.EqualFold(mail.Address(c.Email), address) {
			continue
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return k, false, err
		}
		if k, err = mail.ParseKey(c.Key, clock.FromMicros(now)); err == nil {
			return k, true, nil
		}
	}
	return mail.Key{}, false, nil
}

// Joining is what somebody writes who asks to join a community.
type Joining struct {
	Email       string // of who would use the account; answers go there
	Org         string
	OrgUUID     string
	Description string // of the organisation
	Message     string
	Key         string // OpenPGP of the requestor, goes along in the letter
	Sync        bool   // the servers are to be connected, too
	Server      string // address and UUID of this installation; "" = not said
}

// How often somebody may ask to join communities in a day.
const joiningsDay = 3

// AskToJoin writes a letter to a community, encrypted and signed when the community has
// a key (then it never leaves otherwise). With mock it is only shown. Who: site
// administrators. Faults: Denied; NotFound; Invalid on "email", "message", "gpgkey";
// Unavailable when no letters leave or the community's key has expired; Limited past
// three a day.
func (s *Service) AskToJoin(ctx context.Context, who ident.Actor, uuid string, j Joining, mock bool) (l mail.Letter, err error) {
	if err := access.Check(who, "misp.site_admin"); err != nil {
		return l, err
	}
	if who.ReadOnly || !who.LoggedIn() {
		return l, fault.New(fault.Denied, "%s writes no letters", who).WithKey("fault.read-only")
	}
	var to Community
	for _, c := range s.communities() {
		if strings.EqualFold(c.UUID, uuid) {
			to = c
		}
	}
	if to.UUID == "" {
		return l, fault.New(fault.NotFound, "no community %s", uuid)
	}
	if s.d.Post == nil || s.d.Text == nil {
		return l, fault.New(fault.Unavailable, "no letters leave from here").WithKey("intel.fault.contact.nobody")
	}
	if err := j.tidy(who); err != nil {
		return l, err
	}
	l = s.joinLetter(who, &to, &j)
	return l, s.d.DB.Update(ctx, func(tx *store.Tx) error { return s.join(ctx, tx, who, &to, l, mock) })
}

func (s *Service) join(ctx context.Context, tx *store.Tx, who ident.Actor, to *Community, l mail.Letter, mock bool) error {
	if l.Secret {
		sealed, err := s.d.Post.SealsTx(ctx, tx, l.CERT, l.To)
		if err != nil {
			return err
		}
		if !sealed {
			return fault.New(fault.Unavailable, "the key of community %s has expired", to.UUID).WithKey("intel.fault.contact.nobody")
		}
	}
	if mock {
		return nil
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	lately, err := contactsSince(ctx, tx, who.Person, noEvent, now-day)
	if err != nil {
		return err
	}
	if lately.all >= contactsDay || lately.event >= joiningsDay {
		return fault.New(fault.Limited, "%s asked %d times today", who, lately.event).WithKey("intel.fault.contact.many")
	}
	if _, err := s.d.Post.QueueTx(ctx, tx, l); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, noteContact, s.d.DB.NewID(), noEvent, who.Person, 1, now); err != nil {
		return err
	}
	return s.d.Audit.Record(ctx, tx, who, "community.ask", audit.Thing{Kind: "community", Label: to.UUID}, map[string]any{"encrypted": l.Secret})
}

// tidy fills in what was not said from who asks, and holds the rest to its bounds.
func (j *Joining) tidy(who ident.Actor) error {
	for s, def := range map[*string]string{&j.Email: who.Email, &j.Org: who.OrgName, &j.OrgUUID: who.OrgUUID, &j.Description: "", &j.Message: "", &j.Key: ""} {
		if *s = strings.TrimSpace(clean(*s)); *s == "" {
			*s = def
		}
	}
	if j.Email = mail.Address(j.Email); j.Email == "" {
		return fault.Field("email", "fault.email", "no address to answer to")
	}
	if len(j.Org)+len(j.OrgUUID)+len(j.Description)+len(j.Message) > wordsMost {
		return fault.Field("message", "intel.fault.remark.long", "the text is too long")
	}
	if j.Key == "" {
		return nil
	}
	c, err := openpgp.Read(j.Key)
	if err != nil {
		return fault.Field("gpgkey", "intel.fault.key-invalid", "no public key: %s", err)
	}
	j.Key = c.Armored // one certificate and nothing else
	return nil
}

func (s *Service) joinLetter(who ident.Actor, to *Community, j *Joining) mail.Letter {
	say := func(key string, args ...any) string { return s.d.Text.T(to.Lang, "intel.notice.join."+key, args...) }
	what := "body"
	if j.Sync {
		what = "body.sync"
	}
	parts := []string{say(what, "org", j.Org, "uuid", j.OrgUUID, "community", to.Name, "email", j.Email)}
	for _, x := range []struct{ key, text string }{{"org", j.Description}, {"message", j.Message}, {"server", j.Server}, {"key", j.Key}} {
		if x.text != "" {
			parts = append(parts, say(x.key)+"\n"+x.text+"\n")
		}
	}
	return mail.Letter{Purpose: "intel", To: mail.Address(to.Email), Lang: string(to.Lang), CERT: who.CERT, ReplyTo: j.Email,
		Subject: say("subject", "community", to.Name), Body: strings.Join(parts, "\n"), Secret: to.Key != ""}
}
