package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // letters come in every charset
	gomessage "github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"

	"straza/internal/kernel/fault"
)

// Limits of one incoming letter, checked before and while it is parsed.
const (
	maxLetter = 25 << 20
	maxParts  = 100
	maxDepth  = 20 // of parts within parts
	maxBody   = 1 << 20
	maxFiles  = 20
)

// Received is an incoming letter. Files are read once, in order, by Receiver.
type Received struct {
	From      string // envelope sender (MAIL FROM)
	Header    string // From: header address
	To        []string
	Subject   string
	MessageID string
	InReplyTo string
	Auto      bool // an automatic answer: never answered automatically
	Text      string
	Files     []ReceivedFile
	Seal      Sealing

	whole []byte // the letter as it came, when OpenPGP is in it
}

// ReceivedFile is an attachment; Name comes from outside and is only a label.
type ReceivedFile struct {
	Name, Type string
	Data       []byte
}

// Receiver is the room that takes letters in. It returns nil only once the letter
// is committed. Faults: NotFound = no such recipient (550), Limited = later (452).
type Receiver interface {
	Receive(ctx context.Context, r Received) error
}

// Listen takes letters for domain on addr until ctx ends.
func Listen(ctx context.Context, addr, domain string, to Receiver) (net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for mail: %w", err)
	}
	srv := smtp.NewServer(&backend{ctx: ctx, to: to, domain: domain})
	srv.Domain, srv.MaxMessageBytes, srv.MaxRecipients = domain, maxLetter, 10
	srv.ReadTimeout, srv.WriteTimeout = time.Minute, time.Minute
	srv.MaxLineLength = 4096
	srv.ErrorLog = slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug)
	go func() { <-ctx.Done(); _ = srv.Close() }()
	go func() {
		if err := srv.Serve(l); err != nil && ctx.Err() == nil {
			slog.Error("mail: the mailbox stopped", "error", err)
		}
	}()
	return l.Addr(), nil
}

type backend struct {
	ctx    context.Context
	to     Receiver
	domain string
}

func (b *backend) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{b: b}, nil }

type session struct {
	b    *backend
	from string
	rcpt []string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

// Rcpt takes recipients of our own domain only: this is no relay.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if _, d, ok := strings.Cut(to, "@"); !ok || !strings.EqualFold(d, s.b.domain) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not a relay"}
	}
	s.rcpt = append(s.rcpt, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	in, err := Parse(r)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "the letter cannot be read"}
	}
	in.From, in.To = s.from, s.rcpt
	switch err := s.b.to.Receive(s.b.ctx, in); {
	case err == nil:
		return nil
	case fault.Is(err, fault.NotFound):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such recipient"}
	case fault.Is(err, fault.Invalid):
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "not accepted"}
	default:
		slog.Warn("mail: try again later", "error", err)
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}
	}
}

func (s *session) Reset()        { s.from, s.rcpt = "", nil }
func (s *session) Logout() error { return nil }

var errTooMany = errors.New("too many parts")

// Parse reads a letter (RFC 5322, MIME) within limits: bytes, parts, depth. What is
// encrypted or signed in it Unseal opens.
func Parse(r io.Reader) (in Received, err error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxLetter))
	if err != nil {
		return in, err
	}
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil && !message.IsUnknownCharset(err) {
		return in, err
	}
	readHeader(gomessage.Header{Header: e.Header}, &in)
	parts := 0
	if err := takeParts(e, &in, 0, &parts); err != nil {
		return in, err
	}
	if wrapped(e.Header) != "" || armoured(in.Text) {
		in.whole = raw
	}
	return in, nil
}

// takeParts walks the parts below e. The depth is bounded, because each level reads
// through all those above it: five thousand of them would take ten seconds.
func takeParts(e *message.Entity, in *Received, depth int, parts *int) error {
	if *parts++; *parts > maxParts {
		return errTooMany
	}
	mr := e.MultipartReader()
	if mr == nil {
		return takePart(e, in)
	}
	if depth >= maxDepth {
		return errTooMany
	}
	for {
		p, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !message.IsUnknownCharset(err) {
			return err
		}
		if err := takeParts(p, in, depth+1, parts); err != nil {
			return err
		}
	}
}

func readHeader(h gomessage.Header, in *Received) {
	in.Subject, _ = h.Subject()
	in.MessageID, _ = h.MessageID()
	if ids, err := h.MsgIDList("In-Reply-To"); err == nil && len(ids) > 0 {
		in.InReplyTo = ids[0]
	}
	if from, err := h.AddressList("From"); err == nil && len(from) > 0 {
		in.Header = from[0].Address
	}
	auto := h.Get("Auto-Submitted")
	in.Auto = auto != "" && auto != "no" || h.Get("X-Auto-Response-Suppress") != "" || strings.EqualFold(h.Get("Precedence"), "bulk")
}

// takePart takes the first text, and what is neither text nor shown inside it as a file.
func takePart(e *message.Entity, in *Received) error {
	t, _, _ := e.Header.ContentType()
	disp, _, _ := e.Header.ContentDisposition()
	if disp == "inline" || disp != "attachment" && strings.HasPrefix(t, "text/") {
		if t != "text/plain" && t != "" || in.Text != "" {
			_, err := io.Copy(io.Discard, e.Body)
			return err
		}
		b, err := io.ReadAll(io.LimitReader(e.Body, maxBody))
		in.Text = strings.ToValidUTF8(string(b), "\uFFFD")
		return err
	}
	if len(in.Files) >= maxFiles {
		return errTooMany
	}
	h := gomessage.AttachmentHeader{Header: e.Header}
	name, _ := h.Filename()
	b, err := io.ReadAll(e.Body)
	in.Files = append(in.Files, ReceivedFile{Name: name, Type: t, Data: b})
	return err
}

// Address gives the bare address of a header or envelope value, lower case; ""
// when there is none.
func Address(s string) string {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return ""
	}
	return strings.ToLower(a.Address)
}
