package intakeapi

import (
	"net/http"
	"strconv"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// report is a report as machines read it. What is sealed is not in it.
type report struct {
	ID             string   `json:"id"`
	Number         string   `json:"number"`
	Type           string   `json:"type"`
	State          string   `json:"state"`
	Reason         string   `json:"reason,omitempty"`
	Channel        string   `json:"channel"`
	Language       string   `json:"language"`
	Sealed         bool     `json:"sealed"`
	Anonymous      bool     `json:"anonymous"`
	Title          string   `json:"title"`
	Description    *string  `json:"description,omitempty"` // in a single report that is not sealed
	Severity       *string  `json:"severity"`
	SeverityReason string   `json:"severity_reason,omitempty"`
	TLP            string   `json:"tlp"`
	PAP            string   `json:"pap"`
	RSIT           []string `json:"rsit"`
	National       []string `json:"national"`
	Organisation   *string  `json:"organisation"`
	Sector         *string  `json:"sector"`
	Case           *string  `json:"case"`
	Files          int64    `json:"files"`
	Messages       int64    `json:"messages"`
	Similar        int64    `json:"similar"`
	Received       string   `json:"received"`
	Acknowledged   *string  `json:"acknowledged"`
	Triaged        *string  `json:"triaged"`
	Answered       *string  `json:"answered"`
	Due            *string  `json:"due"`
	Updated        string   `json:"updated"`
	Version        int64    `json:"version"`
}

func reportOf(x intake.Report) report {
	due, _ := x.Due()
	return report{ID: x.UUID, Number: x.Number, Type: string(x.Type), State: string(x.State), Reason: x.Reason, Channel: string(x.Channel),
		Language: x.Lang, Sealed: x.Sealed, Anonymous: x.Anonymous, Title: x.Title, Severity: orNull(x.Severity), SeverityReason: x.SeverityReason,
		TLP: "TLP:" + x.TLP, PAP: "PAP:" + x.PAP, RSIT: list(x.RSIT), National: list(x.National), Organisation: orNull(x.OrgName), Sector: orNull(x.Sector),
		Case: orNull(x.CaseNumber), Files: x.Files, Messages: x.Messages, Similar: x.Similar, Received: rfc(x.Received), Acknowledged: moment(x.Acked),
		Triaged: moment(x.Triaged), Answered: moment(x.Answered), Due: moment(due), Updated: rfc(x.Updated), Version: x.Version}
}

func list(s []string) []string { return append([]string{}, s...) }
func rfc(t time.Time) string   { return t.UTC().Format(time.RFC3339Nano) }

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return orNull(rfc(t))
}

func (a *api) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := intake.Filter{State: q.Get("state"), Type: intake.Type(q.Get("type")), Channel: intake.Channel(q.Get("channel")), Severity: q.Get("severity"),
		Query: q.Get("q"), Late: q.Get("late") == "true", Mine: q.Get("mine") == "true"}
	if v := q.Get("tlp"); v != "" {
		f.TLP = trimTLP(v)
	}
	p := intake.Page{Sort: q.Get("sort"), Cursor: q.Get("cursor")}
	if v := q.Get("updated_since"); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return fault.Field("updated_since", "form.moment", "updated_since is a time of RFC 3339")
		}
		f.Since, p.Sort = t, intake.ByUpdated
	}
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 200 {
			return fault.Field("limit", "web.error.number", "limit is 1 to 200")
		}
		p.Limit = n
	}
	rows, next, err := a.s.List(r.Context(), web.Actor(r), f, p)
	if err != nil {
		return err
	}
	items := make([]report, len(rows))
	for i, x := range rows {
		items[i] = reportOf(x)
	}
	return web.JSON(w, http.StatusOK, web.NewList(items, next))
}

func trimTLP(s string) string {
	if len(s) > 4 && s[:4] == "TLP:" {
		return s[4:]
	}
	return s
}

