package app

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"straza/internal/catalog"
)

// bombLimits: what one bomb may cost. The time is generous, because the machines that
// run this are not alone; the log tells the real figure.
const (
	bombTime = 4 * time.Second
	bombHeap = 80 << 20 // 64 MiB and what lies about between two collections
)

// explode runs one bomb and measures it. It must be refused; afterwards the node answers.
func (w *world) explode(name string, refused func() bool) (took time.Duration, grew uint64) {
	w.t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is needed, not what lies about
	runtime.GC()
	live := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(live)
	before := live[0].Value.Uint64()
	var peak atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				metrics.Read(s)
				peak.Store(max(peak.Load(), s[0].Value.Uint64()))
			}
		}
	}()
	began := time.Now()
	ok := refused()
	took = time.Since(began)
	close(stop)
	<-done
	if p := peak.Load(); p > before {
		grew = p - before
	}
	if !ok {
		w.t.Errorf("%s was taken", name)
	}
	if took > bombTime {
		w.t.Errorf("%s took %v", name, took)
	}
	if grew > bombHeap {
		w.t.Errorf("%s made the heap grow by %d MiB", name, grew>>20)
	}
	if rec := w.do(nil, "GET", "/health", ""); rec.Code != http.StatusOK {
		w.t.Errorf("after %s the node answers %d", name, rec.Code)
	}
	return took, grew
}

// TestRow09BombsAtEveryParser is row 9: what unfolds, nests or repeats without end is
// refused at every door that parses, quickly and in little memory: JSON, forms, CSV,
// gzip, zip and zstd. (Letters have row 29; MISP's grammar has a table of its own.)
func TestRow09BombsAtEveryParser(t *testing.T) {
	w := newWorld(t)
	lead := w.person("lead", "CERT A")
	bombs, slowest, largest := 0, time.Duration(0), uint64(0)
	try := func(name string, refused func() bool) {
		took, grew := w.explode(name, refused)
		bombs++
		slowest, largest = max(slowest, took), max(largest, grew)
	}
	before := w.contents()
	for door, kinds := range w.bombsByDoor() {
		method, path, _ := strings.Cut(door, " ")
		for name, b := range kinds {
			try(name+" at "+door, func() bool {
				r := w.request(method, path, "")
				r.Body = io.NopCloser(bytes.NewReader(b.body))
				r.ContentLength = int64(len(b.body))
				r.Header.Set("Content-Type", b.kind)
				r.Header.Set("Content-Encoding", b.encoding)
				r.Header.Set("Accept", "application/json")
				if strings.HasPrefix(path, "/console") || strings.HasPrefix(path, "/portal") {
					r.AddCookie(lead.session)
				} else {
					r.Header.Set("Authorization", "Bearer "+lead.key)
				}
				return w.answer(r).Code >= 400
			})
		}
	}
	for name, b := range archives() {
		try(name, func() bool {
			files := func(yield func(catalog.File, error) bool) {
				yield(catalog.File{Name: "bomb.zip", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}, nil)
			}
			rep, err := w.h.Lists.Import(context.Background(), operator(), files)
			return err != nil || len(rep.Refused) > 0 || len(rep.Kinds) == 0
		})
	}
	for name, b := range backups() {
		try(name, func() bool {
			_, err := readBackup(context.Background(), w.h.DB, w.h.Blobs, bytes.NewReader(b))
			return err != nil
		})
	}
	if w.contents() != before {
		t.Error("a bomb left something behind")
	}
	if bombs < 42 {
		t.Errorf("only %d bombs", bombs)
	}
	t.Logf("%d bombs refused, the slowest within %v, the largest within %d MiB", bombs, slowest, largest>>20)
}

type explosive struct {
	kind, encoding string
	body           []byte
}

func repeat(s string, n int) []byte { return bytes.Repeat([]byte(s), n) }

func squeeze(plain []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, _ = z.Write(plain)
	_ = z.Close()
	return b.Bytes()
}

