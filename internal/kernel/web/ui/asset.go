package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed static vendor
var assetFiles embed.FS

// Messages holds the messages of the shells, the components and kernel/web.
//
//go:embed messages/*.json
var Messages embed.FS

// asset is one file as it is served.
type asset struct {
	url   string // /static/<stem>.<hash>.<ext>
	ctype string
	file  string // in assetFiles, where the file is kept nowhere else
	gz    []byte // compressed; nil when that gains nothing
}

// plain is the file uncompressed: unpacked for the few who cannot, rather than kept
// in memory beside what everybody else gets.
func (a *asset) plain() []byte {
	if a.gz == nil {
		body, _ := assetFiles.ReadFile(a.file) // it was there at the start
		return body
	}
	r, err := gzip.NewReader(bytes.NewReader(a.gz))
	if err != nil {
		panic("ui: " + a.url + ": " + err.Error()) // written by squeeze
	}
	body, err := io.ReadAll(r)
	if err != nil {
		panic("ui: " + a.url + ": " + err.Error())
	}
	return body
}

// bundles join style sheets, so that a page asks for one file. The order is the
// cascade: layers first, then Designsystemet, then ours.
var bundles = map[string][]string{
	"public.css": {"static/layers.css", "vendor/ds/theme.css", "vendor/ds/public.css", "static/theme.css",
		"static/base.css", "static/marks.css", "static/parts.css", "static/public.css", "static/print.css"},
	"portal.css": {"static/layers.css", "vendor/ds/theme.css", "vendor/ds/public.css", "static/theme.css",
		"static/base.css", "static/marks.css", "static/parts.css", "static/lists.css", "static/public.css", "static/print.css"},
	"console.css": {"static/layers.css", "vendor/ds/theme.css", "vendor/ds/index.css", "static/theme.css",
		"static/base.css", "static/marks.css", "static/parts.css", "static/lists.css", "static/public.css", "static/console.css", "static/print.css"},
}

var types = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".woff2": "font/woff2",
	".svg": "image/svg+xml", ".png": "image/png", ".webmanifest": "application/manifest+json",
}

// assets is built once: hashing and compressing half a megabyte takes 30 ms, and
// a command that serves no page must not pay for it.
var assets = sync.OnceValue(func() map[string]*asset {
	out := map[string]*asset{}
	add := func(name, file string, body []byte) {
		sum := sha256.Sum256(body)
		ext := path.Ext(name)
		a := &asset{ctype: types[ext], file: file,
			url: "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext}
		if ext != ".woff2" && ext != ".png" {
			a.gz = squeeze(body)
		}
		out[name] = a
	}
	walk := func(exts ...string) {
		err := fs.WalkDir(assetFiles, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !slices.Contains(exts, path.Ext(p)) {
				return err
			}
			body, err := assetFiles.ReadFile(p)
			add(path.Base(p), p, body)
			return err
		})
		if err != nil {
			panic("ui: embedded assets: " + err.Error())
		}
	}
	walk(".woff2", ".png", ".svg")
	walk(".js")
	for name, parts := range bundles {
		var css bytes.Buffer
		for _, p := range parts {
			body, err := assetFiles.ReadFile(p)
			if err != nil {
				panic("ui: bundle " + name + ": " + err.Error())
			}
			css.Write(body)
			css.WriteByte('\n')
		}
		add(name, "", link(css.Bytes(), out))
	}
	return out
})

var assetRef = regexp.MustCompile(`asset:([a-z0-9.-]+)`)

// link puts the hashed addresses into url(asset:NAME) of a style sheet.
func link(css []byte, known map[string]*asset) []byte {
	return assetRef.ReplaceAllFunc(css, func(ref []byte) []byte {
		a, ok := known[strings.TrimPrefix(string(ref), "asset:")]
		if !ok {
			panic("ui: style sheet names unknown " + string(ref))
		}
		return []byte(a.url)
	})
}

func squeeze(body []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a constant that exists
	_, _ = w.Write(body)                                  // a bytes.Buffer does not fail
	_ = w.Close()
	if b.Len() >= len(body) {
		return nil
	}
	return b.Bytes()
}

// Asset gives the address of an embedded file, with the hash of its content; an
// unknown name is a defect of the program and panics in the first test.
func Asset(name string) string {
	a, ok := assets()[name]
	if !ok {
		panic("ui: unknown asset " + name)
	}
	return a.url
}

// byURL finds assets by the address under which they are served.
var byURL = sync.OnceValue(func() map[string]*asset {
	out := map[string]*asset{}
	for _, a := range assets() {
		out[a.url] = a
	}
	return out
})

// ServeAsset answers /static/…; the address carries the hash, so the answer is
// kept for a year. It reports whether there is such a file.
func ServeAsset(w http.ResponseWriter, r *http.Request) bool {
	a, ok := byURL()[r.URL.Path]
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", a.ctype)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	tag := `"` + path.Base(a.url) + `"`
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	zipped := a.gz != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	if zipped {
		h.Set("Content-Encoding", "gzip")
	}
	switch {
	case r.Method == http.MethodHead:
	case zipped:
		_, _ = w.Write(a.gz) // the visitor may have gone
	default:
		_, _ = w.Write(a.plain())
	}
	return true
}
