package incidentweb

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io/fs"
	"mime/multipart"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 7, 22, 0, 0, time.UTC)
	full := &casePage{At: "/console/cases/S-2026-000001", Version: 3, May: true, Summary: "Сажетак", Changed: now, Next: &ui.NextStep{Title: "Следеће"}, Assign: &ui.Field{Name: "lead"},
		Measures: []measureRow{{ID: 1, What: "Блокада", Who: "оператори", To: "active", ToLabel: "Активирај", SinceAt: now}},
		Parties:  ui.Tabs{Items: []ui.Tab{{Label: "Електромрежа", Here: true}}}, Notes: []ui.Message{{Kind: ui.Internal, Who: "Ана", Body: "б"}},
		Party:    &partyView{UUID: "u", Subject: "Предмет", Messages: []ui.Message{{Kind: ui.FromUs, Body: "п"}}, Parked: []parked{{ui.Message{Body: "лаж"}, "v"}}, Clock: &ui.Clock{Due: now}},
		Evidence: []evidenceRow{{UUID: "w", Label: "D-1", Name: "a.log", About: "дневник", Size: 5, SHA256: "ab", Custody: []custodyRow{{now, "Ана", "примљено", "x"}}, Open: []ui.Field{{Name: "code"}}}},
		Links:    []linkRow{{1, "folder", "S-1", "/x", "исти"}, {2, "bug", "CVE-2026-1", "", ""}}, Orgs: []incident.Org{{Row: 1, Name: "Клас"}}, Readers: []string{"тим"},
		History: []historyRow{{At: now, Who: "Ана", What: "веза", Label: "x", Undo: 4}, {At: now, Who: "Ана", What: "веза", Undone: true}},
		Merge:   &ui.Field{Name: "merge_from"}, Split: &splitView{Parts: []part{{"task", "Задатак", "1"}}}, Hand: &handView{Fields: []ui.Field{{Name: "hand_to"}}, Parts: []handPart{{"hand", "summary", "Сажетак", true}}}, Merged: []string{"S-2026-000002"}, Intel: true, Entry: []ui.Field{{Name: "e"}},
		Events: []eventRow{{"/x", "Трагови", "9 индикатора", "AMBER", ui.State{Kind: ui.StateDone, Word: "објављен"}}}, Moves: []ui.Button{{Label: "Чека се"}}, Parts: []ui.Tab{{Label: "Задаци", Count: "2/5"}}, TasksDone: "2/5",
		Task: []ui.Field{{Name: "t"}}, Measure: []ui.Field{{Name: "m"}}, NewParty: []ui.Field{{Name: "p"}}, File: []ui.Field{{Name: "f"}}, Link: []ui.Field{{Name: "l"}}}
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"list":    {&listPage{Bulk: &ui.BulkBar{Form: "bulk"}, Pages: &ui.Pagination{Next: "/x"}}},
		"case":    {full},
		"edit":    {&editPage{Version: 1, Note: &ui.Note{Kind: "warning", Body: "x"}, Main: []ui.Field{{Name: "title"}}, Facts: []ui.Field{{Name: "f"}}, Labels: []ui.Field{{Name: "tlp"}}}},
		"close":   {&closePage{May: true, Fields: []ui.Field{{Name: "x"}}}},
		"history": {&historyPage{May: true, At: "/x", More: "/y", Rows: full.History, Texts: []revision{{now, "Ана", "било"}}}},
		"indicators": {&pastePage{None: true}, &pastePage{More: true, Who: &ui.Audience{Title: "Ко", Rings: []ui.Ring{{Count: 1, Word: "особа"}}}, Names: []orgNames{{"Клас", 1, []string{"Ана"}}}, Others: 2, Choice: "x", Ask: &ui.Choices{Name: "sure"},
			Found: []found{{Packed: "x", Type: "md5", Value: "198.51.100.24", Count: 2, Harmless: []string{"листа"}, Known: 1, Ticked: true, As: []ui.Option{{Label: "сам"}, {Value: "file", Label: "у објекту", Checked: true}}}}}, &pastePage{Held: "не", Found: []found{{Packed: "x"}}}},
		"part":   {&partPage{Revision: 2, Fields: []ui.Field{{Name: "body"}}, Texts: []revision{{now, "Ана", "било"}}, Note: &ui.Note{Kind: "warning", Body: "x"}, Drop: "/x", DropWord: "Повуци"}},
		"merge":  {&mergePage{Can: true, Rows: []mergeRow{{Number: "S-1", Title: "Упад", State: ui.State{Kind: ui.StateNew, Word: "Ново"}, Parts: "празан", Into: true}, {Number: "S-2", Title: "Други", State: ui.State{Kind: ui.StateNew, Word: "Ново"}, Parts: "празан", Held: "не"}}}},
		"letter": {&letterPage{Number: "S-1", Subject: "Предмет", Done: true, Deadline: &ui.Clock{Due: now}, Messages: []ui.Message{{Kind: ui.FromUs, Body: "п"}}}},
	}, Files)
	if err != nil {
		t.Fatal(err)
	}
}

