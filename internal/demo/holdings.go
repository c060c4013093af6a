package demo

import (
	"context"
	"fmt"

	"straza/internal/kernel/store"
	"straza/internal/registry"
)

// systems are what organisations rely on: kind, name, product, how critical.
var systems = []registry.AssetInput{
	{Kind: "ict-system", Name: "Информациони систем за пословање", Product: "SAP S/4HANA 2023", Criticality: 4},
	{Kind: "service", Name: "Електронска пошта", Product: "Microsoft Exchange Server 2019 CU14", Criticality: 3},
	{Kind: "software", Name: "Систем за управљање документима", Product: "Alfresco 23.2", Criticality: 2},
	{Kind: "device", Name: "Заштитни зид на излазу", Product: "FortiGate 200F, FortiOS 7.4.4", Criticality: 4},
	{Kind: "service", Name: "Портал за кориснике", Product: "nginx 1.26, PostgreSQL 16", Criticality: 3},
	{Kind: "device", Name: "Управљање постројењем", Product: "Siemens SIMATIC S7-1500", Criticality: 4},
	{Kind: "software", Name: "Приступ са удаљености", Product: "Ivanti Connect Secure 22.7R2", Criticality: 3},
	{Kind: "service", Name: "Сајт", Product: "WordPress 6.7", Criticality: 1},
}

// operatorAdmin is the administrator of the organisation that the portal's pages show.
const operatorAdmin = 10

// addHoldings gives organisations their systems, some of them withdrawn again. The
// operator's own administrator enters a network that no team has looked at yet, and
// enough systems for two pages.
func (c *country) addHoldings(ctx context.Context) error {
	for i, o := range c.orgs {
		for n := range i % 5 {
			in := systems[(i+n*3)%len(systems)]
			in.Name = latin(in.Name)
			a, err := c.Registry.AddAsset(ctx, c.setup, o.UUID, 0, in)
			if err != nil {
				return fmt.Errorf("%s: %w", in.Name, err)
			}
			if (i+n)%7 == 0 {
				if _, err := c.Registry.WithdrawAsset(ctx, c.setup, o.UUID, 0, a.UUID); err != nil {
					return err
				}
			}
		}
	}
	own, admin := c.orgs[2].UUID, c.actors[operatorAdmin]
	for n := range 60 {
		in := registry.AssetInput{Kind: "device", Name: latin(fmt.Sprintf("Трафостаница %02d", n+1)), Product: "Siemens SIPROTEC 5", Criticality: int64(n%4 + 1)}
		if _, err := c.Registry.AddAsset(ctx, admin, own, 0, in); err != nil {
			return err
		}
	}
	for _, x := range [][2]string{{registry.Network, "192.0.2.224/28"}, {registry.Domain, "daljinski." + orgs[2].domain}} {
		if _, err := c.Registry.AddResource(ctx, admin, own, 0, x[0], x[1], "од јуче"); err != nil {
			return err
		}
	}
	return c.verify(ctx)
}

// verify lets most contacts be confirmed, some by letter later (the clock asks the
// others while the days go by), one with an address that has died, one who says that
// he has left.
func (c *country) verify(ctx context.Context) error {
	for i, o := range c.orgs {
		list, err := c.Registry.Contacts(ctx, c.setup, o.UUID)
		if err != nil {
			return err
		}
		for n, x := range list {
			if (i+n)%3 == 2 {
				continue
			}
			if _, err := c.Registry.ConfirmContact(ctx, c.setup, o.UUID, 0, x.UUID); err != nil {
				return err
			}
		}
	}
	return c.Update(ctx, func(tx *store.Tx) error {
		_, err := c.Registry.BounceTx(ctx, tx, c.setup, "admin@"+orgs[5].domain, "550 5.1.1")
		return err
	})
}
