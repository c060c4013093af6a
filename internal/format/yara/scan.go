package yara

import "strings"

// Mark is where a rule's name stands in a text.
type Mark struct {
	Name string
	At   int
}

// scanner goes through a rule file by its words, signs and literals.
type scanner struct {
	s   string
	at  int
	bad bool
}

// next gives the next word or sign; literals are "\"", comments are passed over.
func (c *scanner) next() (token string, at int) {
	for c.at < len(c.s) && !c.bad {
		ch, start := c.s[c.at], c.at
		switch {
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r':
			c.at++
		case strings.HasPrefix(c.s[c.at:], "//"):
			if n := strings.IndexByte(c.s[c.at:], '\n'); n >= 0 {
				c.at += n
			} else {
				c.at = len(c.s)
			}
		case strings.HasPrefix(c.s[c.at:], "/*"):
			n := strings.Index(c.s[c.at+2:], "*/")
			if n < 0 {
				c.bad = true
				return "", start
			}
			c.at += n + 4
		case ch == '"':
			c.literal('"')
			return `"`, start
		case word(ch):
			for c.at < len(c.s) && word(c.s[c.at]) {
				c.at++
			}
			return c.s[start:c.at], start
		case ch < ' ' || ch >= 0x7f:
			c.bad = true
		default:
			c.at++
			return string(ch), start
		}
	}
	return "", c.at
}

// literal passes over a quoted text or a regular expression; both end on their line.
func (c *scanner) literal(end byte) {
	for c.at++; c.at < len(c.s); c.at++ {
		switch c.s[c.at] {
		case '\\':
			c.at++
		case '\n':
			c.bad = true
			return
		case end:
			c.at++
			return
		}
	}
	c.bad = true
}

func word(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

var modules = map[string]bool{"pe": true, "elf": true, "hash": true, "math": true, "dotnet": true, "time": true, "string": true, "magic": true, "cuckoo": true, "dex": true, "macho": true, "console": true}

// Names reads a text as whole rules and gives their names. ok is false for what is
// none: another word at the top, an include, a module that YARA does not bring, a
// brace or quote left open.
func Names(text string) (list []Mark, ok bool) {
	c := &scanner{s: text}
	for {
		token, at := c.next()
		switch {
		case c.bad:
			return nil, false
		case token == "":
			return list, len(list) > 0
		case token == "import":
			if token, at = c.next(); token != `"` || !modules[strings.Trim(text[at:c.at], `"`)] {
				return nil, false
			}
		case token == "private" || token == "global":
		case token == "rule":
			name, at := c.next()
			if name == "" || !word(name[0]) || name[0] >= '0' && name[0] <= '9' || len(name) > 120 || !c.body() {
				return nil, false
			}
			list = append(list, Mark{name, at})
		default:
			_ = at
			return nil, false
		}
	}
}

// body passes over ": tags { … }". A slash behind a sign that wants a value begins a
// regular expression.
func (c *scanner) body() bool {
	token, _ := c.next()
	if token == ":" {
		for token, _ = c.next(); token != "" && word(token[0]); token, _ = c.next() {
		}
	}
	if token != "{" {
		return false
	}
	depth, last := 1, "{"
	for depth > 0 {
		if rest := strings.TrimLeft(c.s[c.at:], " \t\r\n"); last == "=" || last == "matches" || last == "(" || last == "," {
			if strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, "/*") {
				c.at = len(c.s) - len(rest)
				c.literal('/')
			}
		}
		token, _ := c.next()
		switch {
		case c.bad || token == "":
			return false
		case token == "{":
			depth++
		case token == "}":
			depth--
		case token == "include" || token == "rule" || token == "import":
			return false
		}
		last = token
	}
	return true
}
