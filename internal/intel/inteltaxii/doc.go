// Package inteltaxii is the TAXII 2.1 surface: partners' machines read published
// threat data as STIX under /taxii2/.
//
// Collections are views, one per class of audience that the caller may read; what
// is in them is decided object by object for each reader by the intel Service.
// There is no collection without a key. One is written to: the
// inbox of the key's own organisation, whose objects a worker turns into events;
// a POST answers at once, its status says what was taken in. Everything a page
// needs stands in its request: next is a signed cursor, so that restarts and
// several nodes do not matter.
//
// Standard: OASIS TAXII 2.1; rules one by one in spec standards §1.2. Titles are
// in English, the language of the protocol's clients.
package inteltaxii
