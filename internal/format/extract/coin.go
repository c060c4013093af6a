package extract

import (
	"bytes"
	"crypto/sha256"
	"strings"
)

const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58Check verifies an old-style Bitcoin address (version 0 or 5) by its
// double SHA-256 checksum.
func base58Check(t string) bool {
	if len(t) < 26 || len(t) > 35 {
		return false
	}
	var out [25]byte
	for i := range len(t) {
		n := strings.IndexByte(base58, t[i])
		if n < 0 {
			return false
		}
		for k := len(out) - 1; k >= 0; k-- {
			n += 58 * int(out[k])
			out[k] = byte(n)
			n >>= 8
		}
		if n != 0 {
			return false
		}
	}
	first := sha256.Sum256(out[:21])
	sum := sha256.Sum256(first[:])
	return (out[0] == 0 || out[0] == 5) && bytes.Equal(sum[:4], out[21:])
}

const bech32Digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32 verifies a segwit address of Bitcoin's main net (BIP 173 and 350).
func bech32(t string) bool {
	low := strings.ToLower(t)
	if len(t) < 26 || len(t) > 90 || !strings.HasPrefix(low, "bc1") || t != low && t != strings.ToUpper(t) {
		return false
	}
	// The human part "bc", expanded as BIP 173 says.
	values := []int{3, 3, 0, 2, 3}
	for i := 3; i < len(low); i++ {
		n := strings.IndexByte(bech32Digits, low[i])
		if n < 0 {
			return false
		}
		values = append(values, n)
	}
	check := 1
	for _, v := range values {
		top := check >> 25
		check = (check&0x1ffffff)<<5 ^ v
		for i, g := range []int{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				check ^= g
			}
		}
	}
	return check == 1 || check == 0x2bc830a3
}
