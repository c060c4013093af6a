package i18n

import (
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the zone must exist on a machine without tzdata
)

// Belgrade is the zone in which pages show times.
var Belgrade = mustZone("Europe/Belgrade")

func mustZone(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		panic("i18n: embedded tzdata lacks " + name)
	}
	return z
}

var (
	srMonths   = [12]string{"јануар", "фебруар", "март", "април", "мај", "јун", "јул", "август", "септембар", "октобар", "новембар", "децембар"}
	srMonthsOf = [12]string{"јануара", "фебруара", "марта", "априла", "маја", "јуна", "јула", "августа", "септембра", "октобра", "новембра", "децембра"}
	srDays     = [7]string{"недеља", "понедељак", "уторак", "среда", "четвртак", "петак", "субота"}
)

// in writes sr (Cyrillic) or en, in the script of l.
func in(l Lang, sr, en string) string {
	switch l.or() {
	case SrLatn:
		return Latin(sr)
	case En:
		return en
	}
	return sr
}

// Date gives "22. новембар 2026" / "22 Nov 2026".
func Date(l Lang, t time.Time) string {
	t = t.In(Belgrade)
	return in(l, strconv.Itoa(t.Day())+". "+srMonths[t.Month()-1]+" "+strconv.Itoa(t.Year()), t.Format("2 Jan 2006"))
}

// LongDate puts the weekday before the date: "недеља, 22. новембар 2026".
func LongDate(l Lang, t time.Time) string {
	t = t.In(Belgrade)
	return in(l, srDays[t.Weekday()]+", ", t.Weekday().String()+", ") + Date(l, t)
}

// DayMonth gives "22. новембар" / "22 Nov".
func DayMonth(l Lang, t time.Time) string {
	t = t.In(Belgrade)
	return in(l, strconv.Itoa(t.Day())+". "+srMonths[t.Month()-1], t.Format("2 Jan"))
}

// Clock gives the time of day: "8.36" / "08:36".
func Clock(l Lang, t time.Time) string {
	t = t.In(Belgrade)
	return in(l, t.Format("15.04"), t.Format("15:04"))[zeroCut(l, t):]
}

// zeroCut drops the leading zero of the hour in Serbian.
func zeroCut(l Lang, t time.Time) int {
	if l.or() != En && t.Hour() < 10 {
		return 1
	}
	return 0
}

// DateTime gives "22. новембар 2026, 8.36" / "22 Nov 2026, 08:36".
func DateTime(l Lang, t time.Time) string { return Date(l, t) + ", " + Clock(l, t) }

// FullTime is DateTime with seconds and the zone's abbreviation, for evidence.
func FullTime(l Lang, t time.Time) string {
	t = t.In(Belgrade)
	return Date(l, t) + ", " + in(l, t.Format("15.04.05"), t.Format("15:04:05")) + " " + t.Format("MST")
}

// days counts calendar days from now to t in Belgrade.
func days(t, now time.Time) int {
	a, b := t.In(Belgrade), now.In(Belgrade)
	ad := time.Date(a.Year(), a.Month(), a.Day(), 12, 0, 0, 0, time.UTC)
	bd := time.Date(b.Year(), b.Month(), b.Day(), 12, 0, 0, 0, time.UTC)
	return int(ad.Sub(bd).Hours() / 24)
}

// When says a moment as people say it near now: "8.36", "јуче 8.36", "сутра у
// 10.34", "20. новембар", with the year when it is another one.
func When(l Lang, t, now time.Time) string {
	switch d := days(t, now); {
	case d == 0:
		return Clock(l, t)
	case d == -1:
		return in(l, "јуче ", "yesterday ") + Clock(l, t)
	case d == 1:
		return in(l, "сутра у ", "tomorrow ") + Clock(l, t)
	}
	if t.In(Belgrade).Year() == now.In(Belgrade).Year() {
		return DayMonth(l, t)
	}
	return Date(l, t)
}

