package web

import (
	"embed"
	"io/fs"
	"net/http"
	"time"

	"straza/internal/kernel/web/ui"
)

//go:embed sheet/*.html
var sheetFiles embed.FS

// sheetPage is the component sheet: everything a page can be built from.
type sheetPage struct {
	Page
	Head      ui.Header
	Watch     ui.WatchLine
	Buttons   []ui.Button
	Levels    []string
	States    []ui.State
	Clocks    []ui.Clock
	Bar       ui.FilterBar
	Table     ui.Table
	Pages     *ui.Pagination
	Bulk      ui.BulkBar
	Notes     []ui.Note
	Toast2    ui.Toast
	Dialog    ui.Dialog
	Errors2   ui.ErrorSummary
	Fields    []ui.Field
	Choices   ui.Choices
	Steps     ui.Steps
	Answers   ui.Answers
	Receipt   ui.Receipt
	Empty     ui.Empty
	Next      ui.NextStep
	Audience  ui.Audience
	Facts     ui.Facts
	Timeline  ui.Timeline
	Thread    []ui.Message
	Track     ui.Track
	Tasks     ui.Tasks
	Tags      []ui.Tag
	BarChart  ui.BarChart
	LineChart ui.LineChart
	Heat      ui.Heat
	Spark     ui.Spark
	Progress  ui.Progress
	Colours   []string
	SevPill   ui.Severity
	Login     []ui.Field
}

// Sheet declares /dev/ui, for development installations only.
func (m *Mux) Sheet() {
	t := m.Templates(sheetSub())
	for _, shell := range []ui.Shell{ui.Console, ui.Public, ui.Report, ui.Portal, ui.Bare} {
		pattern := "/dev/ui"
		if shell != ui.Console {
			pattern += "/" + string(shell)
		}
		m.Handle(Route{Method: http.MethodGet, Pattern: pattern, Policy: Public, Reveals: "invented samples",
			Handler: func(w http.ResponseWriter, r *http.Request) error {
				p := newSheet(Now(r))
				p.Page = NewPage(r, shell, T(r, "ui.sheet"))
				if s := r.URL.Query().Get("scheme"); s != "" {
					p.Scheme = s
				}
				name := "sheet"
				if shell == ui.Public || shell == ui.Report || shell == ui.Portal || shell == ui.Bare {
					name = string(shell)
				}
				if r.URL.Query().Get("page") == "read" {
					name = "read"
				}
				p.Print = "TLP:AMBER"
				return t.Render(w, r, name, p)
			}})
	}
}

// sheetSub is the folder of the sheet's pages.
func sheetSub() fs.FS {
	files, err := fs.Sub(sheetFiles, "sheet")
	if err != nil {
		panic("web: sheet: " + err.Error()) // a constant name
	}
	return files
}

