package ui

import (
	"fmt"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/kernel/i18n"
)

// Spark is a row of small bars, at most 24. Label says the series in words.
type Spark struct {
	Values []int64
	Label  string
	Amber  bool // rising where it should not
}

func (Spark) template() string { return "c-spark" }

// Bars are the bars' heights in 18 units, with their places.
func (s Spark) Bars() []sparkBar {
	vals := s.Values
	if len(vals) > 24 {
		vals = vals[len(vals)-24:]
	}
	top := int64(1)
	for _, v := range vals {
		top = max(top, v)
	}
	out := make([]sparkBar, len(vals))
	for i, v := range vals {
		h := float64(max(0, v)) * 18 / float64(top)
		if h < 1 {
			h = 1 // a zero is still a day
		}
		out[i] = sparkBar{X: i * 6, Y: fmt.Sprintf("%.1f", 18-h), H: fmt.Sprintf("%.1f", h)}
	}
	return out
}

type sparkBar struct {
	X    int
	Y, H string
}

// Width is the drawing's width in units.
func (s Spark) Width() int { return max(6, min(24, len(s.Values))*6) }

// Progress is a bar that is filled to Percent; Label says it in words.
type Progress struct {
	Percent int
	Label   string
}

func (Progress) template() string { return "c-progress" }

// Filled is the share within 0 to 100.
func (p Progress) Filled() int { return max(0, min(100, p.Percent)) }

// Bar is one bar of a chart; Before is the same figure of the period before,
// hatched, left out when negative.
type Bar struct {
	Label  string
	Value  int64
	Before int64
}

// BarChart draws horizontal bars from zero, with the figures as a table behind.
type BarChart struct {
	Title  string // one message
	Unit   string // unit and period in words
	Bars   []Bar
	Before string // name of the period before; "" has none
	ID     string // unique on the page
}

func (BarChart) template() string { return "c-bars" }

// Height is the drawing's height in units.
func (c BarChart) Height() int { return len(c.Bars)*30 + 6 }

type placedBar struct {
	Bar
	Y, W, BW, TextX, TextY, BeforeY int
}

// Placed are the bars with their places, on a drawing 480 units wide.
func (c BarChart) Placed() []placedBar {
	top := int64(1)
	for _, b := range c.Bars {
		top = max(top, b.Value, b.Before)
	}
	out := make([]placedBar, len(c.Bars))
	for i, b := range c.Bars {
		p := placedBar{Bar: b, Y: i*30 + 2, W: int(b.Value * 280 / top), BW: int(max(0, b.Before) * 280 / top)}
		p.TextX, p.TextY, p.BeforeY = 150+max(p.W, 0)+8, p.Y+12, p.Y+14
		out[i] = p
	}
	return out
}

// Series is one line of a line chart.
type Series struct {
	Name   string
	Values []int64
}

// LineChart draws up to three series over the same steps; names stand at the
// lines' ends, every line has a dash and a marker of its own.
type LineChart struct {
	Title  string
	Unit   string
	Steps  []string // label of each step; not all are written
	Series []Series
	ID     string
}

func (LineChart) template() string { return "c-lines" }

type placedLine struct {
	Series
	N                int
	Path             string
	EndX, EndY, Name int
	Square           bool
}

const (
	lineLeft, lineRight, lineTop, lineBase = 44, 400, 14, 150
)

// Top is the largest value, rounded up to a figure people read.
func (c LineChart) Top() int64 {
	top := int64(4)
	for _, s := range c.Series {
		for _, v := range s.Values {
			top = max(top, v)
		}
	}
	step := int64(1)
	for step*10 < top {
		step *= 10
	}
	for _, m := range []int64{1, 2, 4, 5, 8, 10} {
		if step*m >= top {
			return step * m
		}
	}
	return step * 10
}

// Half is half of Top, for the middle grid line.
func (c LineChart) Half() int64 { return c.Top() / 2 }

// Lines are the series with their paths.
func (c LineChart) Lines() []placedLine {
	top := c.Top()
	var out []placedLine
	for i, s := range c.Series {
		if i == 3 {
			break
		}
		p := placedLine{Series: s, N: i + 1, Square: i == 1}
		var b strings.Builder
		for j, v := range s.Values {
			x, y := c.x(j), lineBase-int(v*(lineBase-lineTop)/top)
			fmt.Fprintf(&b, "%s%d %d", map[bool]string{true: "M", false: "L"}[j == 0], x, y)
			p.EndX, p.EndY = x, y
		}
		p.Path = b.String()
		out = append(out, p)
	}
	spreadNames(out)
	return out
}

