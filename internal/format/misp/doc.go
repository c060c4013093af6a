// Package misp reads and writes the JSON of the MISP core format as real MISP
// 2.5 servers and their clients speak it, and holds the facts that go with it:
// attribute types, value rules, answer texts.
//
// The package is pure: bytes in, values out. It knows no database, no HTTP and
// no clock. What may be seen, stored or changed is decided by the rooms that
// use it.
//
// Reading is tolerant, because peers differ: ids and times come as strings or
// numbers, flags as 0, 1, "0", "1", true or null, a list of one as its only
// element. Writing is exact: numbers leave as strings, flags as booleans, keys
// in the order a MISP 2.5 server gives them (misp-recordings are the truth).
//
// An absent key and a null are different things in an edit ("missing fields are
// kept"), so every scalar remembers its Presence, a nil list means absent and an
// empty one was sent as [].
//
// Standard: MISP core format (misp-rfc, draft-20), corrected by what MISP 2.5.1
// was measured to answer. Divergences stand in docs/divergences.md.
package misp
