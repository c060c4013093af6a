package stix

import (
	"strconv"
	"strings"
)

// quote writes a string constant of the pattern language.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// is compares a path with a text, isNumber with a whole number.
func is(path, value string) string { return path + " = " + quote(value) }

func isNumber(path, digits string) string {
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return path + " = " + strconv.FormatInt(n, 10)
	}
	return is(path, digits)
}

// pattern joins comparisons into one observation expression.
func pattern(parts ...string) string {
	kept := parts[:0:0]
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return ""
	}
	return "[" + strings.Join(kept, " AND ") + "]"
}
