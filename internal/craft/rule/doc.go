// Package rule is "when, if, then" without code: when something happened in a room
// (an event was published, a case opened), if conditions over its facts hold, then
// a list of acts (tag, open a case, write to somebody, call a webhook, stop and ask
// a person). Rooms offer Triggers and Actions; app hands them over; this package
// knows no room.
//
// Two sorts of rule: a CERT team's, which everybody on it sees, and a person's own
// alert, which only writes to that person, at once or once a day or week.
//
// Invariants: a rule sees and does what the person who saved it last may see and do
// at the moment it runs, never more; without that person it does nothing and says
// so. One happening starts a rule at most once (the cause is unique), and each act
// is remembered before the next begins, so that a crash repeats at most the act
// under way, under the same key. More than so many in an hour wait for a person.
// What a run was about is kept as an id and read again, with the reader's rights,
// whenever somebody looks.
//
// Conditions are the one condition language of craft/pack (decisions §9); the rows
// of the form are written into it.
package rule
