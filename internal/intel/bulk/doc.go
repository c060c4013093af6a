// Package bulk is the chamber of acts on many attributes. One is a tag on all attributes of
// an event, or on those that a filter leaves, or a change of what they have in common: up to
// intel.BulkMost of them are done while their person waits; of more the first piece is, and
// a job goes on with the others, piece by piece, each committed together with the note of
// how far the act came. A job that is cut off goes on behind its last piece: nothing is done twice and nothing is left out. All
// pieces stand in the journal under one moment and are taken back as a whole, by a job of
// the same kind when they are many; a person may stop their act between two pieces.
//
// The other is an act on rows of a search over all events: each event's part is an act of
// its own there, by that event's rights; what the caller does not see is neither changed
// nor counted, what they see and may not change is counted with the reason. The acts are
// remembered together, so that one undo goes through all of them.
//
// A job runs with the rights that its person has by then. An act is its person's alone.
package bulk
