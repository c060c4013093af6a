package inteltaxii_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// model makes a decaying model for domains that lets them live for some days.
func (h *house) model(name string, days float64, on bool) catalog.Item {
	h.t.Helper()
	it, err := h.Lists.SaveModel(ctx, ident.SystemPart("importer"), "", func(d *catalog.ModelDraft) {
		*d = catalog.ModelDraft{Name: name, Formula: catalog.FormulaPolynomial, Types: []string{"domain"},
			Parameters: catalog.Parameters{Lifetime: days, Speed: 1, Threshold: 50, Default: 100}}
	})
	h.Must(err)
	it, err = h.Lists.Enable(ctx, ident.SystemPart("importer"), catalog.Model, it.UUID, on)
	h.Must(err)
	return it
}

// follows is a sensor that has read what there is of an alias's indicators.
func (h *house) follows(who, alias string) *sensor {
	h.t.Helper()
	s := &sensor{h: h, who: who, alias: alias, has: map[string]string{}, f: intel.NewsFilter{Types: []string{"indicator"}}}
	s.read(50, 100)
	return s
}

// hears wants what a sensor is told after the sweep, and what it then holds.
func (s *sensor) hears(db *store.DB, holds int, want ...string) {
	s.h.t.Helper()
	s.h.now.Add(time.Second)
	s.h.sweep(db)
	s.log = nil
	if s.read(50, 100); !slices.Equal(s.log, want) || len(s.has) != holds {
		s.h.t.Errorf("%s: %v with %d left, want %v with %d", s.alias, s.log, len(s.has), want, holds)
	}
	if n := s.h.indicators(s.who, s.alias); n != holds {
		s.h.t.Errorf("%s: the collection has %d indicators, the sensor %d", s.alias, n, holds)
	}
}

// indicators counts those of a collection.
func (h *house) indicators(who, alias string) int {
	h.t.Helper()
	return len(h.all(who, h.collection(who, alias), "match[type]=indicator"))
}

// TestExpiryByModel: an indicator that the decaying models call decayed leaves, and who
// follows is told that it expired; sighted again it comes back as newly added; a collection
// goes by the model it names, or by none.
func TestExpiryByModel(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.model("short", 10, true) // at 50 after five days
		long := h.model("long", 100, false)
		e := tagged(sample("aging", intel.Community, "aging.example.com"), "tlp:green")
		ip := inteltest.Attr("ip-dst", "198.51.100.7") // no model is meant for it
		ip.ToIDS = misp.B(true)
		e.Attribute = append(e.Attribute, ip)
		event := h.publish("alfa", e)
		h.define(intel.Definition{Alias: "forced", Lapse: true, Types: []string{"indicator"}})
		h.define(intel.Definition{Alias: "named", Lapse: true, Model: long.ID, Types: []string{"indicator"}})
		h.define(intel.Definition{Alias: "until", Lapse: true, Model: intel.NoModel, Types: []string{"indicator"}})
		h.define(intel.Definition{Alias: "kept", Types: []string{"indicator"}})
		sensors := map[string]*sensor{}
		for _, alias := range []string{"forced", "named", "until", "kept"} {
			sensors[alias] = h.follows("beta", alias)
		}
		quiet := func(but string) {
			t.Helper()
			for alias, s := range sensors {
				if alias != but {
					s.hears(db, 2)
				}
			}
		}
		quiet("")
		now.Add(4 * 24 * time.Hour)
		quiet("")
		now.Add(2 * 24 * time.Hour)
		sensors["forced"].hears(db, 1, "expired indicator")
		quiet("forced")
		if n := h.indicators("beta", "forced"); n != 1 {
			t.Errorf("%d indicators in forced", n)
		}
		sensors["forced"].hears(db, 1) // once

		// Seen again it is worth something again.
		var attr intel.Attribute
		h.Must(h.Intel.Attributes(ctx, h.who["alfa"], event.UUID, intel.Part{}, func(a *intel.Attribute) error {
			if a.Type == "domain" {
				attr = *a
			}
			return nil
		}))
		_, _, err := h.Intel.AddSightings(ctx, h.who["alfa"], []string{attr.UUID}, nil, intel.Sighting{Kind: intel.Seen})
		h.Must(err)
		sensors["forced"].hears(db, 2, "added indicator")
		if n := h.indicators("beta", "forced"); n != 2 {
			t.Errorf("%d indicators in forced after a sighting", n)
		}
		// And over again; withdrawn before anybody swept, it is told once.
		now.Add(6 * 24 * time.Hour)
		sensors["forced"].hears(db, 1, "expired indicator")
		now.Add(10 * 24 * time.Hour)
		h.Must(h.Intel.Unpublish(ctx, h.who["alfa"], event.UUID))
		sensors["forced"].hears(db, 0, "retracted indicator")
		sensors["named"].hears(db, 0, "retracted indicator", "retracted indicator")
	})
}

