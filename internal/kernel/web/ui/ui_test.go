package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 22, 7, 22, 0, 0, time.UTC)

func TestClockSteps(t *testing.T) {
	start, due := now.Add(-20*time.Hour), now.Add(4*time.Hour)
	for want, c := range map[string]Clock{
		StepCalm:   {Start: now.Add(-time.Hour), Due: due},
		StepSoon:   {Start: start, Due: due},
		StepLast:   {Start: start, Due: now.Add(59 * time.Minute)},
		StepLate:   {Start: start, Due: now.Add(-time.Second)},
		StepPaused: {Start: start, Due: now.Add(-time.Hour), Paused: "x"},
		StepDone:   {Due: due, Done: now, Paused: "x"},
		StepMissed: {Due: now.Add(-time.Hour), Done: now},
	} {
		if got := c.Step(now); got != want {
			t.Errorf("%+v is %s, want %s", c, got, want)
		}
	}
	if c := (Clock{Start: start, Due: due}); c.Used(now) != 83 || c.Used(due.Add(time.Hour)) != 100 || (Clock{Due: due}).Used(now) != 0 {
		t.Error("share used up", c.Used(now))
	}
}

func TestMarksReadWhatTheyAreGiven(t *testing.T) {
	if TLP("tlp:amber+strict").Word() != "AMBER+STRICT" || PAP("white").Word() != "WHITE" || (Severity{Level: "no"}).Bars() != 0 {
		t.Error("labels")
	}
	for in, want := range map[string]string{"Ана Шумар": "АШ", "љиљана": "Љ", "": "–", "a b c": "AC"} {
		if got := (Avatar{Name: in}).Initials(); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	for in, want := range map[string]string{"#ffc000": "#ffc000", "red": "", "#ff\"><x": "", "#ggg000": ""} {
		if got := (Tag{Swatch: in}).Colour(); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if got := strings.Join(Receipt{Code: "4821739055260471936284915"}.Groups(), " "); got != "48217 39055 26047 19362 84915" {
		t.Error(got)
	}
}

// No label of the watch line may lie on another, leave the drawing, or be crossed by a stem.
func TestWatchFlagsNeverTouch(t *testing.T) {
	for _, every := range []int{2, 7, 31, 97} {
		var ds []Deadline
		for i := range 14 {
			ds = append(ds, Deadline{Number: fmt.Sprintf("P-2026-%06d", 150+i), Label: "пријава поверенику", Due: now.Add(time.Duration(i*every) * time.Minute)},
				Deadline{Number: fmt.Sprintf("S-2026-%06d", i), Label: "задатак", Due: now.Add(24*time.Hour - time.Duration(i*every)*time.Minute)})
		}
		x := func(at time.Time) int { return watchLeft + int(at.Sub(now).Hours()/24*(watchRight-watchLeft)) }
		flags, hidden := watchFlags(ds, x), 0
		for i, a := range flags {
			hidden += a.More
			if a.From < 0 || a.To > watchRight+10 {
				t.Errorf("%s leaves the drawing: %d to %d", a.Number, a.From, a.To)
			}
			for j, b := range flags {
				if i != j && a.Lane == b.Lane && a.From < b.To && b.From < a.To {
					t.Errorf("%s lies on %s", a.Number, b.Number)
				}
				if i != j && b.Lane > a.Lane && a.From < b.X && b.X < a.To {
					t.Errorf("the stem of %s crosses the label of %s", b.Number, a.Number)
				}
			}
		}
		if len(flags)+hidden != len(ds) {
			t.Errorf("%d flags and %d counted, of %d", len(flags), hidden, len(ds))
		}
	}
}

func TestShortNumber(t *testing.T) {
	for in, want := range map[string]string{"P-2026-000165": "P-165", "GOV-P-2026-000018": "GOV-P-18", "CVE-2026-99412": "CVE-99412", "S-2026-000000": "S-2026-000000", "X": "X"} {
		if got := shortNumber(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}

func TestLineChartTopIsReadable(t *testing.T) {
	for in, want := range map[int64]int64{0: 4, 5: 5, 7: 8, 72: 80, 110: 200, 4100: 5000} {
		if got := (LineChart{Series: []Series{{Values: []int64{in}}}}).Top(); got != want {
			t.Errorf("top of %d is %d, want %d", in, got, want)
		}
	}
}

func TestEveryIconOfTheSourceExists(t *testing.T) {
	if !HasIcon("mail") || HasIcon("nope") || !strings.Contains(string(Icon("mail")), "<path") || Icon("") != "" {
		t.Error("icons")
	}
	for name, shape := range icons() {
		if !strings.Contains(shape, "<") || strings.Contains(shape, "stroke=\"none\"") {
			t.Errorf("icon %s: %q", name, shape)
		}
	}
}
