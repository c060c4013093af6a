package app

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/vault"
)

// A receipt code of the wrong length is answered with a whole sentence, right for every
// plural form of Serbian.
func TestCodeOfWrongLength(t *testing.T) {
	t.Parallel()
	cat, err := i18n.NewCatalog(messageFiles()...)
	must(t, err)
	for n, want := range map[int][3]string{
		24: {"Недостаје 1 цифра.", "Nedostaje 1 cifra.", "1 digit is missing."}, 23: {"Недостају 2 цифре.", "Nedostaju 2 cifre.", "2 digits are missing."},
		20: {"Недостаје 5 цифара.", "Nedostaje 5 cifara.", "5 digits are missing."}, 14: {"Недостаје 11 цифара.", "Nedostaje 11 cifara.", "11 digits are missing."},
		4: {"Недостаје 21 цифра.", "Nedostaje 21 cifra.", "21 digits are missing."}, 3: {"Недостају 22 цифре.", "Nedostaju 22 cifre.", "22 digits are missing."},
		26: {"Уписана је 1 цифра више.", "Upisana je 1 cifra više.", "There is 1 digit too many."}, 27: {"Уписане су 2 цифре више.", "Upisane su 2 cifre više.", "There are 2 digits too many."},
		30: {"Уписано је 5 цифара више.", "Upisano je 5 cifara više.", "There are 5 digits too many."}, 0: {"Упишите код потврде.", "Upišite kod potvrde.", "Enter the receipt code."},
	} {
		_, err := vault.ParseCode(strings.Repeat("7", n))
		f := fault.Of(err)
		if f == nil {
			t.Fatalf("%d digits pass", n)
		}
		for i, l := range []i18n.Lang{i18n.SrCyrl, i18n.SrLatn, i18n.En} {
			said := cat.T(l, f.Fields["code"], f.Args...)
			if !strings.Contains(said, want[i]) || n > 0 && !strings.Contains(said, "25") {
				t.Errorf("%d digits in %s: %q", n, l, said)
			}
		}
	}
}

// One word per thing (look.md §11, the glossary): what other words would say twice.
func TestOneWordPerThing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ not, say string }{
		{`(?i)шифр(а|е|и|у|ом|ама)([^а-я]|$)`, "код"}, {`(?i)тикет`, "пријава"}, {`(?i)инцидент(а|и|у|ом)? број`, "број случаја"},
		{`(?i)(^|[^а-я])токен`, "веза или код"}, {`(?i)улогуј|логов`, "уђите"},
	} {
		re := regexp.MustCompile(c.not)
		seen := 0
		for _, f := range messageFiles() {
			must(t, fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() || !strings.HasSuffix(path, "sr-Cyrl.json") {
					return err
				}
				raw, err := fs.ReadFile(f, path)
				seen++
				for line := range strings.SplitSeq(string(raw), "\n") {
					if re.MatchString(line) {
						t.Errorf("%s: the word is %q", line, c.say)
					}
				}
				return err
			}))
		}
		if seen < 20 {
			t.Errorf("%d files of messages were read", seen)
		}
	}
}
