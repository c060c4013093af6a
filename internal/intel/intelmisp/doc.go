// Package intelmisp speaks MISP's REST interface to its clients and peers: the
// real PyMISP, unmodified, is the measure.
//
// It owns the addresses of MISP's 71 controllers, below /misp/ and at the root
// (PyMISP loses the path of a base URL without a closing slash), their routing
// grammar, envelopes, error texts and wire types. It decides nothing about who
// may see or change what: that is intel.Service. Each action is one row of the
// table in table.go: verb, permission, whether it changes anything, and whether
// it is answered or refused, with the reason.
//
// Only keys count here, never cookies; the site administrator's view exists on
// this surface alone. Lists and events are streamed: nothing is built whole.
//
// Serves: MISP REST as of 2.5 (spec misp §2 to §6, §14); where a real server's
// recorded answer differs from prose, the answer wins. What differs on purpose
// stands in docs/divergences.md.
package intelmisp
