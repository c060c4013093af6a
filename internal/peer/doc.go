// Package peer owns other installations with which threat data is exchanged: who
// they are and what we let them have, what each pull and push did, and why an event
// was not taken or not sent.
//
// Invariants. What comes from a peer is locked and never stored wider than it came:
// levels 1 and 2 fall by one, local tags are dropped, a sharing group that does not
// reach this installation makes the row its holder's alone. What was made here is
// never overwritten by a peer, and a peer's event keeps its originator. What leaves
// passes the level, the peer's rules, its ceiling of TLP and its blocked types, in
// that order, and what does not pass is noted with its reason. A run may be cut off
// anywhere: what was still to be done stands in the database, and doing an event
// twice changes nothing. One peer's troubles are its own: time-outs, retries and the
// breaker are per peer, and its work runs beside everybody else's.
//
// Keys are sealed and never shown again. All outward calls go through
// kernel/outbound; redirects are not followed.
//
// Serves: MISP-to-MISP synchronisation (spec misp §7), decisions §10.
package peer
