package intelweb

import (
	"net/http"
	"strconv"

	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// delegation is the panel of a request to take the event over, or of making one.
type delegation struct {
	Title, Text, Message string
	Action               string
	Take                 *ui.Field  // the level, for who is asked
	Back                 *ui.Button // refuse, or take the request back
	Ask                  *askFields
}

type askFields struct{ Org, Level, Message ui.Field }

// delegated makes the panel; nil when there is nothing to ask or to answer.
func (p *pages) delegated(r *http.Request, page *showPage, e *intel.Event) (*delegation, error) {
	ctx, who := r.Context(), web.Actor(r)
	if !access.Allowed(who, "intel.write") {
		return nil, nil
	}
	list, err := p.d.Remarks.Delegations(ctx, who, e.ID)
	if err != nil {
		return nil, err
	}
	v := &delegation{Title: web.T(r, "intel.delegation"), Action: page.At + "/" + page.Ref + "/delegation"}
	if len(list) > 0 {
		d := &list[0]
		v.Message = d.Message
		if d.To.ID == who.Org {
			v.Text = web.T(r, "intel.delegation.asked", "org", d.From.Name)
			level := p.levels(r, "1")
			if d.Distribution != remark.Undecided {
				level.Value = strconv.Itoa(int(d.Distribution))
			}
			v.Take = &level
			v.Back = &ui.Button{Label: web.T(r, "intel.delegation.refuse"), Variant: "tertiary"}
			return v, nil
		}
		v.Text = web.T(r, "intel.delegation.waits", "org", d.To.Name)
		v.Back = &ui.Button{Label: web.T(r, "intel.delegation.back"), Variant: "tertiary"}
		return v, nil
	}
	if !page.Edit || e.Published || e.Origin.ID != who.Org || e.Owner.ID != who.Org || !access.Allowed(who, "intel.publish") {
		return nil, nil
	}
	sees, err := p.s.WhoSees(ctx, who, intel.Community, 0, nil)
	if err != nil {
		return nil, err
	}
	f := web.NewForm(r, nil)
	v.Text = web.T(r, "intel.delegation.none")
	v.Ask = &askFields{Org: f.Field("org", "intel.delegation.to"), Level: p.levels(r, "-1"), Message: f.Field("message", "intel.delegation.message")}
	v.Ask.Org.Type, v.Ask.Message.Type, v.Ask.Message.Rows, v.Ask.Message.Optional = "select", "textarea", 2, true
	v.Ask.Level.ID = "ask-level"
	v.Ask.Level.Options = append([]ui.Option{{Value: "-1", Label: web.T(r, "intel.delegation.theirs")}}, v.Ask.Level.Options...)
	for _, o := range sees.Orgs {
		if o.ID != who.Org {
			v.Ask.Org.Options = append(v.Ask.Org.Options, ui.Option{Value: strconv.FormatInt(o.ID, 10), Label: o.Name})
		}
	}
	if len(v.Ask.Org.Options) == 0 {
		return nil, nil
	}
	return v, nil
}

// levels offers the levels that need no group.
func (p *pages) levels(r *http.Request, chosen string) ui.Field {
	return web.NewForm(r, map[string][]string{"distribution": {chosen}}).Select("distribution", "intel.who", web.Words(r, "intel.distribution.", "0", "1", "2", "3")...)
}

// delegate asks, accepts, refuses or takes back, on the event of the address.
func (p *pages) delegate(_ http.ResponseWriter, r *http.Request) error {
	f, e, err := p.formOf(r)
	if err != nil {
		return err
	}
	ctx, who := r.Context(), web.Actor(r)
	to, act := base(r)+"/"+e.Ref(), f.Text("act", 20)
	level := intel.Distribution(f.Int("distribution"))
	if act == "ask" {
		if _, err := p.d.Remarks.Delegate(ctx, who, e.Ref(), f.Text("org", 40), level, 0, f.Text("message", 4000)); err != nil {
			return err
		}
		return web.Redirect(to+"#delegation", web.Done("intel.delegation.done.ask").WithUndo(to+"/delegation", "act", "discard"))
	}
	list, err := p.d.Remarks.Delegations(ctx, who, e.ID)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fault.New(fault.NotFound, "no delegation of event %s", e.Ref()).WithKey("intel.fault.no-delegation")
	}
	id := strconv.FormatInt(list[0].ID, 10)
	switch act {
	case "accept":
		_, err = p.d.Remarks.AcceptDelegation(ctx, who, id, level, 0)
	case "discard":
		_, err = p.d.Remarks.DiscardDelegation(ctx, who, id)
	default:
		err = fault.New(fault.Invalid, "act %q", act)
	}
	if err != nil {
		return err
	}
	if list[0].To.ID == who.Org && act == "discard" {
		to = base(r) // refused: it is no longer ours to read
	}
	return web.Redirect(to, web.Done("intel.delegation.done."+act))
}
