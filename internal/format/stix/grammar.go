package stix

import (
	"errors"
	"strings"
)

// Pattern is a parsed pattern (STIX 2.1 §9): a tree of observations, which hold
// trees of comparisons.
type Pattern struct{ root *node }

// joint says how the parts of a node belong together.
type joint uint8

const (
	jointOne      joint = iota // a comparison
	jointAnd                   // within an observation
	jointOr                    // within an observation
	jointObserved              // one observation: [ … ]
	jointBoth                  // AND between observations
	jointEither                // OR between observations
	jointThen                  // FOLLOWEDBY
)

type node struct {
	joint     joint
	kids      []*node
	is        comparison
	qualified bool // WITHIN, REPEATS or START…STOP narrow the observation
}

// comparison is one test: path of an object type, an operator, one or more
// constants as text.
type comparison struct {
	typ, path string // path as written, without the type
	op        string // =, !=, >, <, >=, <=, IN, LIKE, MATCHES, ISSUBSET, ISSUPERSET, EXISTS
	not       bool
	values    []string
}

// What a pattern may cost at most.
const (
	patternBytes = 256 << 10
	patternDepth = 64
	patternTests = 5000
)

var (
	errPattern     = errors.New("not a pattern of STIX 2.1")
	errPatternSize = errors.New("the pattern is too large or too deep")
)

// ParsePattern reads a pattern. It refuses what the grammar does not know and
// what is larger or deeper than anything that people write.
func ParsePattern(s string) (Pattern, error) {
	if len(s) > patternBytes {
		return Pattern{}, errPatternSize
	}
	p := &parser{}
	if err := p.scan(s); err != nil {
		return Pattern{}, err
	}
	root, err := p.observations(0, 0)
	if err == nil && p.at < len(p.tokens) {
		err = errPattern
	}
	return Pattern{root}, err
}

// token is a word, a sign or a constant; constants keep their text unquoted.
type token struct {
	kind byte // 'w' word, 's' sign, 'c' quoted constant, 'n' number
	text string
}

type parser struct {
	tokens []token
	at     int
	tests  int
}

func isWordByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// scan cuts a pattern into tokens.
func (p *parser) scan(s string) error {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '\'':
			text, n, ok := unquote(s[i:])
			if !ok {
				return errPattern
			}
			p.tokens = append(p.tokens, token{'c', text})
			i += n
		case strings.IndexByte("[](),:.*", c) >= 0:
			p.tokens = append(p.tokens, token{'s', s[i : i+1]})
			i++
		case strings.IndexByte("=!<>", c) >= 0:
			n := 1
			if i+1 < len(s) && s[i+1] == '=' && c != '=' || i+1 < len(s) && c == '<' && s[i+1] == '>' {
				n = 2
			}
			p.tokens = append(p.tokens, token{'s', s[i : i+n]})
			i += n
		case isWordByte(c) || c == '+':
			n := i
			number := '0' <= c && c <= '9' || c == '-' || c == '+'
			for n < len(s) && (isWordByte(s[n]) || number && (s[n] == '.' || n == i)) {
				n++
			}
			kind := byte('w')
			if number {
				kind = 'n'
			}
			p.tokens = append(p.tokens, token{kind, s[i:n]})
			i = n
		default:
			return errPattern
		}
	}
	return nil
}

// unquote reads a constant in single quotes; n is its length with them.
func unquote(s string) (text string, n int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i >= len(s) {
				return "", 0, false
			}
			b.WriteByte(s[i])
		case '\'':
			return b.String(), i + 1, true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, false
}

func (p *parser) peek() token {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return token{}
}

// take passes over a sign or keyword and tells whether it was there.
func (p *parser) take(text string) bool {
	t := p.peek()
	if (t.kind == 's' || t.kind == 'w') && t.text == text {
		p.at++
		return true
	}
	return false
}

// The joints between observations, the weakest first.
var between = []struct {
	word  string
	joint joint
}{{"FOLLOWEDBY", jointThen}, {"OR", jointEither}, {"AND", jointBoth}}

func (p *parser) observations(level, depth int) (*node, error) {
	if depth > patternDepth {
		return nil, errPatternSize
	}
	if level == len(between) {
		return p.observation(depth)
	}
	return p.chain(between[level].word, between[level].joint, func() (*node, error) { return p.observations(level+1, depth) })
}

// chain reads a list of parts with the same word between them.
func (p *parser) chain(word string, j joint, part func() (*node, error)) (*node, error) {
	first, err := part()
	if err != nil {
		return nil, err
	}
	kids := []*node{first}
	for p.take(word) {
		n, err := part()
		if err != nil {
			return nil, err
		}
		kids = append(kids, n)
	}
	if len(kids) == 1 {
		return first, nil
	}
	return &node{joint: j, kids: kids}, nil
}

func (p *parser) observation(depth int) (*node, error) {
	var n *node
	switch {
	case p.take("["):
		inner, err := p.comparisons(0, depth+1)
		if err != nil {
			return nil, err
		}
		if !p.take("]") {
			return nil, errPattern
		}
		n = &node{joint: jointObserved, kids: []*node{inner}}
	case p.take("("):
		inner, err := p.observations(0, depth+1)
		if err != nil {
			return nil, err
		}
		if !p.take(")") {
			return nil, errPattern
		}
		n = inner
	default:
		return nil, errPattern
	}
	return n, p.qualifiers(n)
}

