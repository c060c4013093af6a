package vault

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Every key that a fault of this room names has its sentence in both languages,
// and no sentence is left over.
func TestEveryFaultHasItsSentence(t *testing.T) {
	used := map[string]bool{}
	key := regexp.MustCompile(`"((?:vault|unseal)\.[a-z_]+)"`)
	for _, pattern := range []string{"*.go", "unseal/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			if regexp.MustCompile(`_test\.go$`).MatchString(f) {
				continue
			}
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range key.FindAllStringSubmatch(string(text), -1) {
				used[m[1]] = true
			}
		}
	}
	for _, lang := range []string{"sr-Cyrl", "en"} {
		raw, err := Messages.ReadFile("messages/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var have map[string]json.RawMessage
		if err := json.Unmarshal(raw, &have); err != nil {
			t.Fatal(err)
		}
		for k := range used {
			if len(have[k]) < 3 {
				t.Errorf("%s: no sentence for %s", lang, k)
			}
		}
		for k := range have {
			if !used[k] {
				t.Errorf("%s: %s is used nowhere", lang, k)
			}
		}
	}
}
