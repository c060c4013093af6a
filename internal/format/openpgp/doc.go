// Package openpgp reads certificates and detached signatures of OpenPGP (RFC 9580, and
// RFC 4880 as GnuPG 2.2 writes it) and makes both for keys of our own. Pure: text and
// bytes in, values out; the moment and the randomness are the caller's.
//
// It refuses what is not to be relied on: more than one certificate or armour in a text,
// secret keys where public ones are asked for, texts above 64 KiB, RSA below 2048 bits,
// signatures made with SHA-1 or MD5, signatures of text type (their line ends may be
// changed), and keys that were revoked, have expired, or may not do what they are asked
// to (sign, or be encrypted to) at the given moment.
package openpgp
