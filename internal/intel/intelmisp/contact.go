package intelmisp

import (
	"straza/internal/format/misp"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
)

// eventContact writes to the organisation behind an event (spec misp §14).
func (a *api) eventContact(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("Event")
	e, err := a.Remarks.Contact(c.ctx(), c.who, c.arg(0), p.text("message"), p.flag("person", false))
	if err != nil {
		no := func(why string) error {
			return unsaved(misp.Outcome{Controller: "Events", Action: "contact", Message: "Sending of email failed", Errors: why, ID: c.arg(0)})
		}
		err = instead(err, notFound("Invalid event."), fault.NotFound)
		err = instead(err, no("The event's label keeps words about it out of letters, or the message is too long."), fault.Invalid)
		err = instead(err, no("Nobody of the organisation can be written to."), fault.Unavailable)
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	return c.done(misp.Outcome{Controller: "Events", Action: "contact", Message: "Email sent to the reporter.", ID: itoa(e.ID)})
}

// eventCheck tells a peer whether an event is here, as far as it may know.
func (a *api) eventCheck(c *call) error {
	e, err := a.Intel.Event(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid event."), fault.NotFound)
	}
	if a.withheld(c, &e) {
		return notFound("Invalid event.")
	}
	return c.value(ordered{{"uuid", e.UUID}})
}

// resetKey answers users/resetauthkey: the key of the call is replaced by a new one of
// the same reach, which is told once.
func (a *api) resetKey(c *call) error {
	if a.Accounts == nil {
		return forbidden(notHere)
	}
	id, err := c.meant(c.arg(0))
	if err != nil {
		return err
	}
	if id != c.who.Person {
		return forbidden(misp.MsgNoPermission) // keys of others are their owners'
	}
	list, err := a.Accounts.Keys(c.ctx(), c.who, "")
	if err != nil {
		return err
	}
	for _, k := range list {
		if k.ID != c.who.Key {
			continue
		}
		n := account.NewKey{Name: k.Name, Scopes: k.Scopes, ReadOnly: k.ReadOnly, AllowIP: k.AllowIP}
		if k.Expires > 0 {
			n.Expires = clock.FromMicros(k.Expires)
		}
		_, secret, err := a.Accounts.AddKey(c.ctx(), c.who, "", n)
		if err == nil {
			_, err = a.Accounts.RevokeKey(c.ctx(), c.who, k.UUID)
		}
		if err != nil {
			return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
		}
		said := "Authkey updated: " + secret
		return c.value(ordered{{"saved", true}, {"success", true}, {"name", said}, {"message", said}, {"url", "/users/resetauthkey"}})
	}
	return forbidden(misp.MsgNoPermission)
}
