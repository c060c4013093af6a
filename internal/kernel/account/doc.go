// Package account knows who may enter: people, the organisation and roles they
// have, passwords, second factors, sessions, API keys, invitations.
//
// It turns a session token, an API key or a stored id into an ident.Actor with
// the rights in force at that moment. Actors are cached under the rights epoch,
// and the epoch is read each time, so that a disabled person, a revoked role or
// an ended session counts from the next request on, on every node.
//
// What proves a person is kept so that a stolen database opens nothing:
// passwords as argon2id, tokens and keys as keyed hashes (kernel/vault), seeds of
// one-time passwords encrypted in their cell, recovery codes as keyed hashes.
//
// Guessing is bounded in the database, with one clock, on the canonical address,
// on the network prefix and on the whole installation: at most ten evaluated
// guesses an account in any fifteen minutes, through whatever door (password,
// one-time password, recovery code, reset). Known and unknown accounts get the
// same answer after the same work.
//
// One-time things are consumed by one statement: a row that can be inserted
// once, or an update that finds its row unused. Fifty parallel uses give one.
//
// Standards: RFC 6238 (one-time passwords), W3C WebAuthn Level 3 (passkeys),
// RFC 9106 (argon2id), OWASP ASVS 5 V6 and V7 (authentication, sessions).
package account
