package web

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"

	"straza/internal/kernel/fault"
)

func multi(t *testing.T, parts ...string) (string, *bytes.Buffer) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		name, rest, _ := strings.Cut(p, "=")
		var out io.Writer
		var err error
		if file, body, ok := strings.Cut(rest, "|"); ok {
			out, err = w.CreateFormFile(name, file)
			rest = body
		} else {
			out, err = w.CreateFormField(name)
		}
		if err == nil {
			_, err = io.WriteString(out, rest)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), &b
}

func TestReadUpload(t *testing.T) {
	limits := UploadLimits{Files: 2, Bytes: 8}
	for name, c := range map[string]struct {
		parts []string
		want  string // names and sizes seen, or the kind of fault
	}{
		"text and files":   {[]string{"a=1", `f=C:\x\slika.png|12345678`, "f=b.txt|1"}, "slika.png:8 b.txt:1 "},
		"empty file field": {[]string{"a=1", "f=|"}, ""},
		"too large":        {[]string{"f=a|123456789"}, "limited"},
		"too many":         {[]string{"f=a|1", "f=b|1", "f=c|1"}, "limited"},
		"too much text":    {[]string{"a=" + strings.Repeat("x", uploadText+1)}, "limited"},
		"direction turned": {[]string{"f=a\u202egpj.exe|1"}, "agpj.exe:1 "},
	} {
		ctype, body := multi(t, c.parts...)
		r := httptest.NewRequest("POST", "/", body)
		r.Header.Set("Content-Type", ctype)
		var seen strings.Builder
		f, err := ReadUpload(r, limits, func(_ *Form, u Upload) error {
			n, err := io.Copy(io.Discard, u)
			seen.WriteString(u.Name + ":" + string(rune('0'+n)) + " ")
			return err
		})
		got := seen.String()
		if err != nil {
			got = string(fault.KindOf(err))
		} else if len(c.parts) > 0 && strings.HasPrefix(c.parts[0], "a=1") && f.Values.Get("a") != "1" {
			t.Errorf("%s: text field lost", name)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q (%v)", name, got, c.want, err)
		}
	}
}

func FuzzReadUpload(f *testing.F) {
	f.Add("--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n123\r\n--x--\r\n")
	f.Add("--x\r\n\r\n--x")
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		_, err := ReadUpload(r, UploadLimits{Files: 2, Bytes: 100}, func(_ *Form, u Upload) error {
			if strings.ContainsAny(u.Name, "/\\\x00") || u.Name == "" || u.Name == ".." {
				t.Fatalf("name %q", u.Name)
			}
			return nil
		})
		if k := fault.KindOf(err); k != "" && k != fault.Invalid && k != fault.Limited {
			t.Fatalf("%v", err)
		}
	})
}
