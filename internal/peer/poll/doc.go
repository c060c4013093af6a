// Package poll fetches from other people's TAXII 2.1 servers: which there are, which
// of their collections are chosen, how far each was read, how it stands with them.
//
// Invariants. What is fetched goes into the inbox of one organisation here, as what
// partners write there does: nobody else sees it, nothing is published, until somebody
// has looked at it. A page is in the inbox before the place behind it is kept, and
// what comes twice is known there by its id and version, so that a poll may be cut
// off anywhere without gap or double. Pages must get on: a server that gives the same
// place again, or empty pages for ever, is left. One server's troubles are its own:
// time-outs, the breaker and the job are per server. The secret goes to the address
// that was entered, never to where the server points: API roots elsewhere and
// redirects are not followed.
//
// Serves: TAXII 2.1 sections 1.6, 3.4, 3.5, 4.1, 4.2, 5.1, 5.4; spec standards §1.
package poll
