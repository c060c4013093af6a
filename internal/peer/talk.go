package peer

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/outbound"
)

// What follows is how we speak to a server of somebody else's, whatever it speaks; the
// chamber for TAXII does so, too.

// NoAnswer is an answer that is no success. Its sentence comes from the other side: cut to
// a line, shown, never believed.
type NoAnswer struct {
	Status   int
	Message  string
	Location string
	After    time.Duration // how long we are asked to wait, at most a day
}

// Error gives status and sentence.
func (e *NoAnswer) Error() string { return fmt.Sprintf("answered %d: %s", e.Status, e.Message) }

// refusalBytes is what is read of an answer that is no success.
const refusalBytes = 64 << 10

// Refusal reads such an answer; say finds the sentence in its body. The caller closes it.
func Refusal(resp *http.Response, say func(body []byte) string) *NoAnswer {
	e := &NoAnswer{Status: resp.StatusCode, Location: resp.Header.Get("Location")}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, refusalBytes))
	e.Message = Cut(say(b))
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		e.After = min(time.Duration(min(n, 24*3600))*time.Second, 24*time.Hour)
	}
	return e
}

// Dial makes the client of a server: its own patience in seconds, its own certificate
// ("" = those of the machine), at most so many bytes an answer, no redirects.
func Dial(cfg outbound.Config, patience int, ca string, most int64) *outbound.Client {
	cfg.Timeout, cfg.MaxBytes, cfg.NoRedirects = time.Duration(patience)*time.Second, most, true
	if ca != "" {
		cfg.Roots = x509.NewCertPool()
		cfg.Roots.AppendCertsFromPEM([]byte(ca))
	}
	return outbound.New(cfg)
}

// Cut makes somebody else's text fit for a line of ours.
func Cut(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200])
	}
	return strings.TrimSpace(s)
}

// Value reads an answer of at most so many bytes into v (nil = not at all).
func Value(r io.Reader, most int64, v any) error {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	switch {
	case fault.Is(err, fault.Limited), err == nil && int64(len(b)) > most:
		return tooLarge()
	case err != nil:
		return fault.New(fault.Unavailable, "the answer broke off").Because(err)
	case v != nil && json.Unmarshal(b, v) != nil:
		return Odd("the answer is not what was asked for")
	}
	return nil
}

const (
	unexpectedKey = "peer.fault.unexpected"
	largeKey      = "peer.fault.large"
)

// Odd is an answer that is not what the protocol says.
func Odd(why string) error {
	return fault.New(fault.Unavailable, "%s", why).WithKey(unexpectedKey)
}

// tooLarge is an answer that will be so the next time, too.
func tooLarge() error {
	return fault.New(fault.Unavailable, "the answer is too large").WithKey(largeKey)
}

// Broken tells a stream that ended (off) from one that is not what was asked for (why);
// a fault that came out of the walk itself stays what it is.
func Broken(err error, why, off string) error {
	var syntax *json.SyntaxError
	var typed *json.UnmarshalTypeError
	f := fault.Of(err)
	switch {
	case err == nil || errors.As(err, &syntax) || errors.As(err, &typed):
		return Odd(why)
	case f != nil && f.Kind == fault.Limited:
		return tooLarge()
	case f != nil:
		return err
	}
	return fault.New(fault.Unavailable, "%s", off).Because(err)
}

// CodeOf turns how an exchange ended into a number of MISP's.
func CodeOf(err error) Code {
	var said *NoAnswer
	switch {
	case err == nil:
		return OK
	case errors.As(err, &said) && (said.Status == http.StatusUnauthorized || said.Status == http.StatusForbidden):
		return Forbidden
	case errors.As(err, &said):
		return Unexpected
	}
	if f := fault.Of(err); f != nil && (f.Key == unexpectedKey || f.Key == largeKey) {
		return Unexpected
	}
	return Unreachable
}

// DetailOf is what an operator reads of a failure: never a body, never a key.
func DetailOf(err error) string {
	var said *NoAnswer
	if errors.As(err, &said) {
		return Cut(strconv.Itoa(said.Status) + " " + said.Message)
	}
	if f := fault.Of(err); f != nil {
		return Cut(f.Detail)
	}
	return Cut(err.Error())
}

// Pause is how long nobody is sent to a server after so many failures in a row: what the
// breaker says, or longer where the other side asked for it.
func Pause(failures int, cause error) time.Duration {
	wait := Wait(failures)
	var said *NoAnswer
	if errors.As(cause, &said) {
		wait = max(wait, said.After)
	}
	return wait
}
