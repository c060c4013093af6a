package web

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strings"

	"straza/internal/kernel/fault"
)

// Upload is one file of a multipart form, to be read once, as it arrives. Nothing
// of it has touched the disk: sealed reports must not leave plaintext behind.
type Upload struct {
	Field string
	Name  string // base name as the sender wrote it, at most 200 characters; never a path of ours
	Type  string // what the sender says it is
	io.Reader
}

// UploadLimits bound a multipart form. Zero values mean 10 files of 100 MB.
type UploadLimits struct {
	Files int
	Bytes int64 // of one file
}

// Bounds of the text fields of a multipart form.
const (
	uploadFields = 200
	uploadText   = 1 << 20
)

// ReadUpload reads a multipart form as it arrives: text fields into the form, every
// file that is not empty to file, in the order sent (put file fields last, so that
// the texts are known). Too many or too large files are Limited, a broken body is
// Invalid. The route needs Body: -1 or a limit that fits. An ordinary form works, too.
func ReadUpload(r *http.Request, limits UploadLimits, file func(f *Form, u Upload) error) (*Form, error) {
	if limits.Files == 0 {
		limits.Files = 10
	}
	if limits.Bytes == 0 {
		limits.Bytes = 100_000_000
	}
	mr, err := r.MultipartReader()
	if errors.Is(err, http.ErrNotMultipart) {
		return ReadForm(r)
	}
	if err != nil {
		return nil, badForm(err)
	}
	f := &Form{Values: url.Values{}, r: r}
	files, fields, text := 0, 0, int64(0)
	for {
		p, err := mr.NextPart()
		if err == io.EOF {
			return f, nil
		}
		if err != nil {
			return nil, badForm(err)
		}
		if p.FileName() == "" {
			b, err := io.ReadAll(io.LimitReader(p, uploadText-text+1))
			if err != nil {
				return nil, badForm(err)
			}
			text += int64(len(b))
			if fields++; fields > uploadFields || text > uploadText {
				return nil, tooMuch("text fields")
			}
			f.Values.Add(p.FormName(), string(b))
			continue
		}
		n, err := readFile(f, p, limits, file)
		if err != nil {
			return nil, err
		}
		if files += n; files > limits.Files {
			return nil, tooMuch("files")
		}
	}
}

// readFile hands one file on; 0 when the field was left empty.
func readFile(f *Form, p *multipart.Part, limits UploadLimits, file func(*Form, Upload) error) (int, error) {
	body := &capped{r: p, left: limits.Bytes}
	head := make([]byte, 1)
	n, err := io.ReadFull(body, head)
	if n == 0 && err == io.EOF {
		return 0, nil
	}
	if err != nil {
		return 0, badForm(err)
	}
	u := Upload{Field: p.FormName(), Name: fileName(p.FileName()), Type: p.Header.Get("Content-Type"),
		Reader: io.MultiReader(strings.NewReader(string(head)), body)}
	if err := file(f, u); err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, body) // what the room did not want
	if err != nil {
		return 0, badForm(err)
	}
	return 1, nil
}

// fileName keeps the last element of what a sender calls a file.
func fileName(s string) string {
	s = path.Base(strings.ReplaceAll(strings.ToValidUTF8(s, ""), `\`, "/"))
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1 // control characters and those that turn the direction of writing
		}
		return r
	}, s)
	if rs := []rune(s); len(rs) > 200 {
		s = string(rs[:200])
	}
	if s == "." || s == ".." || s == "/" || s == "" {
		return "file"
	}
	return s
}

// capped is a reader that fails, rather than ends, at its limit: a file cut short
// must not look whole.
type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(b []byte) (int, error) {
	if int64(len(b)) > c.left+1 {
		b = b[:c.left+1]
	}
	n, err := c.r.Read(b)
	if c.left -= int64(n); c.left < 0 {
		return 0, tooMuch("one file")
	}
	return n, err
}

func tooMuch(what string) error {
	return fault.New(fault.Limited, "too much: %s", what).WithKey("web.error.toolarge").Because(&http.MaxBytesError{})
}

func badForm(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) || fault.Of(err) != nil {
		return err
	}
	return fault.New(fault.Invalid, "the form cannot be read").WithKey("web.error.form").Because(err)
}
