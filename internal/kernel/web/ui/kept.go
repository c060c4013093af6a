package ui

import (
	"bytes"
	"html/template"
)

// KeptForm sends again what somebody typed; the log-in opens beside it, so that the
// page, the only place where the text is, stays.
type KeptForm struct {
	Login, Enter string
	Action, Send string
	Fields       []KeptField
}

// KeptID is the form's id.
const KeptID = "typed"

// KeptField is one field of it.
type KeptField struct{ Name, Value string }

var keptForm = template.Must(template.New("kept").Parse(`<p><a href="{{.Login}}" target="_blank" rel="noopener">{{.Enter}}</a></p>` +
	`<form id="` + KeptID + `" method="post" action="{{.Action}}">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}<div class="sz-acts"><button class="ds-button">{{.Send}}</button></div></form>`))

// Kept draws the form for Empty.More.
func Kept(f KeptForm) (template.HTML, error) {
	var b bytes.Buffer
	err := keptForm.Execute(&b, f)
	return template.HTML(b.String()), err
}
