package peer

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Move is the way of a run that takes over a whole installation: what it holds comes
// as it is, drafts too, no level narrower, because it becomes ours.
const Move = "import"

// Phases of a move that a pull does not have.
const (
	phaseOrgs       = "organisations"
	phaseGroups     = "sharing groups"
	phaseTags       = "tags"
	phaseTaxonomies = "taxonomies"
	phaseGalaxies   = "galaxies"
)

// Misfit is one thing of a move that had no place here.
type Misfit struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"` // UUID or name
	Reason string `json:"reason"`
}

// misfitsKept bounds the list; the counts go on.
const misfitsKept = 1000

func (c *Counts) misfit(kind, name, reason string) {
	c.Reasons[reason]++
	if len(c.Misfits) < misfitsKept {
		c.Misfits = append(c.Misfits, Misfit{kind, Cut(name), reason})
	}
}

// FromMISP takes over a whole MISP over its API (organisations, sharing groups, tags,
// taxonomies in use, galaxies and clusters, events of every age with their reports,
// proposals, sightings, analyst data), and gives the report with what did not fit.
// Org 0 is the host. It may be cut off anywhere and called again: it goes on where it
// stood. key "" is the one given before. The installation stays entered as a peer
// that nothing is exchanged with by itself. Needs peer.manage. Faults: as Pull.
func (s *Service) FromMISP(ctx context.Context, who ident.Actor, address, key string, org int64, o Options) (run Run, err error) {
	if err := s.mayManage(who); err != nil {
		return run, err
	}
	p, err := s.moved(ctx, who, address, strings.TrimSpace(key), org)
	if err != nil {
		return run, err
	}
	o.Technique, o.Force = Full, true
	return s.exchange(ctx, who, Move, p.UUID, o, func(_ context.Context, w *worker) ([]phase, error) {
		m := &mover{puller: &puller{worker: w, groups: map[string]int64{}}}
		return m.phases(), nil
	})
}

// moved finds the installation among the peers, or enters it.
func (s *Service) moved(ctx context.Context, who ident.Actor, address, key string, org int64) (p Peer, err error) {
	address = strings.TrimRight(strings.TrimSpace(address), "/")
	list, err := s.Peers(ctx, who)
	if err != nil {
		return p, err
	}
	for _, have := range list {
		if have.URL != address {
			continue
		}
		if key == "" {
			return have, nil
		}
		return s.Edit(ctx, who, have.UUID, key, Remote{}, func(*Peer) error { return nil })
	}
	if key == "" {
		return p, fault.Field("key", "peer.fault.key", "the key of that installation is needed")
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return p, fault.Field("url", "peer.fault.url", "no address")
	}
	p = Peer{Name: "import " + u.Host + strings.TrimRight(u.Path, "/"), URL: address, Org: org, Flags: Flags{Internal: true, PullSightings: true, PullClusters: true, PullAnalyst: true, PullCollections: true}}
	if err := p.check(); err != nil {
		return p, err
	}
	var me struct{ Organisation struct{ Name, UUID string } }
	if err := s.dial(&p, key).value(ctx, http.MethodGet, "/users/view/me.json", nil, &me); err != nil {
		return p, err
	}
	return s.Add(ctx, who, p, key, Remote{UUID: me.Organisation.UUID, Name: Cut(me.Organisation.Name)})
}

// mover is a puller that brings the surroundings first.
type mover struct{ *puller }

func (w *mover) phases() []phase {
	pull := w.puller.phases()
	around := []phase{{phaseOrgs, w.orgs}, {phaseGroups, w.sharing}, {phaseTags, w.tags}, {phaseTaxonomies, w.taxonomies}, {phaseGalaxies, w.galaxies}}
	return slices.Concat(pull[:1], around, pull[1:]) // the index resets the counts: it comes first
}

// keeper is in whose name catalogues are written.
func keeper() ident.Actor { return ident.SystemPart("importer") }

