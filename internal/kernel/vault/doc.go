// Package vault owns every secret of the web node and what is done with them.
//
// It keeps one folder of keys (decisions §5) and derives from it, by HKDF-SHA-256
// (RFC 5869) with one label per purpose:
//
//   - field encryption: XChaCha20-Poly1305, bound to table, column, row,
//     organisation and key version, so that no ciphertext can be moved (Seal, Open);
//   - blind indexes: HMAC-SHA-256 under a key per field over a normalised value (Index);
//   - keyed look-up hashes of tokens and receipt codes (TokenHash, Lookup), and the
//     keyed code of audit lines (MAC);
//   - receipt codes, 25 uniform digits (decisions §3), and drafts under a secret
//     that is not kept (DeriveCode, SealDraft);
//   - the Ed25519 key that signs audit checkpoints (Signer).
//
// Sealing is the other half: SealTo encrypts with age to public keys only. The
// private halves of team, recovery and postman live with the unsealing process
// (vault/unseal), that of a submission under its receipt code. The web node can
// therefore write a sealed report and cannot read it back; with the database,
// the blobs, a backup and this whole folder in hand nobody else can either.
//
// It refuses: opening a cell anywhere but where it was written, starting on keys
// that do not fit the database (Check), replacing known public keys unasked
// (Trust). It never logs and never returns content in an error.
package vault