// spreadNames keeps the names at the lines' ends from lying over each other.
func spreadNames(lines []placedLine) {
	order := make([]int, len(lines))
	for i := range order {
		order[i] = i
		lines[i].Name = lines[i].EndY + 4
	}
	sort.Slice(order, func(a, b int) bool { return lines[order[a]].Name < lines[order[b]].Name })
	for i := 1; i < len(order); i++ {
		if above := lines[order[i-1]].Name + 16; lines[order[i]].Name < above {
			lines[order[i]].Name = above
		}
	}
}

func (c LineChart) x(i int) int {
	if len(c.Steps) < 2 {
		return lineLeft
	}
	return lineLeft + i*(lineRight-lineLeft)/(len(c.Steps)-1)
}

type tick struct {
	X     int
	Label string
}

// Ticks are at most six labels of steps.
func (c LineChart) Ticks() []tick {
	every := max(1, (len(c.Steps)+5)/6)
	var out []tick
	for i := 0; i < len(c.Steps); i += every {
		out = append(out, tick{c.x(i), c.Steps[i]})
	}
	return out
}

// Cell is the value of series s at step i, for the table.
func (c LineChart) Cell(s Series, i int) string {
	if i < len(s.Values) {
		return fmt.Sprint(s.Values[i])
	}
	return "–"
}

// Deadline is one flag on the watch line.
type Deadline struct {
	Number string
	Label  string
	Due    time.Time
	Step   string // of its clock
	Href   string
}

// Shift is a band under the watch line.
type Shift struct {
	Label    string
	From, To time.Time
}

// WatchLine is the next 24 hours as one ruler, with a flag per deadline.
type WatchLine struct {
	Deadlines []Deadline
	Shifts    []Shift
	Noon      int // how many fall due before the next noon; not shown when 0
}

func (WatchLine) template() string { return "c-watch" }

// listed is how many deadlines the list for small screens names.
const listed = 8

// First are the nearest deadlines, for the list that small screens show.
func (w WatchLine) First() []Deadline { return w.Deadlines[:min(listed, len(w.Deadlines))] }

// Rest is how many more there are.
func (w WatchLine) Rest() int { return max(0, len(w.Deadlines)-listed) }

// Geometry of the watch line, in units of the drawing.
const (
	watchLeft, watchRight = 14, 1186
	watchAxis             = 148
	watchLane             = 20
	watchLanes            = 7
)

type watchFlag struct {
	Deadline
	X, Top, TextY int
	From, To      int // where its label begins and ends
	Lane          int
	Left          bool // the label stands before its stem
	Short, Words  string
	More          int
}

type watchBand struct {
	X, W  int
	Label string
	Odd   bool
}

type watchView struct {
	Flags      []watchFlag
	Bands      []watchBand
	Hours      []tick
	Minor      []int
	Late, Sum  int
	Say        string
	Now        string
	Axis       int
	Height     int
	BandY      int
	BandTextY  int
	HourTextY  int
	NowX, Left int
	Right      int
}

// watchView places flags, bands and hours.
func (k *Kit) watchView(l i18n.Lang, w WatchLine) watchView {
	now := k.Now()
	v := watchView{Axis: watchAxis, Left: watchLeft, Right: watchRight, NowX: watchLeft, BandY: watchAxis + 7, BandTextY: watchAxis + 21,
		HourTextY: watchAxis + 44, Height: watchAxis + 52, Sum: len(w.Deadlines), Now: k.Catalog.T(l, "ui.now") + " " + i18n.Clock(l, now)}
	x := func(t time.Time) int {
		share := min(1, max(0, t.Sub(now).Hours()/24))
		return watchLeft + int(share*(watchRight-watchLeft))
	}
	named := append([]Deadline(nil), w.Deadlines...)
	for i := range named {
		if named[i].Step == StepLate {
			named[i].Label = k.Catalog.T(l, "ui.clock.late")
		}
	}
	v.Flags = watchFlags(named, x)
	for i, s := range w.Shifts {
		if a, b := x(s.From), x(s.To); b > a {
			v.Bands = append(v.Bands, watchBand{X: a, W: b - a - 2, Label: cut(s.Label, (b-a)/8), Odd: i%2 == 0})
		}
	}
	first := now.In(i18n.Belgrade).Truncate(time.Hour).Add(time.Hour)
	for i := range 24 {
		at := first.Add(time.Duration(i) * time.Hour)
		v.Minor = append(v.Minor, x(at))
		if at.Hour()%3 == 0 && x(at) > watchLeft+70 && x(at) < watchRight-20 {
			label := i18n.Clock(l, at)
			if at.Hour() == 0 {
				label = k.Catalog.T(l, "ui.midnight")
			}
			v.Hours = append(v.Hours, tick{x(at), label})
		}
	}
	var say []string
	for _, d := range w.Deadlines {
		if d.Step == StepLate {
			v.Late++
		}
		say = append(say, d.Number+" "+d.Label+" "+i18n.Until(l, d.Due, now))
	}
	v.Say = strings.Join(say, "; ")
	if v.Say == "" {
		v.Say = k.Catalog.T(l, "ui.watch.none")
	}
	return v
}