// each answers a list of documents under one wrap, one by one.
func (r *remote) objects(ctx context.Context, path, wrap string, yield func(map[string]json.RawMessage) error) error {
	return r.list(ctx, http.MethodGet, path, nil, func(b io.Reader) error {
		d := json.NewDecoder(io.LimitReader(b, listBytes))
		if err := intoList(d); err != nil {
			return err
		}
		for n := 0; d.More(); n++ {
			if n > clustersMost {
				return Odd("the list does not end")
			}
			var row map[string]json.RawMessage
			if err := d.Decode(&row); err != nil {
				return Broken(err, "the list cannot be read", "the list cannot be read")
			}
			if wrap != "" {
				var in map[string]json.RawMessage
				if json.Unmarshal(row[wrap], &in) == nil && in != nil {
					for k, v := range row {
						if k != wrap {
							in[k] = v
						}
					}
					row = in
				}
			}
			if err := yield(row); err != nil {
				return err
			}
		}
		_, err := d.Token()
		return orNil(err, "the list breaks off")
	})
}

// lists are the keys under which MISP's answers have their list.
var lists = []string{"response", "Tag", "entries", "GalaxyCluster"}

// intoList goes to the list of an answer: the whole, or what stands under its key.
func intoList(d *json.Decoder) error {
	t, err := d.Token()
	for err == nil && t != json.Delim('[') {
		if t != json.Delim('{') || !d.More() {
			return Odd("the answer has no list")
		}
		for d.More() {
			key, kerr := d.Token()
			if kerr != nil {
				return Broken(kerr, "the list cannot be read", "the list cannot be read")
			}
			if name, _ := key.(string); slices.Contains(lists, name) {
				break
			}
			var beside json.RawMessage
			if err := d.Decode(&beside); err != nil {
				return Broken(err, "the list cannot be read", "the list cannot be read")
			}
		}
		t, err = d.Token()
	}
	return orNil(err, "the list cannot be read")
}

func orNil(err error, why string) error {
	if err == nil {
		return nil
	}
	return Broken(err, why, why)
}

// word reads a field that is a text, a number or a flag.
func word(row map[string]json.RawMessage, key string) string {
	var v any
	d := json.NewDecoder(strings.NewReader(string(row[key])))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return ""
	}
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "1"
		}
	}
	return ""
}