// newSheet fills every component with invented samples.
func newSheet(now time.Time) *sheetPage {
	at := func(h time.Duration) time.Time { return now.Add(h) }
	p := &sheetPage{Levels: []string{"low", "medium", "high", "very-high"},
		Colours: []string{"accent", "neutral", "info", "success", "warning", "danger", "brand1", "brand2"}}
	p.Clocks = []ui.Clock{
		{Start: at(-6 * time.Hour), Due: at(18*time.Hour + 40*time.Minute)},
		{Start: at(-66 * time.Hour), Due: at(5*time.Hour + 10*time.Minute), Until: true},
		{Start: at(-24 * time.Hour), Due: at(14 * time.Minute), Label: "одговор"},
		{Due: at(-72 * time.Minute)},
		{Start: at(-6 * time.Hour), Due: at(60 * time.Hour), Paused: "од јуче"},
		{Due: at(-23 * time.Hour), Done: at(-24 * time.Hour)},
		{Due: at(-24 * time.Hour), Done: at(-23 * time.Hour)},
		{Start: at(-20 * 24 * time.Hour), Due: at(8 * 24 * time.Hour)},
	}
	p.States = []ui.State{{Kind: ui.StateNew, Word: "Ново"}, {Kind: ui.StateAck, Word: "Потврђено"}, {Kind: ui.StateWorking, Word: "У раду"},
		{Kind: ui.StateWaiting, Word: "Чека оператора"}, {Kind: ui.StateDone, Word: "Решено"}, {Kind: ui.StateRefused, Word: "Одбијено"}}
	p.Buttons = []ui.Button{{Label: "Нови случај", Icon: "plus", Key: "N"}, {Label: "Унеси телефонску пријаву", Icon: "phone", Variant: "secondary"},
		{Label: "Допиши", Variant: "tertiary"}, {Label: "Обриши", Icon: "trash", Danger: true}, {Label: "Мало", Variant: "secondary", Small: true}}
	p.Head = ui.Header{Number: "S-2026-000417", Title: "Упад у мрежу електродистрибуције преко уређаја Капија 400",
		Marks: []any{p.States[2], ui.Severity{Level: "very-high", Pill: true}, ui.TLP("AMBER+STRICT"), ui.PAP("AMBER"), ui.Tag{Word: "енергетика", Icon: "building"}},
		Sub:   []any{"Електромрежа Подунавље", "води Ана Шумар", at(-24 * time.Hour)},
		Acts:  []ui.Button{{Label: "Прати", Icon: "bookmark", Variant: "secondary"}, {Label: "Промени стање", After: "chevron-down", Key: "E"}},
		Clocks: []ui.LabelledClock{{Label: "Наш одговор на рану најаву", Clock: ui.Clock{Start: at(-24 * time.Hour), Due: at(14 * time.Minute), Until: true}},
			{Label: "Пријава за 72 h", Clock: ui.Clock{Start: at(-46 * time.Hour), Due: at(26*time.Hour + 12*time.Minute), Until: true}},
			{Label: "Рана најава оператора", Clock: ui.Clock{Due: at(-22 * time.Hour), Done: at(-23 * time.Hour)}}},
		Tabs: &ui.Tabs{Label: "Делови случаја", Items: []ui.Tab{{Label: "Преглед", Href: "?a=1", Here: true}, {Label: "Временски ток", Href: "?a=2", Count: "23"}, {Label: "Задаци", Href: "?a=3", Count: "5/9"}, {Label: "Преписка", Href: "?a=4", Count: "4"}, {Label: "Индикатори", Href: "?a=5", Count: "17"}}},
		Prev: "?prev", Next: "?next"}
	p.Watch = ui.WatchLine{Shifts: []ui.Shift{{Label: "I смена · Ана, Лука", From: now, To: at(6*time.Hour + 38*time.Minute)}, {Label: "II смена · Драгана, Марко", From: at(6*time.Hour + 38*time.Minute), To: at(14*time.Hour + 38*time.Minute)}, {Label: "III смена · Петар", From: at(14*time.Hour + 38*time.Minute), To: at(22*time.Hour + 38*time.Minute)}},
		Deadlines: []ui.Deadline{{Number: "P-2288", Label: "касни", Due: at(-72 * time.Minute), Step: ui.StepLate}, {Number: "P-2296", Label: "одговор", Due: at(14 * time.Minute), Step: ui.StepLast}, {Number: "P-2293", Label: "тријажа", Due: at(36 * time.Minute), Step: ui.StepLast},
			{Number: "S-0415", Label: "пријава за 72 h, Север Нет", Due: at(130 * time.Minute), Step: ui.StepSoon}, {Number: "P-2290", Label: "тријажа", Due: at(177 * time.Minute), Step: ui.StepCalm}, {Number: "S-0411", Label: "пријава поверенику", Due: at(400 * time.Minute), Step: ui.StepSoon},
			{Number: "S-0406", Label: "пријава поверенику", Due: at(13 * time.Hour), Step: ui.StepCalm}, {Number: "UP-031", Label: "преглед савета", Due: at(16 * time.Hour), Step: ui.StepCalm}, {Number: "S-0402", Label: "завршни извештај", Due: at(20 * time.Hour), Step: ui.StepCalm}}}
	p.SevPill = ui.Severity{Level: "very-high", Pill: true}
	p.Login = []ui.Field{{Name: "email", Label: "Службена е-пошта", Type: "email", Autocomplete: "username"}, {Name: "password", Label: "Лозинка", Type: "password", Autocomplete: "current-password"}}
	p.sheetLists(now)
	p.sheetForms()
	p.sheetPanels(now)
	p.sheetCharts()
	return p
}

