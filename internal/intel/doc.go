// Package intel owns threat data: events, attributes, objects, references, tags,
// sightings, reports, sharing groups, correlation, the block list.
//
// Invariants. An event is stored whole or not at all: small ones in one
// transaction, large ones behind a loading mark that flips once. An attribute is
// seen if its event, its object and its own audience allow it: three tests, in
// SQL, before anything is counted, correlated or exported. Correlation goes by
// the hash of normalised halves of a value, at read time; there is no pair
// table. A change of an attribute, object, reference, report or global tag clears
// the published flag and raises the event's timestamp; local tags do not. An
// edit that is not newer than what is here changes nothing. A deleted event's
// UUID is on the block list. TLP and PAP are read from the event's tags and
// obeyed on every way out (WayOut).
//
// Documents come in as misp wire types (format/misp), because in an edit an
// absent field and an empty one differ; they come out as this room's nouns,
// whose Wire methods give the wire types again. Things are named by id (digits)
// or UUID. Streams call a yield function and hold no transaction while it runs.
//
// Serves: MISP core format (spec misp §5, §6), D5 and D6 of its decisions.
package intel
