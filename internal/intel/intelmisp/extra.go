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
