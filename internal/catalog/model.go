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

// Models lists the decaying models with their parameters, ready to score; with
// enabled only those in force. One that cannot be read is left out.
func (s *Service) Models(ctx context.Context, who ident.Actor, enabled bool) (out []*DecayModel, err error) {
	items, err := s.List(ctx, who, Model)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		if enabled && !it.Enabled {
			continue
		}
		m, err := s.DecayModel(ctx, who, itoa(it.ID))
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// DecayModel reads one model by id, UUID or name. Faults: NotFound.
func (s *Service) DecayModel(ctx context.Context, who ident.Actor, ref string) (*DecayModel, error) {
	it, body, err := s.Get(ctx, who, Model, ref)
	if err != nil {
		return nil, err
	}
	var f modelFile
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, err
	}
	m := &DecayModel{Item: it, Formula: formulaOf(f.Formula), values: map[string]float64{}}
	if m.Parameters, err = parametersOf(f.Parameters); err != nil {
		return nil, err
	}
	return m, s.weigh(ctx, who, m)
}

// weigh looks up the numerical values of the taxonomies that a model weighs.
func (s *Service) weigh(ctx context.Context, who ident.Actor, m *DecayModel) error {
	for key := range m.Weights {
		entries, err := s.Entries(ctx, who, namespaceOf(key))
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Numerical != nil {
				m.values[strings.ToLower(e.Tag)] = float64(*e.Numerical)
			}
		}
	}
	return nil
}

// ModelDraft is a decaying model as somebody gives it.
type ModelDraft struct {
	Name, Description, Formula string
	Parameters                 Parameters
	Types                      []string
}

// SaveModel makes a decaying model (ref "") or lets change rewrite one that was
// made here; of an imported one, the types alone. Who may: catalog.write, or the
// site administrator on MISP's surface. Faults: NotFound, Invalid, Conflict.
func (s *Service) SaveModel(ctx context.Context, who ident.Actor, ref string, change func(*ModelDraft)) (it Item, err error) {
	if err := mayWrite(who); err != nil {
		return it, err
	}
	var d ModelDraft
	var old DecayModel
	if ref != "" {
		m, err := s.DecayModel(ctx, who, ref)
		if err != nil {
			return it, err
		}
		old = *m
		d = ModelDraft{old.Name, old.Description, old.Formula, old.Parameters, old.Types}
	}
	change(&d)
	d.Formula = formulaOf(d.Formula)
	if strings.TrimSpace(d.Name) == "" {
		return it, fault.Field("name", "catalog.fault.name", "a model has a name")
	}
	if err := d.Parameters.check(d.Formula); err != nil {
		return it, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		it = old.Item
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if old.ID != 0 && !old.Own { // an imported model's numbers are its makers'
			it.Types, it.Changed = d.Types, now
			body, err := bodyOf(ctx, tx, it.ID)
			if err != nil {
				return err
			}
			return s.writeModel(ctx, tx, who, it, body)
		}
		if it.ID == 0 {
			it = Item{ID: s.db.NewID(), Kind: Model, UUID: s.db.NewUUID(), Own: true}
			it.Key = it.UUID
		}
		it.Name, it.Description, it.Class, it.Types, it.Version, it.Changed = strings.TrimSpace(d.Name), d.Description, d.Formula, d.Types, it.Version+1, now
		body, err := json.Marshal(map[string]any{"name": it.Name, "uuid": it.UUID, "version": it.Version, "description": it.Description, "formula": d.Formula,
			"parameters": d.Parameters, "attribute_types": orNone(d.Types)})
		if err != nil {
			return err
		}
		return s.writeModel(ctx, tx, who, it, body)
	})
	return it, err
}

func (s *Service) writeModel(ctx context.Context, tx *store.Tx, who ident.Actor, it Item, body []byte) error {
	if err := writeItem(ctx, tx, it, body); err != nil {
		return err
	}
	return s.log.Record(ctx, tx, who, "catalog.model", audit.Thing{Kind: Model, ID: it.ID, Label: it.Name}, map[string]any{"version": it.Version, "types": len(it.Types)})
}

// DropModel takes away a model that was made here. Faults: NotFound, Denied.
func (s *Service) DropModel(ctx context.Context, who ident.Actor, ref string) error {
	if err := mayWrite(who); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		it, err := readItem(ctx, tx, Model, ref)
		if err != nil {
			return err
		}
		if !it.Own {
			return fault.New(fault.Denied, "model %d was imported", it.ID).WithKey("catalog.fault.imported")
		}
		if _, err := tx.Exec(ctx, dropItem, it.ID); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "catalog.model-drop", audit.Thing{Kind: Model, ID: it.ID, Label: it.Name}, nil)
	})
}
