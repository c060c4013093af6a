package nids

import (
	"strconv"
	"strings"

	"straza/internal/format/indicator"
)

// banned are options of a given rule that run, write or change something.
var banned = map[string]bool{"lua": true, "luajit": true, "filestore": true, "dataset": true, "datarep": true, "replace": true, "include": true,
	"react": true, "resp": true, "activates": true, "sid": true, "rev": true, "gid": true}

// given passes a rule on that somebody wrote: as an alert, whatever it was, with a
// number of ours, and without options that do more than look. What does not read as
// one rule is left out.
func (x *Writer) given(it *indicator.Item) error {
	text := strings.TrimSpace(it.Value)
	if len(text) > 8000 || strings.ContainsAny(text, "\x00\r\n") {
		text = strings.Join(strings.Fields(strings.ReplaceAll(text, "\\\n", " ")), " ")
	}
	front, options, ok := strings.Cut(text, "(")
	words := strings.Fields(front)
	if !ok || len(text) > 8000 || len(words) < 7 || !strings.HasSuffix(options, ")") || strings.ContainsAny(front, `"';\#`) || strings.ContainsRune(text, 0) {
		return x.flush()
	}
	switch words[0] {
	case "alert", "drop", "reject", "log", "pass", "sdrop", "block":
	default:
		return x.flush()
	}
	var kept []string
	list, ok := SplitOptions(strings.TrimSuffix(options, ")"))
	if !ok {
		return x.flush()
	}
	for _, o := range list {
		name, _, _ := strings.Cut(o, ":")
		if name = strings.ToLower(strings.TrimSpace(name)); !banned[name] {
			kept = append(kept, o)
		} else if name != "sid" && name != "rev" && name != "gid" {
			return x.flush()
		}
	}
	x.buf.WriteString("alert " + strings.Join(words[1:], " ") + " (" + strings.Join(kept, "; ") + "; sid:" +
		strconv.FormatUint(uint64(firstSID+x.block(it)*blockSize), 10) + "; rev:1;)\n")
	return x.flush()
}

// SplitOptions takes a rule's options apart at their semicolons, as sensors do: also
// inside quotes, where a semicolon that is meant has a backslash before it. ok is
// false when a quote stays open or a bracket stands outside quotes.
func SplitOptions(s string) (list []string, ok bool) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			b.WriteByte(c)
			i++
			c = s[i]
		case c == '"':
			quoted = !quoted
		case c == ';' && quoted:
			return nil, false
		case c == ';':
			if o := strings.TrimSpace(b.String()); o != "" {
				list = append(list, o)
			}
			b.Reset()
			continue
		case (c == '(' || c == ')') && !quoted:
			return nil, false
		}
		if c < 0x20 {
			return nil, false
		}
		b.WriteByte(c)
	}
	if quoted || strings.TrimSpace(b.String()) != "" {
		return nil, false
	}
	return list, true
}
