// Package zipcrypto writes and reads ZIP archives under PKWARE's traditional
// encryption (APPNOTE.TXT 6.1), as malware samples have travelled between
// analysts for decades: password "infected".
//
// It protects nobody's secret. The cipher is broken and the password known;
// what it prevents is that a mail gateway, an antivirus or a double click
// touches the content. Confidentiality comes from age and TLS around it.
//
// The writer streams: sizes and checksum follow the content (bit 3), nothing is
// held in memory. One archive holds at most 4 GiB and 65,535 files, because it
// writes no ZIP64.
package zipcrypto

import (
	"archive/zip"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"time"
)

// Password is what the field uses for malicious samples.
const Password = "infected"

// ErrTooLarge is returned once a file or the archive passes 4 GiB, or the 65,535th file.
var ErrTooLarge = errors.New("zipcrypto: larger than a plain ZIP can be")

// ErrPassword is returned when the check byte does not match the password.
var ErrPassword = errors.New("zipcrypto: wrong password")

// headerSize is the length of the random header before each file, APPNOTE 6.1.3.
const headerSize = 12

const (
	flagEncrypted  = 0x0001
	flagDescriptor = 0x0008 // sizes and CRC follow the content
	flagUTF8       = 0x0800
	maxSize        = 1<<32 - 1
	maxFiles       = 1<<16 - 1
)

// cipher is the three-key stream cipher of APPNOTE 6.1.5.
type cipher struct{ k0, k1, k2 uint32 }

func newCipher(password string) *cipher {
	c := &cipher{0x12345678, 0x23456789, 0x34567890}
	for i := range len(password) {
		c.update(password[i])
	}
	return c
}

func (c *cipher) update(b byte) {
	c.k0 = crc32.IEEETable[byte(c.k0)^b] ^ c.k0>>8
	c.k1 = (c.k1+c.k0&0xff)*134775813 + 1
	c.k2 = crc32.IEEETable[byte(c.k2)^byte(c.k1>>24)] ^ c.k2>>8
}

func (c *cipher) mask() byte {
	t := uint16(c.k2 | 2)
	return byte(uint32(t) * uint32(t^1) >> 8)
}

func (c *cipher) encrypt(p []byte) {
	for i, b := range p {
		p[i] = b ^ c.mask()
		c.update(b)
	}
}

func (c *cipher) decrypt(p []byte) {
	for i, b := range p {
		p[i] = b ^ c.mask()
		c.update(p[i])
	}
}

type entry struct {
	name          string
	date, time    uint16
	crc           uint32
	packed, plain int64
	offset        int64
}

// Writer writes one archive. Create opens a file in it, Close ends it.
type Writer struct {
	w        io.Writer
	n        int64
	rand     io.Reader
	password string
	files    []entry
	open     *fileWriter
	err      error
}

// NewWriter starts an archive on w. rand gives the 11 random bytes of each header.
func NewWriter(w io.Writer, password string, rand io.Reader) *Writer {
	return &Writer{w: w, rand: rand, password: password}
}

func (z *Writer) write(p []byte) error {
	if z.err != nil {
		return z.err
	}
	n, err := z.w.Write(p)
	z.n += int64(n)
	if err == nil && z.n > maxSize {
		err = ErrTooLarge
	}
	z.err = err
	return err
}

// Create starts the next file; the one before ends. The name is stripped of
// folders and of control characters, so that unpacking cannot climb.
func (z *Writer) Create(name string, modified time.Time) (io.Writer, error) {
	if err := z.finish(); err != nil {
		return nil, err
	}
	if len(z.files) >= maxFiles {
		return nil, ErrTooLarge
	}
	e := entry{name: SafeName(name), offset: z.n}
	e.date, e.time = dosTime(modified)
	var h [30]byte
	binary.LittleEndian.PutUint32(h[0:], 0x04034b50)
	fixedFields(h[4:], &e)
	binary.LittleEndian.PutUint16(h[26:], uint16(len(e.name)))
	if err := errors.Join(z.write(h[:]), z.write([]byte(e.name))); err != nil {
		return nil, err
	}
	f := &fileWriter{z: z, e: e, c: newCipher(z.password)}
	var head [headerSize]byte
	if _, err := io.ReadFull(z.rand, head[:headerSize-1]); err != nil {
		return nil, fmt.Errorf("zipcrypto: random header: %w", err)
	}
	// with bit 3 set the CRC is not known yet; the check byte is the time's high one
	head[headerSize-1] = byte(e.time >> 8)
	if err := f.raw(head[:]); err != nil {
		return nil, err
	}
	f.deflate, _ = flate.NewWriter(rawWriter{f}, flate.BestSpeed)
	z.open = f
	return f, nil
}

// fixedFields writes version, flags, method, time and date: the eight bytes
// that local and central header share (10 with the version).
func fixedFields(b []byte, e *entry) {
	le := binary.LittleEndian
	le.PutUint16(b[0:], 20)
	le.PutUint16(b[2:], flagEncrypted|flagDescriptor|flagUTF8)
	le.PutUint16(b[4:], zip.Deflate)
	le.PutUint16(b[6:], e.time)
	le.PutUint16(b[8:], e.date)
}

func (z *Writer) finish() error {
	f := z.open
	if f == nil {
		return z.err
	}
	z.open = nil
	if err := f.deflate.Close(); err != nil {
		return err
	}
	if f.e.plain > maxSize {
		return ErrTooLarge
	}
	var d [16]byte
	binary.LittleEndian.PutUint32(d[0:], 0x08074b50)
	sizes(d[4:], &f.e)
	z.files = append(z.files, f.e)
	return z.write(d[:])
}