// bombsByDoor: what to send where. Bodies are built once and shared.
func (w *world) bombsByDoor() map[string]map[string]explosive {
	deep := slices.Concat(repeat(`{"a":`, 200_000), []byte("1"), repeat("}", 200_000))
	lists := slices.Concat([]byte(`{"title":`), repeat("[", 500_000), repeat("]", 500_000), []byte("}"))
	wide := slices.Concat([]byte(`{`), repeat(`"k":1,`, 1<<20), []byte(`"k":1}`))
	long := slices.Concat([]byte(`{"title":"`), repeat("x", 40<<20), []byte(`"}`))
	digits := slices.Concat([]byte(`{"version":`), repeat("9", 4<<20), []byte("}"))
	zipped := squeeze(long)
	json := map[string]explosive{"deep JSON": {"application/json", "", deep}, "lists in lists": {"application/json", "", lists}, "a million keys": {"application/json", "", wide},
		"a long text": {"application/json", "", long}, "a long number": {"application/json", "", digits}, "packed JSON": {"application/json", "gzip", zipped}}
	out := map[string]map[string]explosive{}
	for _, r := range w.h.mux.Routes() {
		if strings.HasPrefix(r.Pattern, "/api/") && r.Method == http.MethodPost && len(params(r)) == 0 && !strings.HasSuffix(r.Pattern, "/import") {
			out["POST "+r.Pattern] = json
		}
	}
	kind, boundary := "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\nx\r\n"
	forms := map[string]explosive{
		"ten thousand fields":     {kind, "", slices.Concat(repeat(boundary, 10_000), []byte("--b--\r\n"))},
		"a part of endless heads": {kind, "", slices.Concat([]byte("--b\r\n"), repeat("X-A: b\r\n", 200_000), []byte("\r\nx\r\n--b--\r\n"))},
		"an unfinished part":      {kind, "", slices.Concat([]byte(boundary[:60]), repeat("x", 8<<20))},
		"a million values":        {"application/x-www-form-urlencoded", "", repeat("a=b&", 1<<20)},
		"a long value":            {"application/x-www-form-urlencoded", "", slices.Concat([]byte("title="), repeat("x", 8<<20))},
	}
	out["POST /console/cases/new"], out["POST /console/organisations/new"] = forms, forms
	file := func(content []byte) []byte {
		return slices.Concat([]byte("--b\r\nContent-Disposition: form-data; name=\"act\"\r\n\r\ncheck\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n"), content, []byte("\r\n--b--\r\n"))
	}
	csvs := map[string][]byte{"an endless quote": slices.Concat([]byte("name\n\""), repeat("x,\n", 12<<20)), "a line of a million cells": slices.Concat([]byte("name\n"), repeat("a,", 1<<20), []byte("\n")),
		"a million lines": slices.Concat([]byte("name\n"), repeat("a\n", 1<<20)), "a header of a million columns": repeat("name,", 1<<20)}
	out["POST /api/v1/organisations/import?dry_run=1"] = map[string]explosive{"deep JSON": {"application/json", "", deep}, "packed JSON": {"application/json", "gzip", zipped}}
	out["POST /console/organisations/import"] = map[string]explosive{}
	for name, b := range csvs {
		out["POST /api/v1/organisations/import?dry_run=1"][name] = explosive{"text/csv", "", b}
		out["POST /console/organisations/import"][name] = explosive{kind, "", file(b)}
	}
	out["POST /events/add"] = map[string]explosive{"deep JSON": {"application/json", "", deep}, "packed JSON": {"application/json", "gzip", squeeze(slices.Concat([]byte(`{"Event":{"info":"`), repeat("x", 300<<20)))}}
	out["POST /attributes/restSearch"] = map[string]explosive{"deep JSON": {"application/json", "", deep}, "packed JSON": {"application/json", "gzip", zipped}}
	b64 := base64.StdEncoding.EncodeToString(repeat("x", 1<<20))
	out["POST /api/v1/reports"] = map[string]explosive{"a thousand files": {"application/json", "", slices.Concat([]byte(`{"description":"x","files":[`), repeat(`{"name":"a","data":""},`, 100_000), []byte(`{"name":"a","data":"`+b64+`"}]}`))}}
	for name, b := range json {
		out["POST /api/v1/reports"][name] = b
	}
	return out
}

