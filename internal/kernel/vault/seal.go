package vault

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"

	"straza/internal/kernel/fault"
)

// Kinds of sealed content. The postman opens KindAddress and nothing else; the
// team opens all others.
const (
	KindReport   = "report"   // body of a report
	KindIdentity = "identity" // who reported
	KindFile     = "file"     // attachment of a report
	KindAnswer   = "answer"   // letter between team and reporter
	KindEvidence = "evidence" // evidence file of a case
	KindAddress  = "address"  // e-mail address for the postman
)

// Label says what a sealed text is and whose. It stands in front of the
// ciphertext for all to see and once more inside, authenticated, so that one
// report's content cannot be put in another's place to be opened there.
type Label struct {
	Kind   string // one of the kinds above
	Record string // UUID of the row it belongs to: 1 to 100 of A–Z a–z 0–9 . _ : -
}

// Valid tells whether the label can be written.
func (l Label) Valid() bool {
	switch l.Kind {
	case KindReport, KindIdentity, KindFile, KindAnswer, KindEvidence, KindAddress:
	default:
		return false
	}
	return recordOK(l.Record)
}

func recordOK(s string) bool {
	if len(s) < 1 || len(s) > 100 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._:-", c) >= 0) {
			return false
		}
	}
	return true
}

const (
	sealMagic = "straza-sealed/1"
	maxHeader = 160 // longest possible header line with its newline
)

func (l Label) line() string { return sealMagic + " " + l.Kind + " " + l.Record + "\n" }

// ReadLabel reads the open label of a sealed text and gives the rest, which is
// an age file. It reads at most 160 bytes to find the line.
func ReadLabel(r io.Reader) (Label, io.Reader, error) {
	br := bufio.NewReaderSize(r, 4096)
	l, err := readLine(br)
	return l, br, err
}

func readLine(br *bufio.Reader) (Label, error) {
	head, err := br.Peek(maxHeader)
	if err != nil && !errors.Is(err, io.EOF) {
		return Label{}, fmt.Errorf("vault: read sealed text: %w", err)
	}
	n := bytes.IndexByte(head, '\n')
	if n < 0 {
		return Label{}, fmt.Errorf("%w: no label", ErrSealBroken)
	}
	part := strings.Split(string(head[:n]), " ")
	if len(part) != 3 || part[0] != sealMagic {
		return Label{}, fmt.Errorf("%w: label", ErrSealBroken)
	}
	l := Label{Kind: part[1], Record: part[2]}
	if !l.Valid() {
		return Label{}, fmt.Errorf("%w: label", ErrSealBroken)
	}
	_, err = br.Discard(n + 1)
	return l, err
}

// SealReport streams content to the team, the recovery key and, unless it is
// empty, a submission's own public key. Close ends it; without Close it cannot be
// opened. Nothing is buffered beyond one chunk of 64 KiB.
func (v *Vault) SealReport(w io.Writer, l Label, submission string) (io.WriteCloser, error) {
	known := v.Recipients()
	to := []string{known.Team, known.Recovery}
	if submission != "" {
		to = append(to, submission)
	}
	return v.SealTo(w, l, to...)
}

// SealAddress seals an e-mail address to the postman alone. It is padded, so that
// the length of the ciphertext says nothing about the address.
func (v *Vault) SealAddress(record, address string) ([]byte, error) {
	if len(address) > 320 || strings.ContainsAny(address, "\r\n\x00") || !strings.Contains(address, "@") {
		return nil, fault.Field("email", "vault.address_invalid", "not an address for the postman")
	}
	var b bytes.Buffer
	w, err := v.SealTo(&b, Label{KindAddress, record}, v.Recipients().Postman)
	if err != nil {
		return nil, err
	}
	padded := append([]byte(address), make([]byte, 320-len(address))...)
	_, err = w.Write(padded)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("vault: seal address: %w", err)
	}
	return b.Bytes(), nil
}

