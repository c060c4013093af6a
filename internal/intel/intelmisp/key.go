package intelmisp

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
)

const noKey = "Invalid AuthKey."

// keyJSON is a key as MISP shows it. Only the first four characters of a key are
// kept, so the last ones are not told.
func keyJSON(k account.Key) ordered {
	return ordered{{"id", itoa(k.ID)}, {"uuid", k.UUID}, {"authkey_start", k.Prefix}, {"authkey_end", "****"}, {"created", itoa(k.Created / 1e6)},
		{"expiration", itoa(k.Expires / 1e6)}, {"read_only", k.ReadOnly}, {"user_id", itoa(k.Person)}, {"comment", k.Name},
		{"allowed_ips", addresses(k)}, {"unique_ips", append([]string{}, k.UsedFrom...)}}
}

func keyWithUser(k account.Key) ordered {
	return ordered{{"AuthKey", keyJSON(k)}, {"User", ordered{{"id", itoa(k.Person)}, {"email", k.Email}}}}
}

// addresses writes whole networks as single addresses where they are that; none is null.
func addresses(k account.Key) any {
	if len(k.AllowIP) == 0 {
		return nil
	}
	out := []string{}
	for _, n := range k.AllowIP {
		out = append(out, strings.TrimSuffix(strings.TrimSuffix(n, "/32"), "/128"))
	}
	return out
}

// livingKeys lists the keys that the caller may see: the own, the organisation's
// for its administrator, all for the site administrator; oldest first.
func (a *api) livingKeys(c *call) ([]account.Key, error) {
	if a.Accounts == nil {
		return nil, nil
	}
	list, err := a.Accounts.Keys(c.ctx(), c.who, "*")
	if fault.Is(err, fault.Denied) {
		list, err = a.Accounts.Keys(c.ctx(), c.who, "")
	}
	list = slices.DeleteFunc(list, func(k account.Key) bool { return k.Revoked != 0 })
	slices.SortFunc(list, func(x, y account.Key) int { return cmp.Compare(x.ID, y.ID) })
	return list, err
}

func (a *api) findKey(c *call) (account.Key, error) {
	list, err := a.livingKeys(c)
	if err != nil {
		return account.Key{}, err
	}
	for _, k := range list {
		if itoa(k.ID) == c.arg(0) || strings.EqualFold(k.UUID, c.arg(0)) {
			return k, nil
		}
	}
	return account.Key{}, notFound(noKey)
}

func (a *api) keyIndex(c *call) error {
	list, err := a.livingKeys(c)
	if err != nil {
		return err
	}
	of := c.arg(0)
	if of == "" {
		of = c.params.text("user_id")
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for _, k := range list {
			if of != "" && itoa(k.Person) != of {
				continue
			}
			b, err := marshal(keyWithUser(k))
			if err == nil {
				err = yield(b)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (a *api) keyView(c *call) error {
	k, err := a.findKey(c)
	if err != nil {
		return err
	}
	return c.value(keyWithUser(k))
}

// keyAdd makes a key for the caller or somebody they manage; its secret stands in
// this one answer.
func (a *api) keyAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if a.Accounts == nil {
		return forbidden(notHere)
	}
	p := c.params.sub("AuthKey")
	id, err := c.meant(cmp.Or(c.arg(0), p.text("user_id")))
	if err != nil {
		return err
	}
	owner, err := a.person(c, id)
	if err != nil {
		return err
	}
	n := account.NewKey{Name: p.text("comment"), Scopes: []string{"misp"}, ReadOnly: p.flag("read_only", false), AllowIP: texts(p["allowed_ips"])}
	if n.Expires, err = expiry(p.text("expiration")); err != nil {
		return keyFault("add", nil, err)
	}
	k, secret, err := a.Accounts.AddKey(c.ctx(), c.who, owner.UUID, n)
	if err != nil {
		return keyFault("add", n.AllowIP, err)
	}
	return c.value(ordered{{"AuthKey", append(keyJSON(k), ordered{{"authkey_raw", secret}}...)}})
}

// expiry reads a date, a moment or a Unix time; "" and 0 are never.
func expiry(s string) (time.Time, error) {
	if s == "" || s == "0" {
		return time.Time{}, nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0), nil
	}
	for _, form := range []string{time.DateOnly, time.DateTime, time.RFC3339} {
		if at, err := time.Parse(form, s); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fault.Field("expires", "account.key-past", "no date %q", s)
}

func (a *api) keyEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	before, err := a.findKey(c)
	if err != nil {
		return err
	}
	p := c.params.sub("AuthKey")
	var ch account.KeyChange
	if p.has("comment") {
		s := p.text("comment")
		ch.Name = &s
	}
	if p.has("read_only") {
		on := p.flag("read_only", false)
		ch.ReadOnly = &on
	}
	if p.has("allowed_ips") {
		list := texts(p["allowed_ips"])
		ch.AllowIP = &list
	}
	if p.has("expiration") {
		at, err := expiry(p.text("expiration"))
		if err != nil {
			return keyFault("edit", nil, err)
		}
		ch.Expires = &at
	}
	k, err := a.Accounts.ChangeKey(c.ctx(), c.who, before.UUID, ch)
	if err != nil {
		return keyFault("edit", texts(p["allowed_ips"]), err)
	}
	owner, err := a.person(c, k.Person)
	if err != nil {
		return err
	}
	w := keyJSON(k) // in this one answer MISP gives a number and a text where others have a text and a list
	for i := range w {
		switch w[i].Key {
		case "expiration":
			w[i].Value = k.Expires / 1e6
		case "unique_ips":
			b, err := marshal(w[i].Value)
			if err != nil {
				return err
			}
			w[i].Value = string(b)
		}
	}
	return c.value(ordered{{"AuthKey", w}, {"User", ordered{{"id", itoa(k.Person)}, {"org_id", itoa(owner.Org)}}}})
}

func (a *api) keyDelete(c *call) error {
	k, err := a.findKey(c)
	if err != nil {
		return err
	}
	if _, err := a.Accounts.RevokeKey(c.ctx(), c.who, k.UUID); err != nil {
		return keyFault("delete", nil, err)
	}
	id := any(k.ID)
	if !isDigits(c.arg(0)) {
		id = c.arg(0)
	}
	return c.done(misp.Outcome{Controller: "auth_keys", Action: "delete", Message: "AuthKey deleted.", ID: id})
}

func keyFault(action string, networks []string, err error) error {
	f := fault.Of(err)
	if f == nil || f.Kind != fault.Invalid && f.Kind != fault.Limited {
		err = instead(err, notFound(noKey), fault.NotFound)
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	errs := map[string][]string{}
	for field := range f.Fields {
		switch field {
		case "allow_ip":
			for _, n := range networks {
				if !account.NetworkOK(n) {
					errs["allowed_ips"] = append(errs["allowed_ips"], n+" is not valid IP range")
				}
			}
		case "expires":
			errs["expiration"] = []string{"Expiration date is not a date to come."}
		case "scope":
			errs["read_only"] = []string{"A new key cannot do more than the key that makes it."}
		default:
			errs["comment"] = []string{"The comment is too long."}
		}
	}
	if f.Kind == fault.Limited {
		errs["user_id"] = []string{"This user has as many keys as one may have."}
	}
	return unsaved(misp.Outcome{Controller: "auth_keys", Action: action, Errors: errs})
}
