package remark

import (
	"strings"
	"testing"
	"testing/fstest"

	"straza/internal/craft/pack"
)

// TestOpenCommunities: the list that comes with the program is empty and readable; an
// entry that nobody could be written to never comes into force.
func TestOpenCommunities(t *testing.T) {
	t.Parallel()
	own, err := pack.Load(Packs)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenCommunities(own, "2026-11-23"); err != nil || len(got.List) != 0 {
		t.Fatalf("%+v %v", got, err)
	}
	const good = "name: A, uuid: 55F6ea5e-2c60-40e5-964f-47a8950d210f, email: a@a.example"
	for entries, want := range map[string]string{
		"{" + good + "}": "",
		"{" + good + ", lang: sr-Latn, url: 'https://a.example/x'}":        "",
		"{" + good + "}, {" + good + "}":                                   "twice",
		"{name: A, email: a@a.example}":                                    "uuid",
		"{uuid: 55f6ea5e-2c60-40e5-964f-47a8950d210f, email: a@a.example}": "name",
		"{name: A, uuid: 55f6ea5e-2c60-40e5-964f-47a8950d210f}":            "email",
		"{" + good + ", org_uuid: x}":                                      "org_uuid",
		"{" + good + ", url: 'javascript:x'}":                              "url",
		"{" + good + ", lang: de}":                                         "lang",
		"{" + good + ", key: rubbish}":                                     "key",
		"{" + good + ", colour: red}":                                      "colour",
	} {
		text := "pack: intel.communities\nversion: 1\nfrom: 2026-01-01\nsource: test\nbody:\n  communities: [" + entries + "]\n"
		shelf, err := pack.Load(fstest.MapFS{"packs/c.yaml": {Data: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := OpenCommunities(shelf, "2026-11-23")
		switch {
		case want == "" && (err != nil || len(got.List) != 1 || got.List[0].UUID != "55f6ea5e-2c60-40e5-964f-47a8950d210f"):
			t.Errorf("%s: %+v %v", entries, got, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v", entries, err)
		}
	}
}
