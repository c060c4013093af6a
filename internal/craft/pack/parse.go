package pack

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Caps of one condition: the longest of ours has 140 characters, four levels.
const (
	maxCond  = 4096
	maxDepth = 64
)

// SyntaxError says where a condition cannot be read.
type SyntaxError struct {
	At   int // character, from 1
	Text string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("character %d: %s", e.At, e.Text) }

type token struct {
	kind byte // 'n' name, '1' number, '"' text, 'o' operator or word of the language, 0 end
	text string
	num  float64
	at   int
}

type lexer struct {
	src string
	pos int
}

// units of numbers: lengths of time in seconds, shares of one.
var units = map[string]float64{"s": 1, "min": 60, "h": 3600, "d": 86400, "%": 0.01}

func (l *lexer) fault(at int, format string, args ...any) error {
	return &SyntaxError{At: utf8.RuneCountInString(l.src[:at]) + 1, Text: fmt.Sprintf(format, args...)}
}

func (l *lexer) next() (token, error) {
	for l.pos < len(l.src) && strings.IndexByte(" \t\n\r", l.src[l.pos]) >= 0 {
		l.pos++
	}
	at := l.pos
	if at == len(l.src) {
		return token{at: at}, nil
	}
	c := l.src[at]
	switch {
	case c == '"' || c == '\'':
		end := strings.IndexByte(l.src[at+1:], c)
		if end < 0 {
			return token{}, l.fault(at, "the text is not closed")
		}
		l.pos = at + end + 2
		return token{kind: '"', text: l.src[at+1 : at+1+end], at: at}, nil
	case c >= '0' && c <= '9':
		return l.number(at)
	case letter(c):
		l.word()
		w := l.src[at:l.pos]
		switch w {
		case "and", "or", "not", "in", "has", "true", "false", "yes", "no", "known", "count", "unknown":
			return token{kind: 'o', text: w, at: at}, nil
		}
		if strings.HasSuffix(w, ".") || strings.Contains(w, "..") {
			return token{}, l.fault(at, "%q is no name", w)
		}
		return token{kind: 'n', text: w, at: at}, nil
	}
	for _, op := range []string{"!=", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", "+", "-", "*", "/"} {
		if strings.HasPrefix(l.src[at:], op) {
			l.pos += len(op)
			return token{kind: 'o', text: op, at: at}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(l.src[at:])
	return token{}, l.fault(at, "%q has no meaning here", r)
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

func (l *lexer) word() {
	for l.pos < len(l.src) && (letter(l.src[l.pos]) || l.src[l.pos] >= '0' && l.src[l.pos] <= '9' || l.src[l.pos] == '.') {
		l.pos++
	}
}

func (l *lexer) number(at int) (token, error) {
	for l.pos < len(l.src) && (l.src[l.pos] >= '0' && l.src[l.pos] <= '9' || l.src[l.pos] == '.') {
		l.pos++
	}
	f, err := strconv.ParseFloat(l.src[at:l.pos], 64)
	if err != nil {
		return token{}, l.fault(at, "%q is no number", l.src[at:l.pos])
	}
	end := l.pos
	for end < len(l.src) && l.src[end] == ' ' {
		end++
	}
	stop := end
	for stop < len(l.src) && (letter(l.src[stop]) || l.src[stop] == '%') {
		stop++
	}
	if u, ok := units[l.src[end:stop]]; ok {
		f, l.pos = f*u, stop
	} else if stop > end && end == l.pos {
		return token{}, l.fault(end, "%q is no unit: s, min, h, d or %%", l.src[end:stop])
	}
	return token{kind: '1', num: f, at: at}, nil
}

type parser struct {
	lex   lexer
	tok   token
	depth int
}

func (p *parser) parse() (node, error) {
	if len(p.lex.src) > maxCond {
		return nil, &SyntaxError{At: maxCond, Text: "the condition is too long"}
	}
	if err := p.step(); err != nil {
		return nil, err
	}
	n, err := p.binary(0)
	if err == nil && p.tok.kind != 0 {
		err = p.fault("%q is left over", p.tok.text)
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

func (p *parser) step() (err error) { p.tok, err = p.lex.next(); return err }

func (p *parser) fault(format string, args ...any) error {
	return p.lex.fault(p.tok.at, format, args...)
}

func (p *parser) is(op string) bool { return p.tok.kind == 'o' && p.tok.text == op }

// levels of binary operators, weakest first.
var levels = [][]string{{"or"}, {"and"}, {"=", "!=", "<=", ">=", "<", ">", "in", "has"}, {"+", "-"}, {"*", "/"}}

const comparison = 2

func (p *parser) binary(level int) (node, error) {
	if level == len(levels) {
		return p.unary()
	}
	if level == comparison && p.is("not") { // not binds weaker than a comparison: not a = b
		return p.negation()
	}
	a, err := p.binary(level + 1)
	for n := 0; err == nil; n++ {
		op := ""
		for _, o := range levels[level] {
			if p.is(o) {
				op = o
			}
		}
		if op == "" {
			return a, nil
		}
		if n > 0 && level == comparison {
			return nil, p.fault("comparisons cannot be chained: use and")
		}
		if err = p.step(); err != nil {
			break
		}
		var b node
		if b, err = p.binary(level + 1); err == nil {
			a = binary{op, a, b}
		}
	}
	return nil, err
}

// deeper guards recursion.
func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return p.fault("nested too deep")
	}
	return nil
}

func (p *parser) negation() (node, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if err := p.step(); err != nil {
		return nil, err
	}
	x, err := p.binary(comparison)
	return unary{"not", x}, err
}

func (p *parser) unary() (node, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	t := p.tok
	if err := p.step(); err != nil {
		return nil, err
	}
	switch {
	case t.kind == '1':
		return literal{Num(t.num)}, nil
	case t.kind == '"':
		return literal{Text(t.text)}, nil
	case t.kind == 'n':
		return name{t.text}, nil
	case t.kind == 0:
		return nil, p.lex.fault(t.at, "something is missing at the end")
	}
	switch t.text {
	case "true", "yes":
		return literal{Yes(true)}, nil
	case "false", "no":
		return literal{Yes(false)}, nil
	case "unknown":
		return literal{}, nil
	case "-":
		x, err := p.unary()
		return unary{"-", x}, err
	case "(":
		return p.closed(")")
	case "[":
		return p.list()
	case "known", "count":
		if !p.is("(") {
			return nil, p.fault("%s needs its argument in parentheses", t.text)
		}
		if err := p.step(); err != nil {
			return nil, err
		}
		x, err := p.closed(")")
		return unary{t.text, x}, err
	}
	return nil, p.lex.fault(t.at, "%q cannot stand here", t.text)
}

// closed reads an expression and its closing mark.
func (p *parser) closed(end string) (node, error) {
	x, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	if !p.is(end) {
		return nil, p.fault("%q is missing", end)
	}
	return x, p.step()
}

func (p *parser) list() (node, error) {
	l := list{}
	for !p.is("]") {
		x, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, x)
		if p.is(",") {
			if err := p.step(); err != nil {
				return nil, err
			}
		} else if !p.is("]") {
			return nil, p.fault(`"," or "]" is missing`)
		}
	}
	return l, p.step()
}
