package account

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Key is an API key without its secret.
type Key struct {
	ID       int64
	UUID     string
	Prefix   string // the first four characters: how its owner recognises it
	Person   int64
	Email    string // of the owner
	Name     string
	Scopes   []string // "<room>:read", "<room>:write", "misp", "taxii"; empty = all that the role allows
	ReadOnly bool
	AllowIP  []string // networks; empty = from anywhere
	Created  int64    // µs
	Expires  int64    // µs, 0 = never
	Revoked  int64    // µs, 0 = not
	LastUsed int64    // µs, to the minute; 0 = never
	UsedFrom []string // the last ten addresses it was used from, oldest first
}

// NewKey is what AddKey needs. Zero values do not narrow.
type NewKey struct {
	Name     string
	Scopes   []string
	ReadOnly bool
	AllowIP  []string
	Expires  time.Time
}

const (
	keyLength   = 40 // letters and digits: 238 bits, and what MISP's clients expect of a key
	keyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	maxKeys     = 100 // of one person, alive
)

var scopeForm = regexp.MustCompile(`^(misp|taxii|[a-z]{2,20}:(read|write))$`)

// AddKey makes a key for a person ("" = the asker) and gives its secret, once.
// For somebody else it needs an operator, or an asker of the same organisation whose
// rights cover all that the owner's are, or admin.people for the scopes misp and
// taxii alone; made with a key, it is no wider than that key. A person who
// asks must have proved themself freshly. Faults: NotFound, Denied, Invalid on
// name, scope, allow_ip, expires; Limited at a hundred keys.
func (s *Service) AddKey(ctx context.Context, who ident.Actor, find string, n NewKey) (k Key, secret string, err error) {
	if err := checkKey(&n); err != nil {
		return k, "", err
	}
	if err := s.checkScopes(n.Scopes); err != nil {
		return k, "", err
	}
	if who.EnrolNow { // a key would be a way round the second factor
		return k, "", fault.New(fault.Denied, "%s must add a second factor first", who).WithKey("account.enrol-first")
	}
	if secret, err = s.newSecret(); err != nil {
		return k, "", err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		p, err := s.ownerTx(ctx, tx, who, find)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if !n.Expires.IsZero() && n.Expires.UnixMicro() <= now {
			return fault.Field("expires", "account.key-past", "the key would have expired already")
		}
		k = Key{ID: s.db.NewID(), UUID: s.db.NewUUID(), Prefix: secret[:4], Person: p.ID, Email: p.Email, Name: n.Name,
			Scopes: n.Scopes, ReadOnly: n.ReadOnly, AllowIP: n.AllowIP, Created: now}
		if !n.Expires.IsZero() {
			k.Expires = n.Expires.UnixMicro()
		}
		if err := s.mintTx(ctx, tx, who, p, &k, now); err != nil {
			return err
		}
		if err := insertKey(ctx, tx, k, s.keys.TokenHash(kindKey, secret), who.String()); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "key.add", keyThing(k), map[string]any{"owner": p.ID, "scopes": k.Scopes,
			"read_only": k.ReadOnly, "expires": k.Expires, "allow_ip": len(k.AllowIP)})
	})
	if err != nil {
		return Key{}, "", err
	}
	return k, secret, nil
}

func keyThing(k Key) audit.Thing { return audit.Thing{Kind: "key", ID: k.ID, Label: k.Prefix} }

// checkKey brings a new key's wishes into form.
func checkKey(n *NewKey) error {
	var c fault.Collector
	n.Name = strings.TrimSpace(n.Name)
	c.Require(n.Name == "" || nameOK(n.Name), "name", "account.key-name")
	scopes := []string{}
	for _, v := range n.Scopes {
		c.Require(scopeForm.MatchString(v), "scope", "account.key-scope")
		scopes = append(scopes, v)
	}
	slices.Sort(scopes)
	n.Scopes = slices.Compact(scopes)
	nets := []string{}
	for _, v := range n.AllowIP {
		p, err := parseNetwork(v)
		c.Require(err == nil, "allow_ip", "account.key-network")
		nets = append(nets, p.String())
	}
	n.AllowIP = nets
	return c.Err("new key")
}

