// Package ticket makes texts that somebody keeps for us and hands in again: a place in a
// list, with a code that only who holds the key can make. They are opaque to their
// holder, and the same key reads them on every node and after a restart.
//
// A ticket proves that we wrote it for a scope, and nothing else: it grants no right.
// Whatever it must not be used without (the reader, the list, its filters) belongs into
// the scope, every part of it with its length or quoted, so that two scopes never read
// alike.
package ticket

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

const codeSize = 16

// Most is the longest text that Read looks at.
const Most = 2048

// Make writes a ticket for a scope. The key is secret and has at least 16 bytes.
func Make(key []byte, scope string, content []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(code(key, scope, content), content...))
}

// Read gives the content of a ticket; ok is false for a text that is not ours, of
// another scope, or changed in any way.
func Read(key []byte, scope, text string) (content []byte, ok bool) {
	if len(text) > Most {
		return nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < codeSize || !hmac.Equal(b[:codeSize], code(key, scope, b[codeSize:])) {
		return nil, false
	}
	return b[codeSize:], true
}

func code(key []byte, scope string, content []byte) []byte {
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%d:%s|", len(scope), scope)
	h.Write(content)
	return h.Sum(nil)[:codeSize]
}
