package tlp

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Level{
		"tlp:white": Clear, "TLP:CLEAR": Clear, "clear": Clear, "tlp:green": Green, "TLP: Amber": Amber, " AMBER+STRICT ": AmberStrict,
		"tlp:amber+strict": AmberStrict, "Amber Strict": AmberStrict, "amber-strict": AmberStrict, `tlp:"red"`: Red, "RED": Red,
	} {
		if got, ok := Parse(in); !ok || got != want {
			t.Errorf("%q: got %v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "tlp:", "tlp:unclear", "tlp:ex:chr", "orange", "redd", "TLP:TLP:RED"} {
		if got, ok := Parse(in); ok || got != None {
			t.Errorf("%q was read as %v", in, got)
		}
	}
	if got := FromTags([]string{"red", "tlp:green", "TLP:AMBER", "osint:x", "tlp:white"}); got != Amber {
		t.Errorf("strictest: got %v", got)
	}
	for _, l := range Levels() {
		if got, ok := FromTag(l.Tag()); !ok || got != l {
			t.Errorf("%v does not come back from %q", l, l.Tag())
		}
		b, err := json.Marshal(l)
		var back Level
		if err != nil || json.Unmarshal(b, &back) != nil || back != l {
			t.Errorf("%v as JSON: %s, %v", l, b, err)
		}
	}
	if !(Clear < Green && Green < Amber && Amber < AmberStrict && AmberStrict < Red) || None.Within(Red) || !Green.Within(Amber) || Amber.Within(Green) {
		t.Error("order")
	}
}

// TestOut is decisions §1 as a table: P pass, A ask, - hold; columns are the ways,
// each for a thing of ours that names its readers.
func TestOut(t *testing.T) {
	//             public feed members peer mail sealed export
	want := map[Level]string{
		None:        "-------",
		Clear:       "PPPPPPP",
		Green:       "--PPPPP",
		Amber:       "--AP-PP",
		AmberStrict: "---P-PP",
		Red:         "-------",
	}
	for l, row := range want {
		for i, w := range Ways() {
			v := Out(l, w, Circumstance{Own: true, Named: true})
			if got := "-AP"[v.Answer]; got != row[i] {
				t.Errorf("%v by %s: got %c, want %c", l, w, got, row[i])
			}
			if (v.Answer == Pass) != (v.Reason == "") {
				t.Errorf("%v by %s: reason %q", l, w, v.Reason)
			}
			// Nothing gets easier for what is not ours or names nobody.
			for _, c := range []Circumstance{{}, {Own: true}, {Named: true}} {
				if Out(l, w, c).Answer > v.Answer {
					t.Errorf("%v by %s is easier with %+v", l, w, c)
				}
			}
		}
	}
	if v := Out(Amber, Peer, Circumstance{Named: true}); v.Reason != ReasonOnward {
		t.Errorf("an AMBER of others goes on: %+v", v)
	}
	if v := Out(Green, Peer, Circumstance{}); v.Answer != Pass {
		t.Errorf("a GREEN of others may go on: %+v", v)
	}
	if v := Out(AmberStrict, Export, Circumstance{Own: true}); v.Reason != ReasonNamedOrgs {
		t.Errorf("%+v", v)
	}
	if v := Out(Level(9), Export, Circumstance{Own: true, Named: true}); v.Answer != Hold {
		t.Error("an unknown level must be as strict as RED")
	}
}

func TestFits(t *testing.T) {
	//      persons orgs members peers public
	for l, row := range map[Level]string{Clear: "PPPPP", Green: "PPPP-", Amber: "PPA--", AmberStrict: "PP---", Red: "P----"} {
		for r := ToPersons; r <= ToPublic; r++ {
			if got := "-AP"[Fits(l, r).Answer]; got != row[r-1] {
				t.Errorf("%v to %d: got %c, want %c", l, r, got, row[r-1])
			}
		}
	}
}

func TestPAP(t *testing.T) {
	if p := PAPFromTags([]string{"PAP:GREEN", "pap:amber", "red"}); p != PAPAmber {
		t.Errorf("got %v", p)
	}
	for p, want := range map[PAP]string{PAPNone: "yyy", PAPClear: "yyy", PAPGreen: "yyy", PAPAmber: "yyn", PAPRed: "ynn"} {
		got := ""
		for _, d := range []Deed{SearchOwn, AskOthers, BlockProbe} {
			got += map[bool]string{true: "y", false: "n"}[p.Allows(d)]
		}
		if got != want {
			t.Errorf("%v: got %s, want %s", p, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("tlp:amber+strict")
	f.Add(`TLP:"white"`)
	f.Fuzz(func(t *testing.T, s string) {
		if l, ok := Parse(s); ok {
			if again, _ := Parse(l.Label()); again != l || !strings.HasPrefix(l.Tag(), "tlp:") {
				t.Fatalf("%q → %v → %v", s, l, again)
			}
		}
	})
}