// qualifiers reads WITHIN n SECONDS, REPEATS n TIMES, START t'…' STOP t'…'.
func (p *parser) qualifiers(n *node) error {
	for {
		ok := true
		switch {
		case p.take("WITHIN"):
			ok = p.constant() != nil && p.take("SECONDS")
		case p.take("REPEATS"):
			ok = p.constant() != nil && p.take("TIMES")
		case p.take("START"):
			ok = p.constant() != nil && p.take("STOP") && p.constant() != nil
		default:
			return nil
		}
		if !ok {
			return errPattern
		}
		n.qualified = true
	}
}

func (p *parser) comparisons(level, depth int) (*node, error) {
	if depth > patternDepth {
		return nil, errPatternSize
	}
	switch level {
	case 0:
		return p.chain("OR", jointOr, func() (*node, error) { return p.comparisons(1, depth) })
	case 1:
		return p.chain("AND", jointAnd, func() (*node, error) { return p.comparisons(2, depth) })
	}
	if p.take("(") {
		n, err := p.comparisons(0, depth+1)
		if err == nil && !p.take(")") {
			err = errPattern
		}
		return n, err
	}
	return p.test()
}

// operators of the grammar; <> is an old spelling of !=.
var operators = map[string]string{"=": "=", "!=": "!=", "<>": "!=", ">": ">", "<": "<", ">=": ">=", "<=": "<=",
	"IN": "IN", "LIKE": "LIKE", "MATCHES": "MATCHES", "ISSUBSET": "ISSUBSET", "ISSUPERSET": "ISSUPERSET"}

func (p *parser) test() (*node, error) {
	if p.tests++; p.tests > patternTests {
		return nil, errPatternSize
	}
	var c comparison
	exists := p.take("EXISTS")
	if err := p.path(&c); err != nil {
		return nil, err
	}
	if exists {
		c.op = "EXISTS"
		return &node{is: c}, nil
	}
	c.not = p.take("NOT")
	c.op = operators[p.peek().text]
	if c.op == "" || p.peek().kind == 'c' {
		return nil, errPattern
	}
	p.at++
	if c.op != "IN" {
		v := p.constant()
		if v == nil {
			return nil, errPattern
		}
		c.values = []string{*v}
		return &node{is: c}, nil
	}
	if !p.take("(") {
		return nil, errPattern
	}
	for {
		v := p.constant()
		if v == nil {
			return nil, errPattern
		}
		c.values = append(c.values, *v)
		if p.take(")") {
			return &node{is: c}, nil
		}
		if !p.take(",") {
			return nil, errPattern
		}
	}
}

// path reads type:step.step['x'].*, keeping how it is written but for quotes
// around plain names.
func (p *parser) path(c *comparison) error {
	t := p.peek()
	if t.kind != 'w' || t.text != strings.ToLower(t.text) {
		return errPattern
	}
	p.at++
	if c.typ = t.text; !p.take(":") {
		return errPattern
	}
	var b strings.Builder
	for step := true; ; {
		t := p.peek()
		switch {
		case step && (t.kind == 'w' || t.kind == 'c' || t.kind == 'n'):
			b.WriteString(t.text)
			p.at++
			step = false
		case !step && p.take("."):
			b.WriteByte('.')
			step = true
		case !step && p.take("["):
			t := p.peek()
			if p.at++; t.text != "*" && t.kind != 'n' || !p.take("]") {
				return errPattern
			}
			b.WriteString("[" + t.text + "]")
		case step:
			return errPattern
		default:
			c.path = b.String()
			return nil
		}
	}
}

// constant reads a text, number, truth or one with a prefix (t'…', h'…', b'…').
func (p *parser) constant() *string {
	t := p.peek()
	switch t.kind {
	case 'c', 'n':
		p.at++
		return &t.text
	case 'w':
		p.at++
		if t.text == "true" || t.text == "false" || t.text == "True" || t.text == "False" {
			return &t.text
		}
		if next := p.peek(); next.kind == 'c' && (t.text == "t" || t.text == "h" || t.text == "b") {
			p.at++
			return &next.text
		}
		p.at--
	}
	return nil
}

// alternativesKept bounds what ORs are multiplied out to.
const alternativesKept = 2000

// alternatives gives the pattern as "any of these", each a list of equalities
// that hold together of one thing. ok is false for patterns that say more than
// that: sequences, several observations together, qualifiers, other operators.
func (p Pattern) alternatives() (out [][]comparison, ok bool) {
	return p.root.alternatives()
}

func (n *node) alternatives() (out [][]comparison, ok bool) {
	if n.qualified {
		return nil, false
	}
	switch n.joint {
	case jointOne:
		if n.is.not || n.is.op != "=" && n.is.op != "IN" {
			return nil, false
		}
		for _, v := range n.is.values {
			c := n.is
			c.op, c.values = "=", []string{v}
			out = append(out, []comparison{c})
		}
		return out, len(out) <= alternativesKept
	case jointObserved:
		return n.kids[0].alternatives()
	case jointOr, jointEither:
		for _, k := range n.kids {
			more, ok := k.alternatives()
			if out = append(out, more...); !ok || len(out) > alternativesKept {
				return nil, false
			}
		}
		return out, true
	case jointAnd:
		out = [][]comparison{nil}
		for _, k := range n.kids {
			more, ok := k.alternatives()
			if !ok || len(out)*len(more) > alternativesKept {
				return nil, false
			}
			var next [][]comparison
			for _, a := range out {
				for _, b := range more {
					next = append(next, append(append([]comparison{}, a...), b...))
				}
			}
			out = next
		}
		return out, true
	}
	return nil, false
}
