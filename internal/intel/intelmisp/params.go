package intelmisp

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// params are the named segments of a path together with the keys of a JSON body:
// MISP does not tell them apart. Values are what encoding/json gives, numbers as
// json.Number.
type params map[string]any

// add appends to a list: key[]:a.
func (p params) add(key, value string) {
	list, _ := p[key].([]any)
	p[key] = append(list, value)
}

// has tells whether a key carries something; null and absent do not.
func (p params) has(key string) bool { return p[key] != nil }

// text gives a scalar as PHP would print it.
func (p params) text(key string) string { return text(p[key]) }

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "1"
		}
	}
	return ""
}

// flag reads a boolean in any of its spellings; def when absent.
func (p params) flag(key string, def bool) bool {
	switch v := p[key].(type) {
	case nil:
		return def
	case bool:
		return v
	default:
		switch strings.ToLower(text(v)) {
		case "", "0", "false", "no":
			return false
		}
		return true
	}
}

// number reads a whole number; def when absent or none.
func (p params) number(key string, def int) int {
	n, err := strconv.Atoi(p.text(key))
	if err != nil {
		return def
	}
	return n
}

// count is a number that pages are cut by: not negative, and two of them can be multiplied.
func (p params) count(key string, def int) int {
	return min(max(p.number(key, def), 0), math.MaxInt32)
}

// list gives a value as texts: a scalar is a list of one; "a||b" is two.
func (p params) list(key string) []string { return texts(p[key]) }

func texts(v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		var out []string
		for _, e := range v {
			out = append(out, texts(e)...)
		}
		return out
	case map[string]any:
		return nil
	default:
		s := text(v)
		if s == "" {
			return nil
		}
		return strings.Split(s, "||")
	}
}

// sub gives the object under key, or p itself when it is not wrapped.
func (p params) sub(key string) params {
	if m, ok := p[key].(map[string]any); ok {
		return m
	}
	return p
}
