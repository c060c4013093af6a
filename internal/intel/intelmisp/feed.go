package intelmisp

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel/feed"
	"straza/internal/kernel/fault"
)

const noFeed = "Invalid Feed."

// feedJSON is a feed as MISP shows it; rules and settings are texts of JSON there.
func (a *api) feedJSON(c *call, f *feed.Feed) ordered {
	tag := "0"
	if f.Tag != "" {
		if t, _, _, err := a.Intel.Tag(c.ctx(), c.who, f.Tag); err == nil {
			tag = itoa(t.ID)
		}
	}
	var headers any
	if len(f.Headers) > 0 {
		headers = strings.Join(f.Headers, "\n")
	}
	return ordered{{"id", itoa(f.ID)}, {"name", f.Name}, {"provider", f.Provider}, {"url", f.URL}, {"rules", jsonText(f.Rules)}, {"enabled", f.Enabled},
		{"distribution", strconv.Itoa(f.Distribution)}, {"sharing_group_id", itoa(f.Group)}, {"tag_id", tag}, {"default", false}, {"source_format", f.Format},
		{"fixed_event", f.Fixed}, {"delta_merge", f.Delta}, {"event_id", itoa(f.Event)}, {"publish", f.Publish}, {"override_ids", f.Override},
		{"settings", jsonText(f.Settings)}, {"input_source", f.Input}, {"delete_local_file", false}, {"lookup_visible", f.Visible}, {"headers", headers},
		{"caching_enabled", f.Caching}, {"force_to_ids", f.Force}, {"orgc_id", "0"}, {"tag_collection_id", "0"}}
}

func jsonText(raw json.RawMessage) any {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// feedFields reads what a request says of a feed.
func (a *api) feedFields(c *call, p params, f *feed.Feed) error {
	for key, to := range map[string]*string{"name": &f.Name, "provider": &f.Provider, "url": &f.URL, "source_format": &f.Format, "input_source": &f.Input} {
		if p.has(key) {
			*to = strings.TrimSpace(p.text(key))
		}
	}
	for key, to := range map[string]*bool{"enabled": &f.Enabled, "caching_enabled": &f.Caching, "lookup_visible": &f.Visible, "fixed_event": &f.Fixed,
		"delta_merge": &f.Delta, "publish": &f.Publish, "override_ids": &f.Override, "force_to_ids": &f.Force} {
		*to = p.flag(key, *to)
	}
	f.Distribution = p.number("distribution", f.Distribution)
	f.Group, f.Event = int64(p.number("sharing_group_id", int(f.Group))), int64(p.number("event_id", int(f.Event)))
	for key, to := range map[string]*json.RawMessage{"settings": &f.Settings, "rules": &f.Rules} {
		if p.has(key) {
			*to = c.asSent("Feed", key)
		}
	}
	if p.has("headers") && !strings.Contains(p.text("headers"), ": *****") { // given back as it was shown: it stays
		f.Headers = []string{}
		for line := range strings.Lines(p.text("headers")) {
			if line = strings.TrimSpace(line); line != "" {
				f.Headers = append(f.Headers, line)
			}
		}
	}
	if id := p.text("tag_id"); id != "" {
		f.Tag = ""
		if id != "0" {
			t, _, _, err := a.Intel.Tag(c.ctx(), c.who, id)
			if err != nil {
				return err
			}
			f.Tag = t.Name
		}
	}
	return nil
}

// asSent is a member of the body's object with its keys in the order they came.
func (c *call) asSent(wrap, key string) json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(c.raw, &m) == nil && m[wrap] != nil {
		inner := m[wrap]
		m = nil
		_ = json.Unmarshal(inner, &m) // what is no object has no member
	}
	return m[key]
}

func (c *call) number(n int) int64 {
	id, err := strconv.ParseInt(c.arg(n), 10, 64)
	if err != nil {
		return -1
	}
	return id
}

func (a *api) feedIndex(c *call) error {
	list, err := a.Feeds.Feeds(c.ctx(), c.who)
	if err != nil {
		return err
	}
	return c.list("", "", formed(list, func(x feed.Feed) any {
		stamp := any(false)
		if x.Cached > 0 {
			stamp = itoa(x.Cached / 1e6)
		}
		return ordered{{"Feed", append(a.feedJSON(c, &x), ordered{{"cache_timestamp", stamp}}...)}}
	}))
}

func (a *api) feedView(c *call) error {
	f, err := a.Feeds.Feed(c.ctx(), c.who, c.number(0))
	if err != nil {
		return instead(err, notFound(noFeed), fault.NotFound)
	}
	covered, err := a.coverage(c, &f)
	if err != nil {
		return err
	}
	return c.value(ordered{{"Feed", append(a.feedJSON(c, &f), ordered{{"cached_elements", f.Values}, {"coverage_by_other_feeds", covered}}...)}})
}

