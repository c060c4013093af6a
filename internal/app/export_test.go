package app

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"straza/internal/craft/export"
)

// listFiles are the lists of the console whose files hold what somebody may see.
var listFiles = []string{"/console/cases/export?format=csv&state=", "/console/reports?format=csv&state=", "/console/events?format=csv", "/console/indicators?format=csv",
	"/console/advisories?format=csv", "/console/organisations/export?format=csv", "/console/threads?format=csv"}

var fileName = regexp.MustCompile(`^attachment; filename=[a-z]+_localhost(-\d+)?_\d{8}T\d{6}Z(_TLP-[A-Z-]+)?\.(csv|json)$`)

var offered = regexp.MustCompile(`Export (\d+) rows?`)

// TestEveryFileSaysWhereItComesFrom: the file of every list names installation, moment,
// person and strictest label in every row, in its name and in a header, holds as many
// rows as it says, all of the list, and nothing of anybody else's.
func TestEveryFileSaysWhereItComesFrom(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		ours, theirs := w.person("lead", "CERT A"), w.person("analyst", "CERT B")
		w.furnish(ours, "k-ours")
		w.furnish(theirs, "k-theirs")
		for _, at := range listFiles {
			rec := w.do(ours, "GET", at, "")
			rows := stamped(t, at, rec, ours.who.Name)
			if len(rows) == 0 {
				t.Errorf("%s: the file is empty: this proves nothing", at)
			}
			if strings.Contains(rec.Body.String(), "k-theirs") {
				t.Errorf("%s holds what is another CERT's", at)
			}
			if other := w.do(theirs, "GET", at, "").Body.String(); strings.Contains(other, "k-ours") {
				t.Errorf("%s of the other CERT holds what is ours", at)
			}
			if rec := w.do(w.person("member", "Opština"), "GET", at, ""); rec.Code == http.StatusOK {
				t.Errorf("%s: a member takes the team's file", at)
			}
			page := w.do(ours, "GET", strings.Split(strings.Split(at, "/export")[0], "?")[0]+"?state=", "").Body.String()
			if m := offered.FindStringSubmatch(page); m == nil || m[1] != strconv.Itoa(len(rows)) {
				t.Errorf("%s: the page offers %v, the file has %d rows", at, m, len(rows))
			}
		}
		rec := w.do(ours, "GET", "/console/cases/export?format=json&state=", "")
		var list struct {
			Export map[string]any
			Items  []map[string]any
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &list); err != nil || len(list.Items) == 0 || list.Export["rows"] != float64(len(list.Items)) || list.Export["tlp"] == "" || !strings.HasPrefix(list.Export["by"].(string), ours.who.Name) {
			t.Errorf("cases as JSON: %v %s", err, rec.Body)
		}
		auditor := w.person("auditor", "CERT A")
		rows := stamped(t, "/administration/audit/export", w.do(auditor, "GET", "/administration/audit/export?q=case.open", ""), auditor.who.Name)
		if len(rows) != 3 || rows[0][1] != "case.open" {
			t.Errorf("the log as a file: %v", rows)
		}
		if rec := w.do(w.person("member", "Opština"), "GET", "/administration/audit/export", ""); rec.Code == http.StatusOK {
			t.Error("who may not read the log takes it out")
		}
	})
}

// stamped checks a CSV's stamp and gives its rows.
func stamped(t *testing.T, at string, rec *httptest.ResponseRecorder, by string) [][]string {
	t.Helper()
	if rec.Code != http.StatusOK || !fileName.MatchString(rec.Header().Get("Content-Disposition")) {
		t.Errorf("%s: %d, %s", at, rec.Code, rec.Header().Get("Content-Disposition"))
		return nil
	}
	var head export.Fields
	if err := json.Unmarshal([]byte(rec.Header().Get("Straza-Export")), &head); err != nil || !strings.HasPrefix(head.By, by) || head.From == "" || head.Origin == "" {
		t.Errorf("%s: header %+v %v", at, head, err)
	}
	rows, err := csv.NewReader(rec.Body).ReadAll()
	if err != nil || len(rows) == 0 || !slices.Equal(rows[0][len(rows[0])-len(export.Columns):], export.Columns) {
		t.Errorf("%s: %v, columns %v", at, err, rows[:min(1, len(rows))])
		return nil
	}
	for _, r := range rows[1:] {
		of := r[len(r)-len(export.Columns):]
		_, terr := time.Parse(time.RFC3339, of[1])
		if !strings.Contains(of[0], head.From) || !strings.Contains(of[0], head.Origin) || terr != nil || of[2] != head.By || of[3] != head.TLP || !strings.HasPrefix(of[3], "TLP:") ||
			of[4] != strconv.Itoa(len(rows)-1) || of[5] != strconv.FormatInt(head.Held, 10) {
			t.Errorf("%s: a row comes from %v, the header says %+v", at, of, head)
			break
		}
	}
	return rows[1:]
}
