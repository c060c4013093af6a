package enrich

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/gaissmai/bart"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Table is one imported table of networks.
type Table struct {
	ID       int64
	Name     string
	Source   string // file or address it came from
	Imported int64  // µs
	Entries  int64
}

// partLines is how many networks one stored part holds: 1,000,000 networks are some fifty
// rows, read in a fraction of a second.
const partLines = 20_000

// linesMost is how many lines that could not be read are named.
const linesMost = 20

// Imported is what came of an import.
type Imported struct {
	Table    string `json:"table"`
	Networks int64  `json:"networks"`
	Unread   int    `json:"unread"` // lines that could not be read
	Lines    []int  `json:"lines"`  // the first of them
}

// ImportOrigins reads a table of networks and puts it in the place of the one with the
// same name, whole or not at all: until its last line is here the old one answers. Who
// may: catalog.write. Faults: Denied, Invalid when nothing in it is a network.
func (s *Service) ImportOrigins(ctx context.Context, who ident.Actor, name, source string, r io.Reader) (rep Imported, err error) {
	if err := access.Check(who, "catalog.write"); err != nil {
		return rep, err
	}
	if name = strings.TrimSpace(name); name == "" || len(name) > 100 {
		return rep, fault.Field("name", "intel.fault.table-name", "a table has a name of up to 100 bytes")
	}
	t := Table{ID: s.d.DB.NewID(), Name: name, Source: cut(source)}
	rep.Table = name
	var buf bytes.Buffer
	lines, seq := 0, int64(0)
	flush := func() error {
		if lines == 0 {
			return nil
		}
		packed, err := pack(buf.Bytes())
		if err != nil {
			return err
		}
		seq, lines = seq+1, 0
		buf.Reset()
		return s.d.DB.Update(ctx, func(tx *store.Tx) error {
			if seq == 1 {
				now, err := store.Now(ctx, tx)
				if err != nil {
					return err
				}
				t.Imported = now
				if err := addTable(ctx, tx, t); err != nil {
					return err
				}
			}
			return addPart(ctx, tx, s.d.DB.NewID(), t.ID, seq, packed)
		}, store.InLane(store.Bulk))
	}
	rep.Lines = []int{}
	err = readOrigins(r, func(o Origin) error {
		fmt.Fprintf(&buf, "%s\t%d\t%s\t%s\n", o.Net, o.ASN, o.Country, o.Name)
		t.Entries++
		if lines++; lines == partLines {
			return flush()
		}
		return nil
	}, func(line int) {
		if rep.Unread++; len(rep.Lines) < linesMost {
			rep.Lines = append(rep.Lines, line)
		}
	})
	if err == nil {
		err = flush()
	}
	if err == nil && t.Entries == 0 {
		err = fault.New(fault.Invalid, "no line of it is a network with a system or a country").WithKey("intel.fault.table")
	}
	if err != nil {
		_ = s.d.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return dropTable(context.WithoutCancel(ctx), tx, t.ID) }, store.InLane(store.Bulk))
		return rep, err
	}
	rep.Networks = t.Entries
	return rep, s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if err := putTable(ctx, tx, t); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "intel.networks", audit.Thing{Kind: "catalogue", ID: t.ID, Label: t.Name}, map[string]any{"networks": t.Entries, "unread": rep.Unread})
	})
}

func pack(b []byte) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	err := z.Close()
	return out.Bytes(), err
}

// OriginTables lists the imported tables. Who may: catalog.read, catalog.write or whoever
// reads threat data.
func (s *Service) OriginTables(ctx context.Context, who ident.Actor) (out []Table, err error) {
	if err := mayRead(who); err != nil && access.Check(who, "catalog.write") != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		out, err = listTables(ctx, tx)
		return err
	})
	return out, err
}

// DropOrigins takes a table away. Faults: NotFound, Denied.
func (s *Service) DropOrigins(ctx context.Context, who ident.Actor, name string) error {
	if err := access.Check(who, "catalog.write"); err != nil {
		return err
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		list, err := listTables(ctx, tx)
		if err != nil {
			return err
		}
		for _, t := range list {
			if t.Name == name {
				if err := dropTable(ctx, tx, t.ID); err != nil {
					return err
				}
				return s.d.Audit.Record(ctx, tx, who, "intel.networks", audit.Thing{Kind: "catalogue", ID: t.ID, Label: t.Name}, map[string]any{"dropped": true})
			}
		}
		return fault.New(fault.NotFound, "no table %q", name).WithKey("intel.fault.no-table")
	})
}

// origins are the imported tables in memory, read again when others are in force.
type origins struct {
	mu     sync.Mutex
	as     string // the ids of the tables that these are
	tables []*originTable
}

type originTable struct {
	name  string
	nets  bart.Table[uint32]
	known []Origin // without Net, each once
}

// of gives the most specific network of each table that holds an address.
func (o *origins) of(ctx context.Context, tx *store.Tx, a netip.Addr) (out []Origin, err error) {
	if !a.IsValid() {
		return nil, nil
	}
	tables, err := o.current(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		if net, i, ok := t.nets.LookupPrefixLPM(netip.PrefixFrom(a, a.BitLen())); ok {
			x := t.known[i]
			x.Net, x.Table = net, t.name
			out = append(out, x)
		}
	}
	return out, nil
}

func (o *origins) current(ctx context.Context, tx *store.Tx) ([]*originTable, error) {
	list, err := listTables(ctx, tx)
	if err != nil {
		return nil, err
	}
	var as strings.Builder
	for _, t := range list {
		as.WriteString(strconv.FormatInt(t.ID, 10) + " ")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.as == as.String() {
		return o.tables, nil
	}
	old := map[string]*originTable{}
	for i, id := range strings.Fields(o.as) {
		old[id] = o.tables[i]
	}
	var tables []*originTable
	for _, t := range list {
		x := old[strconv.FormatInt(t.ID, 10)]
		if x == nil {
			if x, err = loadTable(ctx, tx, t); err != nil {
				return nil, err
			}
		}
		tables = append(tables, x)
	}
	o.as, o.tables = as.String(), tables
	return tables, nil
}

func loadTable(ctx context.Context, tx *store.Tx, t Table) (*originTable, error) {
	out, index := &originTable{name: t.Name}, map[Origin]uint32{}
	for body, err := range eachPart(ctx, tx, t.ID) {
		if err != nil {
			return nil, err
		}
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		for lines := bufio.NewScanner(z); lines.Scan(); {
			f := strings.SplitN(lines.Text(), "\t", 4)
			if len(f) != 4 {
				continue
			}
			net, err := netip.ParsePrefix(f[0])
			if err != nil {
				continue
			}
			x := Origin{ASN: asn(f[1]), Country: f[2], Name: f[3]}
			i, known := index[x]
			if !known {
				x.Country, x.Name = strings.Clone(x.Country), strings.Clone(x.Name)
				i = uint32(len(out.known))
				index[x], out.known = i, append(out.known, x)
			}
			out.nets.Insert(net, i)
		}
	}
	return out, nil
}
