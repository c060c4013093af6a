package incidentapi

import (
	"net/http"
	"strconv"
	"time"

	"straza/internal/incident"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// made is the answer to an act on a part: the part's id, and the act that undo takes.
type made struct {
	ID      string `json:"id,omitempty"`
	Act     string `json:"act,omitempty"`
	Number  string `json:"number"`
	Version int64  `json:"version"`
}

func id(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func reply(w http.ResponseWriter, d incident.Done, err error) error {
	if err != nil {
		return err
	}
	ref := d.UUID
	if ref == "" {
		ref = id(d.Object)
	}
	return web.JSON(w, http.StatusCreated, made{ID: ref, Act: id(d.Act), Number: d.Case.Number, Version: d.Case.Version})
}

// at reads a moment; "" is none.
func at(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fault.Field(field, "web.error.date", "%s is a time of RFC 3339", field)
	}
	return t, nil
}

type task struct {
	ID       string  `json:"id"`
	Title    string  `json:"title"`
	Due      *string `json:"due"`
	Assignee *string `json:"assignee"`
	Done     *string `json:"done"`
	DoneBy   *string `json:"done_by"`
	Created  *string `json:"created"`
}

func (a *api) tasks(w http.ResponseWriter, r *http.Request) error {
	f, err := a.s.Read(r.Context(), web.Actor(r), r.PathValue("number"))
	if err != nil {
		return err
	}
	var out []task
	for _, t := range f.Tasks {
		out = append(out, task{id(t.ID), t.Title, moment(t.Due), orNull(t.AssigneeName), moment(t.DoneAt), orNull(t.DoneBy), moment(t.Created)})
	}
	return web.JSON(w, http.StatusOK, web.NewList(out, ""))
}

func (a *api) addTask(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Title string `json:"title"`
		Due   string `json:"due"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	due, err := at("due", in.Due)
	if err != nil {
		return err
	}
	d, err := a.s.AddTask(r.Context(), web.Actor(r), r.PathValue("number"), incident.TaskInput{Title: in.Title, Due: due})
	return reply(w, d, err)
}

func (a *api) doTask(w http.ResponseWriter, r *http.Request) error {
	n, err := web.ID(r, "id")
	if err != nil {
		return err
	}
	var in struct {
		Done bool `json:"done"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	d, err := a.s.DoTask(r.Context(), web.Actor(r), r.PathValue("number"), n, in.Done)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, made{ID: id(n), Act: id(d.Act), Number: d.Case.Number, Version: d.Case.Version})
}

type entry struct {
	ID        string  `json:"id"`
	Kind      string  `json:"kind"`
	Happened  *string `json:"happened"`
	Zone      string  `json:"zone"`
	Recorded  *string `json:"recorded"`
	Text      string  `json:"text"`
	Source    *string `json:"source"`
	Technique *string `json:"technique"`
	Author    string  `json:"author"`
}

func (a *api) timeline(w http.ResponseWriter, r *http.Request) error {
	limit, err := web.PageSize(r, 50, 500)
	if err != nil {
		return err
	}
	var before struct{ Happened, ID int64 }
	if err := web.DecodeCursor(r.URL.Query().Get("cursor"), &before); err != nil {
		return err
	}
	list, err := a.s.Timeline(r.Context(), web.Actor(r), r.PathValue("number"), incident.Entry{Happened: before.Happened, ID: before.ID}, limit+1)
	if err != nil {
		return err
	}
	next := ""
	if len(list) > limit {
		list = list[:limit]
		before.Happened, before.ID = list[limit-1].Happened, list[limit-1].ID
		next = web.EncodeCursor(before)
	}
	var out []entry
	for _, e := range list {
		out = append(out, entry{id(e.ID), e.Kind, moment(e.Happened), e.Zone, moment(e.Recorded), e.Body, orNull(e.Source), orNull(e.Technique), e.Author})
	}
	return web.JSON(w, http.StatusOK, web.NewList(out, next))
}

func (a *api) addEntry(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Kind      string `json:"kind"`
		Happened  string `json:"happened"`
		Zone      string `json:"zone"`
		Text      string `json:"text"`
		Source    string `json:"source"`
		Technique string `json:"technique"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	when, err := at("happened", in.Happened)
	if err != nil {
		return err
	}
	if in.Zone == "" && !when.IsZero() {
		in.Zone = when.Format("-07:00") // the zone that the sender wrote
	}
	d, err := a.s.AddEntry(r.Context(), web.Actor(r), r.PathValue("number"), incident.EntryInput{Kind: in.Kind, Happened: when, Zone: in.Zone, Body: in.Text, Source: in.Source, Technique: in.Technique})
	return reply(w, d, err)
}

type party struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Number   string  `json:"number"`
	Subject  string  `json:"subject"`
	State    string  `json:"state"`
	TLP      string  `json:"tlp"`
	Deadline *string `json:"deadline"`
	Unread   int64   `json:"unread"`
}

func (a *api) threads(w http.ResponseWriter, r *http.Request) error {
	f, err := a.s.Read(r.Context(), web.Actor(r), r.PathValue("number"))
	if err != nil {
		return err
	}
	var out []party
	for _, p := range f.Parties {
		out = append(out, party{p.UUID, p.Name, p.Number, p.Subject, p.State, "TLP:" + p.TLP, moment(p.Deadline), p.Unread})
	}
	return web.JSON(w, http.StatusOK, web.NewList(out, ""))
}

type word struct {
	ID     string  `json:"id"`
	Way    string  `json:"way"` // in, out, note, quarantine
	At     *string `json:"at"`
	Author string  `json:"author"`
	Text   string  `json:"text"`
	Files  int     `json:"files"`
	Seal   seal    `json:"openpgp"`
}

// seal is how a letter came; empty words for one without OpenPGP.
type seal struct {
	Sealing   string  `json:"sealing"`   // opened, locked, damaged, long
	Signature string  `json:"signature"` // good, partly, unknown, bad, expired, revoked, unfit
	Key       *string `json:"key"`
	Signed    *string `json:"signed"`
}

func (a *api) thread(w http.ResponseWriter, r *http.Request) error {
	_, _, ms, err := a.s.Thread(r.Context(), web.Actor(r), r.PathValue("number"), r.PathValue("party"))
	if err != nil {
		return err
	}
	var out []word
	for _, m := range ms {
		out = append(out, word{m.UUID, m.Way, moment(m.At), m.Author, m.Body, len(m.Files), seal{m.Seal.State, m.Seal.Signature, orNull(m.Seal.Key), moment(m.Seal.Signed)}})
	}
	return web.JSON(w, http.StatusOK, web.NewList(out, ""))
}

func (a *api) addParty(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Organisation string `json:"organisation"` // UUID or name
		Address      string `json:"address"`
		Language     string `json:"language"`
		Subject      string `json:"subject"`
		TLP          string `json:"tlp"`
		Deadline     string `json:"deadline"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	due, err := at("deadline", in.Deadline)
	if err != nil {
		return err
	}
	d, err := a.s.AddParty(r.Context(), web.Actor(r), r.PathValue("number"), incident.PartyInput{Org: in.Organisation, Address: in.Address, Lang: in.Language, Subject: in.Subject,
		TLP: text(bare(&in.TLP, "TLP:")), Deadline: due})
	return reply(w, d, err)
}

func (a *api) write(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Way  string `json:"way"`
		Text string `json:"text"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	d, err := a.s.Write(r.Context(), web.Actor(r), r.PathValue("number"), r.PathValue("party"), in.Way, in.Text)
	return reply(w, d, err)
}
