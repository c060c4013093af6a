package intelmisp

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// refusal is an answer that is an error: its status and, if body is nil, the
// message of MISP's exception envelope.
type refusal struct {
	status  int
	message string
	body    []byte
	header  [2]string
}

func (e *refusal) Error() string { return strconv.Itoa(e.status) + " " + e.message }

func fail(status int, message string) error { return &refusal{status: status, message: message} }

func badJSON() error                  { return fail(http.StatusMethodNotAllowed, misp.MsgBadJSON) }
func notFound(message string) error   { return fail(http.StatusNotFound, message) }
func notAllowed(message string) error { return fail(http.StatusMethodNotAllowed, message) }
func forbidden(message string) error  { return fail(http.StatusForbidden, message) }

// unsaved is MISP's answer to a failed validation: 403 with errors.
func unsaved(o misp.Outcome) error {
	return &refusal{status: http.StatusForbidden, message: "validation", body: misp.Failure(o)}
}

// instead gives another error where a fault is of one of the kinds; MISP has its
// own text for each place.
func instead(err error, with error, kinds ...fault.Kind) error {
	for _, k := range kinds {
		if fault.Is(err, k) {
			return with
		}
	}
	return err
}

// Fail writes an error in MISP's form; kernel/web calls it.
func writeFault(w http.ResponseWriter, r *http.Request, err error) {
	c := parse(w, r)
	status, message := statusOf(err)
	var ref *refusal
	body := []byte(nil)
	if errors.As(err, &ref) {
		body = ref.body
		if ref.header[0] != "" {
			w.Header().Set(ref.header[0], ref.header[1])
		}
	}
	if r.Method == http.MethodHead && status == http.StatusMethodNotAllowed && headIsFound[c.controller] {
		status = http.StatusNotFound // clients ask by HEAD whether a thing exists, and know 200 and 404
	}
	if body == nil {
		body = misp.Fault(message, c.asked())
	}
	for _, h := range []string{"X-Result-Count", "Content-Disposition", "ETag", "Trailer"} {
		w.Header().Del(h)
	}
	out := c.begin(status)
	_, _ = out.Write(body)
	_ = out.Close()
}

// asked is the address for error answers, its query escaped as MISP does.
func (c *call) asked() string {
	if q := c.r.URL.RawQuery; q != "" {
		return c.path + "?" + html.EscapeString(q)
	}
	return c.path
}

var headIsFound = map[string]bool{"attributes": true, "sharing_groups": true}

// statusOf maps faults of the rooms onto MISP's statuses; places with another
// answer have given it themselves before.
func statusOf(err error) (int, string) {
	var ref *refusal
	if errors.As(err, &ref) {
		return ref.status, ref.message
	}
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Gone:
		return http.StatusNotFound, misp.MsgNotFound
	case fault.Denied:
		return http.StatusForbidden, misp.MsgNoPermission
	case fault.Invalid, fault.Conflict:
		return http.StatusForbidden, "The data could not be saved."
	case fault.Limited:
		return http.StatusTooManyRequests, "Rate limit exceeded."
	case fault.Unavailable:
		return http.StatusServiceUnavailable, "The service is unavailable for the moment."
	}
	return http.StatusInternalServerError, misp.MsgInternal
}

// reply is an answer on its way out. Its beginning is held back, so that most
// answers go with their count and entity tag in the header; what is larger or
// takes long goes on as a stream, its count in a trailer.
type reply struct {
	c      *call
	start  time.Time
	status int
	typ    string
	held   bytes.Buffer
	sent   bool
	pretty *misp.PrettyWriter
	xml    *misp.XMLWriter
	count  int64 // X-Result-Count; -1 = none
	known  bool  // count is what it will be, so that it may go ahead of a stream
	left   int64 // elements that were found and not written
}

// How much is held back; more where the client asked for an entity tag.
const (
	heldBytes   = 256 << 10
	taggedBytes = 8 << 20
	slowBytes   = 16 << 10              // this much goes out …
	slow        = 30 * time.Millisecond // … once a search has taken so long: a reader waits for the first byte
)

// holds tells whether n more bytes are held back.
func (o *reply) holds(n int) bool {
	if _, ok := o.c.r.Header["If-None-Match"]; ok {
		return o.held.Len()+n <= taggedBytes
	}
	return o.held.Len()+n <= slowBytes || o.held.Len()+n <= heldBytes && time.Since(o.start) < slow
}

// begin opens a JSON answer.
func (c *call) begin(status int) *reply {
	o := &reply{c: c, start: time.Now(), status: status, typ: "application/json", count: -1}
	if status == http.StatusOK && c.wantsXML() {
		o.typ, o.xml = "application/xml", misp.NewXMLWriter(writer(o.put))
		_, _ = o.put([]byte(xmlHead + "\n")) // held back: cannot fail
		return o
	}
	ua := c.r.UserAgent()
	if !strings.HasPrefix(ua, "PyMISP") && !strings.HasPrefix(ua, "MISP ") {
		o.pretty = misp.NewPrettyWriter(writer(o.put))
	}
	return o
}

// wantsXML: by suffix everywhere; by Accept where there is threat data (measured:
// servers/getVersion stays JSON).
func (c *call) wantsXML() bool {
	if c.settled || c.r.Method == http.MethodHead {
		return false
	}
	return c.ext == "xml" || c.asksXML() && (c.controller == "events" || c.controller == "attributes" || c.controller == "objects")
}

// plainJSON opens a JSON answer; whole is false for a document that is not MISP's own
// JSON and goes as it is.
func (c *call) plainJSON(whole bool) *reply {
	o := c.begin(http.StatusOK)
	if !whole {
		o.pretty = nil
	}
	return o
}

