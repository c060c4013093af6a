package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
)

// SMTP is a mail server named by URL: smtp://[user:password@]host[:port] tries
// STARTTLS, smtps:// speaks TLS from the first byte.
type SMTP struct {
	host, user, password string
	port                 int
	implicit             bool
	plain                bool // loopback without TLS: a relay on this machine
}

// ParseSMTP reads the --mail setting.
func ParseSMTP(raw string) (*SMTP, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, fault.New(fault.Invalid, "the mail server must be smtp://host:port or smtps://host:port")
	}
	s := &SMTP{host: u.Hostname(), implicit: u.Scheme == "smtps", user: u.User.Username(), port: 587}
	s.password, _ = u.User.Password()
	if s.implicit {
		s.port = 465
	}
	if u.Port() != "" {
		s.port, _ = strconv.Atoi(u.Port())
	}
	s.plain = !s.implicit && (s.host == "localhost" || s.host == "127.0.0.1" || s.host == "::1")
	return s, nil
}

func (s *SMTP) options() []gomail.Option {
	opts := []gomail.Option{gomail.WithPort(s.port), gomail.WithTimeout(30 * time.Second), gomail.WithHELO("straza.invalid")}
	switch {
	case s.implicit:
		opts = append(opts, gomail.WithSSL())
	case s.plain:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSOpportunistic), gomail.WithTLSConfig(&tls.Config{InsecureSkipVerify: true})) //nolint:gosec // loopback relay
	default:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.user != "" {
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.user), gomail.WithPassword(s.password))
	}
	return opts
}

// Deliver sends one letter. Faults: Invalid when the server says never (5xx).
func (s *SMTP) Deliver(ctx context.Context, from string, l Letter) error {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := m.From(from); err != nil {
		return fault.New(fault.Unavailable, "our own address %q is none", from).Because(err)
	}
	if err := m.To(l.To); err != nil {
		return fault.New(fault.Invalid, "the recipient's address is none").Because(err)
	}
	if l.ReplyTo != "" {
		if err := m.ReplyTo(l.ReplyTo); err != nil {
			return fault.New(fault.Invalid, "the reply address is none").Because(err)
		}
	}
	if l.Key.Fingerprint == "" {
		m.Subject(l.Subject)
	} else {
		m.Subject("...") // the real one is inside
	}
	m.SetMessageIDWithValue(l.MessageID)
	if l.InReplyTo != "" {
		m.SetGenHeader(gomail.HeaderInReplyTo, "<"+l.InReplyTo+">")
		m.SetGenHeader(gomail.HeaderReferences, "<"+l.InReplyTo+">")
	}
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no automatic answers to us
	m.SetGenHeader("Content-Language", l.Lang)
	m.SetDate()
	if l.Key.Fingerprint == "" {
		m.SetBodyString(gomail.TypeTextPlain, l.Body)
	} else if err := encrypted(m, l); err != nil {
		return err
	}
	c, err := gomail.NewClient(s.host, s.options()...)
	if err != nil {
		return err
	}
	err = c.DialAndSendWithContext(ctx, m)
	var se *gomail.SendError
	if errors.As(err, &se) && se.ErrorCode() >= 550 && se.ErrorCode() < 560 && !se.IsTemp() {
		return fault.New(fault.Invalid, "the mail server refused the letter for good").Because(err)
	}
	return err
}

// encrypted is the letter's text for its recipient's key alone.
func encrypted(m *gomail.Msg, l Letter) error {
	message, err := seal(l.Key, l, clock.System().Now())
	if err != nil {
		return fault.New(fault.Unavailable, "the letter could not be encrypted").Because(err)
	}
	return sealed(m, message)
}

// Probe connects, greets and enters as Deliver would, and sends nothing.
func (s *SMTP) Probe(ctx context.Context) error {
	c, err := gomail.NewClient(s.host, append(s.options(), gomail.WithTimeout(10*time.Second))...)
	if err != nil {
		return err
	}
	if err := c.DialWithContext(ctx); err != nil {
		return fault.New(fault.Unavailable, "%s does not answer", s.host).Because(err)
	}
	return c.Close()
}
