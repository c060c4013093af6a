package peer

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// What MISP calls collections are dossiers here (spec misp §7.4 row 9, §7.5 row 10).

// collections compares names and times and fetches what is new or newer.
func (w *puller) collections(ctx context.Context) (done bool, err error) {
	var minimal json.RawMessage
	if err := w.r.value(ctx, http.MethodPost, "/collections/indexMinimal", map[string]any{}, &minimal); err != nil {
		if w.passed(err) {
			return true, nil
		}
		return false, err
	}
	times, uuids := modifiedOf(minimal)
	here, err := w.s.dossiers.Modified(ctx, part())
	if err != nil {
		return false, err
	}
	for part := range slices.Chunk(uuids, analystAsk) {
		at := part[len(part)-1]
		if at <= w.run.cursor {
			continue
		}
		if w.late() {
			return false, nil
		}
		if err := w.collectionsPart(ctx, part, times, here, at); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (w *puller) collectionsPart(ctx context.Context, part []string, times, here map[string]int64, cursor string) error {
	offered := map[string]int64{}
	for _, u := range part {
		offered[u] = times[u]
	}
	want, err := w.s.dossiers.Wanted(ctx, w.as(), offered)
	if err != nil {
		return err
	}
	var list []misp.Collection
	if len(want) > 0 && !w.run.Dry {
		err := w.r.list(ctx, http.MethodGet, "/collections/index/uuid[]:"+strings.Join(want, "/uuid[]:")+".json", nil, func(r io.Reader) (err error) {
			list, err = misp.ReadCollections(r, listLimits)
			return err
		})
		if err != nil {
			return err
		}
	}
	g := w.grouping()
	for i := range list {
		if err := w.collectionHere(ctx, g, &list[i]); err != nil {
			return err
		}
	}
	return w.step(ctx, cursor, func(tx *store.Tx, c *Counts) error {
		t := &c.Collections
		t.Read += int64(len(part))
		t.Unchanged += int64(len(part) - len(want))
		if tx == nil {
			for _, u := range want {
				if _, known := here[u]; known {
					t.Updated++
				} else {
					t.Created++
				}
			}
			return nil
		}
		missing := int64(len(want))
		for i := range list {
			uuid, _ := store.ParseUUID(list[i].UUID.Or(""))
			if !slices.Contains(want, uuid) {
				continue // not asked for, or told twice
			}
			want = slices.DeleteFunc(slices.Clone(want), func(u string) bool { return u == uuid })
			what, err := w.s.dossiers.ReceiveTx(ctx, tx, w.as(), &list[i])
			if err != nil {
				return err
			}
			missing--
			t.took(what, c)
		}
		if t.Refused += missing; missing > 0 {
			c.Reasons[reasonGone] += missing
		}
		return nil
	})
}

func (t *Tally) took(what dossier.Took, c *Counts) {
	switch what {
	case dossier.Created:
		t.Created++
	case dossier.Updated:
		t.Updated++
	case dossier.Passed:
		t.Unchanged++
	default:
		t.Refused++
		c.Reasons[reasonInvalid]++
	}
}

// collectionHere brings what was said there into the terms of here.
func (w *puller) collectionHere(ctx context.Context, g *intel.Grouping, x *misp.Collection) error {
	if !x.Distribution.Given() {
		x.Distribution = misp.N(int64(intel.OwnOrg))
	}
	if !w.p.Internal {
		x.Distribution = lowered(x.Distribution, int64(intel.OwnOrg))
	}
	return g.Part(ctx, &x.Distribution, &x.SharingGroupID, &x.SharingGroup, int64(intel.OwnOrg))
}

// collections sends those that may leave and that the peer wants.
func (w *pusher) collections(ctx context.Context) (bool, error) {
	var list []dossier.Dossier
	sd := w.s.senderOf(w.p, w.there)
	err := w.s.dossiers.Dossiers(ctx, part(), dossier.Filter{}, func(d *dossier.Dossier) error {
		if d.Origin.UUID == w.there {
			return nil
		}
		if _, _, goes, err := sd.part(ctx, d.Distribution, d.Group); err != nil || !goes {
			return err
		}
		list = append(list, *d)
		return nil
	})
	if err != nil || len(list) == 0 {
		return err == nil, err
	}
	slices.SortFunc(list, func(a, b dossier.Dossier) int { return strings.Compare(a.UUID, b.UUID) })
	for part := range slices.Chunk(list, analystAsk) {
		at := part[len(part)-1].UUID
		if at <= w.run.cursor {
			continue
		}
		if w.late() {
			return false, nil
		}
		if err := w.collectionsOut(ctx, sd, part, at); err != nil {
			if w.passed(err) {
				return true, nil
			}
			return false, err
		}
	}
	return true, nil
}

func (w *pusher) collectionsOut(ctx context.Context, sd *sender, part []dossier.Dossier, cursor string) error {
	offer := map[string]string{}
	for i := range part {
		offer[part[i].UUID] = dossier.Stamp(part[i].Modified)
	}
	var answer json.RawMessage
	if err := w.r.value(ctx, http.MethodPost, "/collections/filterCollectionsForPush", offer, &answer); err != nil {
		return err
	}
	_, wanted := modifiedOf(answer)
	return w.hand(ctx, cursor, handing{n: len(part), path: "/collections/captureCollection",
		wanted: func(i int) bool { return slices.Contains(wanted, part[i].UUID) },
		body:   func(i int) ([]byte, error) { return w.collectionWire(ctx, sd, &part[i]) },
		may:    func(a Able) bool { return a.Collections },
		of:     func(c *Counts) *Tally { return &c.Collections }})
}

// sentElement is an element as it leaves.
type sentElement struct {
	UUID        string `json:"uuid"`
	Target      string `json:"element_uuid"`
	Kind        string `json:"element_type"`
	Description string `json:"description"`
}

// collectionWire is a dossier as it leaves: its level as it stands here, because the
// receiver takes the step off, and the elements of which the peer may know.
func (w *pusher) collectionWire(ctx context.Context, sd *sender, d *dossier.Dossier) ([]byte, error) {
	_, g, _, err := sd.part(ctx, d.Distribution, d.Group)
	if err != nil {
		return nil, err
	}
	if g != nil {
		g.told = false // each goes in a document of its own
	}
	doc := struct {
		Collection struct {
			UUID         string `json:"uuid"`
			Name         string `json:"name"`
			Type         string `json:"type"`
			Description  string `json:"description"`
			Created      string `json:"created"`
			Modified     string `json:"modified"`
			Distribution int    `json:"distribution"`
		}
		Orgc     map[string]string
		Group    *misp.SharingGroup `json:"SharingGroup,omitempty"`
		Elements []sentElement      `json:"CollectionElement"`
	}{Orgc: map[string]string{"uuid": d.Origin.UUID, "name": d.Origin.Name}, Group: sd.wire(g), Elements: []sentElement{}}
	c := &doc.Collection
	c.UUID, c.Name, c.Type, c.Description, c.Created, c.Modified, c.Distribution = d.UUID, d.Name, d.Type, d.Description, dossier.Stamp(d.Created), dossier.Stamp(d.Modified), int(d.Distribution)
	reach := w.reach()
	for _, e := range d.Elements {
		goes, err := w.elementGoes(ctx, sd, reach, e)
		if err != nil {
			return nil, err
		}
		if goes {
			doc.Elements = append(doc.Elements, sentElement{e.UUID, e.Target, e.Kind, e.Description})
		}
	}
	return json.Marshal(doc)
}

// elementGoes: of what stands in an event here, the peer is told only if it holds the
// event; of a cluster, if its level lets it go; of what is not here nothing is known.
func (w *pusher) elementGoes(ctx context.Context, sd *sender, reach *reach, e dossier.Element) (bool, error) {
	switch e.Kind {
	case "Event":
		x, err := w.s.intel.Event(ctx, part(), e.Target)
		if err != nil {
			return fault.Is(err, fault.NotFound), orFound(err)
		}
		return reach.lets(ctx, x.ID, x.UUID)
	case "Attribute":
		x, err := w.s.intel.Attribute(ctx, part(), e.Target)
		if err != nil {
			return fault.Is(err, fault.NotFound), orFound(err)
		}
		return reach.lets(ctx, x.EventID, x.UUID)
	case "Object":
		x, err := w.s.intel.Object(ctx, part(), e.Target, intel.With)
		if err != nil {
			return fault.Is(err, fault.NotFound), orFound(err)
		}
		return reach.lets(ctx, x.EventID, x.UUID)
	case "GalaxyCluster":
		c, err := w.s.catalog.Cluster(ctx, part(), e.Target)
		if err != nil {
			return fault.Is(err, fault.NotFound), orFound(err)
		}
		return w.clusterGoes(ctx, sd, &c)
	case "EventReport":
		return false, nil // which event it stands in is not asked for by its UUID alone
	}
	return true, nil
}

func (w *pusher) clusterGoes(ctx context.Context, sd *sender, c *catalog.Cluster) (bool, error) {
	if c.Own == nil {
		return true, nil // imported: everybody's
	}
	_, _, goes, err := sd.part(ctx, intel.Distribution(c.Own.Level), c.Own.Group)
	return goes, err
}

// orFound: what is not here is no failure.
func orFound(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
