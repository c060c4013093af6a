// Package enrich is the chamber of the room of threat data that says what is known of a
// value beyond the events that hold it, and lets an analyst take that over by ticking.
//
// Two sources. What needs nobody: the public suffix and the registrable name, names in
// other scripts and what they resemble, what is encoded in a text, whose network or
// domain it is in our own registry, warning lists, and the system and country of an
// address by a table that an administrator imported. And modules of a server that
// speaks the protocol of misp-modules, which an administrator enters.
//
// Invariants. Nothing leaves before the guard (may) has held the strictest label of
// the event and the attribute, PAP and our registry against how far the module asks
// (Manner), and the audit line is committed; no id of ours leaves, a question carries the
// same invented UUID each time. Answers are bounded in bytes, depth, number and time, kept with
// their age for the organisation that asked and nobody else. What is taken over becomes
// part of the event in one transaction, after the right to change it was asked, and
// can be taken back as long as nobody changed it since.
//
// Serves: spec misp §8 "Enrichment"; the protocol itself is format/expansion.
package enrich
