package app

import (
	"bytes"
	"flag"
	"strings"
	"testing"
	"unicode"
)

// Every command explains itself: a sentence in one style, every flag of its own with a
// meaning, and each noun its verbs, with the exit code of half a command.
func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	run := func(want int, words ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := Main(append(words, "--data", t.TempDir()), Process{In: strings.NewReader(""), Out: &out, Err: &errs}); code != want {
			t.Errorf("%v: exit %d, want %d: %s", words, code, want, errs.String())
		}
		return out.String()
	}
	all := (&call{}).allCommands()
	nouns := map[string]bool{}
	for _, k := range all {
		if k.Short == "" || strings.HasSuffix(k.Short, ".") || unicode.IsUpper([]rune(k.Short)[0]) && !strings.HasPrefix(k.Short, "API") {
			t.Errorf("%s: the sentence %q begins small and ends without a full stop", k.Name, k.Short)
		}
		fs := flag.NewFlagSet(k.Name, flag.ContinueOnError)
		if k.Flags != nil {
			k.Flags(fs)
		}
		fs.VisitAll(func(f *flag.Flag) {
			if f.Usage == "" && f.Name != "q" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s --%s says %q", k.Name, f.Name, f.Usage)
			}
		})
		help := run(0, append(strings.Fields(k.Name), "--help")...)
		for _, want := range []string{"straza " + k.Name, k.Short, "--json", "--as EMAIL"} {
			if !strings.Contains(help, want) {
				t.Errorf("the help of %s has no %q", k.Name, want)
			}
		}
		if noun, verb, two := strings.Cut(k.Name, " "); two && verb != "" {
			nouns[noun] = true
		}
	}
	for noun := range nouns {
		for _, k := range all {
			if n, _, two := strings.Cut(k.Name, " "); two && n == noun {
				if !strings.Contains(run(0, noun, "--help"), "straza "+k.Name) || !strings.Contains(run(0, "help", noun), "straza "+k.Name) {
					t.Errorf("straza %s --help does not show %s", noun, k.Name)
				}
				if noun != "unseal" && !strings.Contains(run(2, noun), "straza "+k.Name) {
					t.Errorf("straza %s does not show %s", noun, k.Name)
				}
			}
		}
	}
}
