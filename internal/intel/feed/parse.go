package feed

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/extract"
	"straza/internal/format/misp"
	"straza/internal/format/pattern"
	"straza/internal/kernel/fault"
)

// How much a feed may weigh and say.
const (
	maxList   = 64 << 20 // bytes of a CSV or text
	maxFile   = 32 << 20 // of one event, of a manifest
	maxValues = 200_000  // of one fetch
	maxEvents = 100_000  // of a manifest
	maxCache  = 2_000_000
)

var errTooMuch = errors.New("the feed is too large")

// listSettings are what MISP keeps in a feed's settings for lists.
type listSettings struct {
	CSV struct {
		Value     json.RawMessage `json:"value"` // "1" or "1,3", from 1
		Delimiter string          `json:"delimiter"`
	} `json:"csv"`
	Common struct {
		Exclude string `json:"excluderegex"`
	} `json:"common"`
}

func readSettings(raw json.RawMessage) (s listSettings) {
	if len(raw) > 0 && raw[0] == '"' { // kept as a text by some clients
		var text string
		if json.Unmarshal(raw, &text) == nil {
			raw = json.RawMessage(text)
		}
	}
	_ = json.Unmarshal(raw, &s) // what cannot be read counts as not given
	return s
}

// skip is the pattern of the lines that are left out, nil = none. Faults: Invalid for one
// that cannot be read or costs too much; nothing is taken then, because all would be.
func (s listSettings) skip() (*pattern.Pattern, error) {
	if s.Common.Exclude == "" {
		return nil, nil
	}
	p, err := pattern.Compile(pattern.Delimited(s.Common.Exclude))
	if err != nil {
		return nil, fault.New(fault.Invalid, "the pattern of lines to leave out: %v", err).WithKey("intel.fault.feed-pattern")
	}
	return p, nil
}

// columns are the columns to read, from 0; none means every one.
func (s listSettings) columns() (out []int) {
	for _, part := range strings.FieldsFunc(strings.Trim(string(s.CSV.Value), `"`), func(r rune) bool { return r == ',' || r == ' ' }) {
		if n, err := strconv.Atoi(part); err == nil && n > 0 {
			out = append(out, n-1)
		}
	}
	return out
}

// parseList reads the indicators of a CSV or text, each once, in the order of the
// list. Lines that begin with # are remarks.
func parseList(format string, raw json.RawMessage, src io.Reader) ([]misp.Attribute, error) {
	limited := &io.LimitedReader{R: src, N: maxList + 1}
	set := readSettings(raw)
	skip, err := set.skip()
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var out []misp.Attribute
	take := func(text string) error {
		if skip != nil && skip.In(text) {
			return nil
		}
		found, _ := extract.Scan(text, 1000)
		for _, c := range found {
			typ := c.Type
			if typ == "email" {
				typ = "email-src"
			}
			if key := typ + "|" + c.Value; !seen[key] {
				seen[key] = true
				out = append(out, misp.Attribute{Type: misp.T(typ), Value: misp.T(c.Value)})
			}
		}
		if len(out) > maxValues {
			return errTooMuch
		}
		return nil
	}
	if format == FormatCSV {
		err = eachRow(limited, set, take)
	} else {
		err = eachLine(limited, take)
	}
	if err == nil && limited.N <= 0 {
		err = errTooMuch
	}
	return out, err
}

func eachLine(src io.Reader, take func(string) error) error {
	sc := bufio.NewScanner(src)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := take(line); err != nil {
			return err
		}
	}
	return sc.Err()
}

func eachRow(src io.Reader, set listSettings, take func(string) error) error {
	r := csv.NewReader(src)
	r.FieldsPerRecord, r.LazyQuotes, r.Comment, r.ReuseRecord = -1, true, '#', true
	if d := []rune(set.CSV.Delimiter); len(d) == 1 && d[0] != '"' && d[0] != '\n' && d[0] != '\r' && d[0] != '#' {
		r.Comma = d[0]
	}
	columns := set.columns()
	for {
		row, err := r.Read()
		if err == io.EOF {
			return nil
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			continue // one line that is no row
		}
		if err != nil {
			return err
		}
		for i, cell := range row {
			if len(columns) == 0 || slices.Contains(columns, i) {
				if err := take(cell); err != nil {
					return err
				}
			}
		}
	}
}

// entry is an event as a manifest tells of it.
type entry struct {
	UUID      string
	Timestamp int64
	Info      string
	Orgc      string
	Tags      []string
}

// parseManifest reads manifest.json, oldest change first.
func parseManifest(src io.Reader) ([]entry, error) {
	b, err := io.ReadAll(io.LimitReader(src, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, errTooMuch
	}
	var doc map[string]struct {
		Timestamp json.RawMessage
		Info      string
		Orgc      struct{ Name, UUID string }
		Tag       []struct{ Name string }
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("the manifest: %w", err)
	}
	if len(doc) > maxEvents {
		return nil, errTooMuch
	}
	var out []entry
	for uuid, e := range doc {
		x := entry{UUID: strings.ToLower(uuid), Info: e.Info, Orgc: e.Orgc.Name}
		x.Timestamp, _ = strconv.ParseInt(strings.Trim(string(e.Timestamp), `"`), 10, 64)
		for _, t := range e.Tag {
			x.Tags = append(x.Tags, t.Name)
		}
		if fileName(x.UUID) {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b entry) int {
		return strings.Compare(fmt.Sprintf("%020d%s", a.Timestamp, a.UUID), fmt.Sprintf("%020d%s", b.Timestamp, b.UUID))
	})
	return out, nil
}

// fileName: a manifest's keys become addresses, so they are UUIDs or nothing.
func fileName(uuid string) bool {
	if len(uuid) != 36 {
		return false
	}
	return !strings.ContainsFunc(uuid, func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}

// rules are what of a MISP feed is wanted, by tag and by organisation.
type rules struct {
	Tags, Orgs struct {
		OR, NOT []string
	}
}

func (r rules) wants(e entry) bool {
	any := func(list []string, have ...string) bool {
		return slices.ContainsFunc(have, func(h string) bool { return slices.Contains(list, h) })
	}
	return (len(r.Tags.OR) == 0 || any(r.Tags.OR, e.Tags...)) && !any(r.Tags.NOT, e.Tags...) &&
		(len(r.Orgs.OR) == 0 || any(r.Orgs.OR, e.Orgc)) && !any(r.Orgs.NOT, e.Orgc)
}

func readRules(raw json.RawMessage) (r rules) {
	if len(raw) > 0 && raw[0] == '"' {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			raw = json.RawMessage(text)
		}
	}
	_ = json.Unmarshal(raw, &r)
	return r
}

// parseHashes reads hashes.csv: the MD5 of a value and the event that holds it.
func parseHashes(src io.Reader, each func(md5, event string) error) error {
	n := 0
	return eachLine(io.LimitReader(src, 512<<20), func(line string) error {
		hash, event, _ := strings.Cut(line, ",")
		if n++; n > maxCache {
			return errTooMuch
		}
		return each(strings.ToLower(strings.TrimSpace(hash)), strings.ToLower(strings.TrimSpace(event)))
	})
}