// checkScopes refuses a scope that no door asks for: its key would reach nothing.
func (s *Service) checkScopes(scopes []string) error {
	if s.cfg.Scopes == nil || len(scopes) == 0 {
		return nil
	}
	known := s.cfg.Scopes()
	for _, v := range scopes {
		if !slices.Contains(known, v) {
			return fault.Field("scope", "account.key-scope", "unknown scope %q; there are: %s", v, strings.Join(known, ", "))
		}
	}
	return nil
}

// parseNetwork reads a network or a single address.
func parseNetwork(v string) (netip.Prefix, error) {
	v = strings.TrimSpace(v)
	if a, err := netip.ParseAddr(v); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return a.Prefix(a.BitLen())
	}
	p, err := netip.ParsePrefix(v)
	if err != nil {
		return p, err
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

func (s *Service) newSecret() (string, error) {
	out := make([]byte, 0, keyLength)
	var b [64]byte
	for len(out) < keyLength {
		if _, err := s.db.Clock.Read(b[:]); err != nil {
			return "", err
		}
		for _, v := range b {
			if int(v) < 4*len(keyAlphabet) && len(out) < keyLength { // uniform: the rest is thrown away
				out = append(out, keyAlphabet[int(v)%len(keyAlphabet)])
			}
		}
	}
	return string(out), nil
}

// ownerTx finds the person a key is made for, whose account must not be closed.
func (s *Service) ownerTx(ctx context.Context, tx *store.Tx, who ident.Actor, find string) (p Person, err error) {
	if find == "" {
		p, _, err = findByID(ctx, tx, who.Person)
	} else {
		p, err = s.findTx(ctx, tx, who, find)
	}
	if err == nil && (p.ID == 0 || p.State == Disabled) {
		err = fault.New(fault.NotFound, "no such person").WithKey("account.no-person")
	}
	return p, err
}

// mintTx holds a new key against who makes it: never more than the issuer has.
func (s *Service) mintTx(ctx context.Context, tx *store.Tx, who ident.Actor, p Person, k *Key, now int64) error {
	n, err := countKeys(ctx, tx, p.ID, now)
	if err != nil {
		return err
	}
	if n >= maxKeys {
		return fault.New(fault.Limited, "%d keys are alive", n).WithKey("account.key-many")
	}
	if who.Kind != ident.Person {
		return s.mayManage(who, p)
	}
	if who.ReadOnly {
		return fault.New(fault.Denied, "a read-only key makes no keys").WithKey("fault.denied")
	}
	if who.Key != 0 {
		if err := s.narrowToTx(ctx, tx, who, k); err != nil {
			return err
		}
	} else if err := s.FreshTx(ctx, tx, who); err != nil {
		return err
	}
	if p.ID == who.Person {
		return nil
	}
	if who.Org != p.Org {
		// An administrator hands keys out for machines: they open the field's protocols
		// only, where the site administrator sees everything anyway, on the record.
		if !access.Allowed(who, "admin.people") || !onlyField(k.Scopes) {
			return fault.New(fault.Denied, "%s makes keys in the own organisation only", who).WithKey("fault.denied")
		}
		return nil
	}
	for _, role := range p.Roles {
		r, err := access.RoleTx(ctx, tx, role)
		if err != nil {
			return err
		}
		for _, perm := range r.Permissions {
			if !who.Can(perm) {
				return fault.New(fault.Denied, "%s may not make a key for role %s", who, role).WithKey("account.role-above")
			}
		}
	}
	return nil
}

// onlyField tells whether scopes open nothing but MISP and TAXII.
func onlyField(scopes []string) bool {
	return len(scopes) > 0 && !slices.ContainsFunc(scopes, func(s string) bool { return s != "misp" && s != "taxii" })
}

// narrowToTx gives a key that was made with a key that key's bounds.
func (s *Service) narrowToTx(ctx context.Context, tx *store.Tx, who ident.Actor, k *Key) error {
	from, found, err := keyByID(ctx, tx, who.Key)
	if err != nil {
		return err
	}
	if !found || from.Revoked != 0 {
		return Unauthenticated()
	}
	if len(from.Scopes) > 0 {
		if len(k.Scopes) == 0 {
			k.Scopes = from.Scopes
		}
		for _, v := range k.Scopes {
			if !slices.Contains(from.Scopes, v) {
				return fault.Field("scope", "account.key-wider", "scope %q is wider than the key that asks", v)
			}
		}
	}
	if len(from.AllowIP) > 0 {
		k.AllowIP = from.AllowIP
	}
	if from.Expires != 0 && (k.Expires == 0 || k.Expires > from.Expires) {
		k.Expires = from.Expires
	}
	return nil
}

// KeyChange is what of a key may be changed; nil stays.
type KeyChange struct {
	Name     *string
	ReadOnly *bool
	AllowIP  *[]string
	Expires  *time.Time // zero = never
}

// ChangeKey changes the terms of a living key: the own one, or one that who could
// have made. The new terms are held against the asker as a new key's are. Faults:
// NotFound, Invalid on name, allow_ip, expires; Denied.
func (s *Service) ChangeKey(ctx context.Context, who ident.Actor, uuid string, ch KeyChange) (k Key, err error) {
	n := NewKey{}
	if ch.Name != nil {
		n.Name = *ch.Name
	}
	if ch.AllowIP != nil {
		n.AllowIP = *ch.AllowIP
	}
	if err := checkKey(&n); err != nil {
		return k, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		var p Person
		if k, p, err = s.keyTx(ctx, tx, who, uuid); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if k.Revoked != 0 {
			return noKey()
		}
		if ch.Name != nil {
			k.Name = n.Name
		}
		if ch.AllowIP != nil {
			k.AllowIP = n.AllowIP
		}
		if ch.ReadOnly != nil {
			k.ReadOnly = *ch.ReadOnly
		}
		if ch.Expires != nil {
			if k.Expires = 0; !ch.Expires.IsZero() {
				k.Expires = ch.Expires.UnixMicro()
			}
			if k.Expires != 0 && k.Expires <= now {
				return fault.Field("expires", "account.key-past", "the key would have expired already")
			}
		}
		if err := s.mintTx(ctx, tx, who, p, &k, now); err != nil {
			return err
		}
		if err := updateKey(ctx, tx, k); err != nil {
			return err
		}
		if err := access.BumpTx(ctx, tx); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "key.change", keyThing(k), map[string]any{"owner": k.Person, "read_only": k.ReadOnly,
			"expires": k.Expires, "allow_ip": len(k.AllowIP)})
	})
	return k, err
}

