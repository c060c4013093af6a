// Package export is what every file that leaves a list has in common: it says from
// which installation it comes, when and by whom it was made, how strict the label of
// what it holds is, and how many rows it has (spec program §5). Rooms fill in rows and
// labels; no room writes a stamp of its own.
//
// A CSV stays what RFC 4180 says, one header line and rows: the stamp stands in the
// last columns, the same in every row, so that it survives sorting, cutting and gluing
// together, and in the file's name. JSON carries it as an object in front, formats with
// comments as their first line; a format that has no place for it (MISP, plain lists)
// is told apart by its name and the header Straza-Export.
//
// What is RED leaves by no bulk export (decisions §1): such rows are held back here and
// counted, in the file itself. A file that would hold something else than its stamp
// announced breaks off instead of ending.
package export