// TestExpiryOfAModelThatChanges: other parameters count from the next sweep on, both ways.
func TestExpiryOfAModelThatChanges(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		m := h.model("house", 100, true)
		h.publish("alfa", tagged(sample("aging", intel.Community, "aging.example.com"), "tlp:green"))
		h.define(intel.Definition{Alias: "sensors", Lapse: true, Types: []string{"indicator"}})
		s := h.follows("beta", "sensors")
		now.Add(20 * 24 * time.Hour)
		s.hears(db, 1)
		change := func(days float64) {
			_, err := h.Lists.SaveModel(ctx, ident.SystemPart("importer"), strconv.FormatInt(m.ID, 10), func(d *catalog.ModelDraft) { d.Parameters.Lifetime = days })
			h.Must(err)
		}
		change(10)
		s.hears(db, 0, "expired indicator")
		change(60)
		s.hears(db, 1, "added indicator")
		_, err := h.Lists.Enable(ctx, ident.SystemPart("importer"), catalog.Model, m.UUID, false)
		h.Must(err)
		now.Add(15 * 24 * time.Hour) // over by the model as it was, so whoever read in between went without it
		s.hears(db, 1, "added indicator")
	})
}

// TestExpiryIsToldWhenWithdrawnFirst: an indicator whose time ended, and whose event was
// withdrawn before the sweep could tell of the former, is told of all the same.
func TestExpiryIsToldWhenWithdrawnFirst(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		e := tagged(sample("timed", intel.Community), "tlp:green")
		a := inteltest.Attr("domain", "timed.example.com")
		a.ToIDS, a.FirstSeen, a.LastSeen = misp.B(true), misp.T(now.Now().Add(-time.Hour).Format(time.RFC3339)), misp.T(now.Now().Add(2*time.Hour).Format(time.RFC3339))
		e.Attribute = append(e.Attribute, a)
		event := h.publish("alfa", e)
		h.define(intel.Definition{Alias: "timed", Lapse: true, Types: []string{"indicator"}})
		s := h.follows("beta", "timed")
		s.hears(db, 1)
		now.Add(3 * time.Hour)
		h.Must(h.Intel.Unpublish(ctx, h.who["alfa"], event.UUID))
		s.hears(db, 0, "retracted indicator")
	})
}

// TestExpiryOfWhatIsEdited: an indicator that is over and is published anew with a later
// time is there again, without waiting for the sweep.
func TestExpiryOfWhatIsEdited(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.model("house", 10, true)
		event := h.publish("alfa", tagged(sample("aging", intel.Community, "aging.example.com"), "tlp:green"))
		h.define(intel.Definition{Alias: "sensors", Lapse: true, Types: []string{"indicator"}})
		s := h.follows("beta", "sensors")
		now.Add(6 * 24 * time.Hour)
		s.hears(db, 0, "expired indicator")
		var attr intel.Attribute
		h.Must(h.Intel.Attributes(ctx, h.who["alfa"], event.UUID, intel.Part{}, func(a *intel.Attribute) error { attr = *a; return nil }))
		_, err := h.Intel.EditAttribute(ctx, h.who["alfa"], attr.UUID, misp.Attribute{Comment: misp.T("again")})
		h.Must(err)
		h.again("alfa", event.UUID)
		s.log = nil
		if s.read(50, 100); len(s.has) != 1 || h.indicators("beta", "sensors") != 1 {
			t.Errorf("%v, %v", s.log, s.has)
		}
		s.hears(db, 1)
		now.Add(6 * 24 * time.Hour)
		s.hears(db, 0, "expired indicator")
	})
}
