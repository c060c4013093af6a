package intake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"

	"straza/internal/craft/form"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/vault"
)

// sealBytes seals a small text for team, recovery and the submission's own key.
func (s *Service) sealBytes(l vault.Label, submission string, plain []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := s.Vault.SealReport(&b, l, submission)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(plain)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (s *Service) sealJSON(l vault.Label, submission string, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return s.sealBytes(l, submission, plain)
}

// hashing counts and hashes what is read through it.
type hashing struct {
	r   io.Reader
	sum interface {
		io.Writer
		Sum([]byte) []byte
	}
	n int64
}

func newHashing(r io.Reader) *hashing { return &hashing{r: r, sum: sha256.New()} }

func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	_, _ = h.sum.Write(p[:n])
	h.n += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) { // the sender stopped in the middle
		err = fault.New(fault.Invalid, "the file ends early").WithKey("intake.fault.half").Because(err)
	}
	return n, err
}

func (h *hashing) hex() string { return hex.EncodeToString(h.sum.Sum(nil)) }

// sealing gives the sealed form of what r gives, made as it is read: nothing is
// held but one chunk, and nothing plain touches a disk.
func (s *Service) sealing(l vault.Label, submission string, r io.Reader) io.ReadCloser {
	pr, pw := io.Pipe()
	go func() {
		w, err := s.Vault.SealReport(pw, l, submission)
		if err == nil {
			_, err = io.Copy(w, r)
			if err == nil {
				err = w.Close()
			}
		}
		_ = pw.CloseWithError(err)
	}()
	return pr
}

// maxMeta caps names and types that a sender gives a file.
const maxMeta = 200

// tidy makes a foreign text one that both engines store: valid UTF-8, no control
// characters but line ends and tabs (PostgreSQL refuses NUL in any text).
func tidy(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), ""))
}

func cut(s string, n int) string {
	s = tidy(s)
	if rs := []rune(s); len(rs) > n {
		return string(rs[:n])
	}
	return s
}

// storeFile streams a file to disk, sealed or plain, and tells its plain size and
// hash. Faults: Limited when it is larger than the limit.
func (s *Service) storeFile(ctx context.Context, id string, sealed bool, submission string, limit int64, r io.Reader) (form.File, blob.Ref, error) {
	h := newHashing(form.Cap(r, limit))
	var src io.Reader = h
	if sealed {
		p := s.sealing(vault.Label{Kind: vault.KindFile, Record: id}, submission, h)
		defer p.Close()
		src = p
	}
	ref, err := s.Blobs.Put(ctx, src)
	if err != nil {
		return form.File{}, ref, err
	}
	return form.File{ID: id, Size: h.n, SHA256: h.hex(), Blob: ref.Name, Stored: ref.Size, StoredIs: ref.SHA256}, ref, nil
}

// openForReporter opens a sealed text with the receipt code.
func (s *Service) openForReporter(code vault.Code, sub submissionRow, l vault.Label, sealed io.Reader) (io.Reader, error) {
	r, err := s.Vault.OpenWithCode(code, vault.Submission{Public: sub.public, Wrapped: sub.wrapped}, l, sealed)
	if errors.Is(err, vault.ErrSealBroken) {
		err = fault.New(fault.Unavailable, "a sealed part of report %d does not open", sub.id).WithKey("intake.fault.damaged").Because(err)
	}
	return r, err
}