func (a *api) show(w http.ResponseWriter, r *http.Request) error {
	d, err := a.s.Read(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	if web.ETag(w, r, strconv.FormatInt(d.Version, 10)) {
		return nil
	}
	out := reportOf(d.Report)
	if d.Body != nil {
		out.Description = &d.Body.Description
	}
	return web.JSON(w, http.StatusOK, out)
}

// version reads If-Match; without it a change goes over whatever is there.
func version(r *http.Request) (int64, error) {
	tag := web.IfMatch(r)
	if tag == "" {
		return 0, nil
	}
	v, err := strconv.ParseInt(tag, 10, 64)
	if err != nil {
		return 0, fault.New(fault.Conflict, "If-Match is none of our entity tags")
	}
	return v, nil
}

func (a *api) changed(w http.ResponseWriter, x intake.Report, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("ETag", `"`+strconv.FormatInt(x.Version, 10)+`"`)
	return web.JSON(w, http.StatusOK, reportOf(x))
}

func (a *api) classify(w http.ResponseWriter, r *http.Request) error {
	var d struct {
		Type         string            `json:"type"`
		RSIT         []string          `json:"rsit"`
		National     []string          `json:"national"`
		Facts        map[string]string `json:"facts"`
		Severity     string            `json:"severity"`
		Why          string            `json:"why"`
		TLP          string            `json:"tlp"`
		PAP          string            `json:"pap"`
		Organisation *string           `json:"organisation"`
		Sector       *string           `json:"sector"`
	}
	v, err := version(r)
	if err != nil {
		return err
	}
	if err := web.ReadJSON(r, &d); err != nil {
		return err
	}
	pap := d.PAP
	if len(pap) > 4 && pap[:4] == "PAP:" {
		pap = pap[4:]
	}
	x, err := a.s.Classify(r.Context(), web.Actor(r), r.PathValue("id"), v, intake.Decision{Type: intake.Type(d.Type), RSIT: d.RSIT, National: d.National,
		Facts: d.Facts, Severity: d.Severity, Why: d.Why, TLP: trimTLP(d.TLP), PAP: pap, Org: d.Organisation, Sector: d.Sector})
	return a.changed(w, x, err)
}

func (a *api) reject(w http.ResponseWriter, r *http.Request) error {
	var d struct {
		Reason string `json:"reason"`
	}
	v, err := version(r)
	if err != nil {
		return err
	}
	if err := web.ReadJSON(r, &d); err != nil {
		return err
	}
	x, err := a.s.Reject(r.Context(), web.Actor(r), r.PathValue("id"), v, d.Reason)
	return a.changed(w, x, err)
}

func (a *api) accept(w http.ResponseWriter, r *http.Request) error {
	var d struct {
		Case    string `json:"case"`
		Title   string `json:"title"`
		Summary string `json:"summary"`
	}
	v, err := version(r)
	if err != nil {
		return err
	}
	if err := web.ReadJSON(r, &d); err != nil {
		return err
	}
	x, err := a.s.Accept(r.Context(), web.Actor(r), r.PathValue("id"), v, d.Case, d.Title, d.Summary)
	return a.changed(w, x, err)
}

func (a *api) duplicate(w http.ResponseWriter, r *http.Request) error {
	var d struct {
		Of string `json:"of"`
	}
	v, err := version(r)
	if err != nil {
		return err
	}
	if err := web.ReadJSON(r, &d); err != nil {
		return err
	}
	x, err := a.s.MarkDuplicate(r.Context(), web.Actor(r), r.PathValue("id"), v, d.Of)
	return a.changed(w, x, err)
}

func (a *api) undo(w http.ResponseWriter, r *http.Request) error {
	v, err := version(r)
	if err != nil {
		return err
	}
	x, err := a.s.Undo(r.Context(), web.Actor(r), r.PathValue("id"), v)
	return a.changed(w, x, err)
}
