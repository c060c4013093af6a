package registry_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"straza/internal/craft/export"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/registry/registrytest"
	"straza/internal/testkit"
)

const goodCSV = "\xef\xbb\xbfname;name_en;kind;sector;registration_no;networks;domains;contact_kind;contact_name;contact_phone;contact_email\r\n" +
	"\"Пошта; југ\";Post South;operator;postal;07000010;10.5.0.0/16;posta-jug.rs;duty;Дежурни;'+381 18 555-333;duty@posta-jug.rs\r\n" +
	"Топлана Ниш;;company;energy;07000011;10.6.0.0/24; toplana.rs;;;;\r\n"

func TestImport(t *testing.T) {
	t.Parallel()
	type want struct {
		read, created, updated, unchanged, refused int
		errors                                     []registry.ImportError
	}
	bad := func(line int, field, reason string) registry.ImportError {
		return registry.ImportError{Line: line, Field: field, Reason: "registry.fault." + reason}
	}
	cases := []struct {
		name, format, file string
		want               want
	}{
		{"two organisations", "csv", goodCSV, want{2, 2, 0, 0, 0, nil}},
		{"commas and columns in any order", "csv", "kind,name\ncompany,А\ncivil,Б\n", want{2, 2, 0, 0, 0, nil}},
		{"an update by name in the other script", "csv", "name,website\nStedionica Djerdap,https://djerdap.rs\n", want{1, 0, 1, 0, 0, nil}},
		{"nothing new", "csv", "name,kind,sector\nШтедионица Ђердап,operator,finance\n", want{1, 0, 0, 1, 0, nil}},
		{"every row is looked at", "csv", "name,kind,networks\nА,king,\n,company,\nВ,company,10.0.0.1/8\nГ,company,10.0.0.0/8\n",
			want{4, 0, 0, 0, 3, []registry.ImportError{bad(2, "kind", "kind"), bad(3, "name", "name-missing"), bad(4, "resources.value", "network-host-bits")}}},
		{"the same twice", "csv", "name\nА\nа\n", want{2, 1, 0, 0, 1, []registry.ImportError{bad(3, "name", "row-twice")}}},
		{"a cell too few", "csv", "name,kind\nА\n", want{1, 0, 0, 0, 1, []registry.ImportError{bad(2, "", "row-cells")}}},
		{"not UTF-8", "csv", "name\n\xd8\xe5\n", want{1, 0, 0, 0, 1, []registry.ImportError{bad(2, "name", "encoding")}}},
		{"a quoted line break keeps line numbers", "csv", "name,note\n\"А\",\"x\ny\"\nБ,\n,z\n", want{3, 0, 0, 0, 1, []registry.ImportError{bad(5, "name", "name-missing")}}},
		{"a contact without a way to reach it", "csv", "name,contact_name\nА,Ана\n", want{1, 0, 0, 0, 1, []registry.ImportError{bad(2, "contact.email", "unreachable")}}},
		{"empty but for the header", "csv", "name\n", want{0, 0, 0, 0, 0, nil}},
		{"an array", "json", `[{"name":"А","sector":null,"contacts":[{"kind":"duty","name":"x","phone":"011123456"}]},{"name":"Б"}]`, want{2, 2, 0, 0, 0, nil}},
		{"records in lines", "json", "\xef\xbb\xbf{\"name\":\"А\"}\n{\"name\":\"Б\",\"kind\":\"moon\"}\n", want{2, 0, 0, 0, 1, []registry.ImportError{bad(2, "kind", "kind")}}},
		{"a UUID of another form", "json", `[{"id":"7","name":"А"}]`, want{1, 0, 0, 0, 1, []registry.ImportError{bad(1, "id", "uuid")}}},
	}
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		start := world(t, db)
		for i, x := range cases {
			for _, name := range []string{"А", "а", "Б", "В", "Г"} { // every case has its own
				x.file = regexp.MustCompile(`(^|[^\p{L}])`+name+`($|[^\p{L}])`).ReplaceAllString(x.file, "${1}"+name+fmt.Sprint(i)+"${2}")
			}
			// First dry: says the same, leaves nothing.
			for _, dry := range []bool{true, len(x.want.errors) > 0} {
				res, err := c.s.Import(ctx, c.analyst, strings.NewReader(x.file), registry.ImportOptions{Format: x.format, DryRun: dry})
				must(t, err)
				got := want{res.Read, res.Created, res.Updated, res.Unchanged, res.Refused, res.Errors}
				if x.want.errors != nil { // rows beside the wrong ones are counted as they would be entered
					got.created = x.want.created
				}
				if diff := cmp.Diff(x.want, got, cmp.AllowUnexported(want{}), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", x.name, diff)
				}
				if dry || len(res.Errors) > 0 {
					if diff := cmp.Diff(start, world(t, db)); diff != "" {
						t.Errorf("%s left something:\n%s", x.name, diff)
					}
					continue
				}
				start = world(t, db)
			}
			start = world(t, db)
		}
	})
}

func TestImportedTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		for i, want := range []registry.ImportResult{{Read: 2, Created: 2}, {Read: 2, Unchanged: 2}} {
			res, err := c.s.Import(ctx, c.analyst, strings.NewReader(goodCSV), registry.ImportOptions{Format: "csv"})
			must(t, err)
			if diff := cmp.Diff(want, res, cmpopts.IgnoreFields(registry.ImportResult{}, "Errors", "Preview")); diff != "" {
				t.Errorf("time %d: %s", i+1, diff)
			}
		}
		o, err := c.s.OrgByRef(ctx, c.analyst, "Пошта; југ")
		must(t, err)
		contacts, err := c.s.Contacts(ctx, c.analyst, o.UUID)
		must(t, err)
		if len(contacts) != 1 || contacts[0].Phone != "+381 18 555-333" {
			t.Errorf("contacts: %+v", contacts)
		}
	})
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		before := world(t, db)
		for name, x := range map[string]struct {
			format, file string
			want         fault.Kind
		}{
			"nothing":           {"csv", "", fault.Invalid},
			"unknown column":    {"csv", "name,colour\nА,red\n", fault.Invalid},
			"column twice":      {"csv", "name,name\nА,Б\n", fault.Invalid},
			"no name column":    {"csv", "kind\ncompany\n", fault.Invalid},
			"open quote":        {"csv", "name\nА\n\"Б\n", fault.Invalid},
			"half an array":     {"json", `[{"name":"А"},`, fault.Invalid},
			"array not closed":  {"json", `[{"name":"А"}`, fault.Invalid},
			"unknown member":    {"json", `[{"name":"А","colour":"red"}]`, fault.Invalid},
			"a number for name": {"json", `[{"name":7}]`, fault.Invalid},
			"deep":              {"json", `[{"name":` + strings.Repeat("[", 20000), fault.Invalid},
			"format":            {"xlsx", "PK", fault.Invalid},
			"too many rows":     {"csv", "name\n" + strings.Repeat("a\n", registry.MaxImportRows+1), fault.Limited},
			"too large":         {"csv", "name\n" + strings.Repeat(strings.Repeat("a", 1<<17)+"\n", 33*8), fault.Limited},
		} {
			_, err := c.s.Import(ctx, c.analyst, strings.NewReader(x.file), registry.ImportOptions{Format: x.format})
			if !fault.Is(err, x.want) {
				t.Errorf("%s: %v, want %s", name, err, x.want)
			}
		}
		_, err := c.s.Import(ctx, c.banker, strings.NewReader(goodCSV), registry.ImportOptions{Format: "csv"})
		isFault(t, err, fault.Denied)
		if diff := cmp.Diff(before, world(t, db)); diff != "" {
			t.Errorf("something was left:\n%s", diff)
		}
	})
}

