package web

import (
	"io"
	"mime"
	"net/http"
	"strings"
	"testing"
)

// Row 7: whatever a file from outside is, and is called, a browser saves it: never page,
// picture or script of ours, never guessed at, never from a cache.
func TestRow07FilesAreNeverShown(t *testing.T) {
	t.Parallel()
	m := newTestMux(t, "http://localhost:8480")
	name, content := "", ""
	m.Handle(Route{Method: http.MethodGet, Pattern: "/file", Policy: Public, Reveals: "a file", Handler: func(w http.ResponseWriter, _ *http.Request) error {
		return SendFile(w, name, io.NopCloser(strings.NewReader(content)))
	}})
	gif := "GIF89a/*\x01\x00\x01\x00"
	contents := []string{"<html><script>alert(1)</script>", "<!DOCTYPE html><svg/onload=alert(1)>", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
		`<?xml version="1.0"?><?xml-stylesheet href="x.xsl"?><a/>`, gif + "*/=1;alert(1)", "\x89PNG\r\n\x1a\n<script>alert(1)</script>", "%PDF-1.7\n<script>alert(1)</script>",
		"\xff\xd8\xff\xe0<html><script>alert(1)</script>", "PK\x03\x04<html>", "\xef\xbb\xbf<html>", "\xfe\xff\x00<\x00s\x00c\x00r\x00i\x00p\x00t", "MZ<script>", "", strings.Repeat(" ", 600) + "<html>"}
	names := []string{"a.html", "a.svg", "a.xhtml", "a.png", "a.pdf.html", "a.html\r\nContent-Type: text/html", `a".html; x="`, "../../a.htm", "фајл.html", ""}
	n := 0
	for _, content = range contents {
		for _, name = range names {
			n++
			r := do(t, m, call{path: "/file", header: map[string]string{"Accept": "text/html,image/svg+xml"}})
			h := r.Header()
			kind, params, err := mime.ParseMediaType(h.Get("Content-Disposition"))
			if r.Code != 200 || h.Get("Content-Type") != "application/octet-stream" || h.Get("X-Content-Type-Options") != "nosniff" || err != nil || kind != "attachment" ||
				len(h.Values("Content-Disposition")) != 1 || name != "" && params["filename"] == "" || !strings.Contains(h.Get("Cache-Control"), "no-store") || h.Get("Content-Security-Policy") == "" || r.Body.String() != content {
				t.Errorf("%q called %q: %d %v", content, name, r.Code, h)
			}
		}
	}
	if n < 60 {
		t.Errorf("%d files", n)
	}
}
