//go:build shots

package e2e

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// picture is one of docs/screens: who looks, how, and the way there. A step that begins
// with "/" is an address, any other the selector of a link on the page before.
type picture struct {
	name, role string
	look       Look
	way        []string
}

var pictures = []picture{
	{"home-phone", "", Look{Viewport: Phone, Lang: "sr-Cyrl"}, []string{"/sr-Cyrl/"}},
	{"home-dark-en", "", Look{Scheme: "dark", Lang: "en"}, []string{"/en/"}},
	{"report-phone", "", Look{Viewport: Phone, Lang: "sr-Cyrl"}, []string{"/sr-Cyrl/report", "main a.ds-button"}},
	{"warning", "", Look{Lang: "sr-Cyrl"}, []string{"/sr-Cyrl/warnings", "main h2 a"}},
	{"help-labels", "", Look{Lang: "sr-Latn"}, []string{"/sr-Latn/help/labels"}},
	{"console", "lead", Look{Lang: "sr-Latn"}, []string{"/console"}},
	{"console-phone-dark", "lead", Look{Viewport: Phone, Scheme: "dark", Lang: "sr-Cyrl"}, []string{"/console"}},
	{"queue", "analyst", Look{Lang: "sr-Latn"}, []string{"/console/reports"}},
	{"case", "lead", Look{Lang: "sr-Latn"}, []string{"/console", "main table a[href^='/console/cases/S']"}},
	{"event-dark-en", "lead", Look{Scheme: "dark", Lang: "en"}, []string{"/console", "main table a[href^='/console/cases/S']", "#indicators a[href^='/console/events/']"}},
	{"search", "lead", Look{Lang: "sr-Latn"}, []string{"/console/search?q=капија"}},
	{"portal", "org-admin", Look{Lang: "sr-Latn"}, []string{"/portal"}},
	{"portal-phone", "org-admin", Look{Viewport: Phone, Lang: "sr-Cyrl"}, []string{"/portal"}},
	{"audit", "auditor", Look{Lang: "sr-Latn"}, []string{"/administration/audit"}},
}

// largest is what a picture of the docs may weigh, and how high it may be.
const (
	largest = 150 << 10
	highest = 1400
)

// TestBrowserShots takes the pictures of docs/screens (make shots).
func TestBrowserShots(t *testing.T) {
	s := Demo(t)
	for _, x := range pictures {
		p := Open(t, s.Origin, x.look)
		if x.role != "" {
			p.LogIn(s.Persona(t, x.role))
			p.Speak(x.look.Lang)
		}
		for _, step := range x.way {
			if step[0] != '/' {
				step = Eval[string](p, "(document.querySelector("+quote(step)+")||{getAttribute:()=>''}).getAttribute('href')")
				if step == "" {
					continue // the page has no such link today: it is shown itself
				}
			}
			p.Visit(step)
		}
		file := p.Shot(x.name)
		small := lighter(t, file)
		to := filepath.Join(filepath.Dir(file), x.name+".png")
		if err := os.WriteFile(to, small, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if len(small) > largest {
			t.Errorf("%s weighs %d KB, more than %d", x.name, len(small)>>10, largest>>10)
		}
	}
}

func quote(s string) string { return `"` + s + `"` }

// lighter cuts a picture at its greatest height and writes it in 256 colours, which a
// page of paper, ink and a few marks hardly needs.
func lighter(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	area := img.Bounds()
	area.Max.Y = min(area.Max.Y, area.Min.Y+highest*max(1, area.Dx()/1440))
	out := image.NewPaletted(area, commonest(img, area))
	near := map[color.RGBA]uint8{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			i, ok := near[c]
			if !ok {
				i = uint8(out.Palette.Index(c))
				near[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// commonest are the 256 most frequent colours, near ones taken together.
func commonest(img image.Image, area image.Rectangle) color.Palette {
	type shade struct {
		c color.RGBA
		n int
	}
	best, all := map[color.RGBA]*shade{}, map[color.RGBA]int{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			all[color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)]++
		}
	}
	for c, n := range all {
		k := color.RGBA{c.R &^ 7, c.G &^ 7, c.B &^ 7, 255}
		b := best[k]
		if b == nil {
			b = &shade{}
			best[k] = b
		}
		if b.n += n; all[b.c] < n {
			b.c = c // the group is drawn in its most frequent member
		}
	}
	list := make([]shade, 0, len(best))
	for _, b := range best {
		list = append(list, *b)
	}
	slices.SortFunc(list, func(a, b shade) int {
		return cmp.Or(b.n-a.n, int(a.c.R)-int(b.c.R), int(a.c.G)-int(b.c.G), int(a.c.B)-int(b.c.B))
	})
	var p color.Palette
	for _, b := range list[:min(256, len(list))] {
		p = append(p, b.c)
	}
	return p
}
