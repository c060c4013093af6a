package registry

import (
	"context"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// audited is what the one audit line of an import is about.
var audited = audit.Thing{Kind: "registry"}

// importer applies checked rows inside one transaction.
type importer struct {
	s    *Service
	tx   *store.Tx
	who  ident.Actor
	res  *ImportResult
	seen map[int64]int // organisation → line that named it
}

// row enters one row. A fault is noted and the next row follows; anything else
// ends the import, and so does a fault in a statement that PostgreSQL has already
// refused: those are asked for before they are written.
func (m *importer) row(ctx context.Context, x row) error {
	act, err := m.apply(ctx, x)
	if f := fault.Of(err); f != nil && f.Kind != fault.Unavailable && f.Err == nil {
		m.res.refuse(x.line, err)
		return nil
	}
	if err != nil {
		return err
	}
	switch act {
	case "create":
		m.res.Created++
	case "update":
		m.res.Updated++
	default:
		m.res.Unchanged++
	}
	if len(m.res.Preview) < maxPreview {
		m.res.Preview = append(m.res.Preview, ImportRow{Line: x.line, Name: x.rec.Name, Act: act})
	}
	return nil
}

func (m *importer) apply(ctx context.Context, x row) (act string, err error) {
	o, err := m.match(ctx, x.rec)
	if err != nil {
		return "", err
	}
	if first, twice := m.seen[o.ID]; twice && o.ID != 0 {
		return "", fault.Field("name", "registry.fault.row-twice", "the same organisation as in line %d", first)
	}
	act = "unchanged"
	if o.ID == 0 {
		act = "create"
		if o, err = m.s.insert(ctx, m.tx, x.rec.Draft().organisation()); err != nil {
			return "", err
		}
		if err := m.s.record(ctx, m.tx, m.who, o, "add", diff(Organisation{}, o)); err != nil {
			return "", err
		}
		if o, err = orgByID(ctx, m.tx, m.who, o.ID); err != nil { // with what who may see of it
			return "", err
		}
	} else {
		version := o.Version
		if o, err = m.s.write(ctx, m.tx, m.who, o, x.rec.over(o), "change"); err != nil {
			return "", err
		}
		if o.Version != version {
			act = "update"
		}
	}
	m.seen[o.ID] = x.line
	more, err := m.parts(ctx, &o, x.rec)
	if more && act == "unchanged" {
		act = "update"
	}
	return act, err
}

// match finds the organisation that a row means: one that who may see and change;
// ID 0 = none yet.
func (m *importer) match(ctx context.Context, rec Record) (Organisation, error) {
	draft := rec.Draft().organisation()
	if err := m.s.pack().check(&draft); err != nil {
		return draft, err
	}
	for _, look := range []struct{ text, arg string }{
		{uuidTaken, uuidOf(rec.ID)}, {orgsByNumber, draft.RegistrationNo}, {orgsByKey, draft.nameKey()},
	} {
		if look.arg == "" {
			continue
		}
		id, err := store.Int64(ctx, m.tx, look.text, look.arg)
		if err != nil {
			return Organisation{}, err
		}
		if id == 0 {
			continue
		}
		o, err := orgByID(ctx, m.tx, m.who, id)
		if err != nil {
			return o, err
		}
		// An organisation that the importer may not see is "taken", as in Add.
		if o, err = open(ctx, m.tx, m.who, o.UUID, 0); fault.Is(err, fault.NotFound) {
			return o, taken()
		}
		return o, err
	}
	return Organisation{}, nil
}

func uuidOf(s string) string {
	id, _ := store.ParseUUID(s)
	return id
}

// parts adds the contacts, resources and assets that are not there yet.
func (m *importer) parts(ctx context.Context, o *Organisation, rec Record) (more bool, err error) {
	if len(rec.Resources) > 0 || len(rec.Contacts) > 0 || len(rec.Assets) > 0 {
		if err := mayWriteParts(m.who, *o); err != nil {
			return false, err
		}
	}
	for _, x := range rec.Resources {
		r, err := ParseResource(x.Kind, x.Value)
		if err != nil {
			return more, err
		}
		r.Note = tidy(x.Note)
		n, err := store.Int64(ctx, m.tx, countResource, o.ID, r.Kind, r.Value, 0)
		if err != nil {
			return more, err
		}
		if n > 0 {
			continue
		}
		if err := m.s.addResource(ctx, m.tx, m.who, o, &r); err != nil {
			return more, err
		}
		more = true
	}
	for _, x := range rec.Contacts {
		n, err := store.Int64(ctx, m.tx, sameContact, o.ID, x.Kind, x.Name, emailKey(x.Email))
		if err != nil {
			return more, err
		}
		if n > 0 {
			continue
		}
		if _, err := m.s.addContact(ctx, m.tx, m.who, o, x.Input()); err != nil {
			return more, err
		}
		more = true
	}
	for _, x := range rec.Assets {
		n, err := store.Int64(ctx, m.tx, sameAsset, o.ID, x.Kind, tidy(x.Name))
		if err != nil {
			return more, err
		}
		if n > 0 {
			continue
		}
		if _, err := m.s.addAsset(ctx, m.tx, m.who, o, x.Input()); err != nil {
			return more, err
		}
		more = true
	}
	return more, nil
}
