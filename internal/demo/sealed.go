package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
)

// sealedAnswer lets an outside party answer a case by a letter that is encrypted to the
// installation and signed. Its key is thrown away: the CERT keeps the public half only.
// What is random in it comes from a generator of its own, so that the rest of the story
// is the same with and without it.
func (c *country) sealedAnswer(ctx context.Context, lead ident.Actor, name, address, subject, text string) error {
	to, err := c.replyAddress(ctx, address)
	if err != nil {
		return err
	}
	random := rand.NewChaCha8([32]byte([]byte("the throw-away key of this story")))
	now := c.Clock.Now()
	key, err := openpgp.NewSecret(openpgp.Owner{Name: name, Email: address}, c.from, random)
	if err != nil {
		return err
	}
	cert, err := key.Cert()
	if err != nil {
		return err
	}
	if _, err := c.Registry.SetLetterKey(ctx, lead, address, cert.Armored); err != nil {
		return err
	}
	ours, err := c.Seal.Keys(ctx, ident.Nobody(ident.Web))
	if err != nil || len(ours) == 0 {
		return fmt.Errorf("the installation has no key: %w", err)
	}
	host, err := openpgp.Read(ours[0].Armored)
	if err != nil {
		return err
	}
	var cipher bytes.Buffer
	w, err := openpgp.Seal(&cipher, host, key, now, random)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(w, "Content-Type: text/plain; charset=utf-8; protected-headers=\"v1\"\r\nSubject: %s\r\n\r\n%s\r\n", subject, text); err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	in, err := mail.Parse(strings.NewReader(envelope(address, to, cipher.Bytes())))
	if err != nil {
		return err
	}
	in.To = []string{to}
	return c.Threads.Receive(ctx, in)
}

// envelope is a letter as RFC 3156 §4 has it; its subject stands inside.
func envelope(from, to string, cipher []byte) string {
	const mark = "straza-demo"
	text := base64.StdEncoding.EncodeToString(cipher)
	lines := make([]string, 0, len(text)/76+1)
	for ; len(text) > 76; text = text[76:] {
		lines = append(lines, text[:76])
	}
	return strings.Join([]string{"From: <" + from + ">", "To: <" + to + ">", "Subject: ...", "Message-ID: <1@" + from[strings.Index(from, "@")+1:] + ">", "MIME-Version: 1.0",
		`Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=` + mark, "",
		"--" + mark, "Content-Type: application/pgp-encrypted", "", "Version: 1",
		"--" + mark, `Content-Type: application/octet-stream; name="encrypted.asc"`, "Content-Transfer-Encoding: base64", "",
		strings.Join(append(lines, text), "\r\n"), "--" + mark + "--", ""}, "\r\n")
}

// replyAddress is where an answer to the newest letter to an address goes.
func (c *country) replyAddress(ctx context.Context, address string) (string, error) {
	list, err := c.Post.ListCaught(ctx, 0)
	for _, l := range list {
		if l.To == address && l.Purpose == "thread" {
			return l.ReplyTo, nil
		}
	}
	if err == nil {
		err = fault.New(fault.NotFound, "no letter to %s", address)
	}
	return "", err
}