// Until says until when: "до 14.00", "до сутра у 10.34", "до 28. фебруара у
// 10.34" / "until 14:00", "until tomorrow 10:34", "until 28 Feb, 10:34".
func Until(l Lang, t, now time.Time) string {
	switch days(t, now) {
	case 0:
		return in(l, "до ", "until ") + Clock(l, t)
	case 1:
		return in(l, "до сутра у ", "until tomorrow ") + Clock(l, t)
	case -1:
		return in(l, "до јуче у ", "until yesterday ") + Clock(l, t)
	}
	b := t.In(Belgrade)
	day := strconv.Itoa(b.Day())
	sr, en := "до "+day+". "+srMonthsOf[b.Month()-1], "until "+b.Format("2 Jan")
	if b.Year() != now.In(Belgrade).Year() {
		sr, en = sr+" "+strconv.Itoa(b.Year()), en+" "+strconv.Itoa(b.Year())
	}
	return in(l, sr+" у ", en+", ") + Clock(l, t)
}

// Duration says a length in at most two units: "14 min", "26 h 12 min", "8 дана".
// Hours go up to 71, because the law counts in 72; a negative length has a minus
// sign. Less than a minute is "1 min": a clock never says zero while it runs.
func Duration(l Lang, d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "−", -d
	}
	m := int64(d / time.Minute)
	switch {
	case m < 1:
		return sign + "1 " + minutes(l)
	case m < 60:
		return sign + strconv.FormatInt(m, 10) + " " + minutes(l)
	case m < 72*60:
		s := sign + strconv.FormatInt(m/60, 10) + " h"
		if m%60 != 0 {
			s += " " + strconv.FormatInt(m%60, 10) + " " + minutes(l)
		}
		return s
	}
	n := m / 60 / 24
	if pluralForm(l, n) == "one" {
		return sign + Number(l, n) + " " + in(l, "дан", "day")
	}
	return sign + Number(l, n) + " " + in(l, "дана", "days")
}

// minutes is the abbreviation in the page's script; h is the sign of a unit (SI) and
// stays Latin, as laws write it.
func minutes(l Lang) string {
	if l == SrCyrl {
		return "мин"
	}
	return "min"
}

// Ago says how long ago: "управо", "пре 6 мин", "пре 2 h", "јуче", "пре 5 дана",
// then the date.
func Ago(l Lang, t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return in(l, "управо", "just now")
	case d < time.Hour:
		return ago(l, Duration(l, d))
	case days(t, now) == 0 || d < 6*time.Hour:
		return ago(l, Duration(l, d.Truncate(time.Hour)))
	case days(t, now) == -1:
		return in(l, "јуче", "yesterday")
	case d < 14*24*time.Hour:
		n := int64(-days(t, now))
		return ago(l, Number(l, n)+" "+in(l, "дана", "days"))
	}
	return When(l, t, now)
}

func ago(l Lang, span string) string { return in(l, "пре ", "") + span + in(l, "", " ago") }

// Number writes n with thousands in groups: 1.208 / 1,208.
func Number(l Lang, n int64) string {
	s := strconv.FormatInt(n, 10)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	sep := in(l, ".", ",")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + sep + s[i:]
	}
	if neg {
		return "−" + s
	}
	return s
}

// Decimal writes f with so many places: 80,52 / 80.52.
func Decimal(l Lang, f float64, places int) string {
	whole, frac, has := strings.Cut(strconv.FormatFloat(f, 'f', places, 64), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return strconv.FormatFloat(f, 'f', places, 64)
	}
	s := Number(l, n)
	if n == 0 && f < 0 {
		s = "−0"
	}
	if has {
		s += in(l, ",", ".") + frac
	}
	return s
}

// Percent writes a share of 1: 80,52 % / 80.52 %.
func Percent(l Lang, share float64, places int) string { return Decimal(l, share*100, places) + " %" }

// Bytes writes a size: 740 KB, 1,2 MB (steps of 1,000, as people's machines show).
func Bytes(l Lang, n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1_000_000:
		return strconv.FormatInt((n+500)/1000, 10) + " KB"
	case n < 1_000_000_000:
		return Decimal(l, float64(n)/1e6, 1) + " MB"
	}
	return Decimal(l, float64(n)/1e9, 1) + " GB"
}
