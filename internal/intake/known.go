package intake

import (
	"context"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
)

// known asks the registry as intake itself: who reports has no right to read it, and
// a report is placed all the same.
type known struct{ r *registry.Service }

// FromRegistry is the registry as intake sees it.
func FromRegistry(r *registry.Service) Registry { return known{r} }

var itself = ident.SystemPart("intake")

func orgOf(o registry.Organisation, err error) (Org, error) {
	return Org{ID: o.ID, UUID: o.UUID, Name: o.Name, Sector: o.Sector, CERT: o.CERT}, err
}

func (k known) HostTx(ctx context.Context, tx *store.Tx) (Org, error) {
	return orgOf(k.r.HostTx(ctx, tx, itself))
}

func (k known) OrgTx(ctx context.Context, tx *store.Tx, id int64) (Org, error) {
	return orgOf(k.r.OrgTx(ctx, tx, itself, id))
}

func (k known) RefTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Org, error) {
	return orgOf(k.r.OrgByRefTx(ctx, tx, who, ref))
}

func (k known) RecogniseTx(ctx context.Context, tx *store.Tx, email, name string) (Org, string, bool, error) {
	if email != "" {
		m, found, err := k.r.RecogniseTx(ctx, tx, itself, registry.Clue{Email: email})
		if err != nil || found {
			o, err := orgOf(m.Organisation, err)
			return o, m.By, found, err
		}
	}
	if name = strings.TrimSpace(name); name == "" {
		return Org{}, "", false, nil
	}
	o, err := orgOf(k.r.OrgByRefTx(ctx, tx, itself, name))
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
		return Org{}, "", false, nil // a name that fits nobody, or several, recognises nobody
	}
	return o, "name", err == nil, err
}

func (k known) CERTsTx(ctx context.Context, tx *store.Tx) (out []Org, err error) {
	list, err := k.r.CERTsTx(ctx, tx, itself)
	for _, o := range list {
		one, _ := orgOf(o, nil)
		out = append(out, one)
	}
	return out, err
}
