package pack

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// Cond is a parsed condition or formula. The zero Cond is "yes": a rule without a
// condition always holds.
//
//	kind = "malware" and not (encrypted = no)
//	minutes_down > 30 min or share >= 5 %
//	channel in ["phone", "email"]      tags has "ransomware"
//	known(loss) and loss > 500000      count(files) + 1
type Cond struct {
	text string
	root node
}

// ParseCond reads a condition. Faults name the place (character, from 1).
func ParseCond(text string) (Cond, error) {
	p := parser{lex: lexer{src: text}}
	root, err := p.parse()
	if err != nil {
		return Cond{}, err
	}
	return Cond{text: text, root: root}, nil
}

// MustCond is ParseCond for conditions that stand in code.
func MustCond(text string) Cond {
	c, err := ParseCond(text)
	if err != nil {
		panic("pack: " + err.Error())
	}
	return c
}

// UnmarshalYAML reads a condition from a pack: a text, or plain true and false.
func (c *Cond) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: a condition is one line of text", n.Line)
	}
	got, err := ParseCond(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: condition %q: %w", n.Line, n.Value, err)
	}
	*c = got
	return nil
}

// String gives the condition as it was written.
func (c Cond) String() string { return c.text }

// Empty tells whether there is no condition.
func (c Cond) Empty() bool { return c.root == nil }

// Names lists the facts that the condition asks for, each once, so that a loader
// refuses a pack that asks for what nobody can answer.
func (c Cond) Names() []string {
	var out []string
	if c.root != nil {
		c.root.names(func(n string) {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		})
	}
	return out
}

// Eval gives the value; an error means that the kinds of values do not fit, which
// is a fault of the pack and not of who answered. f nil = nothing is known.
func (c Cond) Eval(f Facts) (Value, error) {
	if f == nil {
		f = Map(nil)
	}
	if c.root == nil {
		return Yes(true), nil
	}
	v, err := c.root.eval(f)
	if err != nil {
		return Value{}, fmt.Errorf("condition %q: %w", c.text, err)
	}
	return v, nil
}

// Holds tells whether the condition is known to hold: unknown and faulty count as no.
func (c Cond) Holds(f Facts) bool {
	v, err := c.Eval(f)
	return err == nil && v.Kind == Yesno && v.yes
}

// Opens are facts of which some may still be answered: until then a condition that
// asks whether such a one is known is itself unknown.
type Opens interface {
	Facts
	Open(name string) bool
}

// May tells whether the condition holds or may come to hold, as open facts are answered.
func (c Cond) May(f Opens) bool {
	v, err := c.Eval(f)
	return err == nil && (v.Kind == Yesno && v.yes || v.Kind == Unknown && slices.ContainsFunc(c.Names(), f.Open))
}

type node interface {
	eval(f Facts) (Value, error)
	names(each func(string))
}

type literal struct{ v Value }

func (l literal) eval(Facts) (Value, error) { return l.v, nil }
func (literal) names(func(string))          {}

type name struct{ n string }

func (n name) eval(f Facts) (Value, error) { return f.Fact(n.n), nil }
func (n name) names(each func(string))     { each(n.n) }

type list struct{ items []node }

func (l list) eval(f Facts) (Value, error) {
	out := Value{Kind: Many}
	for _, it := range l.items {
		v, err := it.eval(f)
		if err != nil || v.Kind == Unknown {
			return Value{}, err
		}
		out.list = append(out.list, v)
	}
	return out, nil
}

func (l list) names(each func(string)) {
	for _, it := range l.items {
		it.names(each)
	}
}

// unary is not, minus, known and count.
type unary struct {
	op string
	x  node
}

func (u unary) names(each func(string)) { u.x.names(each) }

func (u unary) eval(f Facts) (Value, error) {
	v, err := u.x.eval(f)
	if err != nil {
		return Value{}, err
	}
	if u.op == "known" {
		if open, ok := f.(Opens); ok && v.Kind == Unknown && anyName(u.x, open.Open) {
			return v, nil
		}
		return Yes(v.Kind != Unknown), nil
	}
	if v.Kind == Unknown {
		return v, nil
	}
	switch {
	case u.op == "not" && v.Kind == Yesno:
		return Yes(!v.yes), nil
	case u.op == "-" && v.Kind == Number:
		return Num(-v.num), nil
	case u.op == "count" && v.Kind == Many:
		return Num(float64(len(v.list))), nil
	case u.op == "count" && v.Kind == Word:
		return Num(1), nil
	}
	return Value{}, fmt.Errorf("%s of a %s", u.op, v.Kind)
}

func anyName(n node, test func(string) bool) (found bool) {
	n.names(func(name string) { found = found || test(name) })
	return found
}

type binary struct {
	op   string
	a, b node
}

func (b binary) names(each func(string)) { b.a.names(each); b.b.names(each) }

func (b binary) eval(f Facts) (Value, error) {
	x, err := b.a.eval(f)
	if err != nil {
		return Value{}, err
	}
	if b.op == "and" || b.op == "or" {
		return b.logic(x, f)
	}
	y, err := b.b.eval(f)
	if err != nil || x.Kind == Unknown || y.Kind == Unknown {
		return Value{}, err
	}
	switch b.op {
	case "=", "!=":
		if x.Kind != y.Kind {
			return Value{}, b.misfit(x, y)
		}
		return Yes(x.equal(y) == (b.op == "=")), nil
	case "in":
		x, y = y, x
		fallthrough
	case "has":
		if x.Kind != Many {
			return Value{}, b.misfit(x, y)
		}
		return Yes(x.has(y)), nil
	}
	if x.Kind != Number || y.Kind != Number {
		return Value{}, b.misfit(x, y)
	}
	return arith(b.op, x.num, y.num), nil
}

func (b binary) misfit(x, y Value) error {
	return fmt.Errorf("%s does not fit between a %s and a %s", b.op, x.Kind, y.Kind)
}

// logic is Kleene's: what is known to decide, decides; else unknown spreads. The
// right side is looked at even when the left decides, so that a faulty pack shows.
func (b binary) logic(x Value, f Facts) (Value, error) {
	y, err := b.b.eval(f)
	if err != nil {
		return Value{}, err
	}
	for _, v := range []Value{x, y} {
		if v.Kind != Yesno && v.Kind != Unknown {
			return Value{}, b.misfit(x, y)
		}
	}
	decides := b.op == "or"
	for _, v := range []Value{x, y} {
		if v.Kind == Yesno && v.yes == decides {
			return Yes(decides), nil
		}
	}
	if x.Kind == Unknown || y.Kind == Unknown {
		return Value{}, nil
	}
	return Yes(!decides), nil
}

func arith(op string, x, y float64) Value {
	switch op {
	case "<":
		return Yes(x < y)
	case "<=":
		return Yes(x <= y)
	case ">":
		return Yes(x > y)
	case ">=":
		return Yes(x >= y)
	case "+":
		return Num(x + y)
	case "-":
		return Num(x - y)
	case "*":
		return Num(x * y)
	}
	if y == 0 {
		return Value{} // a share of nothing is not known
	}
	return Num(x / y)
}
