package bulkweb

import (
	"slices"
	"strconv"
	"strings"

	"straza/internal/kernel/fault"
)

// packedMost is how long packed ids may be: they stand in an address.
const packedMost = 8000

// packIDs writes ids short enough for an address: sorted, each as what it is more than
// the one before, to base 36. Faults: Invalid when they are too many. Pure.
func packIDs(ids []int64) (string, error) {
	var out strings.Builder
	last := int64(0)
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if last != 0 {
			out.WriteByte('.')
		}
		out.WriteString(strconv.FormatInt(id-last, 36))
		last = id
	}
	if out.Len() > packedMost {
		return "", fault.Field("id", "intel.fault.bulk-many", "%d bytes of ids", out.Len())
	}
	return out.String(), nil
}

// unpackIDs reads what packIDs wrote; nothing of it when it is not that. Pure.
func unpackIDs(s string) (ids []int64) {
	last := int64(0)
	for _, x := range strings.Split(s[:min(len(s), packedMost)], ".") {
		n, err := strconv.ParseInt(x, 36, 64)
		if err != nil || n <= 0 || last+n <= last {
			return nil
		}
		last += n
		ids = append(ids, last)
	}
	return ids
}