// site is the room's doors with a world behind them.
type site struct {
	*testkit.Site
	t *testing.T
	w *incidenttest.World
}

func newSite(t *testing.T, db *store.DB) *site {
	t.Helper()
	w := incidenttest.New(t, db)
	return &site{testkit.NewSite(t, testkit.Doors{Gate: testkit.Gate{"ana": w.Ana, "luka": w.Luka, "vesna": w.Vesna, "mila": w.Mila},
		Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, Files}, Routes: func(m *web.Mux) {
			Routes(m, Deps{Cases: w.S, Team: func(context.Context, ident.Actor) ([]Colleague, error) {
				return []Colleague{{w.Luka.Person, w.Luka.Name}}, nil
			}})
		}}), t, w}
}

func (v *site) shows(who, path string, status int, says ...string) string {
	v.t.Helper()
	return testkit.Words(v.Shows(who, path, status, says...))
}

func (v *site) sends(who, path string, status int, says string, pairs ...string) string {
	v.t.Helper()
	return v.Sends(who, path, status, testkit.Form(pairs...), says)
}

// TestACaseOnPages walks a case from a form to its close, as the team does it, with
// scripts off.
func TestACaseOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		v.shows("ana", "/console/cases", 200, "The filter hides every case")
		v.shows("ana", "/console/cases/new", 200, "New case")
		v.sends("ana", "/console/cases/new", 422, "This field is needed", "title", "", "tlp", "AMBER", "pap", "AMBER")
		at := v.sends("ana", "/console/cases/new", 303, "", "title", "Упад у мрежу", "summary", "Нападач је ушао.", "classes", "intrusions/system-compromise", "tlp", "AMBER", "pap", "GREEN", "org", "Електромрежа")
		if at != "/console/cases/S-2026-000001" {
			t.Fatalf("sent on to %q", at)
		}
		v.shows("ana", at, 200, "Упад у мрежу", "Нападач је ушао.", "TLP:AMBER", "PAP:GREEN", "Next: answer those affected.", "Електромрежа", "code intrusions/system-compromise")
		v.shows("vesna", at, 404)
		v.shows("mila", at, 404)
		v.sends("ana", at+"/do/task.add", 422, "Enter a date, for example 22 Nov 2026", "task_title", "Слика диска", "task_due", "јуче")
		v.sends("ana", at+"/do/task.add", 303, "", "task_title", "Слика диска", "task_due", "2026-11-22T12:00")
		v.sends("ana", at+"/do/task.add", 422, "This field is needed", "task_title", "")
		v.sends("ana", at+"/do/entry.add", 303, "", "entry_body", "Веза поново активна", "entry_kind", "attack", "entry_happened", "2026-11-18T23:14", "entry_technique", "t1136.001")
		v.sends("ana", at+"/do/note.add", 303, "", "note_body", "Не враћати резервну везу.")
		v.sends("ana", at+"/do/measure.ask", 303, "", "measure_what", "Блокада 198.51.100.24")
		v.sends("ana", at+"/do/link", 303, "", "link_other", "cve-2026-99412")
		v.sends("ana", at+"/do/link", 422, "There is no such case", "link_other", "S-2026-999999")
		v.sends("ana", at+"/do/party.add", 303, "", "party_org", v.w.OrgA.UUID, "party_address", "duty@elektromreza.example", "party_subject", "Упад", "party_lang", "en")
		body := v.shows("ana", at, 200, "Слика диска", "Веза поново активна", "T1136.001", "Не враћати резервну везу.", "Блокада 198.51.100.24", "CVE-2026-99412", "Електромрежа Подунавље")
		party := regexp.MustCompile(`name="party" value="([0-9a-f-]{36})"`).FindStringSubmatch(body)[1]
		v.sends("ana", at+"/do/write", 303, "", "party", party, "letter_body", "Искључите уређај.", "way", "out")
		v.shows("ana", at, 200, "Искључите уређај.")
		// Who was slower keeps the text.
		v.sends("luka", at+"/edit", 303, "", "version", "0", "title", "Упад у мрежу", "summary", "Лукин сажетак", "classes", "intrusions/system-compromise", "tlp", "AMBER", "pap", "GREEN")
		v.sends("ana", at+"/edit", 409, "Анин сажетак", "version", "1", "title", "Упад у мрежу", "summary", "Анин сажетак", "tlp", "AMBER", "pap", "GREEN")
		v.shows("ana", at+"/history", 200, "Нападач је ушао.")
		v.sends("ana", at+"/do/move", 422, "This field is needed", "to", "waiting")
		v.sends("ana", at+"/do/move", 303, "", "to", "resolved")
		v.sends("ana", at+"/close", 403, "")
		v.sends("luka", at+"/close", 422, "Write the root cause", "lessons", "yes")
		v.sends("luka", at+"/close", 422, "There are open tasks", "classes", "intrusions/system-compromise", "root_cause", "уређај", "impact", "4", "lessons", "yes", "retention", "ten-years")
		id := regexp.MustCompile(`action="[^"]*/do/task.done"><input type="hidden" name="id" value="(\d+)"`).FindStringSubmatch(v.shows("ana", at, 200))[1]
		v.sends("ana", at+"/do/task.done", 303, "", "id", id)
		v.sends("luka", at+"/close", 303, "", "classes", "intrusions/system-compromise", "root_cause", "уређај", "impact", "4", "lessons", "yes", "retention", "ten-years")
		v.shows("luka", "/console/cases?state=closed&q=upad", 200, "Упад у мрежу")
		v.shows("luka", "/console/cases/export?state=&format=csv", 200, "S-2026-000001")
		v.shows("luka", "/console/cases/export?state=&format=json", 200, `"number":"S-2026-000001"`)
		v.sends("ana", at+"/do/nothing", 404, "")
	})
}

