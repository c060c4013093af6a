package registryapi

import (
	"mime"
	"net/http"

	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/registry"
)

// types are the media types of both formats.
var types = map[string]string{registry.CSV: "text/csv; charset=utf-8; header=present", registry.JSON: "application/x-ndjson"}

func (a *api) export(w http.ResponseWriter, r *http.Request) error {
	format := r.URL.Query().Get("format")
	if format == "" {
		format = registry.JSON
	}
	f, err := filter(r)
	if err != nil {
		return err
	}
	out := exportweb.New(w, r)
	begin := func(x export.Extent) export.Stamp { return out.Begin(x, "organisations", format, types[format]) }
	return out.End(a.s.Export(r.Context(), web.Actor(r), out.Buffer(), format, f, begin))
}

// importFile takes a file as the body: text/csv, or application/json with an array
// or with a record a line. 200 with the result; 422 with it when rows were refused,
// and then nothing was entered.
func (a *api) importFile(w http.ResponseWriter, r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return fault.Field("Content-Type", "registry.fault.format", "text/csv or application/json")
	}
	format := map[string]string{"text/csv": registry.CSV, "application/json": registry.JSON, "application/x-ndjson": registry.JSON}[kind]
	res, err := a.s.Import(r.Context(), web.Actor(r), r.Body, registry.ImportOptions{Format: format, DryRun: r.URL.Query().Get("dry_run") == "true"})
	if err != nil {
		return err
	}
	status := http.StatusOK
	if len(res.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	return web.JSON(w, status, res)
}
