package catalog_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"straza/internal/catalog"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

const phishing = `misp-galaxy:mitre-attack-pattern="Phishing - T1566"`

// TestBuiltinGalaxiesJoin: the own techniques and actors are told of in three languages;
// the full catalogue takes their place and doubles none, and ours do not come back.
func TestBuiltinGalaxiesJoin(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := service(db)
		_, err := s.SeedGalaxies(ctx, importer)
		must(t, err)
		known, err := s.ClustersOfTags(ctx, importer, []string{phishing, `misp-galaxy:threat-actor="APT28"`})
		must(t, err)
		ours := known[strings.ToLower(phishing)]
		if len(known) != 2 || ours.UUID != "a62a8db3-f23a-4d8f-afd6-9dbc77e7813b" {
			t.Fatalf("built in: %+v", known)
		}
		if sr, la, en := catalog.Said(ours.Body, i18n.SrCyrl), catalog.Said(ours.Body, i18n.SrLatn), catalog.Said(ours.Body, i18n.En); !strings.HasPrefix(sr, "Поруке") || !strings.HasPrefix(la, "Poruke") || !strings.HasPrefix(en, "Messages") {
			t.Errorf("said %q, %q, %q", sr, la, en)
		}
		upstream := fstest.MapFS{
			"clusters/a.json": {Data: []byte(`{"name":"Attack Pattern","type":"mitre-attack-pattern","uuid":"dcb864dc-775f-11e7-9fbb-1f41b4996683","version":30,"authors":["MITRE"],"values":[
				{"value":"Phishing - T1566","uuid":"a62a8db3-f23a-4d8f-afd6-9dbc77e7813b","description":"theirs","meta":{"external_id":"T1566"}},{"value":"Other - T9999","uuid":"a62a8db3-f23a-4d8f-afd6-9dbc77e7813c"}]}`)},
			"galaxies/a.json": {Data: []byte(`{"name":"Attack Pattern","namespace":"mitre-attack","icon":"map","type":"mitre-attack-pattern","uuid":"c4e851fa-775f-11e7-8163-b774922098cd","version":15,"kill_chain_order":{"theirs":["impact"]}}`)},
		}
		_, err = s.Import(ctx, importer, files(upstream))
		must(t, err)
		for range 2 {
			n := 0
			must(t, s.Clusters(ctx, importer, "mitre-attack-pattern", func(c catalog.Cluster) error {
				if n++; c.UUID == ours.UUID && (c.ID != ours.ID || catalog.Said(c.Body, i18n.SrCyrl) != "theirs") {
					t.Errorf("joined as %d (was %d): %s", c.ID, ours.ID, c.Body)
				}
				return nil
			}))
			_, body, err := s.Get(ctx, importer, catalog.Galaxy, "mitre-attack-pattern")
			must(t, err)
			var head struct {
				Order map[string][]string `json:"kill_chain_order"`
			}
			must(t, json.Unmarshal(body, &head))
			if n != 2 || len(head.Order["theirs"]) != 1 {
				t.Errorf("%d clusters, order %v", n, head.Order)
			}
			_, err = s.SeedGalaxies(ctx, importer)
			must(t, err)
		}
	})
}

// TestBuiltinTechniquesAreUpstreams: identifiers, names and tactics are facts, the same
// as in the full catalogue, so that tags and ids of clusters are the same.
func TestBuiltinTechniquesAreUpstreams(t *testing.T) {
	t.Parallel()
	type file struct {
		Values []struct {
			Value, UUID, Description string
			Descriptions             map[string]string
			Meta                     struct {
				KillChain []string `json:"kill_chain"`
			}
		}
	}
	read := func(path string) (f file) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Skip("no catalogue beside this tree")
		}
		must(t, json.Unmarshal(b, &f))
		return f
	}
	for name, of := range map[string]string{"galaxy_attack_pattern_values": "mitre-attack-pattern", "galaxy_threat_actor_values": "threat-actor"} {
		theirs := map[string]string{}
		tactics := map[string]string{}
		foreign := map[string]bool{}
		for _, v := range read(data + "/misp-galaxy/clusters/" + of + ".json").Values {
			theirs[v.UUID], tactics[v.UUID], foreign[v.Description] = v.Value, strings.Join(v.Meta.KillChain, " "), true
		}
		ours := read("builtin/galaxies/" + name + ".json").Values
		if len(ours) < 15 {
			t.Errorf("%s has %d", name, len(ours))
		}
		for _, v := range ours {
			if theirs[v.UUID] != v.Value || v.Descriptions["sr-Cyrl"] == "" || v.Description == "" || foreign[v.Description] {
				t.Errorf("%s: %s is %q upstream", name, v.Value, theirs[v.UUID])
			}
			for _, k := range v.Meta.KillChain {
				if !strings.Contains(tactics[v.UUID], k) {
					t.Errorf("%s: %s is not of %s", name, v.Value, k)
				}
			}
		}
	}
}
