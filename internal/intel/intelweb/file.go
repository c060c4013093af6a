package intelweb

import (
	"bytes"
	"io"
	"net/http"
	"path"
	"strings"

	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// file gives what lies beside an attribute. A sample of malware is the archive with the
// password "infected" as which it is kept; nothing opens in the browser by itself.
func (p *pages) file(w http.ResponseWriter, r *http.Request) error {
	_, a, err := p.part(r)
	if err != nil {
		return err
	}
	if a.DataSize == 0 {
		return fault.New(fault.NotFound, "nothing lies beside attribute %d", a.ID)
	}
	b, err := p.s.Data(r.Context(), web.Actor(r), a.UUID)
	if err != nil {
		return err
	}
	return web.SendFile(w, fileName(a), io.NopCloser(bytes.NewReader(b)))
}

// fileName is the last part of the name that came, on any system.
func fileName(a *intel.Attribute) string {
	name, _, sample := strings.Cut(a.Value, "|")
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if sample || a.Type == "malware-sample" {
		name += ".zip"
	}
	return name
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