func noKey() error { return fault.New(fault.NotFound, "no such key").WithKey("account.no-key") }

// keyTx finds a key that who owns or whose owner they may manage.
func (s *Service) keyTx(ctx context.Context, tx *store.Tx, who ident.Actor, uuid string) (k Key, p Person, err error) {
	id, ok := store.ParseUUID(uuid)
	if !ok || who.ReadOnly {
		return k, p, noKey()
	}
	k, found, err := keyByUUID(ctx, tx, id)
	if err != nil {
		return k, p, err
	}
	if !found {
		return k, p, noKey()
	}
	if p, _, err = findByID(ctx, tx, k.Person); err == nil && p.ID != who.Person && s.mayManage(who, p) != nil {
		err = noKey()
	}
	return k, p, err
}

// Keys lists the keys of a person ("" = the asker's own), or all that who may
// manage when find is "*"; newest first. Never a secret. Those of somebody above the
// asker are left out: when and from where they come in is not theirs to know.
func (s *Service) Keys(ctx context.Context, who ident.Actor, find string) (out []Key, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		switch find {
		case "*":
			org := int64(0)
			if !access.Allowed(who, "admin.people") {
				if err := access.Check(who, "portal.people"); err != nil {
					return err
				}
				org = who.Org
			}
			if out, err = listKeys(ctx, tx, 0, org); err == nil && org != 0 {
				out, err = s.notAboveTx(ctx, tx, who, out)
			}
		case "":
			out, err = listKeys(ctx, tx, max(who.Person, 1), 0)
		default:
			var p Person
			if p, err = s.findTx(ctx, tx, who, find); err == nil {
				out, err = listKeys(ctx, tx, p.ID, 0)
			}
			if err == nil {
				out, err = s.notAboveTx(ctx, tx, who, out)
			}
		}
		return err
	})
	return out, err
}

