package app

import (
	"bytes"
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

// withKey adds the header Idempotency-Key to a path's POST, where it is not said
// already: the chain takes it on every one of them.
func withKey(path json.RawMessage) (json.RawMessage, error) {
	var ops map[string]json.RawMessage
	if err := json.Unmarshal(path, &ops); err != nil || ops["post"] == nil || bytes.Contains(ops["post"], []byte("Idempotency-Key")) {
		return path, err
	}
	var post map[string]any
	if err := json.Unmarshal(ops["post"], &post); err != nil {
		return nil, err
	}
	list, _ := post["parameters"].([]any)
	post["parameters"] = append(list, map[string]any{"name": "Idempotency-Key", "in": "header", "required": false,
		"description": "16 to 200 printable characters: the same request under the same key is done once, and answered the same (Idempotent-Replayed: true)",
		"schema":      map[string]any{"type": "string", "minLength": 16, "maxLength": 200}})
	raw, err := json.Marshal(post)
	if err != nil {
		return nil, err
	}
	ops["post"] = raw
	return json.Marshal(ops)
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
			keyed, err := withKey(v)
			if err != nil {
				return nil, fmt.Errorf("OpenAPI %s: %w", path, err)
			}
			all.Paths[path] = keyed
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
