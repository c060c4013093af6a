package intelmisp

import (
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
)

func noticeRows(read, write adder) {
	read("noticelists/index", "", (*api).noticeIndex)
	read("noticelists/view", "", (*api).noticeView)
	write("noticelists/enablenoticelist", "site_admin", (*api).noticeSwitch)
	write("noticelists/toggleenable", "site_admin", (*api).noticeToggle)
	write("noticelists/update", "site_admin", (*api).upToDate)
}

const noNotices = "Invalid Noticelist."

func noticeHead(it catalog.Item, sources, areas []string) ordered {
	return ordered{{"id", itoa(it.ID)}, {"name", it.Name}, {"expanded_name", it.Description}, {"ref", orEmpty(sources)},
		{"geographical_area", orEmpty(areas)}, {"version", itoa(it.Version)}, {"enabled", it.Enabled}}
}

func (a *api) noticeIndex(c *call) error {
	list, err := a.Catalog.List(c.ctx(), c.who, catalog.NoticeList)
	if err != nil {
		return err
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for _, it := range list {
			_, _, sources, areas, err := a.Catalog.NoticeListOf(c.ctx(), c.who, itoa(it.ID))
			if fault.Is(err, fault.NotFound) {
				continue // gone meanwhile
			}
			var b []byte
			if err == nil {
				b, err = marshal(ordered{{"Noticelist", noticeHead(it, sources, areas)}})
			}
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

func (a *api) noticeView(c *call) error {
	it, entries, sources, areas, err := a.Catalog.NoticeListOf(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound(noNotices), fault.NotFound)
	}
	list := make([]any, len(entries))
	for i, e := range entries {
		list[i] = ordered{{"id", itoa(int64(i + 1))}, {"noticelist_id", itoa(it.ID)}, {"data", ordered{{"scope", orEmpty(e.Scope)}, {"field", orEmpty(e.Field)},
			{"value", orEmpty(e.Value)}, {"tags", orEmpty(e.Tags)}, {"message", e.Message}}}}
	}
	return c.value(ordered{{"Noticelist", append(noticeHead(it, sources, areas), ordered{{"NoticelistEntry", list}}...)}})
}

// noticeSwitch answers enableNoticelist/<id>[/true]: without the word it is switched off.
func (a *api) noticeSwitch(c *call) error {
	on := params{"": c.arg(1)}.flag("", false)
	if _, err := a.Catalog.Enable(c.ctx(), c.who, catalog.NoticeList, c.arg(0), on); err != nil {
		return instead(instead(err, notFound(noNotices), fault.NotFound), forbidden(misp.MsgNoFunction), fault.Denied)
	}
	it, _, sources, areas, err := a.Catalog.NoticeListOf(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return err
	}
	return c.value(ordered{{"Noticelist", noticeHead(it, sources, areas)}})
}

// noticeToggle is the switch of MISP's pages: {"Noticelist":{"data":id}}.
func (a *api) noticeToggle(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	ref := c.params.sub("Noticelist").text("data")
	it, _, err := a.Catalog.Get(c.ctx(), c.who, catalog.NoticeList, ref)
	if err == nil {
		it, err = a.Catalog.Enable(c.ctx(), c.who, catalog.NoticeList, itoa(it.ID), !it.Enabled)
	}
	if err != nil {
		err = instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
		if fault.Is(err, fault.NotFound) {
			return c.value(ordered{{"saved", false}, {"errors", "Noticelist not found."}})
		}
		return err
	}
	return c.value(ordered{{"saved", true}, {"success", "Noticelist " + map[bool]string{true: "enabled", false: "disabled"}[it.Enabled]}})
}

// favouriteToggle puts a tag among the caller's own or takes it out:
// {"FavouriteTag":{"data":tag}}.
func (a *api) favouriteToggle(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("FavouriteTag")
	ref := strings.TrimSpace(p.text("data"))
	if ref == "" {
		ref = p.text("tag_id")
	}
	if ref == "" {
		ref = c.arg(0)
	}
	mine, err := a.Intel.Favourites(c.ctx(), c.who)
	if err != nil {
		return err
	}
	t, _, _, err := a.Intel.Tag(c.ctx(), c.who, ref)
	if err == nil {
		_, err = a.Intel.Favour(c.ctx(), c.who, itoa(t.ID), !mine[t.ID])
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		return c.value(ordered{{"saved", false}, {"errors", "Invalid tag."}})
	}
	if err != nil {
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	said := "Tag added to favourites."
	if mine[t.ID] {
		said = "Tag removed from favourites."
	}
	return c.value(ordered{{"saved", true}, {"success", said}, {"check_publish", true}})
}

// favouriteField is what MISP's pages read before they toggle.
func (a *api) favouriteField(c *call) error {
	return c.value(ordered{{"FavouriteTag", ordered{{"data", ""}}}})
}
