// Package catalog owns what can be imported and is shared by all: taxonomies,
// galaxies with their clusters, object templates, relationship names, warning
// lists, decaying models, in their upstream formats and at their upstream size
// (183 taxonomies, 129 cluster files with 46,000 clusters, 424 templates, 136
// lists with 529,000 entries). A small set of our own making is built in; nothing
// of the upstream projects is shipped.
//
// Invariants. What is not newer than what is here changes nothing. A catalogue
// goes in whole or not at all. Bodies are kept as they came, compressed. Warning
// lists are matched in memory, loaded when first asked for, dropped when changed.
// Everybody with an account reads; catalog.write imports and switches.
//
// Serves: MISP taxonomy, galaxy, object template and warninglist formats
// (misp-rfc), D9 of spec misp.
package catalog