func (p *sheetPage) sheetLists(now time.Time) {
	row := func(id, title, number, sev, tlp string, due time.Duration, state ui.State, marks ...any) ui.Row {
		return ui.Row{ID: id, Href: "?id=" + id, Name: title, Cells: []any{ui.Clock{Start: now.Add(-20 * time.Hour), Due: now.Add(due)},
			ui.Name{Text: title, Href: "?id=" + id, Sub: []any{number, "Водовод Грабовац", "fraud / phishing"}, Marks: marks}, ui.Severity{Level: sev}, ui.TLP(tlp), state, now.Add(-2 * time.Hour)}}
	}
	p.Bar = ui.FilterBar{Action: "/dev/ui", Placeholder: "Број или реч", Chips: []ui.Chip{{Label: "Моје", Without: "?"}, {Label: "Висок и више", Without: "?"}}, Clear: "/dev/ui", Views: &ui.SavedViews{List: "/dev/ui", Items: []ui.SavedView{{ID: "1", Name: "Моји касни", Href: "?", Opens: true, Here: true}, {ID: "2", Name: "Пецање", Href: "?"}}, Save: &ui.Field{Name: "name", ID: "view-name", Label: "Назив приказа", Width: "short"}},
		Fields: []ui.Field{{Name: "sector", Label: "Сектор", Type: "select", Options: []ui.Option{{Label: "–"}, {Value: "energy", Label: "енергетика"}}}}, Acts: []ui.Button{{Label: "Извези", Icon: "download", Variant: "secondary", Small: true}}}
	p.Table = ui.Table{Caption: "Нове пријаве", Select: true, Form: "bulk", Columns: []ui.Column{{Label: "Рок", Width: "clock", Sort: "?sort=due", Sorted: "ascending"}, {Label: "Пријава"}, {Label: "Озбиљност", Width: "mark", Drop: 2}, {Label: "TLP", Width: "mark", Drop: 1}, {Label: "Стање", Width: "mark", Drop: 3}, {Label: "Примљено", Width: "narrow", Num: true, Drop: 1}},
		Rows: []ui.Row{row("1", "Налог директора шаље лажне рачуне", "P-2026-002288", "medium", "AMBER", -72*time.Minute, p.States[0]),
			row("2", "Рана најава: испад даљинског управљања", "P-2026-002296", "very-high", "AMBER+STRICT", 14*time.Minute, p.States[1], ui.Tag{Word: "S-0417", Icon: "git-merge"}),
			{Group: true, Cells: []any{"мрежна веза", ui.Tag{Word: "3 од 9 поља"}}},
			row("3", "Отворен порт 8443 на Капији 400", "P-2026-002290", "high", "GREEN", 177*time.Minute, p.States[2]),
			row("4", "Замена насловне стране сајта", "P-2026-002289", "low", "CLEAR", 6*time.Hour, p.States[4])}}
	p.Pages = &ui.Pagination{From: 1, To: 4, Total: 3120, Next: "?cursor=abc"}
	p.Bulk = ui.BulkBar{Form: "bulk", Action: "/dev/ui", Acts: []ui.Button{{Label: "Преузми", Icon: "user-plus", Variant: "tertiary", Small: true, Key: "A"}, {Label: "Споји", Icon: "git-merge", Variant: "tertiary", Small: true, Key: "M"}}, More: []ui.Button{{Label: "Обриши", Icon: "trash", Danger: true}}}
	p.Tags = []ui.Tag{{Space: "ATT&CK", Word: "Web protocols"}, {Space: "sector", Word: "energy"}, {Word: "T1190", Mono: true}, {Word: "оператор", Icon: "building"}, {Word: "tlp:amber", Swatch: "#ffc000"}}
}

