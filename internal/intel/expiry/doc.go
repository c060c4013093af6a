// Package expiry is the chamber of the room of threat data that knows when indicators run
// out, and tells of it once: an indicator (to_ids) of a published event that falls below
// the threshold of every decaying model in force for its type, whose last_seen passes
// (what a STIX valid_until becomes here), or whose date has come that the organisation
// that made or holds the event gave (a sighting of kind 2).
//
// Nothing is weighed before its time: a row an event says when to look next, which is
// when the first of its indicators runs out. A clock looks at those that are due; what is
// published or sighted is looked at with the next tick; a slow walk finds events that
// were weighed with other models.
//
// Invariants: what ran out is told once, in one happening an event and look (Expired in
// the outbox), with the rows that the happening names; a look that was cut off goes on
// under the same happening. What was over when it came, or is over because somebody
// changed the models, is noted and not told: nothing happened then. A row goes when the
// indicator is in force again. All sightings count here, whoever may read them, so that
// there is one moment for everybody; who reads a happening gets the indicators that they
// see, and none of one whose indicators they do not.
//
// intel_lapsed may be read by the room's first package: why is 1 decayed, 2 last_seen,
// 3 the date given, at the moment at which it was noted.
package expiry
