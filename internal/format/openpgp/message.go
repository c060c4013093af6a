package openpgp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Why a message is not opened, besides ErrLong.
const (
	ErrMessage Error = "message" // it cannot be read, or was changed on the way
	ErrLocked  Error = "locked"  // to none of the keys at hand
)

// Bounds of a message that comes from outside. An honest one has a recipient or two, one
// layer of compression and one signature.
const (
	maxRecipients = 64
	maxTries      = 16 // of our keys on its recipients: each is a multiplication on a curve
	maxLayers     = 2  // of compression
	maxSignatures = 4
)

// Message is an OpenPGP message that was opened (RFC 9580 §10.3).
type Message struct {
	Encrypted  bool
	Data       []byte
	Signatures Signatures
}

// Open reads one message, in armour or not, of at most limit bytes of content, with keys
// of our own: whatever age they have, since a letter may be written before a rotation.
// What is not protected against changes is not opened. Errors: ErrMessage, ErrLocked,
// ErrLong.
func Open(message []byte, keys []*Secret, limit int64) (*Message, error) {
	r := io.Reader(bytes.NewReader(message))
	if bytes.HasPrefix(bytes.TrimSpace(message), []byte("-----BEGIN")) {
		block, err := armor.Decode(bytes.NewReader(message))
		if err != nil || block.Type != "PGP MESSAGE" {
			return nil, ErrMessage
		}
		r = block.Body
	}
	m, err := open(r, keys, limit)
	var why Error
	switch {
	case err == nil || errors.As(err, &why):
		return m, err
	case errors.Is(err, pgperrors.ErrMessageTooLarge):
		return nil, ErrLong
	}
	return nil, ErrMessage
}

func open(r io.Reader, keys []*Secret, limit int64) (*Message, error) {
	packets := packet.NewReader(r)
	var to []*packet.EncryptedKey
	for range maxRecipients {
		p, err := packets.Next()
		if err != nil {
			return nil, err
		}
		var body io.ReadCloser
		switch p := p.(type) {
		case *packet.EncryptedKey:
			to = append(to, p)
			continue
		case *packet.SymmetricKeyEncrypted: // to a password that nobody here knows
			continue
		case *packet.SymmetricallyEncrypted:
			if !p.IntegrityProtected {
				return nil, ErrMessage
			}
			body, err = unlock(p, to, keys)
		case *packet.AEADEncrypted:
			body, err = unlock(p, to, keys)
		default:
			if len(to) > 0 {
				return nil, ErrMessage
			}
			packets.Unread(p)
			return read(packets, limit)
		}
		if err != nil {
			return nil, err
		}
		m, err := read(packet.NewReader(body), limit)
		if err != nil {
			return nil, err
		}
		m.Encrypted = true
		if err := body.Close(); err != nil { // what came was not what was sent
			return nil, ErrMessage
		}
		if _, err := packets.Next(); !errors.Is(err, io.EOF) { // nothing beside what was encrypted
			return nil, ErrMessage
		}
		return m, nil
	}
	return nil, ErrMessage
}

// unlock finds the recipient that is ours.
func unlock(p packet.EncryptedDataPacket, to []*packet.EncryptedKey, keys []*Secret) (io.ReadCloser, error) {
	tries := 0
	for _, k := range to {
		for _, own := range halves(keys) {
			if k.KeyId != 0 && k.KeyId != own.KeyId || k.Algo != own.PubKeyAlgo {
				continue
			}
			if tries++; tries > maxTries {
				return nil, ErrLocked
			}
			if err := k.Decrypt(own, nil); err != nil {
				continue
			}
			if body, err := p.Decrypt(k.CipherFunc, k.Key); err == nil && body != nil {
				return body, nil
			}
		}
	}
	return nil, ErrLocked
}

// halves are the secret halves of our keys that something can be encrypted to.
func halves(keys []*Secret) (out []*packet.PrivateKey) {
	for _, k := range keys {
		for i := range k.e.Subkeys {
			if p := k.e.Subkeys[i].PrivateKey; p != nil && p.PubKeyAlgo.CanEncrypt() {
				out = append(out, p)
			}
		}
	}
	return out
}

