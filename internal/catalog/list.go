package catalog

import (
	"context"
	"encoding/json"
	"strings"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// ListDraft is a warning list of one's own.
type ListDraft struct {
	Name, Description string
	Type              string   // string, substring, hostname, cidr, regex
	Category          string   // false_positive (the default) or known
	Types             []string // attribute types it is matched for
	Entries           []string // "value # comment"
	Enabled           bool
}

// listEntriesMost bounds a list that is entered by hand.
const listEntriesMost = 200_000

// AddList makes a warning list, or writes over one that was made here; an imported
// one stays. Who may: catalog.write, or misp.warninglist on MISP's surface.
// Faults: Invalid, Conflict when an imported list has the name.
func (s *Service) AddList(ctx context.Context, who ident.Actor, d ListDraft) (it Item, err error) {
	if err := mayList(who); err != nil {
		return it, err
	}
	p, err := d.parsed()
	if err != nil {
		return it, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		old, err := readItem(ctx, tx, WarningList, p.item.Key)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if old.ID != 0 && !old.Own {
			return fault.New(fault.Conflict, "there is a list %q", d.Name).WithKey("catalog.fault.list-taken")
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		it = p.item
		it.ID, it.Version, it.Enabled, it.Own, it.Changed = old.ID, old.Version+1, d.Enabled, true, now
		if it.ID == 0 {
			it.ID = s.db.NewID()
		}
		if err := writeItem(ctx, tx, it, p.body); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, setEnabled, it.ID, it.Enabled, now); err != nil { // an older one keeps its switch else
			return err
		}
		tx.AfterCommit(s.match.drop)
		return s.log.Record(ctx, tx, who, "catalog.list", audit.Thing{Kind: WarningList, ID: it.ID, Label: it.Name}, map[string]any{"entries": it.Entries})
	})
	return it, err
}

func mayList(who ident.Actor) error {
	if who.Channel == ident.MISP && who.Can("misp.warninglist") && !who.ReadOnly {
		return nil
	}
	return mayWrite(who)
}

// parsed checks a draft and gives it the upstream form.
func (d ListDraft) parsed() (*parsed, error) {
	var c fault.Collector
	entries, comments := []string{}, map[string]string{}
	tried := &list{item: Item{Class: d.Type}}
	for _, e := range d.Entries {
		e, why, _ := strings.Cut(e, " #")
		if e = strings.TrimSpace(e); e == "" {
			continue
		}
		if why = strings.TrimSpace(why); why != "" {
			comments[e] = why
		}
		if !tried.add(e) {
			c.Add("entries", "catalog.fault.entry")
		}
		entries = append(entries, e)
	}
	c.Require(strings.TrimSpace(d.Name) != "" && len(d.Name) <= 255, "name", "catalog.fault.name")
	c.Require(len(entries) > 0 && len(entries) <= listEntriesMost, "entries", "catalog.fault.entries")
	c.Require(d.Category == "" || d.Category == "false_positive" || d.Category == "known", "category", "catalog.fault.category")
	switch d.Type {
	case "string", "substring", "hostname", "cidr", "regex":
	default:
		c.Add("type", "catalog.fault.type")
	}
	if err := c.Err("a warning list"); err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"name": strings.TrimSpace(d.Name), "description": d.Description, "type": d.Type, "version": 1,
		"category": either(d.Category, "false_positive"), "matching_attributes": orNone(d.Types), "list": entries, "comments": comments})
	if err != nil {
		return nil, err
	}
	return parse(body)
}
