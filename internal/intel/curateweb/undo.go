package curateweb

import (
	"net/http"
	"strconv"

	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// mergedInto shows what became this tag within the last month, with the way back for who
// may take it; what is under way shows how far it has come.
func (p *pages) mergedInto(r *http.Request, page *tagPage, name string) error {
	if shell(r) != web.ShellConsole || intel.MayEditTags(web.Actor(r)) != nil {
		return nil
	}
	list, err := p.d.Intel.MergesInto(r.Context(), web.Actor(r), name)
	if err != nil {
		return err
	}
	page.Merged = ui.Table{Caption: web.T(r, "curate.merged"), Columns: []ui.Column{{Label: web.T(r, "curate.tags")}, {Label: web.T(r, "curate.act"), Hidden: true}}}
	for i := range list {
		m := &list[i]
		tag := ui.Name{Text: m.Name, Sub: []any{clock.FromMicros(m.At)}}
		var act any
		switch m.State {
		case intel.Undone:
			tag.Href = tagAt(m.Name)
			tag.Sub = append(tag.Sub, web.T(r, "curate.merged.undone"))
			if m.Left > 0 {
				tag.Sub = append(tag.Sub, web.T(r, "curate.merged.left", "n", m.Left))
			}
		case intel.Undoing:
			act = ui.Progress{Percent: m.Percent, Label: web.T(r, "curate.merged.undoing")}
		default:
			act = ui.Acts{Form: "unmerge", Items: []ui.Button{{Label: web.T(r, "curate.merged.undo"), Icon: "arrow-back-up", Name: "merge", Value: strconv.FormatInt(m.ID, 10), Variant: "tertiary", Small: true}}}
		}
		if m.State == intel.Merging {
			tag.Sub = append(tag.Sub, web.T(r, "curate.merged.merging", "n", strconv.Itoa(m.Percent)))
		}
		page.Merged.Rows = append(page.Merged.Rows, ui.Row{Cells: []any{tag, act}})
	}
	return nil
}

// unmerge takes a merging back.
func (p *pages) unmerge(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	m, err := p.d.Intel.UndoMerge(r.Context(), web.Actor(r), f.Int("merge"))
	if err != nil {
		return err
	}
	done := web.Done("curate.done.unmerged")
	switch {
	case m.State == intel.Undoing:
		done = web.Done("curate.done.unmerging")
	case m.Left > 0:
		done = web.Done("curate.done.unmerged.left", "n", m.Left)
	}
	return web.Redirect(tagAt(m.Name), done)
}
