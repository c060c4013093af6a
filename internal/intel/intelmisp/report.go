package intelmisp

import (
	"net/http"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// reportAnswer shows a report with its event's short form beside it.
func (a *api) reportAnswer(c *call, r *intel.Report, e *intel.Event) error {
	b, err := a.reportJSON(c, r, e, c.action == "view")
	if err != nil {
		return err
	}
	return c.json(b)
}

func (a *api) reportJSON(c *call, r *intel.Report, e *intel.Event, view bool) ([]byte, error) {
	group := ordered{{"id", nil}, {"name", nil}, {"uuid", nil}}
	if r.Group != 0 {
		w, err := a.groupOf(c, r.Group)
		if err != nil {
			return nil, err
		}
		if w != nil {
			group = ordered{{"id", itoa(r.Group)}, {"name", w.Name.V}, {"uuid", w.UUID.V}}
		}
	}
	creator := "0" // numbers of people stay with their organisation
	if e.Origin.ID == c.who.Org || site(c.who) {
		creator = itoa(e.Creator)
	}
	out := ordered{{"EventReport", r.Wire()}, {"Event", ordered{{"id", itoa(e.ID)}, {"orgc_id", itoa(e.Origin.ID)}, {"org_id", itoa(e.Owner.ID)},
		{"info", e.Info}, {"user_id", creator}, {"date", e.Date}, {"Org", ordered{{"id", itoa(e.Owner.ID)}, {"name", e.Owner.Name}}},
		{"Orgc", ordered{{"id", itoa(e.Origin.ID)}, {"name", e.Origin.Name}}}}}, {"SharingGroup", group}}
	if view {
		out = append(out, ordered{{"RelationshipInbound", []any{}}}...)
	}
	return marshal(out)
}

func (a *api) reportView(c *call) error {
	r, e, err := a.Intel.Report(c.ctx(), c.who, c.arg(0))
	if err == nil && a.withheld(c, &e) {
		return notFound("Invalid report")
	}
	if err != nil {
		return instead(err, notFound("Invalid report"), fault.NotFound)
	}
	return a.reportAnswer(c, &r, &e)
}

// reportIndex lists those of one event; without one, none: there is no list of all.
func (a *api) reportIndex(c *call) error {
	ref := c.params.text("event_id")
	return c.begin(http.StatusOK).list("", "", func(yield func([]byte) error) error {
		if ref == "" {
			return nil
		}
		e, err := a.Intel.Event(c.ctx(), c.who, ref)
		if err != nil || a.withheld(c, &e) {
			return instead(err, nil, fault.NotFound)
		}
		list, err := a.Intel.Reports(c.ctx(), c.who, e.Ref(), deletedOf(c.params["deleted"]))
		if err != nil {
			return err
		}
		for i := range list {
			b, err := a.reportJSON(c, &list[i], &e, true)
			if err == nil {
				err = yield(b)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *call) oneReport() (misp.EventReport, error) {
	doc, err := c.document()
	if err != nil {
		return misp.EventReport{}, err
	}
	list, _, err := misp.Read[misp.EventReport](doc, misp.Limits{Bytes: plainBytes, Depth: jsonDepth}, "EventReport")
	if err != nil || len(list) == 0 {
		return misp.EventReport{}, badJSON()
	}
	return list[0], nil
}

func (a *api) reportAdd(c *call) error {
	if !isDigits(c.arg(0)) {
		return reportRefused("add", "numeric") // measured: a uuid is none here
	}
	w, err := c.oneReport()
	if err != nil {
		return err
	}
	e, err := a.Intel.Event(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound(invalidEvent), fault.NotFound)
	}
	r, err := a.Intel.AddReport(c.ctx(), c.who, e.Ref(), w)
	if err != nil {
		return reportFault("add", err)
	}
	return a.reportAnswer(c, &r, &e)
}

func reportRefused(action, why string) error {
	return unsaved(misp.Outcome{Controller: "EventReports", Action: action, Message: "Could not " + action + " EventReport", Errors: why})
}

func reportFault(action string, err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	switch {
	case f.Fields["name"] != "":
		return reportRefused(action, "This field cannot be left blank")
	case f.Kind == fault.Invalid, f.Kind == fault.Conflict:
		return reportRefused(action, f.Detail)
	case f.Kind == fault.NotFound:
		return notFound("Invalid report")
	case f.Kind == fault.Denied:
		return forbidden(misp.MsgNoPermission)
	}
	return err
}

func (a *api) reportEdit(c *call) error {
	w, err := c.oneReport()
	if err != nil {
		return err
	}
	if _, err := a.Intel.EditReport(c.ctx(), c.who, c.arg(0), w); err != nil {
		return reportFault("edit", err)
	}
	r, e, err := a.Intel.Report(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return reportFault("edit", err)
	}
	return a.reportAnswer(c, &r, &e)
}

func (a *api) reportDelete(c *call) error {
	hard, err := c.hard()
	if err != nil {
		return err
	}
	r, _, err := a.Intel.Report(c.ctx(), c.who, c.arg(0))
	if err == nil {
		err = a.Intel.DeleteReport(c.ctx(), c.who, itoa(r.ID), hard)
	}
	if err != nil {
		return reportFault("delete", err)
	}
	how := "soft"
	if hard {
		how = "hard"
	}
	return c.done(misp.Outcome{Controller: "EventReports", Action: "delete", Message: "Event Report " + r.UUID + " " + how + " deleted", ID: c.arg(0)})
}

func (a *api) reportRestore(c *call) error {
	r, err := a.Intel.RestoreReport(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return reportFault("restore", err)
	}
	return c.done(misp.Outcome{Controller: "EventReports", Action: "restore", Message: "Event Report " + r.UUID + " restored", ID: c.arg(0)})
}