// coverage is how much of a feed the other one that knows most of it has.
func (a *api) coverage(c *call, f *feed.Feed) (string, error) {
	if !site(c.who) || c.who.ReadOnly || f.Values == 0 {
		return "0%", nil
	}
	_, shared, err := a.Feeds.Compare(c.ctx(), c.who)
	most := int64(0)
	for _, o := range shared {
		if o.Feed == f.ID {
			most = max(most, o.Count)
		}
	}
	return percentOf(most, f.Values, 0), err
}

func (a *api) feedSave(c *call, id int64, action string) error {
	if err := c.form(); err != nil {
		return err
	}
	var bad error
	f, err := a.Feeds.Save(c.ctx(), c.who, id, func(f *feed.Feed) { bad = a.feedFields(c, c.params.sub("Feed"), f) })
	if err = cmp.Or(bad, err); err != nil {
		if x := fault.Of(err); x != nil && x.Kind == fault.Invalid {
			errs := map[string][]string{}
			for field := range x.Fields {
				errs[field] = []string{map[string]string{"name": "Please specify a name.", "url": "Invalid url. Supported are http and https without a password, and files in the folder of local feeds."}[field]}
				if errs[field][0] == "" {
					errs[field][0] = "Please check this field."
				}
			}
			return unsaved(misp.Outcome{Controller: "Feeds", Action: action, Errors: errs})
		}
		return instead(err, notFound(noFeed), fault.NotFound)
	}
	return c.value(ordered{{"Feed", a.feedJSON(c, &f)}})
}

func (a *api) feedAdd(c *call) error  { return a.feedSave(c, 0, "add") }
func (a *api) feedEdit(c *call) error { return a.feedSave(c, max(c.number(0), 1), "edit") }

// feedSwitch answers enable and disable.
func (a *api) feedSwitch(c *call) error {
	on := c.action == "enable"
	if _, err := a.Feeds.Save(c.ctx(), c.who, max(c.number(0), 1), func(f *feed.Feed) { f.Enabled = on }); err != nil {
		return instead(err, notFound(noFeed), fault.NotFound)
	}
	return c.done(misp.Outcome{Controller: "Feeds", Action: c.action, Message: map[bool]string{true: "Feed enabled.", false: "Feed disabled."}[on], ID: c.arg(0)})
}

func (a *api) feedDelete(c *call) error {
	if err := a.Feeds.Delete(c.ctx(), c.who, c.number(0)); err != nil {
		return instead(err, notFound(noFeed), fault.NotFound)
	}
	return c.done(misp.Outcome{Controller: "Feeds", Action: "delete", Message: "Feed deleted.", ID: c.number(0)})
}

func (a *api) feedFetch(c *call) error {
	id := c.number(0)
	if c.action == "fetchfromallfeeds" {
		id = 0
	}
	if _, err := a.Feeds.Queue(c.ctx(), c.who, false, id); err != nil {
		err = instead(err, notAllowed("Feed is currently not enabled. Make sure you enable it."), fault.Conflict)
		return instead(err, notFound(noFeed), fault.NotFound)
	}
	return c.value(ordered{{"result", "Pull queued for background execution."}})
}

// feedCache takes a feed's id, "all", or a format.
func (a *api) feedCache(c *call) error {
	ids := []int64{c.number(0)}
	if ids[0] < 0 {
		ids = []int64{0}
		if form := c.arg(0); form != "all" && form != "" {
			list, err := a.Feeds.Feeds(c.ctx(), c.who)
			if err != nil {
				return err
			}
			ids = nil
			for i := range list {
				if list[i].Caching && list[i].Format == form {
					ids = append(ids, list[i].ID)
				}
			}
		}
	}
	for _, id := range ids {
		if _, err := a.Feeds.Queue(c.ctx(), c.who, true, id); err != nil {
			return instead(err, notFound(noFeed), fault.NotFound)
		}
	}
	return c.done(misp.Outcome{Controller: "Feeds", Action: "cacheFeed", Message: "Feed caching job initiated."})
}

// feedSearch answers searchCaches: which feeds hold a value.
func (a *api) feedSearch(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	value := cmp.Or(c.params.text("value"), c.arg(0))
	hits, err := a.Feeds.Holding(c.ctx(), c.who, strings.TrimSpace(value))
	if err != nil {
		return err
	}
	out := []any{}
	for i := range hits {
		f := &hits[i].Feed
		o := ordered{{"id", itoa(f.ID)}, {"name", f.Name}, {"url", f.URL}, {"provider", f.Provider}, {"source_format", f.Format}, {"type", "Feed"}}
		if len(hits[i].Events) > 0 {
			o = append(o, ordered{{"type", "MISP Feed"}, {"uuid", hits[i].Events}}[1:]...)
		}
		out = append(out, ordered{{"Feed", o}})
	}
	return c.value(out)
}