func (p *sheetPage) sheetForms() {
	p.Fields = []ui.Field{{Name: "name", Label: "Име и презиме", Value: "Милица Ђорђевић", Autocomplete: "name"},
		{Name: "mail", Label: "Е-пошта", Hint: "Шаљемо потврду и одговор.", Value: "milica.djordjevic", Error: "Упишите е-пошту са знаком @, на пример ime@primer.rs", Type: "email"},
		{Name: "phone", Label: "Телефон", Optional: true, Hint: "Зовемо само ако је хитно.", Type: "tel", Width: "half"},
		{Name: "text", Label: "Опис", Type: "textarea", Rows: 3, Keep: true}, {Name: "file", Label: "Прилози", Type: "file", Multiple: true, Optional: true},
		{Name: "kind", Label: "Врста", Type: "select", Options: []ui.Option{{Value: "a", Label: "Пријава"}, {Value: "b", Label: "Слање"}}},
		{Name: "ok", Label: "Сагласност је дата", Hint: "Може се повући у сваком тренутку.", Type: "checkbox"}}
	p.Choices = ui.Choices{Name: "what", Legend: "Шта се догодило?", Options: []ui.Option{{Value: "1", Label: "Стигла ми је сумњива порука", Hint: "Е-пошта, СМС, Вајбер, позив"},
		{Value: "2", Label: "Рачунар или датотеке су закључани", Hint: "Траже новац да их откључају", Checked: true, Note: "Не гасите рачунар. Извуците мрежни кабл или искључите бежичну мрежу, па наставите."}, {Value: "3", Label: "Нешто друго, или не знам тачно"}}}
	p.Steps = ui.Steps{Now: 2, All: 4}
	p.Errors2 = ui.ErrorSummary{Items: []ui.ErrorItem{{Field: "mail", Text: "Упишите е-пошту са знаком @"}, {Field: "what", Text: "Изаберите за кога пријављујете"}}}
	p.Answers = ui.Answers{Title: "Шта се догодило", Items: []ui.Answer{{Question: "Врста", Answer: "Рачунар или датотеке су закључани", Change: "?q=1"}, {Question: "Опис", Answer: "Све датотеке на рачунару имају наставак .klv.", Change: "?q=2"}}}
	p.Receipt = ui.Receipt{Title: "Примили смо пријаву", When: "22. новембар 2026. у 7.58", Label: "Ваш број пријаве", Code: "4821739055260471936284915"}
	p.Dialog = ui.Dialog{ID: "publish", Title: "Објавити упозорење UP-2026-031?", Body: "Видеће га сви. Е-поштом иде на 1.208 адреса. Објаву можете повући, поруке не.", Action: "/dev/ui", Do: ui.Button{Label: "Објави за све"}, Safe: ui.Button{Label: "Још не", Href: "?", Variant: "secondary"}}
}