// archives are zips that lie, repeat and nest.
func archives() map[string][]byte {
	pack := func(fill func(z *zip.Writer)) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		fill(z)
		_ = z.Close()
		return b.Bytes()
	}
	add := func(z *zip.Writer, name string, b []byte) {
		f, _ := z.Create(name)
		_, _ = f.Write(b)
	}
	nulls := repeat("\x00", 65<<20)
	one := pack(func(z *zip.Writer) { add(z, "a.json", nulls) })
	lying := bytes.Clone(one) // says in both heads that it unpacks to ten bytes
	for i := 0; i+30 < len(lying); i++ {
		switch string(lying[i : i+4]) {
		case "PK\x01\x02":
			copy(lying[i+24:], []byte{10, 0, 0, 0})
		case "PK\x03\x04":
			copy(lying[i+22:], []byte{10, 0, 0, 0})
		}
	}
	return map[string][]byte{
		"a zip of 65 MiB of nothing": one,
		"a zip that lies":            lying,
		"a zip of many nothings": pack(func(z *zip.Writer) {
			for i := range 20 {
				add(z, fmt.Sprint(i, ".json"), nulls[:60<<20])
			}
		}),
		"a zip of 60,000 files": pack(func(z *zip.Writer) {
			for i := range 60_000 {
				add(z, fmt.Sprint(i, ".json"), []byte("{"))
			}
		}),
		"a zip of a zip":    pack(func(z *zip.Writer) { add(z, "inner.zip", one) }),
		"a zip of depth":    pack(func(z *zip.Writer) { add(z, "a.json", slices.Concat(repeat("[", 1<<20), repeat("]", 1<<20))) }),
		"half a zip":        one[:len(one)/2],
		"a zip of no bytes": {},
	}
}

// backups are files that say they are backups.
func backups() map[string][]byte {
	press := func(b []byte) []byte {
		var out bytes.Buffer
		z, _ := zstd.NewWriter(&out)
		_, _ = z.Write(b)
		_ = z.Close()
		return out.Bytes()
	}
	return map[string][]byte{"a backup of nothing": press(repeat("\x00", 256<<20)), "a backup of 0xff": press(repeat("\xff", 256<<20)), "no backup": repeat("x", 1<<20),
		"a backup that is gzip": squeeze(repeat("x", 1<<20)), "an empty backup": {}}
}

// traversals are names that would leave their folder, or be something else in it.
var traversals = []string{"../k-evil", "../../../../../../../../tmp/k-evil", "..\\..\\k-evil", "/tmp/k-evil", "C:\\k-evil", "k-evil\x00.txt", "%2e%2e%2fk-evil", "..%c0%afk-evil", "....//k-evil",
	"k-evil/../../../k-evil", ".", "..", "/", "\\", "", "k-evil\n", "\u202ek-evil", "．．／k-evil", "~/k-evil", "$HOME/k-evil", "|k-evil", "$(touch /tmp/k-evil).json", "`touch /tmp/k-evil`.xml", ";touch /tmp/k-evil;.stix", "-o/tmp/k-evil", "phar://k-evil.phar", "file:///tmp/k-evil", "con", "k-evil:stream", ".htaccess",
	strings.Repeat("../", 500) + "k-evil", strings.Repeat("a", 5000)}

