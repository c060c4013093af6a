package misp

import (
	"encoding/json"
	"strings"
)

// Envelope texts that clients compare letter by letter.
const (
	MsgAuthFailed    = "Authentication failed. Please make sure you pass the API key of an API enabled user along in the Authorization header."
	MsgNoFunction    = "You do not have permission to use this functionality." // the role may not
	MsgNoPermission  = "You do not have permission to do that."                // this object may not be changed; PyMISP then makes a proposal
	MsgNotAuthorised = "You are not authorised to do that."
	MsgNotFound      = "Not Found"
	MsgBadJSON       = "Invalid JSON input. Make sure that the JSON input is a correctly formatted JSON string. This request has been blocked to avoid an unfiltered request."
	MsgNoEventData   = "No valid event data received."
	MsgPostOnly      = "This function is only accessible via POST requests."
	MsgInternal      = "An Internal Error Has Occurred."
	MsgEventExists   = "Event already exists, if you would like to edit it, use the url in the location header."
	MsgEventNotNewer = "Event could not be saved: Event in the request not newer than the local copy."
	MsgAttrNotNewer  = "Attribute could not be saved: Attribute in the request not newer than the local copy."
	MsgSameAttribute = "A similar attribute already exists for this event."
	MsgWarninglist   = "Attribute could not be saved as it trips over a warninglist and enforceWarninglist is enforced."
	MsgBadSharing    = "Invalid Sharing Group or not authorised."
	MsgBadFormat     = "Invalid output format."
	MsgBadTarget     = "Invalid Target."
	MsgEmptySearch   = "Restsearch queries using GET and no parameters are not allowed. If you have passed parameters via a JSON body, make sure you use POST requests."
)

// Answers of validation, by field, as events/add gives them.
const (
	MsgInfoEmpty       = "valueNotEmpty"
	MsgDateFormat      = "Expected date format: YYYY-MM-DD"
	MsgUUIDFormat      = "Please provide a valid RFC 4122 UUID"
	MsgDistribution    = "Options : Your organisation only, This community only, Connected communities, All communities"
	MsgDistributionAll = "Options : Your organisation only, This community only, Connected communities, All communities, Sharing group, Inherit event"
	MsgThreatLevel     = "Options : 1, 2, 3, 4 (for High, Medium, Low, Undefined)"
	MsgAnalysis        = "Options : 0, 1, 2 (for Initial, Ongoing, Completed)"
)

// Outcome describes what happened, in the words an envelope is made of.
type Outcome struct {
	Controller string // as in the answer's url, in any spelling: Events, event_reports
	Action     string // add, edit, delete, …; "admin_add" shows as add under /admin
	ID         any    // string or int as the server gives it back; nil leaves id and the url's last part out
	Message    string // "" means the generated one
	Errors     any    // Failure: a text, or field → texts
	Data       any    // Success: more to hand over, nil leaves it out
}

func (o Outcome) action() string { return strings.TrimPrefix(o.Action, "admin_") }

// URL returns the path that stands in the envelope: tables in under_score form,
// whatever path the client used.
func (o Outcome) URL() string {
	u := "/" + Tableize(o.Controller) + "/" + o.action()
	if strings.HasPrefix(o.Action, "admin_") {
		u = "/admin" + u
	}
	if id := idText(o.ID); id != "" {
		u += "/" + id
	}
	return u
}

func idText(id any) string {
	switch id := id.(type) {
	case nil:
		return ""
	case string:
		return id
	}
	b, err := json.Marshal(id)
	if err != nil {
		return ""
	}
	return string(b)
}

// Success builds {"saved":true,"success":true,…}; without a message the text is
// the model and the action with a d or ed behind it, whatever that yields.
func Success(o Outcome) []byte {
	msg := o.Message
	if msg == "" {
		msg = Singularize(Camelize(o.Controller)) + " " + o.action()
		if strings.HasSuffix(msg, "e") {
			msg += "d"
		} else {
			msg += "ed"
		}
	}
	b := append([]byte(`{"saved":true,"success":true`), envelope(msg, o.URL())...)
	if o.ID != nil {
		b = append(append(b, `,"id":`...), encode(o.ID)...)
	}
	if o.Data != nil {
		b = append(append(b, `,"data":`...), encode(o.Data)...)
	}
	return append(b, '}')
}

// Failure builds {"saved":false,…,"errors":…}, which travels with 403. The model
// is named as the controller spells it: "Could not add auth_key".
func Failure(o Outcome) []byte {
	msg := o.Message
	if msg == "" {
		msg = "Could not " + o.action() + " " + Singularize(o.Controller)
	}
	b := append([]byte(`{"saved":false`), envelope(msg, o.URL())...)
	b = append(append(b, `,"errors":`...), encode(o.Errors)...)
	if o.ID != nil {
		b = append(append(b, `,"id":`...), encode(o.ID)...)
	}
	return append(b, '}')
}

// Fault builds the answer to an exception, {"name","message","url"}, which
// travels with 403, 404 or 405; url is the path as the client asked for it.
func Fault(message, url string) []byte {
	return append(append([]byte{'{'}, envelope(message, url)[1:]...), '}')
}

func envelope(msg, url string) []byte {
	b := appendString([]byte(`,"name":`), msg)
	b = appendString(append(b, `,"message":`...), msg)
	return appendString(append(b, `,"url":`...), url)
}

func encode(v any) []byte {
	if s, ok := v.(string); ok {
		return appendString(nil, s)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null") // a programming fault; the envelope stays well-formed
	}
	return b
}

// FieldErrors is the errors object of one thing: {"value":["…"]}.
func FieldErrors(faults ...*Invalid) map[string][]string {
	m := map[string][]string{}
	for _, f := range faults {
		m[f.Field] = append(m[f.Field], f.Text)
	}
	return m
}
