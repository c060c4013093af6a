package qr

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// read is a reader of clean pictures, written from the standard's reading side:
// format from the second copy, unmask, collect, undo the blocks, check each one's
// syndromes, then the bits.
func read(t testing.TB, c *Code) string {
	t.Helper()
	bits := 0
	for i := range 8 {
		if c.Dark(c.Size-1-i, 8) {
			bits |= 1 << i
		}
	}
	for i := 8; i < 15; i++ {
		if c.Dark(8, c.Size-15+i) {
			bits |= 1 << i
		}
	}
	bits ^= 0x5412
	if bits>>13 != 0 {
		t.Fatalf("level bits %02b, want M", bits>>13)
	}
	rem := bits
	for i := 14; i >= 10; i-- {
		if rem>>i&1 == 1 {
			rem ^= 0x537 << (i - 10)
		}
	}
	if rem != 0 {
		t.Fatal("the format's check does not hold")
	}
	n := (c.Size - 17) / 4
	v, mask := versions[n-1], bits>>10&7
	var raw []byte
	value, k := 0, 0
	for right := c.Size - 1; right >= 1; right -= 2 {
		if right == 6 {
			right = 5
		}
		for step := range c.Size {
			y := step
			if (right+1)&2 == 0 {
				y = c.Size - 1 - step
			}
			for x := right; x > right-2; x-- {
				if c.fixed[y*c.Size+x] {
					continue
				}
				value <<= 1
				if c.Dark(x, y) != masks[mask](x, y) {
					value |= 1
				}
				if k++; k == 8 {
					raw, value, k = append(raw, byte(value)), 0, 0
				}
			}
		}
	}
	data := blocksOf(t, v, raw)
	at := 0
	take := func(width int) (out int) {
		for range width {
			out = out<<1 | int(data[at/8]>>(7-at%8)&1)
			at++
		}
		return out
	}
	if take(4) != 0b0100 {
		t.Fatal("not byte mode")
	}
	text := make([]byte, take(header(n)-4))
	for i := range text {
		text[i] = byte(take(8))
	}
	return string(text)
}

// blocksOf undoes the interleaving and checks that every block's polynomial has
// the generator's roots.
func blocksOf(t testing.TB, v version, raw []byte) (data []byte) {
	t.Helper()
	if len(raw) != v.codewords {
		t.Fatalf("%d codewords, want %d", len(raw), v.codewords)
	}
	blocks := make([][]byte, v.blocks)
	short, long := v.data()/v.blocks, v.data()%v.blocks
	for col := range short + 1 {
		for i := range blocks {
			if col < short || i >= v.blocks-long {
				blocks[i], raw = append(blocks[i], raw[0]), raw[1:]
			}
		}
	}
	for _, b := range blocks {
		data = append(data, b...)
	}
	for range v.ecPerBlock {
		for i := range blocks {
			blocks[i], raw = append(blocks[i], raw[0]), raw[1:]
		}
	}
	for i, b := range blocks {
		root := byte(1)
		for range v.ecPerBlock {
			var sum byte
			for _, c := range b {
				sum = mul(sum, root) ^ c
			}
			if sum != 0 {
				t.Fatalf("block %d: a syndrome is not zero", i)
			}
			root = mul(root, 2)
		}
	}
	return data
}

func TestEveryVersionReadsBack(t *testing.T) {
	seen := map[int]bool{}
	for n := range 214 {
		text := strings.Repeat("Straža 0123456789 otpauth://", 10)[:n]
		c, err := Encode(text)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if got := read(t, c); got != text {
			t.Errorf("%d bytes: read %q", n, got)
		}
		seen[c.Size] = true
	}
	if len(seen) != 10 {
		t.Errorf("sizes %v, want all ten versions", seen)
	}
	if _, err := Encode(strings.Repeat("x", 214)); err == nil {
		t.Error("214 bytes fit")
	}
}

// TestKnownPictures: these pictures were read by OpenCV's detector on 2026-11-22,
// one of each version; they must not change.
func TestKnownPictures(t *testing.T) {
	const address = "otpauth://totp/Stra%C5%BEa:ana@cert.rs?issuer=Stra%C5%BEa&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	alphabet := strings.Repeat("abcdefghijklmnopqrstuvwxyz", 9)
	for text, want := range map[string]string{address: "f605a0ad719d", "A": "405f4a5cde46", alphabet[:153]: "095c106d0944"} {
		c, err := Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(c.Path()))
		if got := hex.EncodeToString(sum[:6]); got != want {
			t.Errorf("%.20s…: picture %s, want %s", text, got, want)
		}
	}
}

func FuzzReadsBack(f *testing.F) {
	f.Add("")
	f.Add("otpauth://totp/x?secret=y")
	f.Add("\x00\xff")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Encode(text)
		if err != nil {
			if len(text) <= 213 {
				t.Errorf("%d bytes: %v", len(text), err)
			}
			return
		}
		if got := read(t, c); got != text {
			t.Errorf("%q read as %q", text, got)
		}
	})
}
