// Package unseal is the process that may open sealed reports, and the web node's
// way to it (decisions §5).
//
// The server holds the private keys of team and postman in a folder of its own
// and opens nothing without a proof that it checked itself: a one-time code or a
// passkey's assertion over its own nonce, against people enrolled in its own
// folder. A proof is good for ten minutes. Every request, granted or refused, is
// one line in an append-only chained log, on disk before the first byte leaves.
//
// The postman sends letters to sealed addresses: fixed texts with a number and a
// link, nothing else. No request gives an address back.
//
// It opens no database, stores no content, writes nowhere but in its folder, and
// listens on a socket that only its own user (or one named beside it) may use, or
// on TLS with a shared token for another host.
//
// What it cannot prevent, said plainly: a web node under foreign control sees what
// people open during that time, and can use a session of theirs until its ten
// minutes are over, each record leaving a line here. A one-time code whose secret
// the web node knows as well proves nothing against such a node; a passkey does.
// Whoever is root on the host reads the keys.
package unseal
