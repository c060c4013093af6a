// Package intake owns what people send us until somebody has decided what it is:
// submissions, reports, reporters and their codes, triage.
//
// A Submission is what was sent, raw and never changed. A Report is our handling of
// it: a number, a state (state.go holds the one table of transitions), a
// classification, clocks. Who reported stands in a table of its own with an audience
// of its own, sealed always, behind the right reporter.read; every look is audited.
//
// Sealed (decisions §5): the reporter's identity always; body, files and messages of
// vulnerability and anonymous reports always, of others by the reporter's choice or
// the CERT's setting. The plain text exists only while a request runs: files stream
// straight into age. What a page may show of a sealed report is its type, sector,
// severity, times and whether something similar came before (blind indexes).
//
// Anonymous reports have random ids; every time of theirs is rounded down to the
// hour, and their clocks start there. No address, browser or request id is kept.
//
// Invariants: a receipt code opens one report and nothing else; the same draft
// secret or Idempotency-Key gives the same code and one report; every step of
// triage can be undone by an inverse act, in reverse order, to the same state; a
// hand-over makes a new report with a chosen copy and never moves the old one.
//
// It serves cert-services §1.4 (intake), §3 (classification), NIS2 Art. 12 (anonymous
// vulnerability reports), Art. 23(5) (the CERT's own answer within 24 h), and the
// privacy rows PR-12, PR-20 to PR-22.
package intake
