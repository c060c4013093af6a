package vault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/crypto/chacha20poly1305"
)

// Field is the place of one encrypted cell. All of it is authenticated: a
// ciphertext opens only in the cell for which it was made.
type Field struct {
	Table, Column string
	Row           int64 // id of the row, known before the insert because ids are made in Go
	Org           int64 // organisation the row belongs to, 0 if none
}

func (f Field) String() string {
	return f.Table + "." + f.Column + " row " + strconv.FormatInt(f.Row, 10)
}

// ErrSealBroken is returned when a ciphertext is damaged, was moved from another
// cell, or needs a key that is not here. The three are not told apart.
var ErrSealBroken = errors.New("vault: ciphertext does not open here")

// cellFormat is the first byte of every cell: XChaCha20-Poly1305, then four bytes
// of key version, 24 of nonce. The 192-bit nonce may be random on any number of
// nodes for any number of cells, which AES-GCM's 96 bits do not allow.
const (
	cellFormat = 1
	cellHeader = 1 + 4 + chacha20poly1305.NonceSizeX
)

// Seal encrypts plaintext for cell f under the newest field key. The result is
// len(plaintext)+45 bytes, different each time. It fails only when randomness does.
func (v *Vault) Seal(f Field, plaintext []byte) ([]byte, error) {
	ring := v.ring.Load()
	version, root := ring.newest, ring.field[ring.newest]
	out := make([]byte, cellHeader, cellHeader+len(plaintext)+chacha20poly1305.Overhead)
	out[0] = cellFormat
	binary.BigEndian.PutUint32(out[1:], version)
	if _, err := io.ReadFull(v.rand, out[5:cellHeader]); err != nil {
		return nil, fmt.Errorf("vault: nonce for %s: %w", f, err)
	}
	aead, err := chacha20poly1305.NewX(fieldKey(root, f))
	if err != nil {
		return nil, fmt.Errorf("vault: cipher for %s: %w", f, err)
	}
	return aead.Seal(out, out[5:cellHeader], plaintext, f.bind(version)), nil
}

// Open decrypts a cell of f; an error wraps ErrSealBroken.
func (v *Vault) Open(f Field, ciphertext []byte) ([]byte, error) {
	if len(ciphertext) < cellHeader+chacha20poly1305.Overhead || ciphertext[0] != cellFormat {
		return nil, fmt.Errorf("%w: %s", ErrSealBroken, f)
	}
	version := binary.BigEndian.Uint32(ciphertext[1:])
	root := v.ring.Load().field[version]
	if root == nil {
		return nil, fmt.Errorf("%w: %s: key version %d", ErrSealBroken, f, version)
	}
	aead, err := chacha20poly1305.NewX(fieldKey(root, f))
	if err != nil {
		return nil, fmt.Errorf("vault: cipher for %s: %w", f, err)
	}
	plain, err := aead.Open(nil, ciphertext[5:cellHeader], ciphertext[cellHeader:], f.bind(version))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrSealBroken, f)
	}
	return plain, nil
}

// Stale tells whether a cell was sealed under an older key than the newest.
func (v *Vault) Stale(ciphertext []byte) bool {
	return len(ciphertext) < cellHeader || binary.BigEndian.Uint32(ciphertext[1:]) != v.ring.Load().newest
}

func fieldKey(root []byte, f Field) []byte {
	return derive(root, "field/"+strconv.Quote(f.Table)+"/"+strconv.Quote(f.Column), chacha20poly1305.KeySize)
}

// bind is the associated data: the cell's place and the key version.
func (f Field) bind(version uint32) []byte {
	var n [20]byte
	binary.BigEndian.PutUint64(n[0:], uint64(f.Row))
	binary.BigEndian.PutUint64(n[8:], uint64(f.Org))
	binary.BigEndian.PutUint32(n[16:], version)
	return join([]byte(f.Table), []byte(f.Column), n[:])
}