// TestRow10NamesNeverBecomePaths is row 10: whatever a file is called, and whatever an
// address says, nothing is written under a name from outside, nothing outside the data
// folder, and nothing is read from anywhere else.
func TestRow10NamesNeverBecomePaths(t *testing.T) {
	w := newWorld(t)
	root := filepath.Dir(w.h.cfg.data())
	beside := files(t, root, w.h.cfg.data())
	lead, member := w.person("lead", "CERT A"), w.person("member", "Elektra")
	sent := 0
	for _, name := range traversals {
		at := "/console/cases/" + w.refs[len(w.refs)-5]
		for _, ref := range w.refs {
			if strings.HasPrefix(ref, "S-") {
				at = "/console/cases/" + ref
			}
		}
		for _, up := range []struct {
			p    *persona
			path string
			v    url.Values
		}{
			{lead, at + "/evidence", url.Values{"about": {name}}},
			{member, "/portal/reports/new", url.Values{"secret": {w.hidden(member, "/portal/reports/new", "secret")}, "what": {"message"}, "description": {"x"}, "reading": {"open"}}},
			{lead, "/console/organisations/import", url.Values{"act": {"check"}}},
		} {
			kind, body := multi(up.v, "PLACE", "x")
			body = strings.Replace(body, `"PLACE"`, `"`+strings.NewReplacer("\n", "%0A", `"`, "%22").Replace(name)+`"`, 1)
			r := w.request("POST", up.path, body)
			r.Header.Set("Content-Type", kind)
			r.AddCookie(up.p.session)
			if rec := w.answer(r); rec.Code >= 500 {
				t.Errorf("a file called %.40q at %s: %d", name, up.path, rec.Code)
			}
			sent++
		}
		quoted := fmt.Sprintf("%q", strings.ReplaceAll(name, "\x00", "0"))
		data := base64.StdEncoding.EncodeToString([]byte("x"))
		for _, b := range []string{`{"info":"x","Attribute":[{"type":"attachment","value":` + quoted + `,"data":"` + data + `"},{"type":"malware-sample","value":` + quoted + `,"data":"` + data + `","encrypt":true}]}`} {
			w.withKey(lead.key, "POST", "/events/add", b)
			sent++
		}
		w.withKey("", "POST", "/api/v1/reports", `{"description":"x","contact":{"name":"a","email":"a@b.rs"},"files":[{"name":`+quoted+`,"data":"`+data+`"}]}`)
		sent += w.wander(name)
	}
	if now := files(t, root, w.h.cfg.data()); !slices.Equal(beside, now) {
		t.Errorf("beside the data folder there is now %v", now)
	}
	for _, f := range files(t, w.h.cfg.data(), "") {
		if strings.Contains(f, "evil") || strings.Contains(f, "htaccess") || strings.Contains(f, "..") {
			t.Errorf("a name from outside lies on the disk: %s", f)
		}
	}
	if _, err := os.Stat("/tmp/k-evil"); err == nil {
		t.Error("/tmp/k-evil was written")
	}
	t.Logf("%d names and addresses, nothing on the disk is called after them", sent)
}

// wander asks for files by every address that has a name in it.
func (w *world) wander(name string) (asked int) {
	w.t.Helper()
	must(w.t, os.WriteFile(filepath.Join(filepath.Dir(w.h.cfg.data()), "k-outside"), []byte("k-outside-content"), 0o600))
	defer os.Remove(filepath.Join(filepath.Dir(w.h.cfg.data()), "k-outside"))
	lead := w.person("lead", "CERT A")
	for _, head := range []string{"/static/", "/advice/", "/en/advice/", "/en/report/", "/console/reports/", "/misp/", "/taxii2/", "/api/v1/", "/events/view/", "/attributes/download/"} {
		for _, tail := range []string{name, "../k-outside", "../../k-outside", url.PathEscape(name), "%2e%2e/%2e%2e/k-outside", "..%2f..%2f..%2fstraza.db", "../keys/keyring.json"} {
			r := w.request("GET", "/", "")
			r.URL.Path, r.URL.RawPath = head+tail, ""
			r.AddCookie(lead.session)
			rec := w.answer(r)
			asked++
			if body := rec.Body.String(); strings.Contains(body, "k-outside-content") || strings.HasPrefix(body, "SQLite format") || strings.Contains(body, "root:x:0") || rec.Code >= 500 {
				w.wrong("GET %.60q gives %d %.60q", head+tail, rec.Code, body)
			}
		}
	}
	return asked
}

// files lists everything below a folder, but for what is below skip.
func files(t *testing.T, dir, skip string) (out []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err == nil && p == skip && skip != "" {
			return filepath.SkipDir
		}
		if err == nil && p != dir {
			out = append(out, p)
		}
		return nil
	}))
	return out
}
