package intelmisp

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/fault"
)

func proposalRows(read, write adder) {
	read("shadow_attributes/index", "", (*api).proposalIndex)
	read("shadow_attributes/view", "", (*api).proposalView)
	write("shadow_attributes/add", "add", (*api).proposalAdd)
	write("shadow_attributes/edit", "add", (*api).proposalEdit)
	write("shadow_attributes/delete", "add", (*api).proposalDelete)
	write("shadow_attributes/accept", "add", (*api).proposalAccept)
	write("shadow_attributes/discard", "add", (*api).proposalDiscard)
	write("events/pushproposals", "sync", (*api).proposalPush)
}

const (
	noProposal      = "Proposal not found or you are not authorised to accept it."
	invalidProposal = "Invalid proposal."
)

// proposed is the answer to what was just proposed: its author reads their own address.
func (a *api) proposed(c *call, p *remark.Proposal) error {
	w := p.Wire()
	w.Email = misp.T(c.who.Email)
	w.OrgID, w.OrgUUID, w.OldUUID, w.EventUUID, w.Org = misp.Int{}, misp.Text{}, misp.Text{}, misp.Text{}, nil
	w.ProposalToDelete, w.DisableCorrelation = misp.Flag{}, misp.Flag{}
	return c.json(append(misp.Append([]byte(`{"ShadowAttribute":`), &w), '}'))
}

// proposalWire is the form of lists.
func proposalWire(p *remark.Proposal) misp.ShadowAttribute {
	w := p.Wire()
	w.EventOrgID, w.Email = misp.Int{}, misp.Text{}
	return w
}

// insideEvent is the form inside events and attributes.
func insideEvent(p *remark.Proposal) misp.ShadowAttribute {
	w := p.Wire()
	w.EventOrgID, w.Deleted, w.DisableCorrelation, w.OrgUUID, w.OldUUID = misp.Int{}, misp.Flag{}, misp.Flag{}, misp.Text{}, misp.Text{}
	w.Org.Local = misp.B(p.Org.Local)
	return w
}

// proposal reads the one attribute of a request, in either wrapper or none.
func (c *call) proposal() (misp.Attribute, error) {
	b, err := c.read()
	if err != nil {
		return misp.Attribute{}, err
	}
	key := "Attribute"
	if strings.Contains(string(b), `"ShadowAttribute"`) {
		key = "ShadowAttribute"
	}
	doc, err := c.document()
	if err != nil {
		return misp.Attribute{}, err
	}
	list, _, err := misp.Read[misp.Attribute](doc, misp.Limits{Bytes: plainBytes, Depth: jsonDepth}, key)
	if err != nil || len(list) == 0 {
		return misp.Attribute{}, badJSON()
	}
	intel.SealSample(&list[0])
	return list[0], nil
}

// proposalFault gives MISP's 404 with the field and its sentence.
func proposalFault(err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	switch f.Kind {
	case fault.Invalid:
		for field := range f.Fields {
			return notFound("Could not save the proposal. Errors: [" + field + "]: " + f.Detail + "\n")
		}
	case fault.NotFound:
		return notFound(invalidEvent)
	case fault.Denied:
		return forbidden(misp.MsgNoPermission)
	}
	return err
}

func (a *api) proposalAdd(c *call) error {
	w, err := c.proposal()
	if err != nil {
		return err
	}
	if e, err := a.Intel.Event(c.ctx(), c.who, c.arg(0)); err == nil && a.withheld(c, &e) {
		return notFound(invalidEvent)
	}
	p, err := a.Remarks.Propose(c.ctx(), c.who, c.arg(0), w)
	if err != nil {
		return proposalFault(err)
	}
	return a.proposed(c, &p)
}

func (a *api) proposalEdit(c *call) error {
	w, err := c.proposal()
	if err != nil {
		return err
	}
	if a.partStays(c)(c.arg(0)) {
		return notFound(invalidAttribute)
	}
	p, err := a.Remarks.ProposeEdit(c.ctx(), c.who, c.arg(0), w)
	if err != nil {
		return proposalFault(instead(err, notFound(invalidAttribute), fault.NotFound))
	}
	return a.proposed(c, &p)
}

func (a *api) proposalDelete(c *call) error {
	if a.partStays(c)(c.arg(0)) {
		return notFound(invalidAttribute)
	}
	if _, err := a.Remarks.ProposeRemoval(c.ctx(), c.who, c.arg(0)); err != nil {
		return proposalFault(instead(err, notFound(invalidAttribute), fault.NotFound))
	}
	return c.value(ordered{{"saved", true}, {"success", "The proposal to delete the attribute has been saved"}})
}

