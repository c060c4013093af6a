package mail

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/emersion/go-message"
	gomessage "github.com/emersion/go-message/mail"

	"straza/internal/format/openpgp"
)

// Sealing is what OpenPGP made of a letter that came: PGP/MIME (RFC 3156) and armour in
// the text.
type Sealing struct {
	State      string // of the words below; "" = it came in the clear
	Signatures openpgp.Signatures
	Partly     bool // something stands beside what was encrypted or signed
}

// How a letter came that was encrypted.
const (
	Opened  = "opened"
	Locked  = "locked"  // to a key that is not ours
	Damaged = "damaged" // it cannot be read, or was changed on the way
	TooLong = "long"    // its content is longer than a letter may be
)

// wraps is how many layers of OpenPGP one letter may have: signed, encrypted, and once
// more by a list that it went through.
const wraps = 3

// Whole is the letter as it came, as a file; none when it came without OpenPGP.
func (in *Received) Whole() (f ReceivedFile, ok bool) {
	return ReceivedFile{Name: "letter.eml", Type: "message/rfc822", Data: in.whole}, in.whole != nil
}

// Unseal opens a letter with keys of our own and finds its signatures; whose they are
// tells Signatures.By. What cannot be opened is kept whole as a file. A letter without
// OpenPGP stays as it is.
//
// Only what encloses the whole letter counts: a signed part among others says nothing of
// its neighbours and stays a file with its signature.
func (in Received) Unseal(keys []*openpgp.Secret) Received {
	if in.whole == nil {
		return in
	}
	out := in
	out.Text, out.Files = "", nil
	u := unsealing{keys: keys, out: &out}
	err := u.entity(in.whole, 0)
	switch {
	case err == nil:
		return out
	case u.encrypted: // MIME: nothing of it is of use to anybody but as a whole
		file, _ := in.Whole()
		in.Text, in.Files = "", []ReceivedFile{file}
	}
	in.Seal = Sealing{State: why(err), Signatures: out.Seal.Signatures}
	return in
}

// why is the state of a letter that was not opened.
func why(err error) string {
	switch {
	case errors.Is(err, openpgp.ErrLocked):
		return Locked
	case errors.Is(err, openpgp.ErrLong):
		return TooLong
	}
	return Damaged
}

type unsealing struct {
	keys      []*openpgp.Secret
	out       *Received
	parts     int
	encrypted bool // a layer of MIME is, opened or not
}

// entity takes one entity, its OpenPGP layers off first.
func (u *unsealing) entity(raw []byte, depth int) error {
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil && !message.IsUnknownCharset(err) {
		return err
	}
	kind := wrapped(e.Header)
	if depth > 0 {
		if s, err := (&gomessage.Header{Header: e.Header}).Subject(); err == nil && s != "" {
			u.out.Subject = s // the real one stands inside
		}
	}
	switch {
	case kind == "":
		if err := takeParts(e, u.out, depth, &u.parts); err != nil {
			return err
		}
		return u.inline()
	case depth >= wraps:
		return errTooMany
	case kind == "signed":
		return u.signed(e, raw, depth)
	}
	u.encrypted = true
	cipher, err := cipherOf(e)
	if err != nil {
		return err
	}
	m, err := u.open(cipher)
	if err != nil {
		return err
	}
	return u.entity(m.Data, depth+1)
}

func (u *unsealing) open(cipher []byte) (*openpgp.Message, error) {
	m, err := openpgp.Open(cipher, u.keys, maxLetter)
	if err != nil {
		return nil, err
	}
	if m.Encrypted {
		u.out.Seal.State = Opened
	}
	u.out.Seal.Signatures = append(u.out.Seal.Signatures, m.Signatures...)
	return m, nil
}

// wrapped tells whether an entity is one of RFC 3156: "encrypted" or "signed".
func wrapped(h message.Header) string {
	t, params, _ := h.ContentType()
	kind, ok := strings.CutPrefix(t, "multipart/")
	protocol := map[string]string{"encrypted": "application/pgp-encrypted", "signed": "application/pgp-signature"}[kind]
	if !ok || protocol == "" || !strings.EqualFold(params["protocol"], protocol) {
		return ""
	}
	return kind
}

