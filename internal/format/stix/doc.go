// Package stix writes MISP events as STIX 2.1 objects.
//
// One event becomes an identity, marking definitions, one or more objects per
// attribute and object, and a report (published) or grouping (not published) that
// refers to them all. Conversion streams: attributes go in one by one, objects
// come out one by one; only the list of ids is kept for the report.
//
// Two modes exist. Compatible re-uses MISP's uuids in ids and marks the content
// with the label of the converter that the field uses, so that it comes back
// without loss. Strict gives observables the deterministic ids of the standard,
// which are equal for equal content in every event. Either way the same input
// gives the same bytes.
//
// Standard: STIX 2.1 (OASIS, 10 June 2021); mapping as the converter of the MISP
// project does it (spec standards §2), divergences in docs/divergences.md. UUIDs
// of a version the standard's schemas refuse (7, ours) become version 5 of
// themselves.
package stix
