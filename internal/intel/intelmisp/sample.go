package intelmisp

import (
	"straza/internal/format/misp"
	"straza/internal/intel"
)

// incoming lets a document pass through, puts malware samples that came bare into
// the archive in which they travel, and holds the end of each event back until
// what follows it has been read: an event is stored at its end, and must not be
// when rubbish behind it gets the request refused.
func incoming(src intel.Source) intel.Source {
	return func(fn func(misp.Item) error) error {
		var end *misp.Item
		err := src(func(it misp.Item) error {
			if end != nil {
				last := *end
				end = nil
				if err := fn(last); err != nil {
					return err
				}
			}
			if it.Kind == misp.ItemEnd {
				end = &it
				return nil
			}
			if it.Attribute != nil {
				intel.SealSample(it.Attribute)
			}
			if it.Object != nil {
				for i := range it.Object.Attribute {
					intel.SealSample(&it.Object.Attribute[i])
				}
			}
			return fn(it)
		})
		if err != nil || end == nil {
			return err
		}
		return fn(*end)
	}
}
