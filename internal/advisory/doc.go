// Package advisory owns what the CERT tells the public: warnings with a level,
// for whom, what to do, in several languages.
//
// Three states: draft → published → withdrawn. What is published is never
// undone in silence: a correction is a new edition, shown as such, and a
// withdrawal stays visible with its reason (decisions §9). Only TLP:CLEAR goes to
// the public (FIRST TLP 2.0; decisions §1); drafts are the team's.
//
// CSAF, vulnerability disclosure and further kinds of publication come with their
// own issue; number series and editions are laid out for them.
package advisory