// TestNeighboursOnPages: the list's rows carry its filter and order to the case, whose
// links and keys go on in it; the ends are said; an act comes back to the same place.
func TestNeighboursOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		v := newSite(t, db)
		for _, title := range []string{"Прва", "Друга", "Трећа"} {
			v.sends("ana", base+"/new", 303, "", "title", title, "tlp", "GREEN", "pap", "GREEN")
			now.Add(time.Minute)
		}
		v.sends("ana", base+"/S-2026-000002/do/take", 303, "")
		list := v.Shows("ana", base+"?state=&lead=none&sort=opened", 200)
		first, last := base+"/S-2026-000001?list=lead%3Dnone%26sort%3Dopened%26state%3D", base+"/S-2026-000003?list=lead%3Dnone%26sort%3Dopened%26state%3D"
		if page := v.Shows("ana", first, 200); !strings.Contains(page, `data-of="S-2026-000001" data-label="TLP:GREEN"`) {
			t.Error("its print does not say what it is and who may read it")
		}
		if !strings.Contains(list, `href="`+first+`"`) || strings.Contains(list, "S-2026-000002") {
			t.Fatalf("the list does not say where its rows were opened from: %s", list)
		}
		page := v.Shows("ana", first, 200, "First in the list")
		if !strings.Contains(page, `href="`+last+`" rel="next" data-key="."`) || strings.Contains(page, `rel="prev"`) {
			t.Errorf("from the first on: %s", page[strings.Index(page, "sz-near"):][:600])
		}
		page = v.Shows("ana", last, 200, "Last in the list")
		if !strings.Contains(page, `href="`+first+`" rel="prev" data-key=","`) || !strings.Contains(page, `href="`+base+`?lead=none&amp;sort=opened&amp;state="`) {
			t.Errorf("from the last back, and to the list: %s", page[strings.Index(page, "sz-near"):][:600])
		}
		// Opened from elsewhere, it stands in the list as that opens by itself.
		page = v.Shows("ana", base+"/S-2026-000001", 200, "Last in the list")
		if !strings.Contains(page, `rel="prev"`) {
			t.Error("no way into the list of open cases")
		}
		v.shows("ana", base+"/S-2026-000001?list=%25%zz", 200)
	})
}