// listed does a phase that is one list: each row is an act of its own, behind the
// cursor that its number is.
func (w *mover) listed(ctx context.Context, path, wrap string, tally func(*Counts) *Tally, take func(ctx context.Context, tx *store.Tx, row map[string]json.RawMessage, c *Counts, t *Tally) error) (done bool, err error) {
	var rows []map[string]json.RawMessage
	err = w.r.objects(ctx, path, wrap, func(row map[string]json.RawMessage) error { rows = append(rows, row); return nil })
	if err != nil {
		return w.skip(err)
	}
	from, _ := strconv.Atoi(w.run.cursor)
	for at := from; at < len(rows); at += 100 {
		if w.late() {
			return false, nil
		}
		part := rows[at:min(at+100, len(rows))]
		err := w.step(ctx, strconv.Itoa(at+len(part)), func(tx *store.Tx, c *Counts) error {
			t := tally(c)
			for _, row := range part {
				t.Read++
				if err := take(ctx, tx, row, c, t); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// skip ends a phase that the other side does not offer, and the run for any other failure.
func (w *worker) skip(err error) (done bool, _ error) {
	if w.passed(err) {
		return true, nil
	}
	return false, err
}

func (w *mover) orgs(ctx context.Context) (bool, error) {
	return w.listed(ctx, "/organisations/index/scope:all.json", "Organisation", func(c *Counts) *Tally { return &c.Orgs },
		func(ctx context.Context, tx *store.Tx, row map[string]json.RawMessage, c *Counts, t *Tally) error {
			uuid, ok := store.ParseUUID(word(row, "uuid"))
			if !ok || tx == nil {
				if t.Left++; !ok {
					t.Left--
					t.Refused++
					c.misfit("organisation", word(row, "name"), reasonInvalid)
				}
				return nil
			}
			_, err := w.s.registry.OrgByRefTx(ctx, tx, ident.SystemPart("setup"), uuid)
			if err == nil {
				t.Unchanged++
				return nil
			}
			if !fault.Is(err, fault.NotFound) {
				return err
			}
			if _, err := w.s.registry.EnsureTx(ctx, tx, keeper(), uuid, Cut(word(row, "name"))); err != nil {
				if fault.Of(err) == nil || fault.KindOf(err) == fault.Unavailable {
					return err
				}
				t.Refused++
				c.misfit("organisation", word(row, "name"), reasonInvalid)
				return nil
			}
			t.Created++
			return nil
		})
}

func (w *mover) sharing(ctx context.Context) (done bool, err error) {
	var list []*misp.SharingGroup
	err = w.r.objects(ctx, "/sharing_groups/index.json", "SharingGroup", func(row map[string]json.RawMessage) error {
		b, err := json.Marshal(row)
		if err != nil {
			return err
		}
		g, _, err := misp.Read[misp.SharingGroup](strings.NewReader(string(b)), listLimits, "SharingGroup")
		if err == nil && len(g) == 1 {
			list = append(list, &g[0])
		}
		return nil
	})
	if err != nil {
		return w.skip(err)
	}
	from := w.sender()
	at, _ := strconv.Atoi(w.run.cursor)
	for ; at < len(list); at++ {
		g, id := list[at], int64(0)
		here, err := w.groupHere(ctx, g)
		if err != nil {
			return false, err
		}
		if !w.run.Dry {
			if id, err = w.s.intel.CaptureGroup(ctx, w.as(), g, from); err != nil {
				return false, err
			}
		}
		err = w.step(ctx, strconv.Itoa(at+1), func(_ *store.Tx, c *Counts) error {
			c.Groups.Read++
			switch {
			case w.run.Dry:
				c.Groups.Left++
			case id == 0:
				c.Groups.Refused++
				c.misfit("sharing group", g.Name.Or(""), reasonGroup)
			case here:
				c.Groups.Unchanged++
			default:
				c.Groups.Created++
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (w *mover) groupHere(ctx context.Context, g *misp.SharingGroup) (bool, error) {
	uuid, ok := store.ParseUUID(g.UUID.Or(""))
	if !ok {
		return false, nil
	}
	_, err := w.s.intel.SharingGroup(ctx, part(), uuid)
	return err == nil, orFound(err)
}

func (w *mover) tags(ctx context.Context) (bool, error) {
	return w.listed(ctx, "/tags/index.json", "Tag", func(c *Counts) *Tally { return &c.Tags },
		func(ctx context.Context, tx *store.Tx, row map[string]json.RawMessage, c *Counts, t *Tally) error {
			tag := intel.Tag{Name: word(row, "name"), Colour: word(row, "colour"), Exportable: word(row, "exportable") != "0" && word(row, "exportable") != "",
				Hidden: word(row, "hide_tag") == "1", LocalOnly: word(row, "local_only") == "1"}
			if n, err := strconv.ParseInt(word(row, "numerical_value"), 10, 64); err == nil {
				tag.Numerical = &n
			}
			switch {
			case tx == nil:
				t.Left++
				return nil
			case word(row, "user_id") > "0" || word(row, "org_id") > "0": // people and their organisations have other numbers here
				t.Refused++
				c.misfit("tag", tag.Name, reasonRestricted)
				return nil
			}
			_, err := w.s.intel.AddTagTx(ctx, tx, w.as(), tag)
			switch {
			case err == nil:
				t.Created++
			case fault.Is(err, fault.Conflict):
				t.Unchanged++
			case fault.Is(err, fault.Invalid):
				t.Refused++
				c.misfit("tag", tag.Name, reasonInvalid)
			default:
				return err
			}
			return nil
		})
}

// reasonRestricted: a tag that is kept for one organisation or person there.
const reasonRestricted = "peer.reason.restricted"
