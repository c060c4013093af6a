package misp_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"straza/internal/format/misp"
)

func asXML(t testing.TB, in string, one bool) string {
	t.Helper()
	var out bytes.Buffer
	x := misp.NewXMLWriter(&out)
	var src io.Reader = strings.NewReader(in)
	if one {
		src = iotest.OneByteReader(src)
	}
	if _, err := io.Copy(writeOnly{x}, src); err != nil {
		t.Fatal(err)
	}
	if err := x.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

type writeOnly struct{ io.Writer }

func TestXMLWriter(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"Event":{"id":"1","Tag":[],"Org":{},"published":true,"protected":null,"n":7}}`,
			`<Event><id>1</id><Tag/><Org/><published>1</published><protected/><n>7</n></Event>`},
		{`{"response":[{"Event":{"id":"1"}},{"Event":{"id":"2"}}]}`, `<Event><id>1</id></Event><Event><id>2</id></Event>`},
		{`{"response":{"Attribute":[{"id":"1"},{"id":"2"}]}}`, `<Attribute><id>1</id></Attribute><Attribute><id>2</id></Attribute>`},
		{`{"Event":{"response":{"x":"y"}}}`, `<Event><response><x>y</x></response></Event>`},
		{`[{"Tag":{"name":"a\"<b>&"}}]`, `<Tag><name>a"&lt;b&gt;&amp;</name></Tag>`},
		{`{"a b<":{"1x":"y"}}`, `<a_b_><_x>y</_x></a_b_>`},
		{`{"meta":{"refs":["a","b"]}}`, `<meta><refs>a</refs><refs>b</refs></meta>`},
		{`{"E":{"Attribute":[{},{"id":"2"}]}}`, `<E><Attribute/><Attribute><id>2</id></Attribute></E>`},
	} {
		for _, one := range []bool{false, true} {
			if got := asXML(t, c.in, one); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
			}
		}
	}
}

// FuzzXMLWriter: what is JSON becomes XML that an XML reader reads.
func FuzzXMLWriter(f *testing.F) {
	for _, s := range []string{`{"Event":{"a":["x",{"b":null}]}}`, `[[1,2],"\u0000"]`, `{"response":{"response":[1]}}`, `{"<a>":"]]>"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if !json.Valid([]byte(in)) || len(in) > 10_000 {
			return
		}
		out := "<response>" + asXML(t, in, false) + "</response>"
		d := xml.NewDecoder(strings.NewReader(out))
		for {
			_, err := d.Token()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatalf("%v: %q", err, out)
			}
		}
	})
}
