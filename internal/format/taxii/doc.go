// Package taxii holds the resources, media types, filters and cursors of TAXII
// 2.1, without any transport: an adapter turns requests into Query values and
// writes what is here.
//
// Rules that are easy to get wrong and are kept here: times carry exactly six
// fraction digits; empty lists are left out; added_after excludes its instant;
// a repeated parameter is a fault; a cursor belongs to one collection and one set
// of filters and survives a restart, because it carries all of its state.
//
// Standard: OASIS TAXII 2.1 (10 June 2021), with the interoperability document
// of 2022 where it is stricter.
package taxii