// TestImportMeetsWhatItMayNotSee: the name of an organisation that the importer may
// not see is taken, and nothing of it is told or changed.
func TestImportMeetsWhatItMayNotSee(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		registrytest.Org(t, c.s, registry.Draft{Name: "Тајна служба", Disclosure: registry.ToCERT})
		res, err := c.s.Import(ctx, c.other, strings.NewReader("name,website\nТајна служба,https://x.rs\n"), registry.ImportOptions{Format: "csv"})
		must(t, err)
		if len(res.Errors) != 1 || res.Errors[0].Reason != "registry.fault.taken" || res.Updated != 0 {
			t.Errorf("%+v", res)
		}
	})
}

func TestExportComesBack(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		_, err := c.s.Import(ctx, c.analyst, strings.NewReader(goodCSV), registry.ImportOptions{Format: "csv"})
		must(t, err)
		evil := registrytest.Org(t, c.s, registry.Draft{Name: "=cmd|' /C calc'!A0", Aliases: []string{"+1", "б"}})
		for _, format := range []string{registry.CSV, registry.JSON} {
			var out bytes.Buffer
			must(t, c.s.Export(ctx, c.analyst, &out, format, registry.Filter{}, stamped))
			if format == registry.CSV && !strings.Contains(out.String(), "'=cmd") {
				t.Errorf("the formula is not text:\n%s", out.String())
			}
			// The same file changes nothing here …
			res, err := c.s.Import(ctx, c.analyst, bytes.NewReader(out.Bytes()), registry.ImportOptions{Format: format})
			must(t, err)
			if res.Unchanged != 7 || res.Read != 7 || len(res.Errors) > 0 {
				t.Errorf("%s comes back as %+v", format, res)
			}
		}
		// … and makes the same country on an empty installation.
		var out, copied bytes.Buffer
		must(t, c.s.Export(ctx, c.analyst, &out, registry.CSV, registry.Filter{State: registry.Active}, stamped))
		empty := testkit.SQLite(t, db.Clock)
		s := registrytest.Service(t, empty)
		res, err := s.Import(ctx, ident.SystemPart("demo"), bytes.NewReader(out.Bytes()), registry.ImportOptions{Format: registry.CSV})
		must(t, err)
		if res.Created != 7 {
			t.Fatalf("%+v", res)
		}
		must(t, s.Export(ctx, ident.SystemPart("demo"), &copied, registry.CSV, registry.Filter{State: registry.Active}, stamped))
		if a, b := withoutTimes(out.String()), withoutTimes(copied.String()); a != b {
			t.Errorf("not the same:\n%s", cmp.Diff(a, b))
		}
		if !strings.Contains(copied.String(), evil.UUID) {
			t.Error("UUIDs were not kept")
		}
	})
}

// stamped is what the doors add: who asks, from where.
func stamped(x export.Extent) export.Stamp {
	return export.Stamp{Installation: "ЦЕРТ", Origin: "https://cert.example", By: "Ана", Extent: x}
}

// withoutTimes cuts what differs on purpose: CERT, freshness and the two times.
func withoutTimes(csv string) string {
	var out []string
	for _, l := range strings.Split(strings.TrimSpace(csv), "\n") {
		cells := strings.Split(l, ",")
		out = append(out, strings.Join(cells[:len(cells)-4-len(export.Columns)], ","))
	}
	return strings.Join(out, "\n")
}

func TestExportSaysWhereItComesFrom(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		registrytest.Fill(t, db, c.bank, 1100) // more than two batches
		var out bytes.Buffer
		must(t, c.s.Export(ctx, c.banker, &out, registry.JSON, registry.Filter{}, stamped))
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		var head map[string]any
		must(t, json.Unmarshal([]byte(lines[0]), &head))
		if head["straza"] != "registry" || head["installation"] != "ЦЕРТ" || head["tlp"] != "TLP:AMBER" || head["by"] != "Ана" || head["rows"] != 1104.0 {
			t.Errorf("head: %v", head)
		}
		if len(lines) != 1+4+1100 {
			t.Errorf("%d lines", len(lines))
		}
		isFault(t, c.s.Export(ctx, c.banker, &out, "xml", registry.Filter{}, stamped), fault.Invalid)
	})
}
