package misp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestWrappers(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"wrapped":          {`{"Event":{"info":"a"}}`, []string{"a"}},
		"bare":             {`{"info":"a","Attribute":[]}`, []string{"a"}},
		"bare, key first":  {`{"x_unknown":{"deep":[1]},"info":"a"}`, []string{"a"}},
		"response list":    {`{"response":[{"Event":{"info":"a"}},{"Event":{"info":"b"}}]}`, []string{"a", "b"}},
		"response object":  {`{"response":{"Event":{"info":"a"}}}`, []string{"a"}},
		"response events":  {`{"response":{"Event":[{"info":"a"},{"info":"b"}]}}`, []string{"a", "b"}},
		"list of wrapped":  {`[{"Event":{"info":"a"}},{"Event":{"info":"b"}}]`, []string{"a", "b"}},
		"list of bare":     {`[{"info":"a"},{"info":"b"}]`, []string{"a", "b"}},
		"byte order mark":  {"\ufeff" + `{"info":"a"}`, []string{"a"}},
		"keys beside":      {`{"errors":null,"Event":{"info":"a"},"saved":true}`, []string{"a"}},
		"list with holes":  {`{"response":{"3":{"Event":{"info":"a"}},"5":{"Event":{"info":"b"}}}}`, []string{"a", "b"}},
		"spaces and lines": {" \n\t{ \"Event\" :\r\n { \"info\" : \"a\" } } \n", []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(tc.in), iotest.OneByteReader(strings.NewReader(tc.in))} {
				var got []string
				err := DecodeEvents(src, Limits{}, func(e *Event) error { got = append(got, e.Info.V); return nil })
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(tc.want, got); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

func TestTolerantScalars(t *testing.T) {
	e := decodeAll(t, strings.NewReader(`{"Event":{"id":12,"timestamp":1600000000.5,"published":"1","locked":0,
		"info":7,"analysis":"x","protected":null,"distribution":"","Tag":{"name":"one"},
		"Attribute":[{"to_ids":"0","deleted":true,"value":443,"first_seen":null}],
		"Galaxy":{"0":{"name":"g","GalaxyCluster":[{"meta":[],"authors":"me"}]}}}}`))[0]
	want := &Event{ID: N(12), Timestamp: N(1600000000), Published: B(true), Locked: B(false), Info: T("7"),
		Analysis: Int{Bad: "x", Is: Given}, Protected: Flag{Is: Null}, Distribution: NullInt(),
		Tag:       []Tag{{Name: T("one")}},
		Attribute: []Attribute{{ToIDS: B(false), Deleted: B(true), Value: T("443"), FirstSeen: NullText()}},
		Object:    nil,
		Galaxy:    []Galaxy{{Name: T("g"), GalaxyCluster: []GalaxyCluster{{Meta: Meta{}, Authors: []string{"me"}}}}},
	}
	if d := cmp.Diff(want, e); d != "" {
		t.Error(d)
	}
	if got := string(AppendInEvent(nil, &e.Galaxy[0])); got != `{"name":"g","GalaxyCluster":[{"authors":["me"],"meta":{}}]}` {
		t.Error(got)
	}
}

func TestFaultsNameTheirPlace(t *testing.T) {
	for _, tc := range []struct {
		in   string
		lim  Limits
		kind ErrorKind
		want string
	}{
		{"{\"Event\":{\"info\":\"a\",\n \"Attribute\":[{\"value\":\"x\"},{\"value\":{\"a\":1}}]}}", Limits{}, ErrType, "line 2, column 43 (Event.Attribute[1].value)"},
		{`{"Event":{"info":"a"`, Limits{}, ErrSyntax, "unexpected end"},
		{`{"Event":{"info":"a\`, Limits{}, ErrSyntax, "unexpected end in text"},
		{`{"Event":{"info":"a",}}`, Limits{}, ErrSyntax, "expected a key"},
		{`{"Event":{"info":01}}`, Limits{}, ErrSyntax, "expected a value"},
		{`{"Event":{"info":"a"}} x`, Limits{}, ErrSyntax, "after the document"},
		{"{\"info\":\"\xff\"}", Limits{}, ErrSyntax, "not UTF-8"},
		{"{\"info\":\"a\nb\"}", Limits{}, ErrSyntax, "control character"},
		{`"text"`, Limits{}, ErrType, "expected an event"},
		{`{}`, Limits{}, ErrType, "no event"},
		{`{"response":[]}`, Limits{}, ErrType, "no event"},
		{``, Limits{}, ErrSyntax, "unexpected end"},
		{`{"a":` + strings.Repeat("[", 5000), Limits{}, ErrLimit, "nested deeper than 64"},
		{`{"Event":{"info":"` + strings.Repeat("x", 300) + `"}}`, Limits{String: 200}, ErrLimit, "text longer"},
		{`{"Event":{"info":"` + strings.Repeat("x", 300) + `"}}`, Limits{Bytes: 200}, ErrLimit, "document larger"},
		{`{"Event":{"Attribute":[{},{},{}]}}`, Limits{Attributes: 2}, ErrLimit, "more than 2 attributes"},
		{`{"Event":{"Object":[{"Attribute":[{},{}]},{"Attribute":[{}]}]}}`, Limits{Attributes: 2}, ErrLimit, "more than 2 attributes"},
		{`{"Event":{"Object":[{},{},{}]}}`, Limits{Objects: 2}, ErrLimit, "more than 2 objects"},
		{`[{"info":"a"},{"info":"b"}]`, Limits{Events: 1}, ErrLimit, "more than 1 events"},
		{`{"Event":{"Tag":[{},{},{}]}}`, Limits{Elements: 2}, ErrLimit, "more than 2 elements"},
	} {
		err := DecodeEvents(strings.NewReader(tc.in), tc.lim, func(*Event) error { return nil })
		var e *Error
		if !errors.As(err, &e) || e.Kind != tc.kind || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.60q: got %v, want %s %q", tc.in, err, tc.kind, tc.want)
		}
	}
}

// Wherever a document breaks off, the fault says that it is short, not wrong: who fetched
// it asks again.
func TestShortDocuments(t *testing.T) {
	whole := `{"Event":{"info":"a\u00e9\\","published":true,"timestamp":-1.5e3,"Attribute":[{"value":"x","to_ids":null}]}}`
	if err := DecodeEvents(strings.NewReader(whole), Limits{}, func(*Event) error { return nil }); err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if err := DecodeEvents(strings.NewReader(whole[:n]), Limits{}, func(*Event) error { return nil }); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", whole[:n], err)
		}
	}
	for _, wrong := range []string{whole + "]", `{"Event":{"info":01}}`, `{"Event":{"info":"a",}}`} {
		if err := DecodeEvents(strings.NewReader(wrong), Limits{}, func(*Event) error { return nil }); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestDecodePieces(t *testing.T) {
	var got []string
	err := Decode(strings.NewReader(`{"Event":{"info":"i","Attribute":[{"value":"1"},{"value":"2"}],"Object":[{"name":"o","Attribute":[{"value":"3"}]}],"Tag":[{"name":"t"}]}}`),
		Limits{}, func(it Item) error {
			s := fmt.Sprint(it.Kind, " ", it.Event.Info.V, " ", len(it.Event.Tag))
			if it.Attribute != nil {
				s += " " + it.Attribute.Value.V
			}
			if it.Object != nil {
				s += " " + it.Object.Attribute[0].Value.V
			}
			got = append(got, s)
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"0 i 0", "1 i 0 1", "1 i 0 2", "2 i 0 3", "3 i 1"}, got); d != "" {
		t.Error(d)
	}
	stop := errors.New("stop")
	if err := Decode(strings.NewReader(`{"info":"a"}`), Limits{}, func(Item) error { return stop }); err != stop {
		t.Errorf("an error of fn must come back as it is, got %v", err)
	}
	headers := 0
	err = DecodeHeaders(strings.NewReader(`[{"Attribute":[{"value":"1"}],"info":"late","Tag":[{"name":"t"}]}]`), Limits{}, func(e *Event) error {
		headers++
		if e.Info.V != "late" || len(e.Tag) != 1 || len(e.Attribute) != 0 {
			t.Errorf("header %+v", e)
		}
		return nil
	})
	if err != nil || headers != 1 {
		t.Error(headers, err)
	}
}

func TestRead(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"md5","value":"a"}`:                           "false a",
		`{"Attribute":{"value":"a"}}`:                          "false a",
		`{"Attribute":[{"value":"a"},{"value":"b"}]}`:          "true a b",
		`[{"value":"a"},{"value":"b"}]`:                        "true a b",
		`[{"Attribute":{"value":"a"}}]`:                        "true a",
		`{"request":{"Attribute":{"value":"a"}},"extra":[{}]}`: "false a",
		`{}`: "false",
		`[]`: "true",
	} {
		list, wasList, err := Read[Attribute](strings.NewReader(in), Limits{}, "Attribute")
		got := fmt.Sprint(wasList)
		for _, a := range list {
			got += " " + a.Value.V
		}
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", in, got, err, want)
		}
	}
}

// TestLargeEventStreams: an event of 350,000 attributes passes through decoder
// and encoder with memory that does not grow with it.
func TestLargeEventStreams(t *testing.T) {
	const n = 350_000
	pr, pw := io.Pipe()
	go func() {
		x := NewEncoder(pw)
		_ = x.Begin(&Event{Info: T("large"), Attribute: []Attribute{}})
		for i := range n {
			_ = x.Attribute(&Attribute{ID: N(int64(i)), Type: T("domain"), Value: T(fmt.Sprintf("h%d.example.org", i)), ToIDS: B(true)})
		}
		_ = x.End()
		pw.CloseWithError(x.Flush())
	}()
	got := 0
	err := Decode(pr, Limits{}, func(it Item) error {
		if it.Kind == ItemAttribute {
			if it.Attribute.ID.V != int64(got) {
				return fmt.Errorf("attribute %d has id %d", got, it.Attribute.ID.V)
			}
			got++
		}
		if len(it.Event.Attribute) != 0 {
			return errors.New("attributes are kept")
		}
		return nil
	})
	if err != nil || got != n {
		t.Errorf("got %d attributes, %v", got, err)
	}
}

func TestStringEscapes(t *testing.T) {
	for in, want := range map[string]string{
		`"\ud83d\ude00"`:       "😀",
		`"\ud83d"`:             "\ufffd",
		`"\ud83dx"`:            "\ufffdx",
		`"\ud83d\n"`:           "\ufffd\n",
		`"\ud83d\ud83d\ude00"`: "\ufffd😀",
		`"\ude00"`:             "\ufffd",
		`"a\u0000b"`:           "a\ufffdb",
		`"\u0107\/\b\f"`:       "ć/\b\f",
	} {
		for _, src := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			r := newReader(src, Limits{})
			if _, err := r.peek(); err != nil {
				t.Fatal(err)
			}
			got, err := r.text()
			if err != nil || string(got) != want {
				t.Errorf("%s: %q, %v; want %q", in, got, err, want)
			}
		}
	}
	for _, s := range []string{"\x00\x1f\"\\/<>&\u2028\u2029", "čšž 😀", "bad \xff utf8"} {
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") {
			t.Errorf("%q came back as %q, %v", s, back, err)
		}
	}
}

// FuzzReader: our parser and encoding/json agree on what JSON is and means.
func FuzzReader(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e+3,"x\u00e9\ud83d\ude00",true,false,null,{}]}`, `[]`, `"\ud83d"`, `01`, `{"a":1,}`, `[1,]`, "\"\x80\"", `1e999`, `{"a" :{ "b":[ [ ] ]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newReader(iotest.HalfReader(bytes.NewReader(b)), Limits{})
		got, err := r.raw(nil)
		if err == nil {
			err = r.end()
		}
		var e *Error
		if errors.As(err, &e) && (e.Kind == ErrLimit || strings.Contains(e.Msg, "UTF-8")) {
			return
		}
		if valid := json.Valid(b); valid != (err == nil) {
			t.Fatalf("json.Valid %v, ours %v", valid, err)
		}
		if err != nil || bytes.Contains(b, []byte(`\u0000`)) || !json.Valid(got) {
			if err == nil && !json.Valid(got) {
				t.Fatalf("we wrote %q", got)
			}
			return
		}
		var want, have any
		dec, dec2 := json.NewDecoder(bytes.NewReader(b)), json.NewDecoder(bytes.NewReader(got))
		dec.UseNumber()
		dec2.UseNumber()
		if dec.Decode(&want) != nil || dec2.Decode(&have) != nil {
			t.Fatal("not decoded")
		}
		if d := cmp.Diff(want, have); d != "" {
			t.Fatal(d)
		}
	})
}