// TestTimelineOnPages: a long timeline is read page by page and by kind, without scripts,
// and its old lines can be changed.
func TestTimelineOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		v := newSite(t, db)
		at := v.sends("ana", base+"/new", 303, "", "title", "Упад", "tlp", "GREEN", "pap", "GREEN")
		for i := range 120 {
			_, err := v.w.S.AddEntry(context.Background(), v.w.Ana, path.Base(at), incident.EntryInput{Kind: incident.EntryKinds[i%2], Body: fmt.Sprintf("ред-%03d", i), Happened: now.Now().Add(-time.Duration(i) * time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
		}
		page := v.Shows("ana", at, 200, "ред-000", "ред-099", "rows 1–100 of 120", "Earlier", "Show 1,000 at once")
		if strings.Contains(page, "ред-100") {
			t.Error("the page shows more than a page")
		}
		older := html.UnescapeString(regexp.MustCompile(`href="([^"]*before=[^"]*)#timeline" rel="next"`).FindStringSubmatch(page)[1])
		page = v.Shows("ana", older, 200, "ред-100", "ред-119", "To the newest")
		if strings.Contains(page, "ред-099") || strings.Contains(page, `rel="next">Earlier`) {
			t.Error("the second page is not what follows the first")
		}
		edit := regexp.MustCompile(`href="(`+at+`/parts/entry/\d+)"`).FindAllStringSubmatch(page, -1)
		v.shows("ana", edit[len(edit)-1][1], 200, "ред-119")
		page = v.Shows("ana", at+"?kind=attack", 200, "ред-001", "ред-119")
		if strings.Contains(page, "ред-000") {
			t.Error("another kind is shown")
		}
		v.shows("ana", at+"?lines=1000", 200, "ред-000", "ред-119")
		v.shows("ana", at+"?before=zzz&kind=none", 200, "ред-000")
	})
}

// TestHandOverPage: a case is handed over from its page; the other team finds it, with
// our number, and no way into ours.
func TestHandOverPage(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		at := v.sends("ana", base+"/new", 303, "", "title", "Упад", "summary", "Наш сажетак", "tlp", "AMBER", "pap", "AMBER")
		v.sends("ana", at+"/do/entry.add", 303, "", "entry_kind", "note", "entry_body", "Први улаз")
		page := v.shows("ana", at, 200, "Hand over to another CERT", v.w.Second.Name)
		entry := regexp.MustCompile(`name="hand_entry" value="(\d+)"`).FindStringSubmatch(page)[1]
		v.sends("ana", at+"/do/hand", 422, "This field is needed", "hand_to", v.w.Second.UUID, "hand_title", "Њихов", "hand_reason", "", "hand", "summary")
		v.sends("ana", at+"/do/hand", 422, "There is no such CERT here", "hand_to", v.w.First.UUID, "hand_title", "Њихов", "hand_reason", "зато")
		fields := []string{"hand_to", v.w.Second.UUID, "hand_title", "Њихов", "hand_reason", "Њихова надлежност", "hand", "summary", "hand_entry", entry}
		v.sends("vesna", at+"/do/hand", 404, "", fields...)
		v.sends("ana", at+"/do/hand", 303, "", fields...)
		number := regexp.MustCompile(`[A-Z]+-S-2026-\d+`).FindString(v.shows("ana", at, 200, "handed over to "+v.w.Second.Name))
		body := v.shows("vesna", base+"/"+number, 200, "Њихов", "Наш сажетак", "Први улаз", "Њихова надлежност", "S-2026-000001", "handed over by "+v.w.First.Name)
		if strings.Contains(body, `href="`+at+`"`) {
			t.Error("a link into a case that they do not see")
		}
		act := regexp.MustCompile(`do/undo" class="sz-inline-form"><input type="hidden" name="id" value="(\d+)"`).FindStringSubmatch(v.shows("ana", at, 200))[1]
		v.sends("ana", at+"/do/undo", 303, "", "id", act)
		v.shows("vesna", base+"/"+number, 200, "the hand-over was taken back")
	})
}

