package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// maxBytes caps a pack file: the largest of ours is 40 KB.
const maxBytes = 4 << 20

// Pack is one dated version of one body of data.
type Pack struct {
	Name    string // "<room>.<noun>"
	Version int
	From    string // YYYY-MM-DD, first day in force
	Until   string // last day in force, "" = open
	Source  string // where the content comes from: a standard, a gazette, "own"
	File    string
	Sum     string // SHA-256 of the file, hex

	body      *yaml.Node
	text      string
	withdrawn bool
}

func (p *Pack) label() string { return "v" + strconv.Itoa(p.Version) }

type head struct {
	Pack    string    `yaml:"pack"`
	Version int       `yaml:"version"`
	From    string    `yaml:"from"`
	Until   string    `yaml:"until"`
	Source  string    `yaml:"source"`
	Body    yaml.Node `yaml:"body"`
}

var packName = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+$`)

// Parse reads one pack; file names it in faults. A fault is an *Error.
func Parse(file string, data []byte) (*Pack, error) {
	if len(data) > maxBytes {
		return nil, &Error{File: file, Text: fmt.Sprintf("is larger than %d bytes", maxBytes)}
	}
	var h head
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&h); err != nil {
		return nil, wrap(file, err)
	}
	if err := d.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, &Error{File: file, Text: "holds more than one document"}
	}
	sum := sha256.Sum256(data)
	p := &Pack{Name: h.Pack, Version: h.Version, From: h.From, Until: h.Until, Source: h.Source, File: file,
		Sum: hex.EncodeToString(sum[:]), body: &h.Body, text: string(data)}
	switch {
	case !packName.MatchString(p.Name):
		return nil, &Error{File: file, Line: 1, Text: `needs "pack: room.noun"`}
	case p.Version < 1:
		return nil, &Error{File: file, Line: 1, Text: `needs "version:" of 1 or more`}
	case p.Source == "":
		return nil, &Error{File: file, Line: 1, Text: `needs "source:"`}
	case !isDay(p.From) || p.Until != "" && (!isDay(p.Until) || p.Until < p.From):
		return nil, &Error{File: file, Line: 1, Text: `"from" and "until" are days such as 2026-01-01, in this order`}
	case h.Body.IsZero():
		return nil, &Error{File: file, Line: 1, Text: `needs a "body:"`}
	}
	return p, nil
}

func isDay(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil }

// Decode reads the body into v. A key that v does not know is a fault, because a
// misspelt key would otherwise be a rule that silently does not hold.
func (p *Pack) Decode(v any) error {
	// yaml's decoder checks unknown keys only when it reads text; the body goes
	// through it once more, padded so that line numbers stay those of the file.
	raw, err := yaml.Marshal(p.body)
	if err != nil {
		return wrap(p.File, err)
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(v); err != nil {
		// the strict pass has lost the lines; the loose one keeps them when it fails too
		if loose := p.body.Decode(v); loose != nil {
			return wrap(p.File, loose)
		}
		return wrap(p.File, stripLines(err))
	}
	return nil
}

var lineOf = regexp.MustCompile(`line (\d+): `)

func stripLines(err error) error { return errors.New(lineOf.ReplaceAllString(err.Error(), "")) }

// Error is a fault of a pack file.
type Error struct {
	File string
	Line int // 0 = unknown
	Text string
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
	}
	return e.File + ": " + e.Text
}

func wrap(file string, err error) error {
	text := strings.TrimPrefix(strings.ReplaceAll(err.Error(), "yaml: ", ""), "unmarshal errors:\n  ")
	e := &Error{File: file, Text: text}
	if m := lineOf.FindStringSubmatch(text); m != nil {
		_, _ = fmt.Sscan(m[1], &e.Line)
		e.Text = strings.Replace(text, m[0], "", 1)
	}
	return e
}

// Shelf is the packs of an installation.
type Shelf struct{ packs []*Pack }

// Load reads every .yaml file of the file systems; a later one may bring newer
// versions of packs of an earlier one. The same name and version twice is a fault
// unless the bytes are the same.
func Load(from ...fs.FS) (*Shelf, error) {
	s := &Shelf{}
	for _, fsys := range from {
		err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") {
				return err
			}
			data, err := fs.ReadFile(fsys, path)
			if err != nil {
				return err
			}
			p, err := Parse(path, data)
			if err != nil {
				return err
			}
			return s.put(p)
		})
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Shelf) put(p *Pack) error {
	for _, q := range s.packs {
		if q.Name == p.Name && q.Version == p.Version {
			if q.Sum == p.Sum {
				return nil
			}
			return &Error{File: p.File, Text: fmt.Sprintf("%s version %d is in %s already, with other content", p.Name, p.Version, q.File)}
		}
	}
	s.packs = append(s.packs, p)
	return nil
}

// At gives the pack of a name in force on a day (YYYY-MM-DD): the highest version
// whose time it is. ok is false when none is.
func (s *Shelf) At(name, day string) (best *Pack, ok bool) {
	for _, p := range s.packs {
		if p.Name != name || p.withdrawn || day < p.From || p.Until != "" && day > p.Until {
			continue
		}
		if best == nil || p.Version > best.Version {
			best = p
		}
	}
	return best, best != nil
}

// Version gives one version of a pack, in force or not: a draft is finished under
// the version that it was begun with.
func (s *Shelf) Version(name string, version int) (*Pack, bool) {
	i := slices.IndexFunc(s.packs, func(p *Pack) bool { return p.Name == name && p.Version == version })
	if i < 0 {
		return nil, false
	}
	return s.packs[i], true
}

// any gives some version of a pack.
func (s *Shelf) any(name string) (*Pack, bool) {
	i := slices.IndexFunc(s.packs, func(p *Pack) bool { return p.Name == name })
	if i < 0 {
		return nil, false
	}
	return s.packs[i], true
}

// clone copies the shelf so that a trial does not touch what is in force.
func (s *Shelf) clone() *Shelf {
	out := &Shelf{packs: make([]*Pack, len(s.packs))}
	for i, p := range s.packs {
		q := *p
		out.packs[i] = &q
	}
	return out
}

// Packs lists all, by name and version.
func (s *Shelf) Packs() []*Pack {
	out := slices.Clone(s.packs)
	slices.SortFunc(out, func(a, b *Pack) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return a.Version - b.Version
	})
	return out
}
