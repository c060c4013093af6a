// Package store is the one way to the database, on two engines behind one face.
//
// SQLite (embedded, the default) and PostgreSQL run the same SQL texts, written
// once with $N parameters. Every write goes through Update, whose function may
// run again; every read through View. Data, audit line and jobs of one act are
// written in one Update and commit together or not at all: an Update that has
// returned nil is on disk (WAL with synchronous=FULL; PostgreSQL's own commit).
//
// SQLite has one writer with three lanes: people before jobs before bulk, so
// that an import never makes a person wait longer than one bulk transaction
// (≤ 10,000 rows or 50 ms). PostgreSQL runs READ COMMITTED; Serializable is for
// the few named decisions that need it.
//
// Instants are BIGINT microseconds UTC. Ids are 53-bit integers, time-ordered
// (41 bits milliseconds since 2020, 3 bits node, 9 bits sequence), safe as JSON
// numbers. store.Now(tx) is the one clock of a decision.
package store