// TestLetterWithFiles: a file goes with the letter from the case's page, is shown there
// with its name, and is read behind the party's link; after the answer it is our move.
func TestLetterWithFiles(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		at := v.sends("ana", base+"/new", 303, "", "title", "Упад", "tlp", "AMBER", "pap", "AMBER")
		v.sends("ana", at+"/do/party.add", 303, "", "party_org", v.w.OrgA.UUID, "party_address", "duty@elektromreza.example", "party_subject", "Питање", "party_lang", "en", "party_deadline", "2026-12-22T12:00")
		party := regexp.MustCompile(`name="party" value="([0-9a-f-]{36})"`).FindStringSubmatch(v.shows("ana", at, 200, `name="letter_files"`))[1]
		upload := func(who, text, file string) int {
			var b bytes.Buffer
			m := multipart.NewWriter(&b)
			for _, kv := range [][2]string{{"party", party}, {"letter_body", text}, {"way", "out"}} {
				_ = m.WriteField(kv[0], kv[1])
			}
			part, _ := m.CreateFormFile("letter_files", file)
			_, _ = part.Write([]byte("траг"))
			_ = m.Close()
			return v.Browse(who, "POST", at+"/do/write", m.FormDataContentType(), &b).Code
		}
		for who, want := range map[string]int{"ana": 303, "vesna": 404, "mila": 403} {
			if got := upload(who, "У прилогу је траг.", "trag.pcap"); got != want {
				t.Fatalf("%s: %d, want %d", who, got, want)
			}
		}
		if got := upload("ana", "", "prazno.txt"); got != 422 {
			t.Fatalf("a file without a word: %d", got)
		}
		page := v.shows("ana", at, 200, "trag.pcap")
		if inner := regexp.MustCompile(`(?:party=|/files/|name="party" value=")\d+["#&]`).FindString(page); inner != "" {
			t.Errorf("an inner number in an address: %s", inner)
		}
		v.shows("ana", at+"/files/1", 404)
		v.w.Work(t)
		letters, err := v.w.Post.ListCaught(context.Background(), 0)
		if err != nil || !strings.Contains(letters[0].Body, "Files: 1") || strings.Contains(letters[0].Body, "trag") {
			t.Fatalf("%v %q", err, letters[0].Body)
		}
		link := letters[0].Body[strings.Index(letters[0].Body, "/sr-Cyrl/thread/"):]
		link, _, _ = strings.Cut(link, "\n")
		body := v.shows("", link, 200, "trag.pcap")
		file := regexp.MustCompile(`href="([^"]*/files/[0-9a-f-]{36})"`).FindStringSubmatch(body)[1]
		v.shows("", file[:strings.LastIndex(file, "/")]+"/1", 404)
		if got := v.Browse("", "GET", file, "", nil); got.Code != 200 || got.Body.String() != "траг" {
			t.Fatalf("%d %q", got.Code, got.Body)
		}
		if err := v.w.S.AnswerByToken(context.Background(), ident.Nobody(ident.Web), link[strings.LastIndex(link, "/")+1:], "Хвала", nil); err != nil {
			t.Fatal(err)
		}
		v.w.Work(t)
		v.shows("ana", at, 200, "Next: read the answer", "answered by the party")
		v.shows("ana", at, 200, "Next: reply (Електромрежа Подунавље).", "Our move")
	})
}

