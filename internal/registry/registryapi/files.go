package registryapi

import (
	"mime"
	"net/http"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/registry"
)

// types are the media types of both formats.
var types = map[string]string{registry.CSV: "text/csv; charset=utf-8; header=present", registry.JSON: "application/x-ndjson"}

// counted knows whether anything was written: an error before is answered, one
// after it cuts the answer short, so that half an export does not look whole.
type counted struct {
	http.ResponseWriter
	begun bool
}

func (c *counted) Write(p []byte) (int, error) {
	c.begun = true
	return c.ResponseWriter.Write(p)
}

func (a *api) export(w http.ResponseWriter, r *http.Request) error {
	format := r.URL.Query().Get("format")
	if format == "" {
		format = registry.JSON
	}
	f, err := filter(r)
	if err != nil {
		return err
	}
	if types[format] != "" {
		w.Header().Set("Content-Type", types[format])
		web.Download(w, "organisations."+format)
	}
	out := &counted{ResponseWriter: w}
	err = a.s.Export(r.Context(), web.Actor(r), out, format, f)
	if err != nil && out.begun {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		w.Header().Del("Content-Disposition")
	}
	return err
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
