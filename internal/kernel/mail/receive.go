package mail

import (
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

// Parse reads a letter (RFC 5322, MIME) within limits: bytes, parts, depth.
func Parse(r io.Reader) (in Received, err error) {
	mr, err := gomessage.CreateReader(io.LimitReader(r, maxLetter))
	if err != nil && !message.IsUnknownCharset(err) {
		return in, err
	}
	defer mr.Close()
	readHeader(mr, &in)
	for n := 0; ; n++ {
		p, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return in, nil
		}
		if err != nil && !message.IsUnknownCharset(err) {
			return in, err
		}
		if n >= maxParts {
			return in, errTooMany
		}
		if err := takePart(p, &in); err != nil {
			return in, err
		}
	}
}

func readHeader(mr *gomessage.Reader, in *Received) {
	in.Subject, _ = mr.Header.Subject()
	in.MessageID, _ = mr.Header.MessageID()
	if ids, err := mr.Header.MsgIDList("In-Reply-To"); err == nil && len(ids) > 0 {
		in.InReplyTo = ids[0]
	}
	if from, err := mr.Header.AddressList("From"); err == nil && len(from) > 0 {
		in.Header = from[0].Address
	}
	auto := mr.Header.Get("Auto-Submitted")
	in.Auto = auto != "" && auto != "no" || mr.Header.Get("X-Auto-Response-Suppress") != "" || strings.EqualFold(mr.Header.Get("Precedence"), "bulk")
}

func takePart(p *gomessage.Part, in *Received) error {
	switch h := p.Header.(type) {
	case *gomessage.InlineHeader:
		t, _, _ := h.ContentType()
		if t != "text/plain" && t != "" || in.Text != "" {
			_, err := io.Copy(io.Discard, p.Body)
			return err
		}
		b, err := io.ReadAll(io.LimitReader(p.Body, maxBody))
		in.Text = strings.ToValidUTF8(string(b), "\uFFFD")
		return err
	case *gomessage.AttachmentHeader:
		if len(in.Files) >= maxFiles {
			return errTooMany
		}
		name, _ := h.Filename()
		t, _, _ := h.ContentType()
		b, err := io.ReadAll(p.Body)
		in.Files = append(in.Files, ReceivedFile{Name: name, Type: t, Data: b})
		return err
	}
	return nil
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
