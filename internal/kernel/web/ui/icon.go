package ui

import (
	"embed"
	"html/template"
	"io/fs"
	"strings"
	"sync"
)

//go:embed icons/*.svg
var iconFiles embed.FS

// icons are the inner shapes of the outline icons that pages use.
var icons = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	entries, err := fs.ReadDir(iconFiles, "icons")
	if err != nil {
		panic("ui: icons: " + err.Error())
	}
	for _, e := range entries {
		raw, err := iconFiles.ReadFile("icons/" + e.Name())
		if err != nil {
			panic("ui: icons: " + err.Error())
		}
		_, inner, _ := strings.Cut(string(raw), ">")
		inner, _, _ = strings.Cut(inner, "</svg>")
		out[strings.TrimSuffix(e.Name(), ".svg")] = strings.Join(strings.Fields(strings.Replace(inner, emptyPath, "", 1)), " ")
	}
	return out
})

// emptyPath is the invisible frame of every icon file.
const emptyPath = `<path stroke="none" d="M0 0h24v24H0z" fill="none" />`

const iconOpen = `<svg class="sz-icon" viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">`

// Icon draws an icon by name, hidden from screen readers: the word beside it is
// what is read. "" draws nothing; an unknown name draws a square, which the
// template check reports.
func Icon(name string) template.HTML {
	if name == "" {
		return ""
	}
	shape, ok := icons()[name]
	if !ok {
		shape = `<rect x="4" y="4" width="16" height="16"/>`
	}
	return template.HTML(iconOpen + shape + `</svg>`)
}

// HasIcon tells whether there is an icon of that name.
func HasIcon(name string) bool { _, ok := icons()[name]; return ok || name == "" }

// Mark is the half sun on its horizon.
const Mark = template.HTML(`<svg class="sz-mark" viewBox="0 0 40 40" width="36" height="36" aria-hidden="true" focusable="false"><rect width="40" height="40" rx="9" fill="#083f4f"/><path d="M12 24a8 8 0 0 1 16 0z" fill="#f2b01e"/><path d="M20 9.5v3.2M10.8 13.3l2.1 2.1M29.2 13.3l-2.1 2.1M7.6 20.6l2.8.9M32.4 20.6l-2.8.9" stroke="#f2b01e" stroke-width="2" stroke-linecap="round"/><path d="M8 26.5h24M11 30.5h18" stroke="#fff" stroke-width="2" stroke-linecap="round"/></svg>`)
