package intakeapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

// maxJSON caps a report sent as one JSON document, small files inside included;
// larger files come as multipart and are streamed.
const maxJSON = 16 << 20

// sent is a report as machines send it.
type sent struct {
	Type         string  `json:"type"`
	What         string  `json:"what"`
	Title        string  `json:"title"`
	Description  string  `json:"description"`
	Where        string  `json:"where"`
	When         string  `json:"when"`
	Language     string  `json:"language"`
	Anonymous    bool    `json:"anonymous"`
	Sealed       bool    `json:"sealed"`
	Organisation string  `json:"organisation"`
	Contact      contact `json:"contact"`
	Files        []file  `json:"files"`
}

type contact struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Phone string `json:"phone"`
}

type file struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Data string `json:"data"` // base64
}

type receipt struct {
	ID       string `json:"id"`
	Number   string `json:"number"`
	Code     string `json:"code"`
	Received string `json:"received"`
}

// submit takes a report: a JSON document, or multipart with the document as its
// first part "report" and the files behind it.
func (a *api) submit(w http.ResponseWriter, r *http.Request) error {
	key, err := web.IdempotencyKey(r)
	if err != nil {
		return err
	}
	replay := false // then what is sent is only compared with what was, and nothing stored
	if key != "" {
		if _, replay, err = a.s.Again(r.Context(), web.Actor(r), key); err != nil {
			return err
		}
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" && params["boundary"] != "" {
		return a.submitParts(w, r, key, replay)
	}
	in, files, err := a.decode(r, http.MaxBytesReader(w, r.Body, maxJSON), key)
	if err != nil {
		return err
	}
	in.Replay = replay
	for _, f := range files {
		raw := &checked{r: base64.NewDecoder(base64.StdEncoding, strings.NewReader(f.Data))}
		if err := a.s.Attach(r.Context(), web.Actor(r), in, f.Name, f.Type, raw); err != nil {
			if raw.bad {
				return fault.Field("files", "web.error.form", "a file's data is no base64")
			}
			return err
		}
	}
	rc, err := a.s.Submit(r.Context(), web.Actor(r), in)
	return answer(w, rc, err)
}

// checked remembers that the text itself was bad: a database that goes away in the
// middle says "unexpected EOF" too, and that is not the sender's fault.
type checked struct {
	r   io.Reader
	bad bool
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.bad = c.bad || err != nil && !errors.Is(err, io.EOF)
	return n, err
}

func (a *api) submitParts(w http.ResponseWriter, r *http.Request, key string, replay bool) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return fault.New(fault.Invalid, "the multipart body cannot be read").Because(err)
	}
	first, err := parts.NextPart()
	if err != nil || first.FormName() != "report" {
		return fault.Field("report", "web.error.form", `the first part must be "report", a JSON document`)
	}
	in, files, err := a.decode(r, http.MaxBytesReader(w, first, maxJSON), key)
	if err != nil {
		return err
	}
	in.Replay = replay
	if len(files) > 0 {
		return fault.Field("files", "web.error.form", "files of a multipart report come as parts")
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fault.New(fault.Invalid, "the multipart body ends early").Because(err)
		}
		if part.FormName() != "file" {
			return fault.Field("file", "web.error.form", `parts behind the report are called "file"`)
		}
		if err := a.s.Attach(r.Context(), web.Actor(r), in, part.FileName(), part.Header.Get("Content-Type"), part); err != nil {
			return err
		}
	}
	rc, err := a.s.Submit(r.Context(), web.Actor(r), in)
	return answer(w, rc, err)
}

// decode reads the document. Unknown fields are refused: a misspelt "anonymous"
// must not become a report with a name.
func (a *api) decode(r *http.Request, body io.Reader, key string) (*intake.Input, []file, error) {
	var s sent
	if err := web.DecodeJSON(body, &s); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, nil, fault.New(fault.Limited, "the report is larger than %d bytes; send files as multipart", maxJSON)
		}
		return nil, nil, err
	}
	asked, err := s.asked(key)
	if err != nil {
		return nil, nil, err
	}
	switch s.Language {
	case "":
		s.Language = string(web.Lang(r))
	case "sr-Cyrl", "sr-Latn", "en":
	default:
		return nil, nil, fault.Field("language", "web.error.choice", "language is sr-Cyrl, sr-Latn or en")
	}
	if s.When != "" {
		if _, err := time.Parse(time.RFC3339, s.When); err != nil {
			return nil, nil, fault.Field("when", "form.moment", "when is a time of RFC 3339")
		}
	}
	if t := strings.TrimSpace(s.Title); t != "" {
		s.Description = t + "\n\n" + s.Description
	}
	in := &intake.Input{Secret: key, Asked: asked, Channel: intake.ByAPI, Lang: s.Language, Type: intake.Type(s.Type), What: s.What, Anonymous: s.Anonymous,
		Sealed: s.Sealed, Contact: intake.Contact{Name: s.Contact.Name, Email: s.Contact.Email, Phone: s.Contact.Phone, Org: s.Organisation},
		Body: intake.Body{Description: s.Description, Where: s.Where, When: s.When, OrgName: s.Organisation}}
	if who := web.Actor(r); who.LoggedIn() && !s.Anonymous && !in.Contact.Reachable() {
		in.Contact = ownContact(who)
	}
	return in, s.Files, nil
}

// asked is the document as it was sent but its files, which are compared by what is in
// them: boundaries, blanks and the order of names are no other report.
func (s sent) asked(key string) (string, error) {
	if key == "" {
		return "", nil
	}
	s.Files = nil
	raw, err := json.Marshal(s)
	return string(raw), err
}

func ownContact(who ident.Actor) intake.Contact {
	return intake.Contact{Name: who.Name, Email: who.Email, Person: who.PersonUUID, Org: who.OrgName}
}

func answer(w http.ResponseWriter, rc intake.Receipt, err error) error {
	if err != nil {
		return err
	}
	if rc.Again {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	w.Header().Set("Cache-Control", "no-store")
	return web.JSON(w, http.StatusCreated, receipt{rc.ID, rc.Number, rc.Code, rc.Received.UTC().Format(time.RFC3339)})
}
