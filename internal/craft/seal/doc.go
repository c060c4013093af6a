// Package seal keeps the installation's own OpenPGP key and signs with it: the versions
// of protected events that leave for other installations, and what a permitted client
// asks to have signed (MISP's cryptographicKeys/serverSign).
//
// The key is made in the act that makes the installation's host, or when the program
// starts over a house that has one; reading it never makes it. Its secret half stands
// sealed under the installation's keys (kernel/vault) and never leaves the process; the
// public half is told to anybody.
// After a rotation the older keys stay: an event that lists only one of them is signed
// with it until its list has the new one, or nobody could take its next version.
package seal
