package intelmisp

import (
	"cmp"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel/remark"
	"straza/internal/kernel/fault"
)

const noCommunity = "Community not found."

// communities are the groups of installations that one may ask to join: this one, and
// those of the pack intel.communities. Their ids are their places, as MISP's are.
func (a *api) communities(c *call) ([]remark.Community, error) {
	name, err := hostName(a, c)
	if err != nil {
		return nil, err
	}
	host, _ := name.(string)
	list, err := a.Remarks.Communities(c.ctx(), c.who)
	return append([]remark.Community{{Name: host, Org: host, UUID: a.UUID, URL: a.Origin}}, list...), err
}

func communityJSON(i int, x *remark.Community) ordered {
	return ordered{{"name", x.Name}, {"uuid", x.UUID}, {"org_uuid", x.OrgUUID}, {"org_name", x.Org}, {"description", x.Description}, {"url", x.URL}, {"sector", x.Sector},
		{"nationality", x.Nationality}, {"type", x.Type}, {"email", x.Email}, {"logo", ""}, {"pgp_key", x.Key}, {"misp_project_vetted", false}, {"scope_of_data_to_be_shared", ""},
		{"id", i + 1}, {"Org", ordered{{"uuid", x.OrgUUID}, {"name", x.Org}}}}
}

func (a *api) communityIndex(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	list, err := a.communities(c)
	if err != nil {
		return err
	}
	want, out := strings.ToLower(c.params.text("value")), []any{}
	for i := range list {
		x := &list[i]
		if strings.Contains(strings.ToLower(strings.Join([]string{x.Name, x.UUID, x.Org, x.Description, x.Sector, x.Nationality}, "\n")), want) {
			out = append(out, communityJSON(i, x))
		}
	}
	return c.value(out)
}

// theCommunity is the one that the path names by its place or its UUID.
func (a *api) theCommunity(c *call) (int, remark.Community, error) {
	list, err := a.communities(c)
	for i := range list {
		if c.arg(0) == strconv.Itoa(i+1) || c.arg(0) != "" && strings.EqualFold(c.arg(0), list[i].UUID) {
			return i, list[i], err
		}
	}
	return 0, remark.Community{}, cmp.Or(err, notFound(noCommunity))
}

func (a *api) communityView(c *call) error {
	i, x, err := a.theCommunity(c)
	if err != nil {
		return err
	}
	return c.value(communityJSON(i, &x))
}

// communityAsk answers communities/requestAccess: a letter to the community. With mock
// the letter comes back instead, its head and its text, as MISP's mail component has them.
func (a *api) communityAsk(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	i, x, err := a.theCommunity(c)
	if err != nil {
		return err
	}
	no := func(why string) error {
		return unsaved(misp.Outcome{Controller: "Communities", Action: "requestAccess", Message: "Something went wrong and the request could not be sent.", Errors: why,
			ID: c.arg(0)})
	}
	if i == 0 {
		return no("This community is this installation: who asks is in it.")
	}
	p := c.params.sub("Server")
	j := remark.Joining{Email: p.text("email"), Org: p.text("org_name"), OrgUUID: p.text("org_uuid"), Description: p.text("org_description"),
		Message: p.text("message"), Key: p.text("gpgkey"), Sync: p.flag("sync", false)}
	if !p.flag("anonymise", false) {
		j.Server = a.Origin + "\n" + a.UUID
	}
	mock := p.flag("mock", false)
	l, err := a.Remarks.AskToJoin(c.ctx(), c.who, x.UUID, j, mock)
	if err != nil {
		err = instead(err, notFound(noCommunity), fault.NotFound)
		err = instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
		err = instead(err, no("The address, the text or the key cannot be used."), fault.Invalid)
		return instead(err, no("No letter can leave for this community: nothing sends letters here, or its key has expired."), fault.Unavailable)
	}
	if mock {
		head := "Reply-To: " + l.ReplyTo + "\r\nTo: " + l.To + "\r\nSubject: " + l.Subject
		return c.value(ordered{{"headers", head}, {"message", l.Body}})
	}
	return c.done(misp.Outcome{Controller: "Communities", Action: "requestAccess", Message: "Request sent.", ID: c.arg(0)})
}
