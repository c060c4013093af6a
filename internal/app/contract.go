package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"

	"straza/internal/kernel/web"
)

// contract joins the rooms' OpenAPI fragments (paths and components) into the one
// document at /api/v1/openapi.json. Fragments that contradict each other, or are
// no fragments, are a mistake of the build and answered as an internal fault.
func contract(_ *web.Mux, fragments ...[]byte) web.Handler {
	doc, err := joinContract(fragments)
	return func(w http.ResponseWriter, _ *http.Request) error {
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json")
		_, werr := w.Write(doc)
		return werr
	}
}

type fragment struct {
	Paths      map[string]json.RawMessage            `json:"paths"`
	Components map[string]map[string]json.RawMessage `json:"components"`
}

func joinContract(fragments [][]byte) ([]byte, error) {
	all := fragment{Paths: map[string]json.RawMessage{}, Components: map[string]map[string]json.RawMessage{}}
	for _, f := range fragments {
		var x fragment
		if err := json.Unmarshal(f, &x); err != nil {
			return nil, fmt.Errorf("OpenAPI fragment: %w", err)
		}
		for path, v := range x.Paths {
			if _, twice := all.Paths[path]; twice {
				return nil, fmt.Errorf("OpenAPI: %s stands in two rooms", path)
			}
			all.Paths[path] = v
		}
		for kind, m := range x.Components {
			if all.Components[kind] == nil {
				all.Components[kind] = map[string]json.RawMessage{}
			}
			maps.Copy(all.Components[kind], m)
		}
	}
	if all.Components["securitySchemes"] == nil {
		all.Components["securitySchemes"] = map[string]json.RawMessage{}
	}
	all.Components["securitySchemes"]["key"] = json.RawMessage(`{"type":"http","scheme":"bearer","description":"an API key; the bare key is taken too"}`)
	return json.Marshal(map[string]any{"openapi": "3.1.0", "info": map[string]string{"title": "Straža", "version": "1"},
		"servers": []map[string]string{{"url": "/"}}, "paths": all.Paths, "components": all.Components})
}
