package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestOneRuleOfDecay: at every moment of a fortnight a search with scores, what is told to
// have expired and what a collection for sensors leaves out call the same indicators
// decayed: those that were sighted, of two models, by their tags, and of none.
func TestOneRuleOfDecay(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			database := ""
			if engine == "postgres" {
				database = testkit.PostgresURL(t)
			}
			now := clock.NewMoved(testkit.AsOf, 1)
			oneRuleOfDecay(t, newWorldOn(t, database, now), now)
		})
	}
}

func oneRuleOfDecay(t *testing.T, w *world, now *clock.Moved) {
	ctx, lead := context.Background(), w.person("lead", "CERT A")
	for i, days := range []float64{10, 16} { // the second is for domains as well
		it, err := w.h.Lists.SaveModel(ctx, operator(), "", func(d *catalog.ModelDraft) {
			*d = catalog.ModelDraft{Name: fmt.Sprint("model ", i), Formula: catalog.FormulaPolynomial, Types: [][]string{{"domain", "ip-dst"}, {"domain"}}[i],
				Parameters: catalog.Parameters{Lifetime: days, Speed: 1.5, Threshold: 40, Default: 80}}
		})
		must(t, err)
		_, err = w.h.Lists.Enable(ctx, operator(), catalog.Model, it.UUID, true)
		must(t, err)
	}
	_, err := w.h.Intel.SaveDefinition(ctx, lead.who, "", intel.Definition{Alias: "sensors", Title: "Sensors", Readers: intel.ReadMembers, Ceiling: tlp.Green, Lapse: true, Types: []string{"indicator"}}, false)
	must(t, err)
	e := &misp.Event{Info: misp.T("aging"), Distribution: misp.N(int64(intel.All)), Tag: []misp.Tag{{Name: misp.T("tlp:green")}}}
	values := []string{"plain.aging.example", "seen.aging.example", "198.51.100.7", "198.51.100.8", "44d88612fea8a8f36de82e1278abb02f"}
	for i, kind := range []string{"domain", "domain", "ip-dst", "ip-dst", "md5"} {
		e.Attribute = append(e.Attribute, misp.Attribute{Type: misp.T(kind), Value: misp.T(values[i]), ToIDS: misp.B(true)})
	}
	saved, err := w.h.Intel.AddEvent(ctx, lead.who, intel.FromEvent(e), intel.AddOptions{})
	must(t, err)
	must(t, w.h.Intel.Publish(ctx, lead.who, saved.UUID))
	settle := func() {
		t.Helper()
		must(t, w.h.runner.Tick(ctx))
		now.Add(6 * time.Minute) // what one round marks is looked at with the next
		must(t, w.h.runner.Tick(ctx))
	}
	settle()
	changes, last := 0, ""
	for step := range 29 {
		now.Add(12 * time.Hour)
		switch step {
		case 5, 20:
			w.sighted(t, lead, "seen.aging.example")
		case 9:
			w.sighted(t, lead, "198.51.100.8")
		}
		settle()
		search, told, shared := w.decayedBySearch(t, lead, saved.UUID), w.decayedAsTold(t, saved.ID), w.leftOut(t, lead, values)
		if !slices.Equal(search, told) || !slices.Equal(search, shared) {
			t.Errorf("after %d half days: decayed by the search %v, as told %v, left out of the collection %v", step+1, search, told, shared)
		}
		if this := fmt.Sprint(search); this != last {
			changes, last = changes+1, this
		}
	}
	if changes < 4 {
		t.Errorf("only %d changes in a fortnight: this proves little", changes)
	}
}

func (w *world) sighted(t *testing.T, p *persona, value string) {
	t.Helper()
	_, _, err := w.h.Intel.AddSightings(context.Background(), p.who, nil, []string{value}, intel.Sighting{Kind: intel.Seen})
	must(t, err)
}

// decayedBySearch are the values that every model meant for them calls decayed.
func (w *world) decayedBySearch(t *testing.T, p *persona, event string) (out []string) {
	t.Helper()
	rec := w.withKey(p.key, http.MethodPost, "/attributes/restSearch", `{"returnFormat":"json","includeDecayScore":true,"eventid":"`+event+`"}`)
	var v struct {
		Response struct {
			Attribute []struct {
				Value string
				Score []struct{ Decayed bool } `json:"decay_score"`
			}
		}
	}
	must(t, json.Unmarshal(rec.Body.Bytes(), &v))
	if len(v.Response.Attribute) != 5 {
		t.Fatalf("%d attributes: %.300s", len(v.Response.Attribute), rec.Body)
	}
	for _, a := range v.Response.Attribute {
		if len(a.Score) > 0 && !slices.ContainsFunc(a.Score, func(s struct{ Decayed bool }) bool { return !s.Decayed }) {
			out = append(out, a.Value)
		}
	}
	slices.Sort(out)
	return out
}

// decayedAsTold are the values that were told to have run out and are not back in force.
func (w *world) decayedAsTold(t *testing.T, event int64) (out []string) {
	t.Helper()
	must(t, w.h.DB.View(context.Background(), func(tx *store.Tx) (err error) {
		out, err = store.All(context.Background(), tx, store.ScanString, `SELECT a.value FROM intel_lapsed l JOIN intel_attribute a ON a.id = l.attribute_id WHERE l.event_id = $1 AND l.why = 1`, event)
		return err
	}))
	slices.Sort(out)
	return out
}

// leftOut are the values that the collection for sensors does not give.
func (w *world) leftOut(t *testing.T, p *persona, values []string) (out []string) {
	t.Helper()
	get := func(path string) string {
		r := w.request(http.MethodGet, path, "")
		r.Header.Set("Authorization", "Bearer "+p.key)
		r.Header.Set("Accept", "application/taxii+json;version=2.1")
		rec := w.answer(r)
		if rec.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
		}
		return rec.Body.String()
	}
	var list struct {
		Collections []struct{ ID, Alias string }
	}
	must(t, json.Unmarshal([]byte(get("/taxii2/straza/collections/")), &list))
	at := slices.IndexFunc(list.Collections, func(c struct{ ID, Alias string }) bool { return c.Alias == "sensors" })
	if at < 0 {
		t.Fatalf("no such collection among %v", list.Collections)
	}
	objects := get("/taxii2/straza/collections/" + list.Collections[at].ID + "/objects/?match[type]=indicator")
	for _, v := range values {
		if !strings.Contains(objects, v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}
