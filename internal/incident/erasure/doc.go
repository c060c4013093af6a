// Package erasure is the second chamber of the room of cases: what goes of a closed case
// when its term of keeping is over.
//
// Of a case that has been closed for the length of the class "case", and of its own
// retention class where that is longer, everything that people wrote goes: title and
// summary, cause and impact, timeline, notes, tasks, measures, what changed, parties from
// outside the registry, correspondence with its letters and files, evidence. Number,
// moments, classification, severity, organisations of the registry and how many parts
// there were stay: statistics count them. A case goes whole, in one transaction with its
// audit line; a hold on the case, on one merged into it or on a report that belongs to it
// keeps all of it. Reopened and closed again, a case has a new term.
//
// It serves the Data Protection Act (ZZPL) Art. 5 (storage limitation) and 30 (erasure).
package erasure