// notAboveTx keeps the keys of the asker and of those whom they outrank.
func (s *Service) notAboveTx(ctx context.Context, tx *store.Tx, who ident.Actor, list []Key) (out []Key, err error) {
	below := map[int64]bool{who.Person: true}
	for _, k := range list {
		if _, known := below[k.Person]; !known {
			p, _, err := findByID(ctx, tx, k.Person)
			if err != nil {
				return nil, err
			}
			err = s.outranksTx(ctx, tx, who, p)
			if err != nil && !fault.Is(err, fault.Denied) {
				return nil, err
			}
			below[k.Person] = err == nil
		}
		if below[k.Person] {
			out = append(out, k)
		}
	}
	return out, nil
}

// RevokeKey ends a key at once: the own one, or one that who may manage. A key
// that is revoked already is no error. Faults: NotFound.
func (s *Service) RevokeKey(ctx context.Context, who ident.Actor, uuid string) (k Key, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		var p Person
		if k, p, err = s.keyTx(ctx, tx, who, uuid); err != nil {
			return err
		}
		if p.ID != who.Person {
			if err := s.outranksTx(ctx, tx, who, p); err != nil {
				return err
			}
		}
		if k.Revoked != 0 {
			return nil
		}
		if k.Revoked, err = store.Now(ctx, tx); err != nil {
			return err
		}
		if err := revokeKey(ctx, tx, k.ID, k.Revoked); err != nil {
			return err
		}
		if err := access.BumpTx(ctx, tx); err != nil { // whoever is on the line with it is asked again
			return err
		}
		return s.audit.Record(ctx, tx, who, "key.revoke", keyThing(k), map[string]int64{"owner": k.Person})
	})
	return k, err
}

// ByKey gives the actor behind an API key: its owner with the rights in force
// now, narrowed by the key's scopes. One answer for unknown, revoked, expired,
// wrong network and closed account. Faults: Unauthenticated.
func (s *Service) ByKey(ctx context.Context, secret string, from From) (a ident.Actor, err error) {
	if !keyShape(secret) {
		return a, Unauthenticated()
	}
	var k Key
	var now int64
	err = s.db.View(ctx, func(tx *store.Tx) error {
		found := false
		if k, found, err = keyByHash(ctx, tx, s.keys.TokenHash(kindKey, secret)); err != nil {
			return err
		}
		if now, err = store.Now(ctx, tx); err != nil {
			return err
		}
		if !found || k.Revoked != 0 || k.Expires != 0 && now >= k.Expires || !allowed(k.AllowIP, from.Addr) {
			return Unauthenticated()
		}
		a, err = s.ResolveTx(ctx, tx, k.Person, from.Channel)
		return err
	})
	if err != nil {
		return ident.Actor{}, err
	}
	a.Key, a.Scopes, a.ReadOnly, a.RequestID = k.ID, k.Scopes, k.ReadOnly, from.RequestID
	a.Perms = narrow(a.Perms, k.Scopes, k.ReadOnly)
	if k.usedFrom(from.Addr) || now-k.LastUsed >= us(time.Minute) {
		// As with sessions: a full disk must not lock readers out.
		_ = s.db.Update(ctx, func(tx *store.Tx) error { return touchKey(ctx, tx, k, now) }, store.InLane(store.Jobs))
	}
	return a, nil
}

// usedFrom notes an address, and tells whether it is a new one.
func (k *Key) usedFrom(a netip.Addr) bool {
	text := a.Unmap().WithZone("").String()
	if !a.IsValid() || slices.Contains(k.UsedFrom, text) {
		return false
	}
	k.UsedFrom = append(k.UsedFrom, text)
	k.UsedFrom = k.UsedFrom[max(len(k.UsedFrom)-10, 0):]
	return true
}

func keyShape(v string) bool {
	return len(v) == keyLength && !strings.ContainsFunc(v, func(r rune) bool { return !strings.ContainsRune(keyAlphabet, r) })
}

// allowed tells whether an address is in one of the networks; none allow all.
func allowed(networks []string, a netip.Addr) bool {
	if len(networks) == 0 {
		return true
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(v string) bool {
		p, err := netip.ParsePrefix(v)
		return err == nil && a.IsValid() && p.Contains(a)
	})
}

// NetworkOK tells whether a text is a network or address that a key may be bound to.
func NetworkOK(v string) bool {
	_, err := parseNetwork(v)
	return err == nil
}
