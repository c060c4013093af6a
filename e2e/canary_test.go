package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutsiderFindsNoCanary is S15: with the database, its log, the blobs, a backup
// (restored elsewhere), every key of the web node and everything the server said in
// hand, a script outside the program finds none of 200 and more canaries that were put
// into sealed reports, their reporters, their files, their answers, and evidence.
func TestOutsiderFindsNoCanary(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { outsider(t, "") })
	t.Run("postgres", func(t *testing.T) {
		database, _ := ownPostgres(t)
		outsider(t, database, clusterFolder(t))
	})
}

func outsider(t *testing.T, database string, more ...string) {
	s, w := killWorld(t, database)
	var canaries []string
	canary := func(what string, i int) string {
		c := fmt.Sprintf("kanarinac-%s-%03dq", what, i)
		canaries = append(canaries, c)
		return c
	}
	const control = "vidljivo-svima-8217"
	send := func(body map[string]any) (out struct{ ID, Number, Code string }) {
		t.Helper()
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		st, answer, err := w.json("POST", "/api/v1/reports", string(b), http.Header{"Idempotency-Key": {uuid()}})
		if err != nil || st != http.StatusCreated || json.Unmarshal(answer, &out) != nil {
			t.Fatalf("report: %d %v %s", st, err, answer)
		}
		return out
	}
	for i := range 40 {
		send(map[string]any{"type": "vulnerability", "what": "vulnerability", "title": canary("naslov", i), "description": canary("opis", i) + " https://" + canary("host", i) + ".example/x",
			"contact": map[string]string{"name": canary("ime", i), "email": canary("adresa", i) + "@example.org"},
			"files":   []map[string]string{{"name": canary("datoteka", i) + ".txt", "type": "text/plain", "data": base64.StdEncoding.EncodeToString([]byte("початак " + canary("prilog", i)))}}})
	}
	send(map[string]any{"type": "incident", "what": "phishing", "title": control, "description": "obična", "contact": map[string]string{"name": "Mara", "email": "mara@example.org"}})
	st, b, err := w.json("POST", "/api/v1/cases", `{"title":"Slučaj s dokazima","summary":"x","severity":"low"}`, http.Header{"Idempotency-Key": {uuid()}})
	var opened struct{ Number string }
	if err != nil || st != http.StatusCreated || json.Unmarshal(b, &opened) != nil {
		t.Fatalf("case: %d %v %s", st, err, b)
	}
	for i := range 10 {
		w.addEvidence(t, opened.Number, canary("dokazime", i)+".bin", []byte(strings.Repeat(canary("dokaz", i)+"\n", 50)))
	}

	dir := t.TempDir()
	backup := filepath.Join(dir, "copy.straza")
	s.CLI(t, nil, "backup", backup)
	s.Stop()
	if out, err := restoreInto(t, backup, filepath.Join(dir, "restored")); err != nil {
		t.Fatalf("restore: %v %s", err, out)
	}
	// what stays with the unsealing process is what the thief does not have
	if err := os.RemoveAll(filepath.Join(s.Data, "unseal")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "said"), []byte(s.log.tail(1<<30)), 0o600); err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "canaries")
	if err := os.WriteFile(list, []byte(strings.Join(canaries, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	Python(t, "canaries", "outsider.py", "OUTSIDER_FOLDERS="+strings.Join(append(more, s.Data, dir), string(os.PathListSeparator)), "OUTSIDER_CANARIES="+list, "OUTSIDER_CONTROL="+control)
}

// clusterFolder is where the cluster of this run keeps its tables, its log and what it said.
func clusterFolder(t testing.TB) string {
	t.Helper()
	state, err := os.ReadFile(filepath.Join(root, ".cache", "pg", fmt.Sprintf("kill-%d", os.Getpid())))
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(state)) {
		if dir, ok := strings.CutPrefix(strings.TrimSpace(l), "DIR="); ok {
			return dir
		}
	}
	t.Fatalf("no folder in %s", state)
	return ""
}

// addEvidence sends a file to a case as the page's form does.
func (w *writer) addEvidence(t testing.TB, number, name string, data []byte) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("about", "dokaz")
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(data)
	}
	if err != nil || form.Close() != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest("POST", w.s.Origin+"/console/cases/"+number+"/evidence", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Origin", w.s.Origin)
	if st, b, err := roundTrip(w.session, req); err != nil || st != http.StatusSeeOther {
		t.Fatalf("evidence: %d %v %s", st, err, b)
	}
}

// restoreInto brings a backup into a new folder, without any key.
func restoreInto(t testing.TB, backup, folder string) ([]byte, error) {
	cmd := child(exec.Command(Binary(t), "restore", backup, "--data", folder))
	cmd.Env = cleanEnv()
	return cmd.CombinedOutput()
}
