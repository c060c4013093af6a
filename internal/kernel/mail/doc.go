// Package mail sends letters out and takes letters in.
//
// Out: QueueTx writes a letter and its job in the act's transaction; the job
// hands it to the SMTP server, with the same Message-ID at every try, or catches
// it in the database when no server is set (shown at /dev/mail in demo mode).
// Letters about cases and reports carry a number and a link, never content
// (decisions §7). No recipient gets more than a fixed number an hour.
//
// In: a small SMTP server (RFC 5321) takes what is addressed to our domain, with
// caps on bytes, parts and depth before anything is parsed, and answers 250 only
// when the receiving room has committed it.
package mail
