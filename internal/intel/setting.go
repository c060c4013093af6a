package intel

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Setting is one value under a name of MISP's: a person's own, or the
// installation's (Person 0).
type Setting struct {
	ID        int64
	Person    int64
	Name      string
	Value     json.RawMessage
	Timestamp int64 // s
}

// userSettings are the names that people may set for themselves. Names that begin
// "user." are fields of MISP's user record, which only profiles touch.
var userSettings = strings.Fields(`publish_alert_filter dashboard homepage default_restsearch_parameters tag_numerical_value_override
	event_index_hide_columns periodic_notification_filters`)

const maxSetting = 64 << 10

// profile tells whether a name is a field of the user record.
func profile(name string) bool { return strings.HasPrefix(name, "user.") }

// Settings lists settings: the asker's own, those of the own organisation for its
// administrator, all for the site administrator. person narrows, 0 does not;
// fields gives the fields of the user record instead. Never more than who may see.
func (s *Service) Settings(ctx context.Context, who ident.Actor, person int64, fields bool) (out []Setting, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		all, err := readSettings(ctx, tx, person, orgOfSettings(who), who.Person)
		for _, x := range all {
			if profile(x.Name) == fields {
				out = append(out, x)
			}
		}
		return err
	})
	return out, err
}

// orgOfSettings: whose settings one sees: -1 the own, 0 all, else an organisation's.
func orgOfSettings(who ident.Actor) int64 {
	switch {
	case seesAll(who):
		return 0
	case onWire(who) && access.Allowed(who, "misp.admin") && who.Org != 0:
		return who.Org
	}
	return -1
}

// SetSetting keeps a person's setting, 0 = the asker's own. Another's may be set
// by who sees it (Settings); the caller has checked that the person is known to
// who and not above them. Faults: Invalid "setting" for an unknown name or a value
// that is too large; Denied, NotFound.
func (s *Service) SetSetting(ctx context.Context, who ident.Actor, person int64, name string, value json.RawMessage) (x Setting, err error) {
	if err := maySet(who); err != nil {
		return x, err
	}
	if person == 0 {
		person = who.Person
	}
	if !slices.Contains(userSettings, name) && !profile(name) || len(value) > maxSetting || !json.Valid(value) {
		return x, fault.Field("setting", "intel.fault.setting", "no setting %q", name)
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if ok, err := personSeen(ctx, tx, person, orgOfSettings(who), who.Person); err != nil || !ok {
			return orNoSetting(err)
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if x, err = writeSetting(ctx, tx, Setting{ID: s.db.NewID(), Person: person, Name: name, Value: value, Timestamp: now / 1e6}); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "setting.set", audit.Thing{Kind: "setting", ID: x.ID, Label: name}, map[string]int64{"person": person})
	})
	return x, err
}

func maySet(who ident.Actor) error {
	if who.ReadOnly || !who.LoggedIn() {
		return fault.New(fault.Denied, "%s changes no settings", who).WithKey("fault.read-only")
	}
	return mayRead(who)
}

func orNoSetting(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.NotFound, "no such setting")
}

// DropSetting forgets a setting by its id. Faults: NotFound.
func (s *Service) DropSetting(ctx context.Context, who ident.Actor, id int64) (x Setting, err error) {
	if err := maySet(who); err != nil {
		return x, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		all, err := readSettings(ctx, tx, 0, orgOfSettings(who), who.Person)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(x Setting) bool { return x.ID == id && !profile(x.Name) })
		if at < 0 {
			return orNoSetting(nil)
		}
		x = all[at]
		if _, err := tx.Exec(ctx, dropSetting, id); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "setting.drop", audit.Thing{Kind: "setting", ID: x.ID, Label: x.Name}, map[string]int64{"person": x.Person})
	})
	return x, err
}

// HouseSetting reads a setting of the installation; found is false where none was
// set and the built-in value counts.
func (s *Service) HouseSetting(ctx context.Context, who ident.Actor, name string) (value json.RawMessage, found bool, err error) {
	if err := mayRead(who); err != nil {
		return nil, false, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		value, found, err = houseSetting(ctx, tx, name)
		return err
	})
	return value, found, err
}

// SetHouseSetting keeps a setting of the installation. Needs admin.settings. The
// caller knows which names there are and what values they take.
func (s *Service) SetHouseSetting(ctx context.Context, who ident.Actor, name string, value json.RawMessage) error {
	if err := access.Check(who, "admin.settings"); err != nil {
		return err
	}
	if who.ReadOnly || len(value) > maxSetting || !json.Valid(value) {
		return fault.Field("setting", "intel.fault.setting", "no value")
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		x, err := writeSetting(ctx, tx, Setting{ID: s.db.NewID(), Name: name, Value: value, Timestamp: now / 1e6})
		if err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "setting.house", audit.Thing{Kind: "setting", ID: x.ID, Label: name}, nil)
	})
}

// OrgCard is what MISP's clients say of an organisation in free words; nil texts
// were never said.
type OrgCard struct {
	Org               int64
	Description       *string
	Type, Nationality string
	Sector            string
	Contacts          *string
	Domains           []string // nil = never given
	CreatedBy         int64
}

// OrgCards reads the cards of organisations that the caller was shown; those
// without one are left out.
func (s *Service) OrgCards(ctx context.Context, who ident.Actor, ids []int64) (out map[int64]OrgCard, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	out = map[int64]OrgCard{}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err := readOrgCards(ctx, tx, ids)
		for _, c := range list {
			out[c.Org] = c
		}
		return err
	})
	return out, err
}

// SetOrgCard keeps a card. Needs registry.write; the organisation exists.
func (s *Service) SetOrgCard(ctx context.Context, who ident.Actor, c OrgCard) error {
	if err := access.Check(who, "registry.write"); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if err := writeOrgCard(ctx, tx, c); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "org-card.set", audit.Thing{Kind: "organisation", ID: c.Org}, nil)
	})
}