func (p *sheetPage) sheetPanels(now time.Time) {
	p.Notes = []ui.Note{{Kind: "info", Title: "Белешка.", Body: "Оператор види ову белешку."}, {Kind: "success", Title: "Послато.", Body: "Пријем је потврђен у 8.31."}, {Kind: "warning", Title: "Пазите.", Body: "Два примаоца не смеју TLP:RED."}, {Kind: "danger", Title: "Није послато.", Body: "Кључ примаоца је истекао."}}
	p.Toast2 = ui.Toast{Text: "P-2293 је спојена са S-0417", Undo: &ui.Undo{Action: "/dev/ui"}}
	p.Empty = ui.Empty{Icon: "sun", Title: "Нема нових пријава", Text: "Све је прочитано. Последња је стигла у 6.10, а наредни рок је у 10.34.", Acts: []ui.Button{{Label: "Моји случајеви", Href: "?", Variant: "secondary"}}}
	p.Next = ui.NextStep{Title: "Следеће: одговорите оператору у наредних 14 минута.", Text: "Нацрт је спреман: савет о изолацији и списак од 9 индикатора које смеју да виде.", Act: ui.Button{Label: "Прегледај и пошаљи"}}
	p.Audience = ui.Audience{Title: "Ко ће видети", Rings: []ui.Ring{{Count: 6, Word: "људи", Sub: "наш тим"}, {Count: 14, Word: "организација", Sub: "ова заједница"}, {Count: 0, Word: "партнера", Sub: "повезане заједнице"}}, Except: "Два атрибута иду само групи Енергетика (5 организација), један остаје код нас.", Links: []ui.Button{{Label: "Списак по имену", Href: "?"}, {Label: "Види као један од њих", Href: "?"}}}
	p.Facts = ui.Facts{Items: []ui.Fact{{Label: "Врста", Value: "Неовлашћен приступ систему", Sub: "intrusions / system-compromise"}, {Label: "Озбиљност", Value: "Веома висок, рачунато 86"}, {Label: "Погођени", Value: "Електромрежа Подунавље"}, {Label: "Чува се", Value: "10 година по затварању"}}}
	p.Timeline = ui.Timeline{Items: []ui.Moment{{Icon: "send", Tone: "accent", Title: "Упозорени суседни оператори", At: now.Add(-6 * time.Minute), By: "уписала Ана Шумар"},
		{Icon: "alert-triangle", Tone: "danger", Title: "Веза ка 198.51.100.24 поново активна", At: now.Add(-90 * time.Minute), Noted: now.Add(-10 * time.Minute), Codes: []string{"T1071.001"}},
		{Icon: "check", Tone: "success", Title: "Оператор је искључио Капију 400 са интернета", At: now.Add(-23 * time.Hour), By: "јавио дежурни, телефоном"}, {Icon: "inbox", Title: "Примљена рана најава", At: now.Add(-24 * time.Hour)}}}
	p.Thread = []ui.Message{{Kind: ui.FromThem, Who: "Бојан Милетић", At: now.Add(-50 * time.Minute), Note: "потпис исправан", Body: "Потврђујем: SCADA-GW2 је одвојен у 7.30.\nМожемо ли да вратимо надзор преко резервне везе?", Files: []ui.FileRef{{Name: "gw2-logs.zip", Size: 48_000_000, Note: "у карантину"}}},
		{Kind: ui.Internal, Who: "Лука Видаковић", At: now.Add(-30 * time.Minute), Body: "Резервна веза иде кроз исти уређај. Не док не проверимо."},
		{Kind: ui.Draft, Who: "Ана Шумар", At: now.Add(-2 * time.Minute), Body: "Поштовани Бојане, молимо да резервну везу не укључујете…", Acts: []ui.Button{{Label: "Пошаљи шифровано", Icon: "send"}, {Label: "Уреди", Variant: "secondary"}}, Check: "Прималац сме TLP:AMBER+STRICT"}}
	p.Track = ui.Track{Title: "НИС2, чл. 23", Basis: "сазнање 20. нов. 10.34", Stages: []ui.Stage{{Label: "Рана најава", Sub: "на време", State: "done"}, {Label: "За 72 h", Sub: "26 h 12 min", State: "now"}, {Label: "Завршни", Sub: "месец дана", State: "next"}}}
	p.Tasks = ui.Tasks{Items: []ui.Task{{Title: "Затражи слику диска сервера", Done: true, Action: "/dev/ui", Who: "Лука Видаковић"}, {Title: "Одговори на рану најаву", Action: "/dev/ui", Clock: &ui.Clock{Start: now.Add(-24 * time.Hour), Due: now.Add(14 * time.Minute)}, Who: "Ана Шумар"}}}
	p.Progress = ui.Progress{Percent: 62, Label: "урађено 62 од 100"}
	p.Spark = ui.Spark{Values: []int64{2, 3, 5, 4, 8, 9, 7, 12, 15, 11, 18, 22}, Label: "виђења, 12 дана, од 2 до 22"}
}

func (p *sheetPage) sheetCharts() {
	p.BarChart = ui.BarChart{ID: "b", Title: "Преваре су половина свега", Unit: "пријаве, новембар", Before: "октобар", Bars: []ui.Bar{{Label: "Превара", Value: 214, Before: 170}, {Label: "Злонамерни код", Value: 118, Before: 95}, {Label: "Рањиво", Value: 92, Before: 80}, {Label: "Упади", Value: 61, Before: 52}, {Label: "Доступност", Value: 24, Before: 22}}}
	p.LineChart = ui.LineChart{ID: "l", Title: "Пецање расте од септембра", Unit: "пријаве недељно", Steps: []string{"36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46", "47"},
		Series: []ui.Series{{Name: "пецање", Values: []int64{31, 44, 52, 38, 61, 57, 72, 66, 49, 58, 62, 59}}, {Name: "упади", Values: []int64{12, 18, 15, 20, 24, 22, 31, 28, 36, 30, 33, 38}}}}
	p.Heat = ui.Heat{Title: "Највише стиже око подне", Cols: []string{"6", "9", "12", "15", "18"}, Rows: []ui.HeatRow{{Label: "пон", Values: []int64{1, 4, 9, 7, 2}}, {Label: "уто", Values: []int64{0, 5, 12, 8, 3}}, {Label: "сре", Values: []int64{2, 6, 10, 6, 1}}}}
}
