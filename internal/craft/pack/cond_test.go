package pack

import (
	"errors"
	"strings"
	"testing"
)

func TestCond(t *testing.T) {
	t.Parallel()
	facts := Map{"kind": Text("malware"), "down": Num(45 * 60), "share": Num(0.06), "encrypted": Yes(false),
		"tags": Texts("ransomware", "urgent"), "a.b": Num(2), "none": Texts()}
	for _, c := range []struct{ cond, want string }{
		{`kind = "malware"`, "true"},
		{`kind = 'malware' and not encrypted`, "true"},
		{`kind != "malware" or encrypted`, "false"},
		{`not kind = "malware"`, "false"},
		{`not not encrypted`, "false"},
		{`down > 30 min`, "true"},
		{`down > 1 h`, "false"},
		{`down >= 45min and down <= 2700`, "true"},
		{`share > 5 %`, "true"},
		{`share*100 = 6`, "true"},
		{`kind in ["malware", "phishing"]`, "true"},
		{`kind in []`, "false"},
		{`tags has "urgent"`, "true"},
		{`tags has "calm"`, "false"},
		{`"urgent" in tags`, "true"},
		{`count(tags) = 2`, "true"},
		{`count(none) = 0`, "true"},
		{`count(kind)`, "1"},
		{`1 + 2 * 3 - 4 / 2`, "5"},
		{`(1 + 2) * 3`, "9"},
		{`-a.b + 3`, "1"},
		{`2 - -2`, "4"},
		{`1 / 0`, "unknown"},
		{`true or false and false`, "true"},
		{`(true or false) and false`, "false"},
		// a fact that nobody gave is unknown, and spreads until something known decides
		{`missing`, "unknown"},
		{`missing = "x"`, "unknown"},
		{`not missing`, "unknown"},
		{`missing and false`, "false"},
		{`false and missing`, "false"},
		{`missing and true`, "unknown"},
		{`missing or true`, "true"},
		{`missing or false`, "unknown"},
		{`missing > 3 or kind = "malware"`, "true"},
		{`known(missing)`, "false"},
		{`known(kind) and not known(missing)`, "true"},
		{`missing in ["a"]`, "unknown"},
		{`kind in [missing]`, "unknown"},
		{`count(missing)`, "unknown"},
		{`unknown = unknown`, "unknown"},
	} {
		got, err := MustCond(c.cond).Eval(facts)
		if err != nil || got.String() != c.want {
			t.Errorf("%s: %v, %v; want %s", c.cond, got, err, c.want)
		}
	}
	if !(Cond{}).Holds(nil) {
		t.Error("no condition does not hold")
	}
}

func TestCondFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cond string
		at   int
	}{
		{``, 1}, {`kind =`, 7}, {`= 3`, 1}, {`(a`, 3}, {`a b`, 3}, {`a = 1 = 2`, 7}, {`"open`, 1}, {`a ; b`, 3},
		{`known a`, 7}, {`[1, 2`, 6}, {`1.2.3`, 1}, {`5 kg`, 3}, {`5kg`, 2}, {`a..b`, 1}, {`a.`, 1}, {`ж = 1`, 1}, {`and`, 1},
		{strings.Repeat("(", 65) + "1", 65}, {strings.Repeat("not ", 70) + "a", 257}, {strings.Repeat("a", 5000), 4096},
	} {
		_, err := ParseCond(c.cond)
		var se *SyntaxError
		if !errors.As(err, &se) || se.At != c.at {
			t.Errorf("%.20q: %v, want a fault at %d", c.cond, err, c.at)
		}
	}
}

func TestCondMisfits(t *testing.T) {
	t.Parallel()
	facts := Map{"word": Text("x"), "n": Num(1), "yes": Yes(true), "list": Texts("a")}
	for _, c := range []string{`word = n`, `word > "a"`, `not word`, `word and yes`, `true or n`, `n in word`, `word has "x"`, `-word`, `count(n)`, `word + 1`} {
		if v, err := MustCond(c).Eval(facts); err == nil {
			t.Errorf("%s: %v without a fault", c, v)
		}
		if MustCond(c).Holds(facts) {
			t.Errorf("%s: faulty, and holds", c)
		}
	}
}

func TestCondNames(t *testing.T) {
	t.Parallel()
	got := strings.Join(MustCond(`a.b = 1 and (c or known(d)) and a.b in [e, "f"] or not -g > 0`).Names(), " ")
	if got != "a.b c d e g" {
		t.Errorf("names: %s", got)
	}
}

// FuzzCond: no text breaks the parser; what it reads evaluates without a panic and
// the same twice.
func FuzzCond(f *testing.F) {
	for _, s := range []string{`kind = "malware"`, `a.b > 30 min or not known(c)`, `x in ["a", 'b', 1]`, `((1+2)*-3)/x`, `"`, `[`, `ж`, "\xff"} {
		f.Add(s)
	}
	facts := Map{"a": Num(1), "x": Text("a"), "kind": Texts("malware")}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCond(s)
		if err != nil {
			var se *SyntaxError
			if !errors.As(err, &se) || se.At < 1 || se.At > len(s)+1 {
				t.Fatalf("fault without a place: %v", err)
			}
			return
		}
		v, err1 := c.Eval(facts)
		w, err2 := c.Eval(facts)
		if v.String() != w.String() || (err1 == nil) != (err2 == nil) {
			t.Fatalf("%q: %v and %v", s, v, w)
		}
	})
}

// TestCondOfNothing: a name in a condition that nobody gives facts to is unknown.
func TestCondOfNothing(t *testing.T) {
	t.Parallel()
	if v, err := MustCond("soon").Eval(nil); err != nil || v.Kind != Unknown {
		t.Errorf("%v %v, want unknown", v, err)
	}
}