// cipherOf is the message in a multipart/encrypted: the second of its parts (RFC 3156 §4).
func cipherOf(e *message.Entity) ([]byte, error) {
	r := e.MultipartReader()
	for i := range 2 {
		p, err := r.NextPart()
		if err != nil && !message.IsUnknownCharset(err) {
			return nil, openpgp.ErrMessage
		}
		if i == 1 {
			return io.ReadAll(p.Body)
		}
	}
	return nil, openpgp.ErrMessage
}

// signed takes a multipart/signed (RFC 1847 §2.1): its first part, byte by byte, is what
// the second one is about. Anything before, behind or beside them is not taken.
func (u *unsealing) signed(e *message.Entity, raw []byte, depth int) error {
	_, params, _ := e.Header.ContentType()
	parts := split(raw, params["boundary"])
	if len(parts) != 2 {
		u.out.Seal.Signatures = append(u.out.Seal.Signatures, nil)
		return takeParts(e, u.out, depth, &u.parts)
	}
	p, err := message.Read(bytes.NewReader(parts[1]))
	if err != nil {
		return err
	}
	signature, err := io.ReadAll(p.Body)
	if err != nil {
		return err
	}
	u.out.Seal.Signatures = append(u.out.Seal.Signatures, openpgp.ReadSignatures(signature, parts[0])...)
	return u.entity(parts[0], depth+1)
}

// split cuts a multipart entity at its delimiters (RFC 2046 §5.1.1), each part in its
// canonical form: lines end with CRLF, the end before the delimiter belongs to that.
func split(raw []byte, boundary string) (parts [][]byte) {
	if boundary == "" {
		return nil
	}
	var part *bytes.Buffer
	for line := range bytes.Lines(raw) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		mark, is := bytes.CutPrefix(bytes.TrimRight(line, " \t"), []byte("--"+boundary))
		if is && (len(mark) == 0 || string(mark) == "--") {
			if part != nil {
				parts = append(parts, bytes.TrimSuffix(part.Bytes(), []byte("\r\n")))
			}
			if len(mark) > 0 {
				return parts
			}
			part = &bytes.Buffer{}
			continue
		}
		if part != nil {
			part.Write(line)
			part.WriteString("\r\n")
		}
	}
	return nil // never closed
}

const (
	beginMessage = "-----BEGIN PGP MESSAGE-----"
	endMessage   = "-----END PGP MESSAGE-----"
)

// armoured tells whether a text holds armour.
func armoured(text string) bool {
	return strings.Contains(text, beginMessage) || strings.Contains(text, openpgp.BeginSigned)
}

// inline opens armour within the text, once: what is encrypted, then what is signed.
func (u *unsealing) inline() error {
	u.out.Text = strings.ReplaceAll(u.out.Text, "\r\n", "\n")
	if i := strings.Index(u.out.Text, beginMessage); i == 0 || i > 0 && u.out.Text[i-1] == '\n' {
		n := strings.Index(u.out.Text[i:], endMessage)
		if n < 0 {
			return openpgp.ErrMessage
		}
		n += i + len(endMessage)
		m, err := u.open([]byte(u.out.Text[i:n]))
		if err != nil {
			return err
		}
		if len(m.Data) > maxBody {
			return openpgp.ErrLong
		}
		u.replace(u.out.Text[:i], strings.ReplaceAll(strings.ToValidUTF8(string(m.Data), "\uFFFD"), "\r\n", "\n"), u.out.Text[n:])
	}
	if c, found := openpgp.ReadClear(u.out.Text); found {
		u.out.Seal.Signatures = append(u.out.Seal.Signatures, c.Signatures...)
		u.replace(c.Before, c.Text, c.After)
	} else if strings.Contains("\n"+u.out.Text, "\n"+openpgp.BeginSigned) { // begun, and not ended as it should
		u.out.Seal.Signatures = append(u.out.Seal.Signatures, nil)
	}
	return nil
}

func (u *unsealing) replace(before, text, after string) {
	u.out.Seal.Partly = u.out.Seal.Partly || strings.TrimSpace(before+after) != "" || len(u.out.Files) > 0
	u.out.Text = strings.TrimSpace(before + text + after)
}
