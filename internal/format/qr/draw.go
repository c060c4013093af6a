package qr

// draw puts the function patterns, the data and the mask with the least penalty.
func draw(n int, v version, data []byte) *Code {
	size := 17 + 4*n
	c := &Code{Size: size, modules: make([]bool, size*size), fixed: make([]bool, size*size)}
	c.patterns(v)
	if n >= 7 {
		c.version(n)
	}
	c.format(0) // keeps its place free of data
	c.fill(data)
	best, least := 0, 0
	for m := range 8 {
		c.mask(m)
		c.format(m)
		if p := c.penalty(); m == 0 || p < least {
			best, least = m, p
		}
		c.mask(m) // twice is none
	}
	c.mask(best)
	c.format(best)
	return c
}

func (c *Code) set(x, y int, dark bool) {
	c.modules[y*c.Size+x], c.fixed[y*c.Size+x] = dark, true
}

// patterns draws timing, finder and alignment patterns (§6.3).
func (c *Code) patterns(v version) {
	for i := range c.Size {
		c.set(6, i, i%2 == 0)
		c.set(i, 6, i%2 == 0)
	}
	for _, at := range [][2]int{{3, 3}, {c.Size - 4, 3}, {3, c.Size - 4}} {
		for dy := -4; dy <= 4; dy++ {
			for dx := -4; dx <= 4; dx++ {
				x, y := at[0]+dx, at[1]+dy
				if x >= 0 && x < c.Size && y >= 0 && y < c.Size {
					ring := max(abs(dx), abs(dy))
					c.set(x, y, ring != 2 && ring != 4)
				}
			}
		}
	}
	last := len(v.align) - 1
	for i, y := range v.align {
		for j, x := range v.align {
			if i == 0 && j == 0 || i == 0 && j == last || i == last && j == 0 {
				continue // a finder stands there
			}
			for dy := -2; dy <= 2; dy++ {
				for dx := -2; dx <= 2; dx++ {
					c.set(x+dx, y+dy, max(abs(dx), abs(dy)) != 1)
				}
			}
		}
	}
}

func abs(v int) int { return max(v, -v) }

// format writes level M and the mask twice, with their BCH check (§7.9).
func (c *Code) format(mask int) {
	rem := mask // level M is 00
	for range 10 {
		rem = rem<<1 ^ rem>>9*0x537
	}
	bits := (mask<<10 | rem) ^ 0x5412
	bit := func(i int) bool { return bits>>i&1 == 1 }
	for i := range 6 {
		c.set(8, i, bit(i))
	}
	c.set(8, 7, bit(6))
	c.set(8, 8, bit(7))
	c.set(7, 8, bit(8))
	for i := 9; i < 15; i++ {
		c.set(14-i, 8, bit(i))
	}
	for i := range 8 {
		c.set(c.Size-1-i, 8, bit(i))
	}
	for i := 8; i < 15; i++ {
		c.set(8, c.Size-15+i, bit(i))
	}
	c.set(8, c.Size-8, true)
}

// version writes the version number twice, with its BCH check (§7.10).
func (c *Code) version(n int) {
	rem := n
	for range 12 {
		rem = rem<<1 ^ rem>>11*0x1f25
	}
	bits := n<<12 | rem
	for i := range 18 {
		a, b := c.Size-11+i%3, i/3
		c.set(a, b, bits>>i&1 == 1)
		c.set(b, a, bits>>i&1 == 1)
	}
}

// fill runs in pairs of columns from the right, up and down, around what is fixed (§7.7.3).
func (c *Code) fill(data []byte) {
	i := 0
	for right := c.Size - 1; right >= 1; right -= 2 {
		if right == 6 { // the timing column
			right = 5
		}
		for step := range c.Size {
			y := step
			if (right+1)&2 == 0 {
				y = c.Size - 1 - step
			}
			for _, x := range [2]int{right, right - 1} {
				if !c.fixed[y*c.Size+x] && i < 8*len(data) {
					c.modules[y*c.Size+x] = data[i/8]>>(7-i%8)&1 == 1
					i++
				}
			}
		}
	}
}

var masks = [8]func(x, y int) bool{
	func(x, y int) bool { return (x+y)%2 == 0 },
	func(_, y int) bool { return y%2 == 0 },
	func(x, _ int) bool { return x%3 == 0 },
	func(x, y int) bool { return (x+y)%3 == 0 },
	func(x, y int) bool { return (x/3+y/2)%2 == 0 },
	func(x, y int) bool { return x*y%2+x*y%3 == 0 },
	func(x, y int) bool { return (x*y%2+x*y%3)%2 == 0 },
	func(x, y int) bool { return ((x+y)%2+x*y%3)%2 == 0 },
}

func (c *Code) mask(m int) {
	for y := range c.Size {
		for x := range c.Size {
			if !c.fixed[y*c.Size+x] && masks[m](x, y) {
				c.modules[y*c.Size+x] = !c.modules[y*c.Size+x]
			}
		}
	}
}

// penalty judges how hard a masked code is to read (§7.8.3): runs, blocks, what
// looks like a finder, and too much of one colour.
func (c *Code) penalty() (p int) {
	dark := 0
	for y := range c.Size {
		for x := range c.Size {
			d := c.Dark(x, y)
			if d {
				dark++
			}
			if x+1 < c.Size && y+1 < c.Size && d == c.Dark(x+1, y) && d == c.Dark(x, y+1) && d == c.Dark(x+1, y+1) {
				p += 3
			}
		}
		p += line(c.Size, func(i int) bool { return c.Dark(i, y) }) + line(c.Size, func(i int) bool { return c.Dark(y, i) })
	}
	all := c.Size * c.Size
	return p + abs(dark*20-all*10)/all*10
}

// line is the penalty of one row or column.
func line(size int, dark func(int) bool) (p int) {
	run, window := 0, 0
	for i := range size {
		if i > 0 && dark(i) == dark(i-1) {
			run++
		} else {
			run = 1
		}
		if run == 5 {
			p += 3
		} else if run > 5 {
			p++
		}
		window = window << 1 & 0x7ff
		if dark(i) {
			window |= 1
		}
		if i >= 10 && (window == 0b10111010000 || window == 0b00001011101) {
			p += 40
		}
	}
	return p
}
