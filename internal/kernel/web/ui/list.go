package ui

// Column is a column of a table. Drop columns leave first on narrow screens:
// 1 leaves first, 3 last, 0 stays.
type Column struct {
	Label  string
	Hidden bool   // the label is for screen readers only
	Num    bool   // right, figures
	Sort   string // address that sorts by it; "" cannot
	Sorted string // "ascending", "descending", "" when not sorted by it
	Drop   int
	Width  string // "tick", "clock", "mark", "narrow", "" takes what is left
}

// Sized gives the column a width and the step at which it leaves.
func (c Column) Sized(width string, drop int) Column { c.Width, c.Drop = width, drop; return c }

// Row is a row of a table.
type Row struct {
	ID    string // value of the tick box; "" has none
	Href  string // what Enter opens
	Cells []any  // string, template.HTML, time.Time or a component, one per column
	Group bool   // a head over the rows below; its first cell spans the table
	Inset bool   // belongs to the group above
	Off   bool   // deleted or withdrawn: struck through
	Name  string // how the tick box is called

	Anchor string // id of the row, for addresses that lead to it
	Edit   string // address of the form that a script puts in the row's place
}

// Table is a real table with a caption. Select gives every row a tick box named
// "id" inside the page's bulk form.
type Table struct {
	Caption     string
	ShowCaption bool
	Columns     []Column
	Rows        []Row
	Select      bool
	Form        string // id of the bulk form that the tick boxes belong to
	Dense       bool   // 32 px rows
	Empty       *Empty
}

func (Table) template() string { return "c-table" }

// Line is one row of a table by itself, for a script that puts it into the table.
type Line struct {
	Table Table
	Row   Row
}

func (Line) template() string { return "c-line" }

// Line is a row as the table draws it.
func (t Table) Line(row Row) Line { return Line{t, row} }

// Span is the number of cells of a full row.
func (t Table) Span() int {
	if t.Select {
		return len(t.Columns) + 1
	}
	return len(t.Columns)
}

// Col is the column of cell i; a row with too many cells is shown all the same.
func (t Table) Col(i int) Column {
	if i < len(t.Columns) {
		return t.Columns[i]
	}
	return Column{}
}

// Name is a row's main cell: the name in bold, a grey second line, marks behind.
type Name struct {
	Text  string
	Href  string
	Sub   []any // parts of the second line, joined with a middle dot
	Marks []any
	Mono  bool
	Title string // the whole of what Text is a part of; else Text
}

func (Name) template() string { return "" }

// Chip is an active filter; Without is the address without it.
type Chip struct {
	Label   string
	Without string
}

// FilterBar is the line above a list. It is a GET form: filters live in the address.
type FilterBar struct {
	Action      string
	Query       string // what stands in the search field
	Placeholder string
	Error       string // what is wrong with the query
	Chips       []Chip
	Fields      []Field           // the other filters, folded behind "+ Filter"
	Keep        map[string]string // hidden: sort
	Clear       string            // address without any filter; "" when none is active
	Acts        []Button          // right: export
	Open        bool              // unfolded
	Views       *SavedViews       // below; nil where nobody has any
	Passed      []string          // what the address asks and the list does not know
}

// SavedViews are somebody's saved views of one list.
type SavedViews struct {
	List  string // the list's path
	Query string // what would be saved
	Items []SavedView
	Save  *Field // the name of the view to save; nil when there is nothing to save
}

// SavedView is one of them. Opens: the list opens with it; Here: it is shown.
type SavedView struct {
	ID, Name, Href string
	Opens, Here    bool
}

func (FilterBar) template() string { return "c-filter" }

// BulkBar stands under a table as soon as a row is selected. Without scripts it
// is always there.
type BulkBar struct {
	Form   string // id of the form
	Action string
	Acts   []Button // at most five; on a phone the first one
	More   []Button // behind "more"
	Hidden map[string]string
}

func (BulkBar) template() string { return "c-bulk" }

// Menu is what stands behind "more". On a phone the acts after the first move there, too.
func (b BulkBar) Menu() *Menu {
	m := &Menu{Up: true, Items: b.More}
	if len(b.Acts) > 2 {
		m.Small = b.Acts[1:]
	}
	if len(m.Items)+len(m.Small) == 0 {
		return nil
	}
	return m
}

// Menu is a folded list of acts; it works without scripts.
type Menu struct {
	Items []Button
	Small []Button // stand in it on a phone only, before the others
	Up    bool     // opens upwards
}

func (Menu) template() string { return "c-menu" }

// Rows are the acts as the menu draws them.
func (m Menu) Rows(list []Button) []Button {
	out := make([]Button, len(list))
	for i, b := range list {
		out[i] = b.Tertiary().Full()
	}
	return out
}

// Pagination is keyset paging: no page numbers, a real next link.
type Pagination struct {
	From, To int    // rows shown; 0 leaves the numbers out
	Total    int64  // 0 = unknown
	First    string // address of the first page; "" when on it
	Prev     string
	Next     string    // "" on the last page
	Words    [2]string // of First and Next, where "start" and "next" do not say it
	More     []Button  // further ways, as links
}

func (Pagination) template() string { return "c-pages" }

// Tab is one view of an object.
type Tab struct {
	Label string
	Href  string
	Count string
	Here  bool
}

// Tabs is a row of links that look like tabs; each is an address of its own.
type Tabs struct {
	Label string
	Items []Tab
}

func (Tabs) template() string { return "c-tabs" }

// Fact is one line of a facts list. Wide takes the whole line.
type Fact struct {
	Label string
	Value any
	Sub   string
	Wide  bool
}

// Facts is a definition list in two columns. Facts with a nil or empty Value are
// left out.
type Facts struct{ Items []Fact }

func (Facts) template() string { return "c-facts" }

// Shown are the facts that have a value.
func (f Facts) Shown() []Fact {
	out := make([]Fact, 0, len(f.Items))
	for _, x := range f.Items {
		if x.Value != nil && x.Value != "" {
			out = append(out, x)
		}
	}
	return out
}
