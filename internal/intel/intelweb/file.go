package intelweb

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// fileMost bounds a file that is added on a page: it passes through memory.
const fileMost = 20 << 20

// file gives what lies beside an attribute. A sample of malware is the archive with the
// password "infected" as which it is kept; nothing opens in the browser by itself.
func (p *pages) file(w http.ResponseWriter, r *http.Request) error {
	_, a, err := p.part(r)
	if err != nil {
		return err
	}
	b, err := p.s.File(r.Context(), web.Actor(r), a.UUID)
	if err != nil {
		return err
	}
	return web.SendFile(w, intel.FileName(a), io.NopCloser(bytes.NewReader(b)))
}

// fileButton offers the file; none when nothing lies beside the attribute.
func fileButton(r *http.Request, at string, a *intel.Attribute) []ui.Button {
	if a.DataSize == 0 {
		return nil
	}
	key := "intel.file"
	if a.Type == "malware-sample" {
		key = "intel.file.sample"
	}
	return []ui.Button{{Label: web.T(r, key, "size", i18n.Bytes(web.Lang(r), a.DataSize)), Icon: "download", Href: at + "/file", Variant: "secondary"}}
}

// fileForm is how a file is added to an event.
type fileForm struct {
	File, About ui.Field
	Sample      bool
}

func newFileForm(r *http.Request, f *web.Form) *fileForm {
	about := f.Field("about", "intel.comment")
	about.ID, about.Optional = "file-about", true
	file := f.Field("file", "intel.file.which")
	file.ID, file.Type, file.Value = "file-file", "file", ""
	return &fileForm{File: file, About: about, Sample: f.Tick("sample")}
}

// addFile keeps a file as an attachment, or as a malware sample in its archive.
func (p *pages) addFile(w http.ResponseWriter, r *http.Request) error {
	e, err := p.mine(r)
	if err != nil {
		return err
	}
	var list []misp.Attribute
	f, err := web.ReadUpload(r, web.UploadLimits{Files: 1, Bytes: fileMost}, func(f *web.Form, u web.Upload) error {
		b, err := io.ReadAll(u)
		a := misp.Attribute{Type: misp.T("attachment"), Value: misp.T(u.Name), Comment: misp.T(f.Text("about", 65_000)), Data: misp.T(base64.StdEncoding.EncodeToString(b))}
		if f.Tick("sample") {
			a.Type, a.Encrypt = misp.T("malware-sample"), misp.B(true)
			intel.SealSample(&a)
		}
		list = append(list, a)
		return err
	})
	if err != nil && (f == nil || !f.Fail(err)) {
		return err
	}
	if len(list) == 0 {
		f.Add("file", "intel.file.none")
	} else if err == nil {
		_, refused, err := p.s.AddAttributes(r.Context(), web.Actor(r), e.Ref(), list, false)
		if err != nil {
			return err
		}
		for field := range refused[0] {
			f.Add("file", "intel.fault.field."+orValue(fields[field]))
		}
	}
	if f.Fail(nil) {
		empty := web.NewForm(r, nil)
		page, err := p.attributeForm(r, empty, e)
		if err != nil {
			return err
		}
		page.New, page.Drop, page.Errors = true, newFileForm(r, f), f.Summary("file")
		return p.t.Invalid(w, r, "attribute", page)
	}
	return web.Redirect(base(r)+"/"+e.Ref(), web.Done("intel.file.added", "name", intel.FileOf(list[0].Value.V)))
}
