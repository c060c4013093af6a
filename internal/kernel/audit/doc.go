// Package audit is the log of every act and of every read of confidential data.
//
// A line is written in the act's own transaction: no line, no act. It carries a
// salted leaf hash over all its columns and a MAC with a key of the web node, but
// no leaf number yet, so that a change before numbering shows too. One numberer
// follows within a second: it gives leaf numbers and extends a Merkle tree
// (RFC 6962, golang.org/x/mod/sumdb/tlog); at most 60 s or 1,000 lines later the
// tree's root is signed as a checkpoint, kept in the database and appended to the
// witness files. Details name ids and fields, never content.
//
// A line removed before it was numbered is the one gap that Verify cannot see.
// A line's detail can be erased by law: its leaf hash stays, the erasure itself
// carries a MAC, and all proofs still hold.
package audit
