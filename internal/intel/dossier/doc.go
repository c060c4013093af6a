// Package dossier is the chamber of the room of threat data in which dossiers
// stand: lists of events, clusters and other things about one campaign or actor that
// somebody keeps by hand.
//
// Invariants. A dossier belongs to the organisation that made it and has an
// audience of its own; an element names a thing by UUID, which need not be here. Of
// the elements a reader gets those whose thing is not here, and those whose thing is
// here and not hidden from them: list, count and answer to a peer alike. Who edits
// the list of elements touches those that they see; the others stay. What came from
// a peer is locked: only a newer version from a peer, or the organisation that holds
// it here, changes it. Nothing is stored wider than it came.
//
// Serves: MISP collections (spec misp §7.4 row 9, §7.5 row 10).
package dossier
