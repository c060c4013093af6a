package enrich

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
)

// Fact is one thing that is known of a value without asking anybody. Kind is a message's
// key behind "enrich.fact."; Value and Detail are texts of machines, Say a message's key
// that stands in the place of Value.
type Fact struct {
	Kind   string
	Value  string
	Detail string
	Say    string
	Org    string // UUID of the organisation that Value names
	Care   bool   // somebody should look twice
}

// Kinds of facts.
const (
	factHost        = "host"
	factSuffix      = "suffix"
	factRegistrable = "registrable"
	factASCII       = "ascii"
	factUnicode     = "unicode"
	factMixed       = "mixed"
	factLike        = "like"
	factSpecial     = "special"
	factSystem      = "system"
	factCountry     = "country"
	factNetwork     = "network"
	factOurs        = "ours"
	factList        = "list"
	factDecoded     = "decoded"
)

// Kinds of what can be taken over.
const (
	OfAttribute = "attribute"
	OfObject    = "object"
	OfTag       = "tag"
	OfComment   = "comment"
)

// Offer is something that may be taken over into the event by ticking it.
type Offer struct {
	Key      string // names it in a form; the same while it is the same
	Kind     string
	Type     string
	Category string
	Value    string
	Comment  string
	ToIDS    bool
	Tags     []string
	Text     string       // of a comment, name of a tag
	Object   *misp.Object // of MISP's form
	Hits     []intel.Hit  // warning lists that it stands on
	Here     bool         // the event holds it already
}

func (o *Offer) seal(source string) {
	h := sha256.New()
	for _, s := range []string{source, o.Kind, o.Type, o.Value, o.Text} {
		h.Write([]byte(s + "\x00"))
	}
	if o.Object != nil {
		h.Write([]byte(o.Object.Name.V + "\x00" + o.Object.UUID.V))
		for i := range o.Object.Attribute {
			h.Write([]byte(o.Object.Attribute[i].ObjectRelation.V + "\x00" + o.Object.Attribute[i].Value.V + "\x00"))
		}
	}
	o.Key = hex.EncodeToString(h.Sum(nil)[:8])
}

// known is what Known finds: facts, and what of them can be taken over.
type known struct {
	facts  []Fact
	offers []Offer
}

func (k *known) fact(f Fact) { k.facts = append(k.facts, f) }

// attribute offers one that is valid; the same twice is one.
func (k *known) attribute(typ, value, comment string, care bool) {
	def, ok := misp.DefaultOf(typ)
	v, bad := misp.Normalise(typ, value)
	if !ok || bad != nil || slices.ContainsFunc(k.offers, func(o Offer) bool { return o.Type == typ && o.Value == v.Value }) {
		return
	}
	k.offers = append(k.offers, Offer{Kind: OfAttribute, Type: typ, Category: def.Category, Value: v.Value, Comment: comment, ToIDS: def.ToIDS && !care})
}

// Known says what is known of a value without asking anybody. Who may: whoever reads
// threat data; whose it is in the registry is told to who may read there.
func (s *Service) Known(ctx context.Context, who ident.Actor, typ, value string) (facts []Fact, offers []Offer, err error) {
	if err := mayRead(who); err != nil {
		return nil, nil, err
	}
	k := &known{}
	p := partsOf(typ, value)
	if err := s.network(ctx, k, p); err != nil {
		return nil, nil, err
	}
	k.named(typ, value, p)
	if err := s.ours(ctx, who, k, p); err != nil {
		return nil, nil, err
	}
	hits, err := s.hits(ctx, who, typ, value)
	if err != nil {
		return nil, nil, err
	}
	for _, h := range hits {
		k.fact(Fact{Kind: factList, Value: h.Name, Detail: h.Matched, Care: true})
	}
	if len(hits) > 0 {
		k.offers = append(k.offers, Offer{Kind: OfTag, Text: `false-positive:risk="medium"`})
	}
	k.hidden(typ, value)
	k.summary()
	for i := range k.offers {
		k.offers[i].seal("")
	}
	return k.facts, k.offers, s.warn(ctx, who, k.offers)
}

// warn puts the warning lists beside what is offered; what stands on one is not for detection.
func (s *Service) warn(ctx context.Context, who ident.Actor, list []Offer) (err error) {
	for i := range list {
		o := &list[i]
		if o.Kind != OfAttribute {
			continue
		}
		if o.Hits, err = s.hits(ctx, who, o.Type, o.Value); err != nil {
			return err
		}
		o.ToIDS = o.ToIDS && len(o.Hits) == 0
	}
	return nil
}

func (s *Service) hits(ctx context.Context, who ident.Actor, typ, value string) ([]intel.Hit, error) {
	if s.d.Lists == nil {
		return nil, nil
	}
	hits, err := s.d.Lists.Hits(ctx, who, typ, value)
	if fault.Is(err, fault.Denied) {
		return nil, nil
	}
	return hits, err
}

