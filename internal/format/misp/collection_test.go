package misp

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadCollections(t *testing.T) {
	t.Parallel()
	one := Collection{UUID: T("u"), Name: T("n"), Distribution: N(2), Orgc: &Org{UUID: T("o"), Name: T("O")}, WithElements: true,
		Elements: []CollectionElement{{ElementUUID: T("e"), ElementType: T("Event")}}}
	inside := `"uuid":"u","name":"n","distribution":"2"`
	beside := `"Orgc":{"uuid":"o","name":"O"},"CollectionElement":[{"element_uuid":"e","element_type":"Event"}]`
	for doc, want := range map[string][]Collection{
		`{"Collection":{` + inside + `},` + beside + `}`:                                                  {one},
		`{"Collection":{` + inside + `,` + beside + `}}`:                                                  {one},
		`{` + inside + `,` + beside + `}`:                                                                 {one},
		`[{"Collection":{` + inside + `},` + beside + `},{"Collection":{` + inside + `},` + beside + `}]`: {one, one},
		`{"response":[{"Collection":{` + inside + `},` + beside + `}]}`:                                   {one},
		`{"Collection":{"name":"n","distribution":1,"description":null}}`:                                 {{Name: T("n"), Distribution: N(1), Description: NullText()}},
		`{"Collection":{"name":"n","CollectionElement":[]}}`:                                              {{Name: T("n"), WithElements: true}},
		`{"Collection":[{"name":"n","CollectionElement":[{"CollectionElement":{"element_uuid":"e"}}]}]}`:  {{Name: T("n"), WithElements: true, Elements: []CollectionElement{{ElementUUID: T("e")}}}},
		`[]`: nil,
	} {
		got, err := ReadCollections(strings.NewReader(doc), Limits{})
		if err != nil {
			t.Errorf("%s: %v", doc, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", doc, d)
		}
	}
	for doc, kind := range map[string]ErrorKind{`7`: ErrType, `{"Collection":7}`: ErrType, `{`: ErrType, strings.Repeat("[", 40) + strings.Repeat("]", 40): ErrLimit,
		`{"name":"` + strings.Repeat("a", 200) + `"}`: ErrLimit} {
		_, err := ReadCollections(strings.NewReader(doc), Limits{Bytes: 100})
		var e *Error
		if !errors.As(err, &e) || e.Kind != kind {
			t.Errorf("%.40s: %v", doc, err)
		}
	}
}

func FuzzReadCollections(f *testing.F) {
	f.Add(`{"Collection":{"uuid":"u","SharingGroup":{"uuid":"x"}},"CollectionElement":[{"element_uuid":"e"}]}`)
	f.Fuzz(func(t *testing.T, doc string) {
		list, err := ReadCollections(strings.NewReader(doc), Limits{Bytes: 1 << 20})
		if err != nil && list != nil && len(list) > len(doc) {
			t.Fatal("more than was said")
		}
	})
}
