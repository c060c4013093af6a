package intelmisp

import (
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
)

func unix(sec int64) time.Time { return time.Unix(sec, 0).UTC() }

// decorate adds what other rooms know about an event.
func (a *api) decorate(c *call, e *intel.Event, w *misp.Event, s show) error { return nil }

// enrich adds what a search asked for beside an attribute.
func (a *api) enrich(c *call, at *intel.Attribute, w *misp.Attribute) error { return nil }

// findTemplate looks an object template up in the catalogue.
func (a *api) findTemplate(c *call, uuid, name string) (t Template, ok bool, err error) {
	if a.Books == nil {
		return t, false, nil
	}
	err = a.Books.Templates(c.ctx(), c.who, func(x Template) error {
		if !ok && (uuid != "" && x.UUID == uuid || uuid == "" && x.Name == name) {
			t, ok = x, true
		}
		return nil
	})
	return t, ok, err
}