// network says what tables and registries say of an address.
func (s *Service) network(ctx context.Context, k *known, p parts) error {
	if !p.addr.IsValid() {
		return nil
	}
	if key := special(p.addr); key != "" {
		k.fact(Fact{Kind: factSpecial, Say: key, Care: true})
		return nil
	}
	var list []Origin
	err := s.d.DB.View(ctx, func(tx *store.Tx) (err error) {
		list, err = s.origins.of(ctx, tx, p.addr)
		return err
	})
	for _, o := range list {
		k.fact(Fact{Kind: factNetwork, Value: o.Net.String(), Detail: o.Table})
		if o.ASN != 0 {
			as := "AS" + strconv.FormatUint(uint64(o.ASN), 10)
			k.fact(Fact{Kind: factSystem, Value: as, Detail: o.Name})
			k.attribute("AS", as, o.Name, true)
		}
		if o.Country != "" {
			k.fact(Fact{Kind: factCountry, Value: o.Country, Detail: o.Table})
		}
	}
	return err
}

// named says what a host's name is made of and what it resembles.
func (k *known) named(typ, value string, p parts) {
	if p.host == "" {
		if p.addr.IsValid() && (typ == "url" || typ == "uri" || typ == "link") {
			k.fact(Fact{Kind: factHost, Value: p.addr.String()})
			k.attribute("ip-dst", p.addr.String(), "", special(p.addr) != "")
		}
		return
	}
	n, ok := nameOf(p.host)
	if !ok {
		return
	}
	if !strings.EqualFold(p.host, value) {
		k.fact(Fact{Kind: factHost, Value: n.ASCII})
		if n.ASCII != n.Registrable {
			k.attribute("hostname", n.ASCII, "", false)
		}
	}
	if n.Suffix != "" {
		f := Fact{Kind: factSuffix, Value: n.Suffix}
		if !n.ICANN {
			f.Detail = "PRIVATE" // the list's own word for names of platforms
		}
		k.fact(f)
	}
	if n.Registrable != "" {
		k.fact(Fact{Kind: factRegistrable, Value: n.Registrable})
		if n.Registrable != strings.ToLower(value) {
			k.attribute("domain", n.Registrable, "", false)
		}
	}
	if n.Unicode != "" {
		k.fact(Fact{Kind: factUnicode, Value: n.Unicode})
		k.fact(Fact{Kind: factASCII, Value: n.ASCII})
	}
	if n.Mixed {
		k.fact(Fact{Kind: factMixed, Say: "enrich.mixed", Care: true})
	}
	if n.Like != "" {
		k.fact(Fact{Kind: factLike, Value: n.Like, Care: true})
	}
}

// ours says whose network or name it is in our own registry, and whose name is resembled.
func (s *Service) ours(ctx context.Context, who ident.Actor, k *known, p parts) error {
	look := func(kind string, c registry.Clue, care bool) error {
		if s.d.Registry == nil || c == (registry.Clue{}) {
			return nil
		}
		m, found, err := s.d.Registry.Recognise(ctx, who, c)
		if fault.Is(err, fault.Denied) {
			return nil
		}
		if found {
			k.fact(Fact{Kind: kind, Value: m.Organisation.Name, Detail: m.Value, Org: m.Organisation.UUID, Care: care})
		}
		return err
	}
	if err := look(factOurs, registry.Clue{Domain: p.host, Address: p.addr}, false); err != nil {
		return err
	}
	for _, f := range k.facts {
		if f.Kind == factLike {
			return look(factLike, registry.Clue{Domain: f.Value}, true)
		}
	}
	return nil
}

// hidden says what is encoded in a value, and offers the indicators that are in there.
func (k *known) hidden(typ, value string) {
	list := decode(typ, value)
	for _, d := range list {
		k.fact(Fact{Kind: factDecoded, Value: d.Text, Detail: strings.Join(d.Ways, " › ")})
	}
	for _, c := range append(inside(list, value), armless(typ, value)...) {
		k.attribute(c.Type, c.Value, "", false)
	}
}

// summary offers what is known as words for the comment.
func (k *known) summary() {
	var words []string
	for _, f := range k.facts {
		switch f.Kind {
		case factSystem, factCountry:
			words = append(words, strings.TrimSpace(f.Value+" "+map[bool]string{true: f.Detail}[f.Kind == factSystem]))
		case factUnicode, factLike:
			if f.Org == "" {
				words = append(words, map[string]string{factUnicode: "", factLike: "≈ "}[f.Kind]+f.Value)
			}
		}
	}
	if len(words) > 0 {
		k.offers = append(k.offers, Offer{Kind: OfComment, Text: strings.Join(words, "; ")})
	}
}