// FuzzDecode: no input panics, and what was read is written and read again equal.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"response":[{"Event":{"id":"1","info":"a","Tag":[{"name":"tlp:red","local":0}],"Attribute":[{"type":"md5","value":"x","Galaxy":[{"GalaxyCluster":[{"meta":{"k":["v"]}}]}]}],"Object":[{"Attribute":[{"value":1}],"ObjectReference":[{"Object":{"a":[1]}}]}]}}]}`))
	f.Add([]byte(`{"info":"a","Attribute":{"0":{"value":"x"},"7":{"value":"y"}},"Org":[],"SharingGroup":{"SharingGroupOrg":[{"Organisation":{}}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var first []*Event
		if DecodeEvents(bytes.NewReader(b), Limits{Bytes: 1 << 20, Elements: 1000}, func(e *Event) error { first = append(first, e); return nil }) != nil {
			return
		}
		for _, e := range first {
			var out bytes.Buffer
			if err := EncodeEvent(&out, e); err != nil {
				t.Fatal(err)
			}
			if !json.Valid(out.Bytes()) {
				t.Fatalf("not JSON: %s", out.Bytes())
			}
			var second []*Event
			if err := DecodeEvents(&out, Limits{}, func(e *Event) error { second = append(second, e); return nil }); err != nil || len(second) != 1 {
				t.Fatal(len(second), err)
			}
			var again bytes.Buffer
			_ = EncodeEvent(&again, second[0])
			var once bytes.Buffer
			_ = EncodeEvent(&once, e)
			if d := cmp.Diff(once.String(), again.String()); d != "" {
				t.Fatal(d)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	var doc bytes.Buffer
	x := NewEncoder(&doc)
	_ = x.Begin(&Event{Info: T("bench"), Attribute: []Attribute{}})
	for i := range 10_000 {
		_ = x.Attribute(&Attribute{ID: N(int64(i)), Type: T("ip-dst"), Category: T("Network activity"), ToIDS: B(true),
			UUID: T("c25327b3-2e74-5437-bd66-e0321bf3876c"), Timestamp: N(1600000000), Distribution: N(5), Comment: T(""),
			Value: T(fmt.Sprintf("198.51.%d.%d", i/256, i%256)), Galaxy: []Galaxy{}, ShadowAttribute: []ShadowAttribute{}})
	}
	_ = x.End()
	_ = x.Flush()
	b.SetBytes(int64(doc.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := Decode(bytes.NewReader(doc.Bytes()), Limits{}, func(Item) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
