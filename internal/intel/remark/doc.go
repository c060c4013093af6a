// Package remark is the second chamber of the room of threat data: what people
// say of data that is not, or not only, theirs. It owns proposals (MISP's shadow
// attributes), analyst data (notes, opinions, relationships), and requests that
// another organisation takes an event over.
//
// Invariants. Whoever sees an event may propose; whoever may edit it decides, and
// an author may take back his own. A proposal is seen by those who see its event
// and the attribute it is about: it has no audience of its own, and names no
// person but to its author. Accepting is an edit of the event like any other, in
// the same transaction, by the rights of who accepts; it can be taken back as long
// as nobody changed the attribute since. A remark has its own audience, and is
// seen by others only while its target is not hidden from them: three levels
// multiply. The newer one of two with the same UUID wins, and a foreign one is
// never overwritten by somebody else. While a delegation is open the asked
// organisation is in the event's reach, and in nothing else.
//
// Serves: MISP (spec misp §5.6, §7.4 rows 6 and 8, §7.5 rows 8 and 9).
package remark