func sizes(b []byte, e *entry) {
	binary.LittleEndian.PutUint32(b[0:], e.crc)
	binary.LittleEndian.PutUint32(b[4:], uint32(e.packed))
	binary.LittleEndian.PutUint32(b[8:], uint32(e.plain))
}

// Close writes the directory. An archive that was not closed cannot be opened.
func (z *Writer) Close() error {
	if err := z.finish(); err != nil {
		return err
	}
	start, le := z.n, binary.LittleEndian
	for i := range z.files {
		e := &z.files[i]
		var h [46]byte
		le.PutUint32(h[0:], 0x02014b50)
		le.PutUint16(h[4:], 3<<8|20) // made on Unix, version 2.0
		fixedFields(h[6:], e)
		sizes(h[16:], e)
		le.PutUint16(h[28:], uint16(len(e.name)))
		le.PutUint32(h[38:], 0o100600<<16)
		le.PutUint32(h[42:], uint32(e.offset))
		if err := errors.Join(z.write(h[:]), z.write([]byte(e.name))); err != nil {
			return err
		}
	}
	var end [22]byte
	le.PutUint32(end[0:], 0x06054b50)
	le.PutUint16(end[8:], uint16(len(z.files)))
	le.PutUint16(end[10:], uint16(len(z.files)))
	le.PutUint32(end[12:], uint32(z.n-start))
	le.PutUint32(end[16:], uint32(start))
	return z.write(end[:])
}

type fileWriter struct {
	z       *Writer
	e       entry
	c       *cipher
	deflate *flate.Writer
	buf     [4096]byte
}

// Write adds plaintext to the file.
func (f *fileWriter) Write(p []byte) (int, error) {
	f.e.crc = crc32.Update(f.e.crc, crc32.IEEETable, p)
	f.e.plain += int64(len(p))
	return f.deflate.Write(p)
}

// raw encrypts and writes compressed bytes, leaving the caller's slice alone.
func (f *fileWriter) raw(p []byte) error {
	for len(p) > 0 {
		n := copy(f.buf[:], p)
		f.c.encrypt(f.buf[:n])
		if err := f.z.write(f.buf[:n]); err != nil {
			return err
		}
		f.e.packed += int64(n)
		p = p[n:]
	}
	return nil
}

type rawWriter struct{ f *fileWriter }

func (r rawWriter) Write(p []byte) (int, error) {
	if err := r.f.raw(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// SafeName keeps the last path element of name, without control characters and
// without the characters that some system reads as a path; at most 200 bytes.
func SafeName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.ToValidUTF8(name, "_")
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || strings.ContainsRune(`:*?"<>|`, r) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return '_' // the last two ranges turn the direction of writing: "gpj.exe"
		}
		return r
	}, name)
	for len(name) > 200 {
		name = name[:len(name)-1]
		name = strings.ToValidUTF8(name, "")
	}
	if strings.Trim(name, ". ") == "" {
		return "file"
	}
	return name
}

// dosTime gives MS-DOS date and time; years before 1980 become 1980.
func dosTime(t time.Time) (date, clock uint16) {
	t = t.UTC()
	if t.Year() < 1980 || t.Year() > 2107 {
		return 1<<5 | 1, 0
	}
	date = uint16(t.Day()) | uint16(t.Month())<<5 | uint16(t.Year()-1980)<<9
	clock = uint16(t.Second()/2) | uint16(t.Minute())<<5 | uint16(t.Hour())<<11
	return date, clock
}

// OpenFile reads one file of an archive that archive/zip has listed. The
// checksum is checked at the end: read to io.EOF before believing the content.
// It refuses content longer than max bytes with ErrTooLarge.
func OpenFile(f *zip.File, password string, max int64) (io.Reader, error) {
	raw, err := f.OpenRaw()
	if err != nil {
		return nil, fmt.Errorf("zipcrypto: open: %w", err)
	}
	if f.Flags&flagEncrypted == 0 {
		raw, err = f.Open()
		return &limited{r: raw, left: max}, err
	}
	c := newCipher(password)
	var head [headerSize]byte
	if _, err := io.ReadFull(raw, head[:]); err != nil {
		return nil, fmt.Errorf("zipcrypto: header: %w", err)
	}
	c.decrypt(head[:])
	want := byte(f.CRC32 >> 24)
	if f.Flags&flagDescriptor != 0 {
		want = byte(f.ModifiedTime >> 8) //nolint:staticcheck // the raw field is the check byte
	}
	if head[headerSize-1] != want {
		return nil, ErrPassword
	}
	var body io.Reader = &decrypter{raw, c}
	switch f.Method {
	case zip.Store:
	case zip.Deflate:
		body = flate.NewReader(body)
	default:
		return nil, fmt.Errorf("zipcrypto: compression method %d", f.Method)
	}
	return &limited{r: &checked{r: body, want: f.CRC32}, left: max}, nil
}

type decrypter struct {
	r io.Reader
	c *cipher
}

func (d *decrypter) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	d.c.decrypt(p[:n])
	return n, err
}

type checked struct {
	r    io.Reader
	sum  uint32
	want uint32
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum = crc32.Update(c.sum, crc32.IEEETable, p[:n])
	if err == io.EOF && c.sum != c.want {
		err = zip.ErrChecksum
	}
	return n, err
}

type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}
