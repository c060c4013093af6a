package taxii

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Media types. Every answer, faults included, carries MediaType.
const (
	MediaType     = "application/taxii+json;version=2.1"
	MediaTypeSTIX = "application/stix+json;version=2.1"
)

// Discovery is the answer of /taxii2/ (section 4.1).
type Discovery struct {
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Contact     string   `json:"contact,omitempty"`
	Default     string   `json:"default,omitempty"` // must stand in APIRoots
	APIRoots    []string `json:"api_roots,omitempty"`
}

// APIRoot is the answer of an API root (section 4.2).
type APIRoot struct {
	Title            string   `json:"title"`
	Description      string   `json:"description,omitempty"`
	Versions         []string `json:"versions"`
	MaxContentLength int64    `json:"max_content_length"`
}

// NewAPIRoot returns an API root that speaks 2.1.
func NewAPIRoot(title string, maxContent int64) APIRoot {
	return APIRoot{Title: title, Versions: []string{MediaType}, MaxContentLength: maxContent}
}

// Collection is one collection (section 5.2); ID is a UUID.
type Collection struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Alias       string   `json:"alias,omitempty"`
	CanRead     bool     `json:"can_read"`
	CanWrite    bool     `json:"can_write"`
	MediaTypes  []string `json:"media_types,omitempty"`
}

// Collections is the list of those a caller may know of, ordered by id.
type Collections struct {
	Collections []Collection `json:"collections,omitempty"`
}

// ManifestRecord tells of one version of one object (section 5.3).
type ManifestRecord struct {
	ID        string `json:"id"`
	DateAdded string `json:"date_added"`
	Version   string `json:"version"`
	MediaType string `json:"media_type,omitempty"`
}

// Manifest is a page of records.
type Manifest struct {
	More    bool             `json:"more,omitempty"`
	Next    string           `json:"next,omitempty"`
	Objects []ManifestRecord `json:"objects,omitempty"`
}

// Versions is a page of the versions of one object (section 5.8).
type Versions struct {
	More     bool     `json:"more,omitempty"`
	Next     string   `json:"next,omitempty"`
	Versions []string `json:"versions,omitempty"`
}

// Status tells how far a POST has come (section 4.3).
type Status struct {
	ID               string         `json:"id"`
	Status           string         `json:"status"` // complete or pending
	RequestTimestamp string         `json:"request_timestamp,omitempty"`
	TotalCount       int            `json:"total_count"`
	SuccessCount     int            `json:"success_count"`
	Successes        []StatusDetail `json:"successes,omitempty"`
	FailureCount     int            `json:"failure_count"`
	Failures         []StatusDetail `json:"failures,omitempty"`
	PendingCount     int            `json:"pending_count"`
	Pendings         []StatusDetail `json:"pendings,omitempty"`
}

// StatusDetail is one object of a POST.
type StatusDetail struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Message string `json:"message,omitempty"`
}

// NewStatus counts its lists, so that the sums always hold.
func NewStatus(id string, asked time.Time, ok, failed, pending []StatusDetail) Status {
	s := Status{ID: id, Status: "complete", RequestTimestamp: FormatTime(asked), Successes: ok, Failures: failed, Pendings: pending,
		SuccessCount: len(ok), FailureCount: len(failed), PendingCount: len(pending), TotalCount: len(ok) + len(failed) + len(pending)}
	if len(pending) > 0 {
		s.Status = "pending"
	}
	return s
}

// Error is the body of every fault (section 3.6.1); it is an error too.
type Error struct {
	Title           string            `json:"title"`
	Description     string            `json:"description,omitempty"`
	ErrorID         string            `json:"error_id,omitempty"`
	ErrorCode       string            `json:"error_code,omitempty"`
	HTTPStatus      string            `json:"http_status,omitempty"` // equal to the code of the answer
	ExternalDetails string            `json:"external_details,omitempty"`
	Details         map[string]string `json:"details,omitempty"`
}

// NewError returns the body for an HTTP status.
func NewError(status int, title, description string) *Error {
	return &Error{Title: title, Description: description, HTTPStatus: strconv.Itoa(status)}
}

func (e *Error) Error() string {
	if e.Description == "" {
		return e.Title
	}
	return e.Title + ": " + e.Description
}

// Status is the HTTP status as a number; 500 when it is none.
func (e *Error) Status() int {
	if n, err := strconv.Atoi(e.HTTPStatus); err == nil && n >= 400 && n < 600 {
		return n
	}
	return 500
}

// JSON returns the body.
func (e *Error) JSON() []byte {
	b, err := json.Marshal(e)
	if err != nil {
		return []byte(`{"title":"Error"}`) // strings and a map of strings always marshal
	}
	return b
}

// FormatTime writes a TAXII time: UTC with exactly six digits.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// ParseTime reads a time with any number of fraction digits, none included; it
// must be in UTC, as the standard says.
func ParseTime(s string) (time.Time, bool) {
	if !strings.HasSuffix(s, "Z") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil && len(s) <= 40 && t.Year() >= 0
}

// Accepts reports whether an Accept header takes our answers: nothing, */*,
// application/*, application/taxii+json with or without version 2.1, spaces
// anywhere.
func Accepts(accept string) bool {
	if strings.TrimSpace(accept) == "" {
		return true
	}
	for part := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(part, ";")
		if refused(params) {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "*/*", "application/*":
			return true
		case "application/taxii+json":
			if version(params) {
				return true
			}
		}
	}
	return false
}

// ContentOK reports whether a POST's Content-Type is ours.
func ContentOK(contentType string) bool {
	name, params, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(name), "application/taxii+json") && version(params)
}

// version reports whether parameters allow 2.1: by naming it or by not naming any.
func version(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), "version") {
			return strings.Trim(strings.TrimSpace(v), `"`) == "2.1"
		}
	}
	return true
}

// refused reports a quality of zero.
func refused(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), "q") {
			n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			return err == nil && n == 0
		}
	}
	return false
}
