package incident

import (
	"context"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// Objects that ticked indicators may become (MISP object templates of these names).
const (
	ObjectFile  = "file"
	ObjectEmail = "email"
)

// template is what MISP calls an object's template: relations by attribute type.
type template struct {
	uuid, meta, about string
	version           int64
	relations         map[string][2]string // type of the indicator → relation, type in the object
}

// templates hold the relations of MISP's templates "file" and "email". A URL in the
// e-mail object is one that stood in the letter; MISP's template names none for it,
// and every client shows relations that it does not know.
var templates = map[string]template{
	ObjectFile: {uuid: "688c46fb-5edb-40a3-8273-1af7923e2215", meta: "file", about: "A file, by name, hashes and size.", version: 1, relations: map[string][2]string{
		"filename": {"filename", "filename"}, "md5": {"md5", "md5"}, "sha1": {"sha1", "sha1"}, "sha256": {"sha256", "sha256"}, "sha512": {"sha512", "sha512"},
		"ssdeep": {"ssdeep", "ssdeep"}, "tlsh": {"tlsh", "tlsh"}, "size-in-bytes": {"size-in-bytes", "size-in-bytes"}, "mime-type": {"mimetype", "mime-type"}}},
	ObjectEmail: {uuid: "a0c666e0-fc65-4be8-b48f-3423d788b552", meta: "network", about: "A letter by electronic mail.", version: 1, relations: map[string][2]string{
		"email": {"from", "email-src"}, "email-src": {"from", "email-src"}, "email-dst": {"to", "email-dst"}, "email-subject": {"subject", "email-subject"},
		"email-reply-to": {"reply-to", "email-reply-to"}, "email-message-id": {"message-id", "email-message-id"}, "filename": {"attachment", "email-attachment"},
		"email-attachment": {"attachment", "email-attachment"}, "ip-src": {"received-header-ip", "ip-src"}, "ip-dst": {"received-header-ip", "ip-src"},
		"hostname": {"received-header-hostname", "hostname"}, "url": {"url", "url"}, "link": {"url", "url"}}},
}

// ObjectsFor lists the objects that an indicator of a type may stand in.
func ObjectsFor(typ string) (out []string) {
	for _, name := range []string{ObjectFile, ObjectEmail} {
		if _, ok := templates[name].relations[typ]; ok {
			out = append(out, name)
		}
	}
	return out
}

// shape turns picks into attributes and at most one object of each kind. Faults:
// Invalid on "pick" for an indicator that has no place in its object.
func shape(picks []Pick) (plain []misp.Attribute, objects []misp.Object, err error) {
	made := map[string]*misp.Object{}
	for _, p := range picks {
		if p.As == "" {
			plain = append(plain, attribute(p))
			continue
		}
		t, ok := templates[p.As]
		rel, fits := t.relations[p.Type]
		if !ok || !fits {
			return nil, nil, fault.Field("pick", "incident.fault.object", "%s does not stand in an object %q", p.Type, p.As)
		}
		o := made[p.As]
		if o == nil {
			o = &misp.Object{Name: misp.T(p.As), MetaCategory: misp.T(t.meta), Description: misp.T(t.about), TemplateUUID: misp.T(t.uuid), TemplateVersion: misp.N(t.version)}
			made[p.As] = o
		}
		a := attribute(p)
		a.ObjectRelation = misp.T(rel[0])
		if rel[1] != p.Type { // the category that came with it was the other type's
			a.Type, a.Category = misp.T(rel[1]), misp.Attribute{}.Category
		}
		o.Attribute = append(o.Attribute, a)
	}
	for _, name := range []string{ObjectFile, ObjectEmail} {
		if o := made[name]; o != nil {
			objects = append(objects, *o)
		}
	}
	return plain, objects, nil
}

// label is the TLP of the event that a sharing makes.
func (sh Sharing) label(c *Case) string {
	if sh.TLP != "" {
		return strings.ToUpper(sh.TLP)
	}
	return c.TLP
}

func (sh Sharing) tags(c *Case) []string {
	return []string{"tlp:" + strings.ToLower(sh.label(c)), "PAP:" + c.PAP}
}

// Groups lists the sharing groups that who may share with.
func (s *Service) Groups(ctx context.Context, who ident.Actor) ([]intel.SharingGroup, error) {
	if s.d.Readers == nil {
		return nil, nil
	}
	all, err := s.d.Readers.Groups(ctx, who)
	return slices.DeleteFunc(all, func(g intel.SharingGroup) bool { return !g.Active }), err
}

// ShareReaders says who exactly will see what a sharing makes once it is published,
// and whether the label allows it; nothing is written. Needs intel.write. Faults:
// NotFound for a case or event that who does not see, Invalid for an unknown group.
func (s *Service) ShareReaders(ctx context.Context, who ident.Actor, ref string, sh Sharing) (r intel.Readers, err error) {
	if s.d.Readers == nil {
		return r, fault.New(fault.Unavailable, "no intel room is wired").WithKey("incident.fault.nointel")
	}
	if err := access.Check(who, "intel.write"); err != nil {
		return r, err
	}
	c, err := s.Get(ctx, who, ref)
	if err != nil {
		return r, err
	}
	if sh.TLP != "" {
		if _, ok := tlp.Parse(sh.TLP); !ok {
			return r, fault.Field("tlp", "web.error.choice", "no TLP %q", sh.TLP)
		}
	}
	d, group, tags := sh.Distribution, sh.Group, sh.tags(&c)
	if sh.Event != "" { // an event that is there goes where it goes already
		e, err := s.d.Readers.Event(ctx, who, sh.Event)
		if err != nil {
			if fault.Is(err, fault.NotFound) {
				err = fault.Field("event", "incident.fault.noevent", "no such event")
			}
			return r, err
		}
		d, group, tags = e.Distribution, e.Group, nil
		for _, t := range e.Tags {
			tags = append(tags, t.Name)
		}
	}
	return s.d.Readers.WhoSees(ctx, who, d, group, tags)
}

// mayShare refuses what contradicts the label, and asks before an AMBER goes to all
// members (decisions §1).
func (s *Service) mayShare(ctx context.Context, who ident.Actor, ref string, sh Sharing) error {
	if s.d.Readers == nil {
		return nil
	}
	if _, ok := tlp.Parse(sh.TLP); sh.TLP != "" && !ok {
		return fault.Field("tlp", "web.error.choice", "no TLP %q", sh.TLP)
	}
	r, err := s.ShareReaders(ctx, who, ref, sh)
	if err != nil {
		return err
	}
	switch {
	case r.Verdict.Answer == tlp.Hold:
		return fault.Field("distribution", r.Verdict.Reason, "the label does not allow this audience")
	case r.Verdict.Answer == tlp.Ask && sh.Publish && !sh.Sure:
		return fault.Field("sure", r.Verdict.Reason, "somebody has to be asked first")
	}
	return nil
}

// Letter headers that Headers reads, in the languages that mail programs write them.
var letterHeaders = map[string]string{"from": "email-src", "od": "email-src", "од": "email-src", "шаље": "email-src", "subject": "email-subject", "naslov": "email-subject",
	"наслов": "email-subject", "tema": "email-subject", "тема": "email-subject", "predmet": "email-subject", "предмет": "email-subject", "reply-to": "email-reply-to", "message-id": "email-message-id"}

// LetterHeaders finds sender, subject, reply address and Message-ID of a pasted
// letter, by the lines that begin with their names. At most one of each, the first.
func LetterHeaders(text string) (out []Pick) {
	if len(text) > 1<<20 {
		text = text[:1<<20]
	}
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		name, v, ok := strings.Cut(line, ":")
		if !ok || len(name) > 40 {
			continue
		}
		typ := letterHeaders[strings.ToLower(strings.TrimSpace(name))]
		v = strings.TrimSpace(strings.ToValidUTF8(v, ""))
		if typ == "email-src" || typ == "email-reply-to" {
			if i := strings.LastIndexByte(v, '<'); i >= 0 {
				v, _, _ = strings.Cut(v[i+1:], ">")
			}
			v = strings.NewReplacer("[@]", "@", "[at]", "@", "[.]", ".", " ", "").Replace(v)
			ok = strings.Contains(v, "@")
		}
		if typ == "" || v == "" || !ok || seen[typ] || len(v) > 1000 || strings.ContainsRune(v, 0) {
			continue
		}
		seen[typ] = true
		out = append(out, Pick{Type: typ, Value: v, As: ObjectEmail, ToIDS: typ == "email-src"})
	}
	return out
}
