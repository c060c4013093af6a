package intake

import (
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
)

// Report is our handling of one submission. Title, Org and what else is content are
// blank for an operator of the command line.
type Report struct {
	ID        int64 // inside only; the outside knows UUID
	UUID      string
	Number    string // P-2026-000123, of a further CERT with its code in front
	CERT      int64
	Channel   Channel
	Lang      string
	Sealed    bool   // body, files and messages are sealed
	Anonymous bool   // nobody is behind it; times are rounded down to the hour
	What      string // the choice on the form's first page, "" when it did not come by the form
	Title     string // first words of a plain report, "" when sealed
	Received  time.Time
	Acked     time.Time // zero while it is new
	Triaged   time.Time // zero while nobody has decided
	Answered  time.Time // zero until the reporter was answered
	TriageDue time.Time
	AnswerDue time.Time
	LateSince time.Time // since when what Due names is overdue; zero = it is not. Where a report is listed or got
	Files     int64
	Messages  int64
	Unread    int64 // messages of the reporter nobody has read
	Similar   int64 // earlier reports with a blind index in common, at intake
	From      int64 // the report it was handed over from
	Updated   time.Time
	Erased    time.Time // when what was reported went by term, zero = not
	Version   int64
	Triage

	submission, audience int64
	ackedVersion         int64 // the version that the acknowledgement made, 0 = none
}

// stale tells whether version, of the page somebody acts on, is not what stands now; 0
// insists on nothing. The acknowledgement, which comes by itself within seconds, takes
// nothing away from who looked before it.
func (r *Report) stale(version int64) bool {
	return version != 0 && version != r.Version && (version != r.Version-1 || r.Version != r.ackedVersion)
}

// Triage is what an analyst decides about a report. Every act keeps it before and
// after; undo puts the whole of it back.
type Triage struct {
	State          State             `json:"state"`
	Reason         string            `json:"reason,omitempty"` // of a rejection
	Type           Type              `json:"type"`
	Org            int64             `json:"org,omitempty"` // affected organisation
	OrgName        string            `json:"org_name,omitempty"`
	OrgBy          string            `json:"org_by,omitempty"` // how it was recognised: account, contact, domain, name, analyst
	Sector         string            `json:"sector,omitempty"`
	RSIT           []string          `json:"rsit,omitempty"`     // pairs class/type, or class alone
	National       []string          `json:"national,omitempty"` // codes of the national list
	Facts          map[string]string `json:"facts,omitempty"`    // of the severity
	Computed       string            `json:"computed,omitempty"` // severity that follows from the facts
	Severity       string            `json:"severity,omitempty"` // in force: low, medium, high, very-high
	SeverityReason string            `json:"severity_reason,omitempty"`
	TLP            string            `json:"tlp"`
	PAP            string            `json:"pap"`
	DuplicateOf    int64             `json:"duplicate_of,omitempty"`
	Case           int64             `json:"case,omitempty"`
	CaseNumber     string            `json:"case_number,omitempty"`
	HandedTo       int64             `json:"handed_to,omitempty"`     // a CERT
	HandedReport   int64             `json:"handed_report,omitempty"` // its new report
	Assignee       int64             `json:"assignee,omitempty"`
	AssigneeName   string            `json:"assignee_name,omitempty"`
}

// Severities from the least to the greatest.
var Severities = []string{"low", "medium", "high", "very-high"}

func severityRank(s string) int {
	for i, v := range Severities {
		if v == s {
			return i + 1
		}
	}
	return 0
}

// Due gives the clock that falls due first among those that run, and which it is:
// "triage", "answer" or "".
func (r *Report) Due() (time.Time, string) {
	triage, answer := r.Triaged.IsZero(), r.Answered.IsZero()
	switch {
	case triage && (!answer || !r.AnswerDue.Before(r.TriageDue)):
		return r.TriageDue, "triage"
	case answer:
		return r.AnswerDue, "answer"
	}
	return time.Time{}, ""
}

// late says since when the report waits for longer than it should, at a moment.
func (r *Report) late(now time.Time) time.Time {
	if due, _ := r.Due(); !due.IsZero() && due.Before(now) {
		return due
	}
	return time.Time{}
}

// Submission is what was sent.
type Submission struct {
	Channel    Channel   `json:"channel"`
	Lang       string    `json:"lang"`
	Received   time.Time `json:"received"`
	ReceivedBy string    `json:"received_by,omitempty"` // who took the call
	Form       string    `json:"form,omitempty"`
	Version    int       `json:"version,omitempty"`
}

// Body is the content of a report, one JSON document: in plain, or sealed.
type Body struct {
	Description string              `json:"description"`
	When        string              `json:"when,omitempty"`  // as given, in Belgrade's time
	Where       string              `json:"where,omitempty"` // the system, product or address concerned
	For         string              `json:"for,omitempty"`   // self, organisation
	OrgName     string              `json:"organisation,omitempty"`
	Answers     map[string][]string `json:"answers,omitempty"` // the form as it was answered
	Form        string              `json:"form,omitempty"`
	Version     int                 `json:"version,omitempty"`
	Files       []File              `json:"files,omitempty"`
}

// File is an attachment. Name and Type of a sealed report stand in its sealed body
// only.
type File struct {
	ID     string `json:"id"` // UUID
	Name   string `json:"name"`
	Type   string `json:"type"` // as the sender said; a hint, never trusted
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Contact is who reported. It exists in plain only while a request runs.
type Contact struct {
	Name   string `json:"name,omitempty"`
	Email  string `json:"email,omitempty"`
	Phone  string `json:"phone,omitempty"`
	Person string `json:"person,omitempty"` // account of who reported in the portal
	Org    string `json:"organisation,omitempty"`
}

// Reachable tells whether there is a way to answer.
func (c Contact) Reachable() bool { return c.Email != "" || c.Phone != "" || c.Person != "" }

// Message is one of the conversation with the reporter. Body is "" when Sealed and
// not opened.
type Message struct {
	UUID     string
	FromUs   bool
	Author   string // of ours
	Question bool   // we wait for an answer
	At       time.Time
	Sealed   bool
	Body     string
	Files    []File
}

// Receipt is what the reporter gets. Code is shown once and never kept.
type Receipt struct {
	ID       string    // UUID
	Number   string    //
	Code     string    // 25 digits
	Received time.Time // rounded down to the hour when anonymous
	TriageBy time.Time
	AnswerBy time.Time
	What     string
	Again    bool // the report was there already
}

// Choice is a word of a pack in three languages.
type Choice struct {
	Value string    `yaml:"value"`
	Label i18n.Text `yaml:"label"`
}

func us(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return clock.Micros(t)
}

func at(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return clock.FromMicros(us)
}

// hour rounds down to the hour.
func hour(us int64) int64 { const h = int64(time.Hour / time.Microsecond); return us - us%h }
