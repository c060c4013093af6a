package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
)

// Download makes the browser save the answer under a name instead of showing it.
func Download(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
}

// SendFile sends a file that came from outside: never inline and never by its own
// type, always a download that no cache keeps. It closes body. A file that breaks in
// the middle breaks the connection: half a file must not look whole.
func SendFile(w http.ResponseWriter, name string, body io.ReadCloser) error {
	defer body.Close()
	if name == "" {
		name = "file"
	}
	first := make([]byte, 32<<10)
	n, err := io.ReadFull(body, first) // what does not open at all is still an answer of its own
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "private, no-store")
	Download(w, name)
	if _, err = w.Write(first[:n]); err == nil {
		_, err = io.Copy(w, body)
	}
	if err != nil {
		Broken(err)
	}
	return nil
}
