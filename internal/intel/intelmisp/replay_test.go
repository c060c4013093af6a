package intelmisp

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/testkit"
)

// recording is one request to a real server and its answer.
type recording struct {
	Name     string            `json:"name"`
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Headers  map[string]string `json:"request_headers"`
	Body     json.RawMessage   `json:"request_body"`
	Status   int               `json:"status"`
	Answered map[string]string `json:"response_headers"`
	Answer   json.RawMessage   `json:"response_body"`
	Cut      int               `json:"truncated_from"`
	Shape    bool              `json:"shape_only"`
}

// What is replayed, by group, and the least share of answers that must be equal.
// It rises with what is built and never falls.
var replayed = map[string]int{
	"getVersion": 100, "describeTypes": 0, "auth": 100, "route": 100, "event": 100, "head": 100, "attr": 100, "obj": 100, "ref": 100, "tag": 100, "sg": 100,
	"rs": 100, "setup": 100, "users": 100, "roles": 100, "objtemplate": 100, "noticelist": 100, "org": 100,
	"sight": 100, "report": 100, "server": 100, "rep": 100, "prop": 100,
	"note": 100, "opinion": 100, "relationship": 100, "analyst": 100,
	"user": 100, "auth_keys": 100, "userSettings": 100, "eblock": 100, "oblock": 100, "serverSettings": 100, "logs": 100, "news": 100, "community": 100, "queryACL": 100, "dbSchemaDiagnostic": 100, "postTest": 100,
	"availableSyncFilteringRules": 100, "ft": 100, "feed": 100,
	"upload_stix2": 100,
	"gal":          100, "galaxy": 100, "gcluster": 100, "gcrel": 100, "taxonomy": 100, "warninglist": 100, "decaying": 100, "corr_exclusions": 100,
}

func recordings(t *testing.T) []recording {
	t.Helper()
	path := "../../../../shared/data/misp-recordings/recordings.jsonl"
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []recording
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		var r recording
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	if len(out) != 678 {
		t.Fatalf("%d recordings, want 678", len(out))
	}
	return out
}

// replay holds what the recorded server's ids and names are here.
type replay struct {
	*world
	ids   map[string]map[string]string // kind → theirs → ours
	uuids map[string]string

	refused map[string]bool // uuids of what we refuse on purpose: later answers are held against theirs without it

	name      string          // of the recording
	placed    map[string]bool // whose place on purpose differed
	path0     string          // the request's path as recorded
	searching bool            // answers of searches come in an order of their own
}

// newReplay makes the recorded world: ORGNAME and two organisations by their
// recorded UUIDs, people of every role.
func newReplay(t *testing.T, db *store.DB) *replay {
	in := inteltest.Open(t, db)
	in.Must(db.Update(t.Context(), func(tx *store.Tx) error { return access.SeedTx(t.Context(), tx) }))
	host, err := in.Registry.Add(t.Context(), ident.SystemPart("setup"), registry.Draft{Name: "ORGNAME", Kind: "cert", UUID: "1d449477-978c-4d90-b722-798e242658f9"})
	in.Must(err)
	w := openWorld(t, db, in)
	w.plain = true // the recorded key of a synchronising role reads what it likes
	r := &replay{world: w, ids: map[string]map[string]string{}, uuids: map[string]string{}, refused: map[string]bool{}, placed: map[string]bool{}}
	r.learn("org", "1", itoa(host.ID))
	w.account("admin@admin.test", access.Admin, host.ID)
	w.hand("admin", "admin@admin.test", account.NewKey{})
	r.learn("user", "1", itoa(w.people["admin"].Person))
	w.serve(t, db)
	w.Must(w.Intel.SetOrgCard(t.Context(), w.people["admin"], intel.OrgCard{Org: host.ID, Description: text0("Automatically generated admin organisation"), Type: "ADMIN"}))
	_, _, err = w.Intel.AddBlocks(t.Context(), w.people["admin"], intel.OrgBlocks, []string{"58d38339-7b24-4386-b4b4-4c0f950d210f"}, intel.Block{Name: "Setec Astrononomy", Comment: "default example"})
	w.Must(err)
	_, _, err = w.Intel.AddBlocks(t.Context(), w.people["admin"], intel.OrgBlocks, []string{"58d38326-eda8-443a-9fa8-4e12950d210f"}, intel.Block{Name: "Acme Finance", Comment: "default example"})
	w.Must(err)
	for tag, is := range map[string]struct {
		colour string
		number int64
	}{"almost-certain": {"#001fc2", 95}, "likely": {"#001899", 55}, "roughly-even-chance": {"#001585", 45}, "unlikely": {"#001270", 20}, "very-likely": {"#001cad", 80}} {
		_, err := w.Intel.AddTag(t.Context(), w.people["admin"], intel.Tag{Name: `estimative-language:likelihood-probability="` + tag + `"`, Exportable: true, Colour: is.colour, Numerical: &is.number})
		w.Must(err)
	}
	return r
}