// feedCompare counts what the caches of feeds have in common.
func (a *api) feedCompare(c *call) error {
	list, shared, err := a.Feeds.Compare(c.ctx(), c.who)
	if err != nil {
		return instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
	}
	out := []any{}
	for i := range list {
		f := &list[i]
		if f.Values == 0 {
			continue
		}
		compared := []any{}
		for _, o := range shared {
			at := slices.IndexFunc(list, func(x feed.Feed) bool { return x.ID == o.Other })
			if o.Feed == f.ID && at >= 0 {
				compared = append(compared, ordered{{"id", itoa(list[at].ID)}, {"name", list[at].Name}, {"url", list[at].URL}, {"provider", list[at].Provider},
					{"overlap_count", o.Count}, {"overlap_percentage", o.Count * 100 / f.Values}})
			}
		}
		out = append(out, ordered{{"Feed", ordered{{"id", itoa(f.ID)}, {"name", f.Name}, {"url", f.URL}, {"provider", f.Provider}, {"values", f.Values},
			{"ComparedFeed", compared}}}})
	}
	return c.value(out)
}

// feedPreview shows what a feed would bring; feedPreviewEvent one event of it.
func (a *api) feedPreview(c *call) error {
	list, err := a.Feeds.Preview(c.ctx(), c.who, c.number(0), 1000)
	if err != nil {
		return feedSilent(err)
	}
	out := []any{}
	for _, x := range list {
		if x.UUID != "" {
			out = append(out, ordered{{"uuid", x.UUID}, {"info", x.Info}, {"timestamp", itoa(x.Timestamp)}})
			continue
		}
		def, _ := misp.DefaultOf(x.Type)
		out = append(out, ordered{{"category", def.Category}, {"type", x.Type}, {"value", x.Value}, {"to_ids", def.ToIDS && x.Stopped == nil}})
	}
	return c.value(out)
}

func (a *api) feedPreviewEvent(c *call) error {
	b, err := a.Feeds.PreviewEvent(c.ctx(), c.who, c.number(0), c.arg(1))
	if err != nil {
		return feedSilent(err)
	}
	return c.json(append(append([]byte(`{"Event":`), b...), '}'))
}

func feedSilent(err error) error {
	err = instead(err, notFound(noFeed), fault.NotFound)
	return instead(err, notAllowed("Could not fetch the feed."), fault.Unavailable, fault.Invalid, fault.Limited)
}

// defaultFeeds are feeds that many teams begin with; they are entered switched off.
var defaultFeeds = []feed.Feed{
	{Name: "CIRCL OSINT Feed", Provider: "CIRCL", URL: "https://www.circl.lu/doc/misp/feed-osint", Format: feed.FormatMISP, Input: feed.Network},
	{Name: "The Botvrij.eu Data", Provider: "Botvrij.eu", URL: "https://www.botvrij.eu/data/feed-osint", Format: feed.FormatMISP, Input: feed.Network},
	{Name: "URLhaus", Provider: "abuse.ch", URL: "https://urlhaus.abuse.ch/downloads/text_recent/", Format: feed.FormatFreetext, Input: feed.Network},
}

func (a *api) feedDefaults(c *call) error {
	have, err := a.Feeds.Feeds(c.ctx(), c.who)
	if err != nil {
		return err
	}
	for _, d := range defaultFeeds {
		if slices.ContainsFunc(have, func(f feed.Feed) bool { return f.URL == d.URL }) {
			continue
		}
		_, err := a.Feeds.Save(c.ctx(), c.who, 0, func(f *feed.Feed) {
			f.Name, f.Provider, f.URL, f.Format, f.Input = d.Name, d.Provider, d.URL, d.Format, d.Input
		})
		if err != nil {
			return err
		}
	}
	return c.done(misp.Outcome{Controller: "Feeds", Action: "loadDefaultFeeds", Message: "Default feed metadata loaded."})
}

func feedRows(read, write adder) {
	read("feeds/index", "", (*api).feedIndex)
	read("feeds/view", "", (*api).feedView)
	read("feeds/searchcaches", "", (*api).feedSearch)
	read("feeds/comparefeeds", "site_admin", (*api).feedCompare)
	read("feeds/previewindex", "site_admin", (*api).feedPreview)
	read("feeds/previewevent", "site_admin", (*api).feedPreviewEvent)
	write("feeds/add", "site_admin", (*api).feedAdd)
	write("feeds/edit", "site_admin", (*api).feedEdit)
	write("feeds/delete", "site_admin", (*api).feedDelete)
	write("feeds/enable", "site_admin", (*api).feedSwitch)
	write("feeds/disable", "site_admin", (*api).feedSwitch)
	write("feeds/fetchfromfeed", "site_admin", (*api).feedFetch)
	write("feeds/fetchfromallfeeds", "site_admin", (*api).feedFetch)
	write("feeds/cachefeeds", "site_admin", (*api).feedCache)
	write("feeds/loaddefaultfeeds", "site_admin", (*api).feedDefaults)
}
