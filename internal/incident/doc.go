// Package incident is casework: what happened, who handles it, what was done.
//
// A case has a number that never changes hands, a state of one transition table
// (state.go), a severity computed from facts that a person may override with a
// reason, TLP and PAP, the codes of both taxonomies side by side, tasks, a
// timeline with two clocks (happened, recorded), notes with revisions, evidence
// with an append-only custody log, countermeasures, links, and one thread per
// outside party. What an outside party may see is its party row, which has an
// audience of its own; nothing of the case is reached through it.
//
// Every change is one act: guarded by the case's version, written to the case's
// journal with each row's values before and after, audited, and undone as an
// inverse act. Merging keeps every row where it was and only names the case that
// the old number leads to; splitting moves rows. Both are undone like any act.
//
// The room never holds who reported: that stays behind intake's need-to-know
// right. Evidence is sealed before it touches the disk and leaves only through
// the unsealing process. Retention classes and terms are data of the caller.
//
// Serves FIRST CSIRT Services Framework 2.1 (incident management: evidence
// collection, response coordination) and the 24 h answer of NIS2 Art. 23(5).
package incident