func (r *replay) play(rec recording) answer {
	as := rec.Headers["role"]
	r.path0, r.name = rec.Path, rec.Name
	var body string
	if len(rec.Body) > 0 && string(rec.Body) != "null" {
		var v any
		_ = json.Unmarshal(rec.Body, &v)
		if s, ok := v.(string); ok {
			body = s
		} else {
			b, err := json.Marshal(r.body(v, ""))
			r.Must(err)
			body = string(b)
		}
	}
	var extra []string
	for k, v := range rec.Headers {
		if k == "role" {
			continue
		}
		if k == "Authorization" || k == "X-MISP-AUTH" {
			v = strings.NewReplacer("<key:user>", r.secret("user"), "<wrong>", strings.Repeat("x", 40)).Replace(v)
		}
		extra = append(extra, k, v)
	}
	if as == "none" {
		as = ""
	}
	return r.ask(as, rec.Method, r.path(rec.Path), body, extra...)
}

// TestReplay gives a real server's recorded requests to ours, in their order, and
// holds status, shape, types and texts of the answers against the recorded ones.
func TestReplay(t *testing.T) {
	all := recordings(t)
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		now.Set(time.Unix(1795321950, 0)) // when the recording began
		r := newReplay(t, db)
		r.recordedLists(t, all)
		equal, total := map[string]int{}, map[string]int{}
		var report []string
		for _, rec := range all {
			group, _, _ := strings.Cut(rec.Name, ".")
			if _, ok := replayed[group]; !ok {
				continue
			}
			if strings.HasPrefix(rec.Name, "setup.") || strings.HasPrefix(rec.Name, "event.edit") || strings.HasPrefix(rec.Name, "attr.") {
				now.Add(time.Second)
			}
			got := r.play(rec)
			r.meet(rec, got)
			var want, have any
			_ = json.Unmarshal(rec.Answer, &want)
			_ = json.Unmarshal([]byte(got.body), &have)
			r.searching = group == "rs"
			r.follow("", want, have)
			if m, ok := want.(map[string]any); ok && onPurpose[rec.Name] != "" && rec.Status == http.StatusOK && got.status >= 400 && strings.Contains(rec.Name, ".add.") {
				r.refused[uuidIn(m)] = true
			}
			if onPurpose[rec.Name] != "" || searchOnPurpose[rec.Name] != "" {
				if got.status >= 500 {
					report = append(report, rec.Name+" breaks: "+got.body)
				}
				if r.compare(rec, got) == "" && rec.Cut == 0 {
					report = append(report, rec.Name+" is excused and equal")
				}
				continue
			}
			total[group]++
			if d := r.compare(rec, got); d != "" {
				report = append(report, rec.Name+" "+rec.Method+" "+rec.Path+"  "+d)
				continue
			}
			equal[group]++
		}
		for name := range placesOnPurpose {
			if !r.placed[name] {
				report = append(report, name+" has a place that is excused and equal")
			}
		}
		for _, line := range report {
			t.Error("not as listed: " + line)
		}
		sumEqual, sum := 0, 0
		for _, g := range sortedGroups(total) {
			share := equal[g] * 100 / total[g]
			sumEqual, sum = sumEqual+equal[g], sum+total[g]
			t.Logf("%-16s %3d of %3d equal, %d %%", g, equal[g], total[g], share)
			if share < replayed[g] {
				t.Errorf("%s: %d %% of the answers are equal, want %d %%", g, share, replayed[g])
			}
		}
		t.Logf("replay: %d of %d answers equal (%d %%)", sumEqual, sum, sumEqual*100/sum)
	})
}

func sortedGroups(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
