// Package stix1 writes indicators as STIX 1.1.1 with CybOX 2.1, as XML or as the
// JSON in which the field's Python library writes the same: what older programs
// still read. It is a writer only and writes little: packages, incidents (MISP's
// events), indicators with one observable, TLP. What has no CybOX object of its own
// goes as a custom property; nothing is left out silently.
//
// Attributes for detection carry the confidence High, the others None: in a stream
// there is no second list for what is observed only.
package stix1
