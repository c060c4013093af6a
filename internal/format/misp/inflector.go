package misp

import (
	"strings"
	"unicode"
)

// The inflections below are those of the framework under MISP, as far as they
// show in its routes and answer texts: clients compare the results, odd ones
// ("Taxonomy toggleRequireded") included.

// Underscore turns EventReports, eventReports or Event Reports into event_reports.
func Underscore(s string) string {
	var b strings.Builder
	lower := false
	for _, c := range s {
		switch {
		case c == ' ' || c == '-' || c == '_':
			b.WriteByte('_')
			lower = false
			continue
		case unicode.IsUpper(c):
			if lower {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(c))
			lower = false
			continue
		}
		b.WriteRune(c)
		lower = true
	}
	return b.String()
}

// Camelize turns event_reports or event-reports into EventReports; what is
// camelled already stays.
func Camelize(s string) string {
	var b strings.Builder
	up := true
	for _, c := range s {
		if c == '_' || c == '-' || c == ' ' {
			up = true
			continue
		}
		if up {
			c = unicode.ToUpper(c)
			up = false
		}
		b.WriteRune(c)
	}
	return b.String()
}

// Variable is Camelize with a small first letter: eventReports.
func Variable(s string) string {
	s = Camelize(s)
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// Humanize turns event_reports into Event Reports.
func Humanize(s string) string {
	words := strings.Split(s, "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}

// sameInBoth do not change between one and many.
var sameInBoth = []string{"data", "news", "series", "information", "sightingdb"}

// Singularize returns the singular of a controller's name: Taxonomies → Taxonomy.
func Singularize(s string) string {
	low := strings.ToLower(s)
	for _, w := range sameInBoth {
		if strings.HasSuffix(low, w) {
			return s
		}
	}
	cut := func(n int, add string) string { return s[:len(s)-n] + add }
	switch {
	case strings.HasSuffix(low, "ies") && len(s) > 4:
		return cut(3, "y")
	case strings.HasSuffix(low, "statuses"), strings.HasSuffix(low, "sses"), strings.HasSuffix(low, "xes"),
		strings.HasSuffix(low, "ches"), strings.HasSuffix(low, "shes"):
		return cut(2, "")
	case strings.HasSuffix(low, "ss"), strings.HasSuffix(low, "us"), strings.HasSuffix(low, "is"), !strings.HasSuffix(low, "s"):
		return s
	}
	return cut(1, "")
}

// Pluralize is the opposite of Singularize: GalaxyCluster → GalaxyClusters.
func Pluralize(s string) string {
	low := strings.ToLower(s)
	for _, w := range sameInBoth {
		if strings.HasSuffix(low, w) {
			return s
		}
	}
	switch {
	case len(s) > 1 && strings.HasSuffix(low, "y") && !strings.ContainsRune("aeiou", rune(low[len(low)-2])):
		return s[:len(s)-1] + "ies"
	case strings.HasSuffix(low, "ss"), strings.HasSuffix(low, "us"), strings.HasSuffix(low, "x"),
		strings.HasSuffix(low, "ch"), strings.HasSuffix(low, "sh"):
		return s + "es"
	case strings.HasSuffix(low, "s"):
		return s
	}
	return s + "s"
}

// Tableize returns a model's or controller's path segment: EventReport → event_reports.
func Tableize(s string) string { return Pluralize(Underscore(s)) }