// read takes the content of a message with its signatures: one literal, compressed or
// not, before or behind it its signatures, and nothing else. A second literal could be
// taken for what the signature covers.
func read(packets *packet.Reader, limit int64) (*Message, error) {
	m := &Message{}
	var sigs []*packet.Signature
	announced, layers, seen := 0, 0, false
	for {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch p := p.(type) {
		case *packet.Compressed:
			if layers++; layers > maxLayers || seen {
				return nil, ErrMessage
			}
			if err := packets.Push(p.LimitedBodyReader(&limit)); err != nil {
				return nil, err
			}
		case *packet.OnePassSignature:
			announced++
		case *packet.Signature:
			sigs = append(sigs, p)
		case *packet.LiteralData:
			if seen {
				return nil, ErrMessage
			}
			seen = true
			if m.Data, err = io.ReadAll(io.LimitReader(p.Body, limit+1)); err != nil {
				return nil, err
			}
			if int64(len(m.Data)) > limit {
				return nil, ErrLong
			}
		case *packet.Padding:
		default:
			return nil, ErrMessage
		}
		if announced > maxSignatures || len(sigs) > maxSignatures {
			return nil, ErrMessage
		}
	}
	if !seen {
		return nil, ErrMessage
	}
	m.Signatures = over(m.Data, sigs)
	if len(sigs) == 0 && announced > 0 { // promised, and not there
		m.Signatures = Signatures{nil}
	}
	return m, nil
}

// Signatures are those of a letter, over all of it; nil stands for one that cannot be
// checked.
type Signatures []*Check

// over makes checks of signatures over bytes.
func over(data []byte, sigs []*packet.Signature) (out Signatures) {
	for _, s := range sigs {
		c, err := checkOf(s, true)
		if err == nil {
			_, _ = c.Write(data)
		}
		out = append(out, c)
	}
	return out
}

// ReadSignatures reads the detached signatures of a letter over its bytes, in the form
// that they were signed in (RFC 3156 §5: lines end with CRLF). It gives one at least.
func ReadSignatures(signature, data []byte) Signatures {
	if len(signature) > signatureBytes {
		return Signatures{nil}
	}
	r := io.Reader(bytes.NewReader(signature))
	if bytes.HasPrefix(bytes.TrimSpace(signature), []byte("-----BEGIN")) {
		block, err := armor.Decode(bytes.NewReader(signature))
		if err != nil || block.Type != openpgp.SignatureType {
			return Signatures{nil}
		}
		r = block.Body
	}
	return readSignatures(r, data)
}

func readSignatures(r io.Reader, data []byte) Signatures {
	var sigs []*packet.Signature
	packets := packet.NewReader(r)
	for {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) && len(sigs) > 0 {
			return over(data, sigs)
		}
		s, ok := p.(*packet.Signature)
		if err != nil || !ok || len(sigs) == maxSignatures {
			return Signatures{nil}
		}
		sigs = append(sigs, s)
	}
}

// Clear is a text signed in the clear (RFC 9580 §7). Only Text is what was signed.
type Clear struct {
	Before, Text, After string
	Signatures          Signatures
}

// Marks of a text signed in the clear.
const (
	BeginSigned    = "-----BEGIN PGP SIGNED MESSAGE-----"
	beginSignature = "-----BEGIN PGP SIGNATURE-----"
	endSignature   = "-----END PGP SIGNATURE-----"
)

