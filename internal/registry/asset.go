package registry

import (
	"time"

	"straza/internal/kernel/fault"
)

// Asset is a system, service or product that an organisation relies on; what
// watch holds against vulnerabilities.
type Asset struct {
	ID          int64
	UUID        string
	Kind        string // of the pack: ict-system, service, software, device
	Name        string
	Product     string // vendor and version in words, or a CPE 2.3 name
	Criticality int64  // 1 low … 4 very high, 0 not judged
	Note        string
	Created     time.Time
	Updated     time.Time
	Withdrawn   time.Time // zero = in use

	org int64
}

// AssetInput is what somebody types of an asset.
type AssetInput struct {
	Kind        string
	Name        string
	Product     string
	Criticality int64
	Note        string
}

// AssetPatch changes what is not nil.
type AssetPatch struct {
	Kind        *string
	Name        *string
	Product     *string
	Criticality *int64
	Note        *string
}

// apply gives what was typed of a with the patch over it.
func (p AssetPatch) apply(a Asset) AssetInput {
	in := AssetInput{Kind: a.Kind, Name: a.Name, Product: a.Product, Criticality: a.Criticality, Note: a.Note}
	set(&in.Kind, p.Kind)
	set(&in.Name, p.Name)
	set(&in.Product, p.Product)
	set(&in.Criticality, p.Criticality)
	set(&in.Note, p.Note)
	return in
}

func (a Asset) with(in AssetInput, now time.Time) Asset {
	a.Kind, a.Name, a.Product, a.Criticality, a.Note, a.Updated = in.Kind, in.Name, in.Product, in.Criticality, in.Note, now
	return a
}

// checkAsset tidies a and says what is wrong with it, all fields at once.
func (p *Pack) checkAsset(a *AssetInput) error {
	var c fault.Collector
	a.Name, a.Product, a.Note = tidy(a.Name), tidy(a.Product), tidy(a.Note)
	c.Require(p.Assets.Has(a.Kind), "kind", "registry.fault.asset-kind")
	c.Require(a.Name != "", "name", "registry.fault.name-missing")
	checkLine(&c, "name", a.Name, maxLine)
	checkLine(&c, "product", a.Product, maxLine)
	checkLine(&c, "note", a.Note, maxText)
	c.Require(a.Criticality >= 0 && a.Criticality <= 4, "criticality", "registry.fault.criticality")
	return c.Err("asset")
}