// TestLetterPage: an outside party reads and answers behind its link, in its
// language, without an account.
// TestPartsOnPages corrects and withdraws a task, a line and a note, sees a merge
// before it is done, and what a label holds back.
func TestPartsOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		at := v.sends("ana", base+"/new", 303, "", "title", "Упад", "tlp", "RED", "pap", "AMBER")
		v.sends("ana", at+"/do/task.add", 303, "", "task_title", "Позвати", "task_assignee", person(v.w.Luka.Person, v.w.Luka.Name))
		v.sends("ana", at+"/do/entry.add", 303, "", "entry_kind", "note", "entry_body", "Први улаз")
		v.sends("ana", at+"/do/note.add", 303, "", "note_body", "Прва белешка")
		page := v.shows("ana", at, 200)
		for kind, x := range map[string]struct{ fields, says []string }{
			"task":  {[]string{"title", "Писати", "assignee", "0 "}, []string{"Позвати", v.w.Luka.Name}},
			"entry": {[]string{"body", "Други улаз", "kind", "attack", "happened", "2026-11-22T08:00"}, []string{"Први улаз"}},
			"note":  {[]string{"body", "Друга белешка", "revision", "1"}, []string{"Прва белешка"}},
		} {
			i := strings.Index(page, at+"/parts/"+kind+"/")
			if i < 0 {
				t.Fatalf("no way to edit a %s", kind)
			}
			part := page[i : i+strings.Index(page[i:], `"`)]
			v.shows("ana", part, 200, x.says...)
			v.shows("vesna", part, 404)
			v.sends("ana", part, 422, "", "title", "", "body", "", "kind", "note", "happened", "")
			v.sends("ana", part, 303, "", x.fields...)
			v.shows("ana", part, 200, "Earlier versions", x.says[0])
			if kind == "note" {
				v.sends("ana", part, 409, "", x.fields...) // the revision has moved on
			}
			v.sends("ana", part+"/drop", 303, "")
			v.shows("ana", part, 404)
		}
		v.sends("ana", at+"/do/party.add", 422, "named persons", "party_org", v.w.OrgA.UUID, "party_subject", "Питање", "party_lang", "en")
		v.sends("ana", at+"/do/party.add", 303, "", "party_org", v.w.OrgA.UUID, "party_subject", "Питање", "party_lang", "en", "party_tlp", "AMBER")
		v.shows("ana", at, 200, "TLP:AMBER", `value="out"`)
		other := strings.TrimPrefix(v.sends("ana", base+"/new", 303, "", "title", "Други", "tlp", "AMBER", "pap", "AMBER"), base+"/")
		this := strings.TrimPrefix(at, base+"/")
		v.sends("luka", base+"/merge", 200, "Nothing has been merged yet", "id", this, "id", other)
		v.shows("ana", base+"/"+other, 200, other)
		v.sends("luka", base+"/merge", 303, "", "id", this, "id", other, "into", other)
		v.shows("ana", at, 200, other)
	})
}