func (a *api) proposalView(c *call) error {
	p, err := a.Remarks.Proposal(c.ctx(), c.who, c.arg(0))
	if err == nil && a.proposalStays(c)(&p) {
		return notFound(invalidProposal)
	}
	if err != nil {
		return instead(err, notFound(invalidProposal), fault.NotFound)
	}
	w := p.Wire()
	w = misp.ShadowAttribute{ID: w.ID, OldID: w.OldID, EventID: w.EventID, Type: w.Type, Category: w.Category, UUID: w.UUID, ToIDS: w.ToIDS,
		Comment: w.Comment, OrgID: w.OrgID, FirstSeen: w.FirstSeen, LastSeen: w.LastSeen, Value: w.Value}
	return c.json(append(misp.Append([]byte(`{"ShadowAttribute":`), &w), '}'))
}

// proposalIndex lists those of one event, of the own organisation's events, or with
// all:1 of everything visible, as synchronising peers ask.
func (a *api) proposalIndex(c *call) error {
	if c.r.Method == http.MethodPost {
		if err := c.form(); err != nil {
			return err
		}
	}
	f := remark.ProposalFilter{Event: c.arg(0), All: c.params.flag("all", false), Limit: c.params.count("limit", 0), Page: max(c.params.count("page", 1), 1)}
	f.Deleted = proposalsDeleted(c.params["deleted"])
	if c.params.has("timestamp") {
		since, ok := moment(c.params.text("timestamp"), now(c))
		if !ok {
			return c.json([]byte("[]"))
		}
		f.Since = int64(since)
	}
	stays := a.proposalStays(c)
	err := c.begin(http.StatusOK).list("", "", func(yield func([]byte) error) error {
		return a.Remarks.Proposals(c.ctx(), c.who, f, func(p *remark.Proposal) error {
			if stays(p) {
				return nil
			}
			w := proposalWire(p)
			return yield(append(misp.Append([]byte(`{"ShadowAttribute":`), &w), '}'))
		})
	})
	return instead(err, notFound(invalidEvent), fault.NotFound)
}

// proposalsDeleted: a list names the values that are wanted.
func proposalsDeleted(v any) intel.Deleted {
	list, ok := v.([]any)
	if !ok || len(list) != 1 {
		return deletedOf(v)
	}
	if text(list[0]) == "0" {
		return intel.Without
	}
	return intel.Only
}

// decided answers an acceptance or refusal; the address in it is whole, as MISP gives it.
func (a *api) decided(c *call, action, text string) error {
	url := a.Origin + "/shadow_attributes/" + action + "/" + c.arg(0)
	return c.value(ordered{{"name", text}, {"message", text}, {"url", url}})
}

// undecided: who may not decide is sent to the front page, what is not there (any
// more) is 405, as measured.
func (a *api) undecided(c *call, err error) error {
	f := fault.Of(err)
	switch {
	case f == nil:
		return err
	case f.Kind == fault.Denied:
		c.w.Header().Set("Location", a.Origin+"/")
		c.w.Header().Set("Content-Type", "application/json")
		c.w.WriteHeader(http.StatusFound)
		return nil
	case f.Kind == fault.NotFound, f.Kind == fault.Conflict:
		return notAllowed(noProposal)
	case f.Kind == fault.Invalid:
		return notAllowed("Could not accept the proposal. " + f.Detail)
	}
	return err
}

func (a *api) proposalAccept(c *call) error {
	p, err := a.Remarks.Accept(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return a.undecided(c, err)
	}
	switch {
	case p.Removal:
		return a.decided(c, "accept", "Proposed deletion accepted.")
	case p.Attribute != 0:
		return a.decided(c, "accept", "Proposed change accepted.")
	}
	return a.decided(c, "accept", "Proposal accepted.")
}

func (a *api) proposalDiscard(c *call) error {
	if _, err := a.Remarks.Discard(c.ctx(), c.who, c.arg(0)); err != nil {
		return a.undecided(c, err)
	}
	return a.decided(c, "discard", "Proposal discarded.")
}

// proposalPush takes what a synchronising peer proposes for one event.
func (a *api) proposalPush(c *call) error {
	doc, err := c.document()
	if err != nil {
		return err
	}
	list, _, err := misp.Read[misp.ShadowAttribute](doc, misp.Limits{Bytes: plainBytes, Depth: jsonDepth}, "ShadowAttribute")
	if err != nil {
		return badJSON()
	}
	n, _, err := a.Remarks.PushProposals(c.ctx(), c.who, c.arg(0), list)
	if err != nil {
		return instead(err, notFound(invalidEvent), fault.NotFound)
	}
	return c.value(ordered{{"success", n > 0}, {"message", strconv.Itoa(n) + " Proposal(s) added."}, {"counter", n}})
}

// proposals reads the open ones of an event by attribute; 0 holds the new ones.
func (a *api) proposals(c *call, e *intel.Event) (map[int64][]misp.ShadowAttribute, error) {
	out := map[int64][]misp.ShadowAttribute{}
	err := a.Remarks.Proposals(c.ctx(), c.who, remark.ProposalFilter{Event: e.Ref()}, func(p *remark.Proposal) error {
		out[p.Attribute] = append(out[p.Attribute], insideEvent(p))
		return nil
	})
	return out, err
}