// ReadClear finds the first text signed in the clear. One that is not whole is not found.
func ReadClear(text string) (c Clear, found bool) {
	lines := strings.SplitAfter(text, "\n")
	begin := slices.IndexFunc(lines, func(l string) bool { return bare(l) == BeginSigned })
	if begin < 0 {
		return c, false
	}
	i := begin + 1
	for ; i < len(lines) && bare(lines[i]) != ""; i++ {
		if !strings.HasPrefix(lines[i], "Hash:") { // anything else would be read as text that was signed
			return c, false
		}
	}
	var said []string
	for i++; i < len(lines) && bare(lines[i]) != beginSignature; i++ {
		line, escaped := strings.CutPrefix(bare(lines[i]), "- ")
		if !escaped && strings.HasPrefix(line, "-") {
			return c, false
		}
		said = append(said, line)
	}
	end := i
	for end < len(lines) && bare(lines[end]) != endSignature {
		end++
	}
	if end >= len(lines) {
		return c, false
	}
	c = Clear{Before: strings.Join(lines[:begin], ""), Text: strings.Join(said, "\n"), After: strings.Join(lines[end+1:], "")}
	c.Signatures = ReadSignatures([]byte(strings.Join(lines[i:end+1], "")), []byte(strings.Join(said, "\r\n")))
	return c, true
}

// bare is a line without its end and the white space before it, which no signature covers.
func bare(line string) string { return strings.TrimRight(line, " \t\r\n") }

// Verdict is what came of a letter's signatures.
type Verdict struct {
	Word string    // of the words below
	Key  string    // fingerprint of the key, else what the signature names it by; hexadecimal
	Made time.Time // as the signature says
}

// What came of a signature.
const (
	Unsigned = ""
	Good     = "good"
	Unknown  = "unknown" // by a key that is not among the sender's
	Bad      = "bad"     // over other bytes, or not to be relied on
	Expired  = "expired" // the key's or the signature's time is over
	Revoked  = "revoked" // the key was taken back
	Unfit    = "unfit"   // the key may not sign, or is too weak
)

// worth orders verdicts: one good signature is enough; else the graver word is told.
var worth = map[string]int{Unknown: 1, Unfit: 2, Expired: 3, Revoked: 4, Bad: 5, Good: 6}

// By tells what the signatures are worth when they should be the sender's, whose keys
// are given.
func (s Signatures) By(sender []*Cert, now time.Time) (v Verdict) {
	for _, c := range s {
		x := Verdict{Word: Bad}
		if c != nil {
			x = c.verdict(sender, now)
		}
		if worth[x.Word] > worth[v.Word] {
			v = x
		}
	}
	return v
}

func (c *Check) verdict(sender []*Cert, now time.Time) Verdict {
	v := Verdict{Word: Good, Key: c.named(), Made: c.sig.CreationTime}
	cert, err := c.By(sender, now)
	if cert != nil {
		v.Key = cert.Fingerprint
	}
	switch {
	case errors.Is(err, ErrStranger):
		v.Word = Unknown
	case errors.Is(err, ErrExpired):
		v.Word = Expired
	case errors.Is(err, ErrRevoked):
		v.Word = Revoked
	case errors.Is(err, ErrUnfit), errors.Is(err, ErrWeak):
		v.Word = Unfit
	case err != nil:
		v.Word = Bad
	}
	return v
}

// named is what the signature names its key by.
func (c *Check) named() string {
	if len(c.sig.IssuerFingerprint) > 0 {
		return strings.ToUpper(hex.EncodeToString(c.sig.IssuerFingerprint))
	}
	if c.sig.IssuerKeyId == nil {
		return ""
	}
	return fmt.Sprintf("%016X", *c.sig.IssuerKeyId)
}

// Seal begins a message to a certificate, signed by a key of our own unless that is nil:
// what is written to it leaves encrypted; Close ends it. Errors: ErrUnfit when nothing
// can be encrypted to the one or signed with the other now.
func Seal(w io.Writer, to *Cert, by *Secret, now time.Time, rand io.Reader) (io.WriteCloser, error) {
	var signer *openpgp.Entity
	if by != nil {
		if _, ok := by.e.SigningKey(now); !ok {
			return nil, ErrUnfit
		}
		signer = by.e
	}
	conf := config(now, rand)
	conf.DefaultCipher = packet.CipherAES256
	return openpgp.Encrypt(w, []*openpgp.Entity{to.e}, signer, &openpgp.FileHints{IsBinary: true}, conf)
}
