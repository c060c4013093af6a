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