// crowd is how many flags of one hour the watch line names; the rest is counted at
// the last of them. What is late stands at "now", the most overdue alone.
const crowd = 3

// watchFlags places the flags: a label stands to the right of its stem, near the right
// edge to the left of it, always in the lowest lane where no stem crosses a word.
func watchFlags(ds []Deadline, x func(time.Time) int) []watchFlag {
	var left, right, out []watchFlag
	for _, f := range thin(ds, x) {
		f.From, f.To = f.X, f.X+14+wide(f)
		if f.To > watchRight+10 {
			f.From, f.To, f.Left = f.X-14-wide(f), f.X, true
			left = append(left, f)
			continue
		}
		right = append(right, f)
	}
	place := func(f watchFlag) {
		for lane := range watchLanes {
			if free(out, f, lane) {
				f.Lane, f.Top = lane, watchAxis-16-lane*watchLane
				f.TextY = f.Top + 4
				out = append(out, f)
				return
			}
		}
		if len(out) > 0 { // nowhere: it is counted at its neighbour
			out[len(out)-1].More += 1 + f.More
		}
	}
	for _, f := range left {
		place(f)
	}
	for i := len(right) - 1; i >= 0; i-- {
		place(right[i])
	}
	return out
}

// thin keeps the first flags of a crowd, in the order in which they fall due.
func thin(ds []Deadline, x func(time.Time) int) []watchFlag {
	sorted := append([]Deadline(nil), ds...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Due.Before(sorted[j].Due) })
	var out []watchFlag
	for _, d := range sorted {
		f := watchFlag{Deadline: d, X: x(d.Due), Short: shortNumber(d.Number), Words: d.Label}
		if n := len(out); n > 0 && (d.Step == StepLate && out[n-1].Step == StepLate || n >= crowd && out[n-1].Step != StepLate && out[n-crowd].Step != StepLate && f.X-out[n-crowd].X < 50) {
			out[n-1].More++
			continue
		}
		out = append(out, f)
	}
	return out
}

// wide is the width of a label in units of the drawing, rather too much than too little.
func wide(f watchFlag) int {
	more := 0
	if f.More > 0 {
		more = 30
	}
	return utf8.RuneCountInString(f.Short)*8 + 4 + utf8.RuneCountInString(f.Words)*7 + more
}

// free tells whether a label fits into a lane: it touches no other there, its stem
// crosses no label below, and no stem of a label above crosses it.
func free(placed []watchFlag, f watchFlag, lane int) bool {
	for _, p := range placed {
		switch {
		case p.Lane == lane && f.From < p.To+10 && p.From < f.To+10,
			p.Lane < lane && p.From-3 < f.X && f.X < p.To+3,
			p.Lane > lane && f.From-3 < p.X && p.X < f.To+3:
			return false
		}
	}
	return true
}

// shortNumber is a number without its year and leading zeros, for the drawing only:
// P-2026-000165 is P-165; the lists beside it write it whole.
func shortNumber(s string) string {
	parts := strings.Split(s, "-")
	if n := len(parts); n >= 3 && len(parts[n-2]) == 4 {
		if tail := strings.TrimLeft(parts[n-1], "0"); tail != "" {
			return strings.Join(parts[:n-2], "-") + "-" + tail
		}
	}
	return s
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	if n < 3 {
		return ""
	}
	return strings.TrimSpace(string([]rune(s)[:n-1])) + "…"
}

// Heat is a heat map in one hue and five steps: rows of equal length.
type Heat struct {
	Title string
	Rows  []HeatRow
	Cols  []string
}

// HeatRow is one row of a heat map.
type HeatRow struct {
	Label  string
	Values []int64
}

func (Heat) template() string { return "c-heat" }

// Level is a value's step from 0 to 4.
func (h Heat) Level(v int64) int {
	top := int64(1)
	for _, r := range h.Rows {
		for _, x := range r.Values {
			top = max(top, x)
		}
	}
	return int(min(4, max(0, v)*5/(top+1)))
}
