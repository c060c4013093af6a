package intelmisp

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"mime"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// media is a content type without its parameters.
func media(s string) string {
	m, _, _ := mime.ParseMediaType(s)
	return m
}

// shape holds an answer against a recorded skeleton of keys and types.
func shape(want json.RawMessage, got string) string {
	var w, h any
	if err := json.Unmarshal(want, &w); err != nil {
		return err.Error()
	}
	if err := json.Unmarshal([]byte(got), &h); err != nil {
		return "not JSON: " + got[:min(len(got), 80)]
	}
	return bones("", w, h)
}

var boneTypes = map[string]string{"str": "string", "bool": "bool", "int": "float64"}

// ownTables hold what only the asked server has: names of its tables and columns.
var ownTables = []string{".indexes", ".columnPerTable", ".diagnostic", ".diagnostic_index"}

func bones(at string, want, have any) string {
	if slices.Contains(ownTables, at) {
		return ""
	}
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: %T, want an object", at, have)
		}
		for _, k := range sortedKeys(w) {
			v, ok := h[k]
			if !ok {
				return at + "." + k + ": missing"
			}
			if d := bones(at+"."+k, w[k], v); d != "" {
				return d
			}
		}
		for _, k := range sortedKeys(h) {
			if _, ok := w[k]; !ok {
				return at + "." + k + ": too much"
			}
		}
	case []any:
		h, ok := have.([]any)
		if !ok {
			return fmt.Sprintf("%s: %T, want a list", at, have)
		}
		for i := range h {
			if len(w) > 0 {
				if d := bones(fmt.Sprintf("%s[%d]", at, i), w[0], h[i]); d != "" {
					return d
				}
			}
		}
	case string:
		if t := boneTypes[w]; t != "" && t != fmt.Sprintf("%T", have) {
			return fmt.Sprintf("%s: %T, want %s", at, have, w)
		}
	}
	return ""
}

var ofTheRun = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:]+|\d{9,}`)

var moreInXML = regexp.MustCompile(`^response/Event/(Galaxy|EventReport|CryptographicKey)\b`)

// compareXML holds elements, attributes and texts; ids, UUIDs and times by their being there.
func (r *replay) compareXML(want, got string) string {
	a, err := xmlLines(want)
	if err != nil {
		return "recorded: " + err.Error()
	}
	b, err := xmlLines(got)
	if err != nil {
		return "not XML: " + err.Error()
	}
	// An event's XML holds its galaxies, reports and keys too, in the order of the JSON
	// (docs/divergences.md): all else must be there, no more and no less.
	b = slices.DeleteFunc(b, func(l string) bool { return moreInXML.MatchString(l) })
	slices.Sort(a)
	slices.Sort(b)
	for i := range a {
		if i >= len(b) {
			return fmt.Sprintf("%d XML lines, want %d: %s", len(b), len(a), a[i])
		}
		if a[i] != b[i] {
			return fmt.Sprintf("XML line %d: %s, want %s", i, b[i], a[i])
		}
	}
	if len(b) > len(a) {
		return "more XML: " + b[len(a)]
	}
	return ""
}

var xmlID = regexp.MustCompile(`(/|_)id=\d+$`)

// xmlLines writes a document as lines: path, attributes, text.
func xmlLines(doc string) (out []string, err error) {
	d := xml.NewDecoder(strings.NewReader(doc))
	var path []string
	for {
		t, err := d.Token()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			line := strings.Join(path, "/")
			for _, a := range t.Attr {
				line += " " + a.Name.Local + "=" + a.Value
			}
			out = append(out, ofTheRun.ReplaceAllString(line, "N"))
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if s := strings.TrimSpace(string(t)); s != "" {
				line := strings.Join(path, "/") + "=" + s
				if xmlID.MatchString(line) && !strings.HasSuffix(path[len(path)-1], "threat_level_id") && s != "0" {
					line = strings.Join(path, "/") + "=N"
				}
				out = append(out, ofTheRun.ReplaceAllString(line, "N"))
			}
		}
	}
}

var listedCall = regexp.MustCompile("(?m)^\\| `([\\w.-]+)` \\|")

// TestExcusedAnswersAreListed: what is left out of the count stands in docs/divergences.md,
// and nothing else does; each is a call that was recorded.
func TestExcusedAnswersAreListed(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../docs/divergences.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "\n| recording | why ours differs |\n")
	if !ok {
		t.Fatal("no table of recorded answers")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	names := map[string]int{}
	for _, m := range listedCall.FindAllStringSubmatch(table, -1) {
		names[m[1]]++
	}
	known := map[string]bool{}
	for _, r := range recordings(t) {
		known[r.Name] = true
	}
	excused := maps.Clone(onPurpose)
	maps.Copy(excused, searchOnPurpose)
	for name, p := range placesOnPurpose {
		excused[name] = p.why
	}
	for name := range excused {
		if names[name] != 1 || !known[name] {
			t.Errorf("%s: listed %d times, recorded %v", name, names[name], known[name])
		}
		delete(names, name)
	}
	for name := range names {
		t.Errorf("%s is listed and held against the recording all the same", name)
	}
}