// text opens an answer of another type.
func (c *call) text(typ string) *reply {
	return &reply{c: c, start: time.Now(), status: http.StatusOK, typ: typ, count: -1}
}

type writer func([]byte) (int, error)

func (f writer) Write(b []byte) (int, error) { return f(b) }

// Write takes the next piece, compact JSON where it is JSON.
func (o *reply) Write(b []byte) (int, error) {
	switch {
	case o.xml != nil:
		return o.xml.Write(b)
	case o.pretty != nil:
		return o.pretty.Write(b)
	}
	return o.put(b)
}

func (o *reply) put(b []byte) (int, error) {
	if !o.sent && o.holds(len(b)) {
		return o.held.Write(b)
	}
	if !o.sent {
		switch {
		case o.known:
			o.c.w.Header().Set("X-Result-Count", strconv.FormatInt(o.count, 10))
		case o.count >= 0:
			o.c.w.Header().Set("Trailer", "X-Result-Count")
		}
		if err := o.send(); err != nil {
			return 0, err
		}
		_ = http.NewResponseController(o.c.w).Flush() // the first bytes are waited for; without a flusher they follow later
	}
	return o.c.w.Write(b)
}

// counts says early what X-Result-Count will be.
func (o *reply) counts(n int64) { o.count, o.known = n, true }

func (o *reply) send() error {
	h := o.c.w.Header()
	h.Set("Content-Type", o.typ+"; charset=UTF-8")
	o.sent = true
	o.c.w.WriteHeader(o.status)
	_, err := o.held.WriteTo(o.c.w)
	return err
}

// Close sends what was held. An answer that ends whole carries its entity tag if
// the request asked for one, and is left out if the client has it.
func (o *reply) Close() error {
	if o.xml != nil {
		if err := o.xml.Flush(); err != nil {
			return err
		}
		if _, err := o.put([]byte("\n</response>\n")); err != nil {
			return err
		}
	}
	h := o.c.w.Header()
	if o.count >= 0 {
		h.Set("X-Result-Count", strconv.FormatInt(o.count, 10)) // the trailer, once sent
	}
	if o.sent {
		return nil
	}
	if asked, ok := o.c.r.Header["If-None-Match"]; ok && o.status == http.StatusOK {
		sum := sha1.Sum(o.held.Bytes()) // names content, protects nothing
		tag := `"` + hex.EncodeToString(sum[:]) + `"`
		h.Set("ETag", tag)
		if matches(asked, tag) {
			o.sent = true
			o.c.w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	return o.send()
}

// matches compares entity tags; what a proxy's compression hung on is ignored.
func matches(asked []string, tag string) bool {
	for _, line := range asked {
		for part := range strings.SplitSeq(line, ",") {
			part = strings.Trim(strings.TrimPrefix(strings.TrimSpace(part), "W/"), `"`)
			for _, enc := range []string{"-gzip", "-br", "--gzip"} {
				part = strings.TrimSuffix(part, enc)
			}
			if part != "" && `"`+part+`"` == tag {
				return true
			}
		}
	}
	return false
}

// json answers 200 with JSON that is written already.
func (c *call) json(b []byte) error {
	o := c.begin(http.StatusOK)
	if _, err := o.Write(b); err != nil {
		return err
	}
	return o.Close()
}

// value answers 200 with a value in memory.
func (c *call) value(v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	return c.json(b)
}

// marshal writes JSON without HTML escapes.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("an answer: %w", err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// done answers with MISP's success envelope.
func (c *call) done(o misp.Outcome) error { return c.json(misp.Success(o)) }

// list streams a JSON list between head and tail; each gives its elements.
func (c *call) list(head, tail string, each func(yield func([]byte) error) error) error {
	o := c.begin(http.StatusOK)
	return o.list(head, tail, each)
}

// formed gives the elements of such a list, one made of each thing; nil leaves it out.
func formed[T any](things []T, form func(T) any) func(yield func([]byte) error) error {
	return func(yield func([]byte) error) error {
		for _, x := range things {
			v := form(x)
			if v == nil {
				continue
			}
			b, err := marshal(v)
			if err == nil {
				err = yield(b)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func (o *reply) list(head, tail string, each func(yield func([]byte) error) error) error {
	if err := o.listUnclosed(head, each); err != nil {
		return err
	}
	if _, err := io.WriteString(o, tail); err != nil {
		return err
	}
	return o.Close()
}

// listUnclosed writes the list and leaves the answer open.
func (o *reply) listUnclosed(head string, each func(yield func([]byte) error) error) error {
	if _, err := io.WriteString(o, head+"["); err != nil {
		return err
	}
	n := 0
	err := each(func(b []byte) error {
		if n++; n > 1 {
			b = append([]byte{','}, b...)
		}
		_, err := o.Write(b)
		return err
	})
	if err != nil {
		return o.broken(err)
	}
	_, err = io.WriteString(o, "]")
	return err
}

// broken ends a stream that failed: half an answer must not look whole.
func (o *reply) broken(err error) error {
	if o.sent {
		web.Broken(err)
	}
	return err
}

// keys reads the keys of a request: Authorization, bare or a list, else
// X-MISP-AUTH. Basic is for a proxy in front and is no key of ours.
func keys(r *http.Request) []string {
	var out []string
	for _, h := range []string{"Authorization", "X-MISP-AUTH"} {
		v := strings.TrimSpace(r.Header.Get(h))
		if scheme, rest, ok := strings.Cut(v, " "); ok && strings.EqualFold(scheme, "Bearer") {
			v = rest
		} else if ok && !strings.Contains(scheme, ",") {
			continue
		}
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}
