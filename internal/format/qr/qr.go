// Package qr draws QR codes (ISO/IEC 18004:2015) of short texts: byte mode,
// error correction level M, versions 1 to 10, which hold 213 bytes. That is what
// the address of a one-time-password secret needs, and nothing more is built:
// no numeric or kanji modes, no other levels, no reading.
//
// Bytes go in as they are; text should be ASCII or UTF-8.
package qr

import (
	"fmt"
	"strconv"
	"strings"
)

// Code is a square of modules; true is dark. It has no quiet zone of its own:
// four light modules belong around it (§6.3.8).
type Code struct {
	Size    int
	modules []bool
	fixed   []bool // function patterns: data and masks leave them alone
}

// version holds what tables 1, 7 and 9 of the standard say for level M.
type version struct {
	codewords, ecPerBlock, blocks int
	align                         []int
}

var versions = []version{
	{26, 10, 1, nil}, {44, 16, 1, []int{6, 18}}, {70, 26, 1, []int{6, 22}}, {100, 18, 2, []int{6, 26}}, {134, 24, 2, []int{6, 30}},
	{172, 16, 4, []int{6, 34}}, {196, 18, 4, []int{6, 22, 38}}, {242, 22, 4, []int{6, 24, 42}}, {292, 22, 5, []int{6, 26, 46}}, {346, 26, 5, []int{6, 28, 50}},
}

func (v version) data() int { return v.codewords - v.ecPerBlock*v.blocks }

// header is the bits before the text: the mode, and its length (8 bits up to
// version 9, 16 after, table 3).
func header(n int) int {
	if n <= 9 {
		return 4 + 8
	}
	return 4 + 16
}

// Encode draws text. It fails for more than 213 bytes.
func Encode(text string) (*Code, error) {
	for i, v := range versions {
		n := i + 1
		if header(n)+8*len(text) <= 8*v.data() {
			return draw(n, v, interleave(v, codewords(n, v, text))), nil
		}
	}
	return nil, fmt.Errorf("qr: %d bytes do not fit", len(text))
}

// Dark tells whether the module in column x, row y is dark.
func (c *Code) Dark(x, y int) bool { return c.modules[y*c.Size+x] }

// Path is the dark modules as the d attribute of an SVG path, one unit a module,
// with the quiet zone of four around: the view box is Size+8 wide.
func (c *Code) Path() string {
	var b strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			if !c.Dark(x, y) {
				continue
			}
			from := x
			for x+1 < c.Size && c.Dark(x+1, y) {
				x++
			}
			w := strconv.Itoa(x - from + 1)
			b.WriteString("M" + strconv.Itoa(from+4) + " " + strconv.Itoa(y+4) + "h" + w + "v1h-" + w + "z")
		}
	}
	return b.String()
}

// codewords writes mode, length, text, terminator and padding (§7.4).
func codewords(n int, v version, text string) []byte {
	var bits []bool
	put := func(value, width int) {
		for i := width - 1; i >= 0; i-- {
			bits = append(bits, value>>i&1 == 1)
		}
	}
	put(0b0100, 4)
	put(len(text), header(n)-4)
	for i := range len(text) {
		put(int(text[i]), 8)
	}
	all := 8 * v.data()
	put(0, min(4, all-len(bits)))
	put(0, (8-len(bits)%8)%8)
	for pad := 0xec; len(bits) < all; pad ^= 0xec ^ 0x11 {
		put(pad, 8)
	}
	out := make([]byte, v.data())
	for i, bit := range bits {
		if bit {
			out[i/8] |= 0x80 >> (i % 8)
		}
	}
	return out
}

// interleave splits data into blocks, adds each one's error correction, and
// takes them column by column (§7.6); the last blocks are one codeword longer.
func interleave(v version, data []byte) []byte {
	short, long := v.data()/v.blocks, v.data()%v.blocks
	var blocks, checks [][]byte
	for i := range v.blocks {
		n := short
		if i >= v.blocks-long {
			n++
		}
		blocks = append(blocks, data[:n])
		checks = append(checks, remainder(data[:n], v.ecPerBlock))
		data = data[n:]
	}
	var out []byte
	for col := range short + 1 {
		for _, b := range blocks {
			if col < len(b) {
				out = append(out, b[col])
			}
		}
	}
	for col := range v.ecPerBlock {
		for _, c := range checks {
			out = append(out, c[col])
		}
	}
	return out
}

// mul multiplies in GF(256) with the polynomial x⁸+x⁴+x³+x²+1.
func mul(a, b byte) byte {
	var z int
	for i := 7; i >= 0; i-- {
		z = z<<1 ^ z>>7*0x11d
		z ^= int(b>>i&1) * int(a)
	}
	return byte(z)
}

// remainder is the Reed-Solomon check of degree n over data (annex A).
func remainder(data []byte, n int) []byte {
	divisor := make([]byte, n) // x^n's coefficient 1 is left out
	divisor[n-1] = 1
	root := byte(1)
	for range n {
		for j := range divisor {
			divisor[j] = mul(divisor[j], root)
			if j+1 < n {
				divisor[j] ^= divisor[j+1]
			}
		}
		root = mul(root, 2)
	}
	out := make([]byte, n)
	for _, d := range data {
		factor := d ^ out[0]
		copy(out, out[1:])
		out[n-1] = 0
		for j := range out {
			out[j] ^= mul(divisor[j], factor)
		}
	}
	return out
}
