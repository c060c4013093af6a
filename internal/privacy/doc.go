// Package privacy keeps the register of processing: which column of which table
// holds personal data of which kind, why, on what ground and for how long.
//
// columns.txt classifies every column of the schema, none included; a test compares
// it with the live schema of both engines, so that no table grows a person unnoticed
// (house, law 9). The register is generated from it, never written by hand.
//
// The rooms hold the data; each offers PersonalData (what do you hold about this
// address) and Retention (what can you erase), app hands them over. This room owns
// the terms, dated and with their source, the legal holds that keep a record whatever
// its term, and the nightly erasure. It never sees a word of what is held: places,
// numbers, times.
//
// It serves the Data Protection Act (ZZPL) Art. 26 (right of access), 30 (erasure),
// 47 (register of processing), and GDPR Art. 15, 17, 30.
package privacy