func TestLetterPage(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		ctx := context.Background()
		n := v.w.Open(t, v.w.Ana, "Тајни наслов").Number
		party := v.w.Party(t, v.w.Ana, n, v.w.OrgA, "duty@elektromreza.example")
		for _, x := range [][2]string{{"out", "Молимо дневник."}, {"note", "интерна белешка"}} {
			if _, err := v.w.S.Write(ctx, v.w.Ana, n, party, x[0], x[1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := jobs.New(db, v.w.Post.Jobs(), nil).Drain(ctx); err != nil {
			t.Fatal(err)
		}
		letters, err := v.w.Post.ListCaught(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		link := strings.TrimSpace(letters[0].Body[strings.Index(letters[0].Body, "/thread/"):])
		body := v.shows("", "/en"+link, 200, "Молимо дневник.", "Питање о упаду", n)
		if strings.Contains(body, "интерна белешка") || strings.Contains(body, "Тајни наслов") {
			t.Fatal("the page shows what is the team's")
		}
		v.shows("", "/en/thread/"+strings.Repeat("0", 32), 404)
		v.sends("", "/en"+link, 422, "", "body", "")
		var form bytes.Buffer
		m := multipart.NewWriter(&form)
		_ = m.WriteField("body", "Шаљемо дневник.")
		f, _ := m.CreateFormFile("files", "gw2.log")
		_, _ = f.Write([]byte("dnevnik"))
		_ = m.Close()
		if w := v.Browse("", "POST", "/en"+link, m.FormDataContentType(), &form); w.Code != 303 {
			t.Fatalf("answering: %d %s", w.Code, w.Body)
		}
		page := v.shows("ana", "/console/cases/"+n, 200, "Шаљемо дневник.", "gw2.log")
		file := regexp.MustCompile(`/console/cases/` + n + `/files/[0-9a-f-]{36}`).FindString(page)
		w := v.Browse("ana", "GET", file, "", nil)
		if w.Body.String() != "dnevnik" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") {
			t.Fatalf("the file came as %v %q", w.Header(), w.Body)
		}
		other := v.w.Open(t, v.w.Ana, "Други").Number
		v.shows("ana", strings.Replace(file, n, other, 1), 404)
		v.shows("vesna", file, 404)
	})
}

// TestIndicatorsOnPages: pasted text becomes an event with objects; who will see it
// stands on the page before it is published, and a changed choice is shown again.
func TestIndicatorsOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		at := "/console/cases/" + v.w.Open(t, v.w.Ana, "Капија 400").Number
		v.shows("ana", at+"/indicators", 200, "Paste a letter")
		const text = "From: Lazna Posta <lazna@posiljka.example>\nSubject: Vaš paket\n\nveza hxxp://posiljka-lazna[.]example/uplata sa 198.51.100[.]24\nracun.pdf.exe 44d88612fea8a8f36de82e1278abb02f"
		look := func(pairs ...string) (string, url.Values) {
			t.Helper()
			f := url.Values{"text": {text}}
			for i := 0; i+1 < len(pairs); i += 2 {
				f.Set(pairs[i], pairs[i+1])
			}
			w := v.Browse("ana", "POST", at+"/indicators", "application/x-www-form-urlencoded", strings.NewReader(f.Encode()))
			body := testkit.Words(w.Body.String())
			out := url.Values{"text": {text}, "info": {"Капија 400, трагови"}, "distribution": {"0"}, "tlp": {"AMBER"}}
			for _, m := range regexp.MustCompile(`name="pick" value="(\d+):([^"]+)"`).FindAllStringSubmatch(body, -1) {
				out.Add("pick", m[1]+":"+m[2])
				x, _ := unpackPick(m[2])
				if in := incident.ObjectsFor(x.Type); len(in) > 0 && x.Type != "ip-dst" {
					out.Set("as"+m[1], in[0])
				}
				if x.Type == "url" || x.Type == "link" {
					out.Set("as"+m[1], "email")
				}
			}
			if m := regexp.MustCompile(`name="choice" value="([^"]+)"`).FindStringSubmatch(body); m != nil {
				out.Set("choice", m[1])
			}
			return body, out
		}
		body, form := look()
		for _, says := range []string{"lazna@posiljka.example", "Vaš paket", "in the file object", "in the e-mail object", "Who will see it once published", v.w.First.Name} {
			if !strings.Contains(body, says) {
				t.Errorf("the page does not say %q", says)
			}
		}
		v.sends("ana", at+"/indicators", 422, "Choose at least one item", "step", "share", "text", "198.51.100.24")
		if body, _ := look("step", "look", "distribution", "3", "tlp", "AMBER"); !strings.Contains(body, "AMBER goes only to those") || strings.Contains(body, `value="publish"`) {
			t.Error("an AMBER for everybody is not held")
		}
		body, _ = look("step", "look", "distribution", "1", "tlp", "GREEN")
		for _, says := range []string{v.w.OrgA.Name, "List by name"} {
			if !strings.Contains(body, says) {
				t.Errorf("the community's readers do not name %q", says)
			}
		}
		send := func(f url.Values, want int) string {
			t.Helper()
			w := v.Browse("ana", "POST", at+"/indicators", "application/x-www-form-urlencoded", strings.NewReader(f.Encode()))
			if w.Code != want {
				t.Fatalf("%d, want %d: %s", w.Code, want, w.Body.String()[:min(200, w.Body.Len())])
			}
			return w.Header().Get("Location")
		}
		form.Set("step", "publish")
		form.Set("distribution", "1") // nobody has looked at this choice yet
		send(form, 422)
		_, seen := look("step", "look", "distribution", "1", "tlp", "AMBER")
		form.Set("choice", seen.Get("choice"))
		send(form, 422) // an AMBER to all members: asked first
		form.Set("sure", "1")
		to := send(form, 303)
		e, err := v.w.Intel.Event(context.Background(), v.w.Ana, to[strings.LastIndex(to, "/")+1:])
		if err != nil || !e.Published || e.TLP != "amber" && e.TLP != "AMBER" || e.Distribution != intel.Community {
			t.Fatalf("%+v, %v", e, err)
		}
		v.shows("ana", at, 200, "Капија 400, трагови")
	})
}
