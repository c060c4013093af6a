package intel

import (
	"testing"

	"straza/internal/kernel/fault"
)

func TestCheckMerge(t *testing.T) {
	t.Parallel()
	own := Tag{ID: 1, Name: "kampanja", Exportable: true}
	for name, c := range map[string]struct {
		from, into Tag
		vocabulary bool
		key        string
	}{
		"two of our own":               {own, Tag{ID: 2, Name: "kampanja:sneg", Exportable: true}, false, ""},
		"into a cluster":               {own, Tag{ID: 2, Name: `misp-galaxy:threat-actor="APT28"`, Exportable: true}, false, ""},
		"into itself":                  {own, own, false, "intel.fault.merge.same"},
		"into a label":                 {own, Tag{ID: 2, Name: "tlp:red", Exportable: true}, false, "intel.fault.merge.label"},
		"a label":                      {Tag{ID: 2, Name: "PAP:RED", Exportable: true}, own, false, "intel.fault.merge.label"},
		"a cluster":                    {Tag{ID: 2, Name: `misp-galaxy:threat-actor="APT28"`, Exportable: true}, own, false, "intel.fault.merge.vocabulary"},
		"of a taxonomy":                {Tag{ID: 2, Name: "rsit:fraud", Exportable: true}, own, true, "intel.fault.merge.vocabulary"},
		"what does not leave":          {Tag{ID: 2, Name: "a"}, own, false, "intel.fault.merge.wider"},
		"what is hidden":               {Tag{ID: 2, Name: "a", Exportable: true, Hidden: true}, own, false, "intel.fault.merge.wider"},
		"local into global":            {Tag{ID: 2, Name: "a", Exportable: true, LocalOnly: true}, own, false, "intel.fault.merge.wider"},
		"global into local":            {own, Tag{ID: 2, Name: "a", Exportable: true, LocalOnly: true}, false, "intel.fault.merge.wider"},
		"kept for an organisation":     {Tag{ID: 2, Name: "a", Exportable: true, Org: 7}, own, false, "intel.fault.merge.wider"},
		"both stay in the house":       {Tag{ID: 2, Name: "a"}, Tag{ID: 3, Name: "b"}, false, ""},
		"into one that does not leave": {own, Tag{ID: 3, Name: "b"}, false, ""},
	} {
		err, got := checkMerge(c.from, c.into, c.vocabulary), ""
		if err != nil {
			got = fault.Of(err).Fields["into"]
		}
		if got != c.key {
			t.Errorf("%s: %q, want %q", name, got, c.key)
		}
	}
}