// SealTo streams content into age for the given public keys; SealReport and
// SealAddress choose them. Before the unsealing process was met it is Unavailable.
func (v *Vault) SealTo(w io.Writer, l Label, to ...string) (io.WriteCloser, error) {
	if !l.Valid() {
		return nil, fmt.Errorf("vault: label %q of %q cannot be written", l.Kind, l.Record)
	}
	var rs []age.Recipient
	for _, key := range to {
		if key == "" {
			return nil, fault.New(fault.Unavailable, "sealing: the unsealing process was never met").WithKey("vault.not_ready")
		}
		r, err := age.ParseX25519Recipient(key)
		if err != nil {
			return nil, fmt.Errorf("vault: public key: %w", err)
		}
		rs = append(rs, r)
	}
	if _, err := io.WriteString(w, l.line()); err != nil {
		return nil, fmt.Errorf("vault: seal %s: %w", l.Kind, err)
	}
	enc, err := age.Encrypt(w, rs...)
	if err != nil {
		return nil, fmt.Errorf("vault: seal %s: %w", l.Kind, err)
	}
	if _, err := io.WriteString(enc, l.line()); err != nil {
		return nil, fmt.Errorf("vault: seal %s: %w", l.Kind, err)
	}
	return enc, nil
}

// OpenSealed opens a sealed text for whoever holds an identity. The label outside
// and the one inside must both be want. The content is authenticated chunk by
// chunk: what was read is true, and a cut end is an error at the end.
func OpenSealed(r io.Reader, want Label, ids ...age.Identity) (io.Reader, error) {
	outer, rest, err := ReadLabel(r)
	if err != nil {
		return nil, err
	}
	if outer != want {
		return nil, fmt.Errorf("%w: labelled as %s", ErrSealBroken, outer.Kind)
	}
	plain, err := age.Decrypt(rest, ids...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSealBroken, want.Kind, err)
	}
	inner, body, err := ReadLabel(plain)
	if err != nil {
		return nil, err
	}
	if inner != want {
		return nil, fmt.Errorf("%w: belongs to another record", ErrSealBroken)
	}
	return body, nil
}

// Submission is the key pair of one report. Public and Wrapped are stored with
// it; the private half exists only while the receipt code is shown.
type Submission struct {
	Public  string // age public key; the team's answers are sealed to it as well
	Wrapped []byte // private half under a key of the receipt code and of this vault
}

// NewSubmission makes the key pair of a report that is opened with code.
func (v *Vault) NewSubmission(code Code) (Submission, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return Submission{}, fmt.Errorf("vault: submission key: %w", err)
	}
	s := Submission{Public: id.Recipient().String()}
	aead, err := chacha20poly1305.NewX(v.codeKey(code))
	if err != nil {
		return Submission{}, fmt.Errorf("vault: wrap submission key: %w", err)
	}
	nonce := make([]byte, chacha20poly1305.NonceSizeX, 160)
	if _, err := io.ReadFull(v.rand, nonce); err != nil {
		return Submission{}, fmt.Errorf("vault: wrap submission key: %w", err)
	}
	s.Wrapped = aead.Seal(nonce, nonce, []byte(id.String()), []byte(s.Public))
	return s, nil
}

// OpenWithCode opens the reporter's copy: code as ParseCode gave it, s as stored,
// want as SealReport was given. A wrong code gives ErrSealBroken.
func (v *Vault) OpenWithCode(code Code, s Submission, want Label, sealed io.Reader) (io.Reader, error) {
	aead, err := chacha20poly1305.NewX(v.codeKey(code))
	if err != nil {
		return nil, fmt.Errorf("vault: unwrap submission key: %w", err)
	}
	const n = chacha20poly1305.NonceSizeX
	if len(s.Wrapped) < n {
		return nil, fmt.Errorf("%w: submission key", ErrSealBroken)
	}
	private, err := aead.Open(nil, s.Wrapped[:n], s.Wrapped[n:], []byte(s.Public))
	if err != nil {
		return nil, fmt.Errorf("%w: submission key", ErrSealBroken)
	}
	id, err := age.ParseX25519Identity(string(private))
	if err != nil {
		return nil, fmt.Errorf("%w: submission key", ErrSealBroken)
	}
	return OpenSealed(sealed, want, id)
}
