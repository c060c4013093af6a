package bulkweb

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/bulk"
	"straza/internal/intel/dossier"
	"straza/internal/intel/enrich"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// edits are the acts that change what attributes say; what they did is in the journal.
var edits = map[string]misp.Attribute{"delete": {Deleted: misp.B(true)}, "ids": {ToIDS: misp.B(true)}, "noids": {ToIDS: misp.B(false)},
	"correlate": {DisableCorrelation: misp.B(false)}, "nocorrelate": {DisableCorrelation: misp.B(true)}}

// bulk does one act on the ticked attributes, or leads to the form that it needs.
func (p *pages) bulk(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ref, err := web.Ref(r, "id")
	if err != nil {
		return err
	}
	if _, err := p.d.Intel.Event(r.Context(), web.Actor(r), ref); err != nil {
		return err
	}
	act, ids, to := f.Text("act", 20), f.Ids("id"), base(r)+"/"+ref
	if scope, many := beyond(f); act == "tag" && many {
		return p.tagMany(r, ref, to, scope, f.Text("tag", 255))
	}
	if len(ids) == 0 {
		return web.Redirect(to, web.Done("intel.bulk.none"))
	}
	if w, is := edits[act]; is {
		done, err := p.d.Intel.EditAttributes(r.Context(), web.Actor(r), ref, ids, w)
		if err != nil {
			return err
		}
		return web.Redirect(to, flash(r, to, done))
	}
	tag := f.Text("tag", 255)
	if form, err := formOf(act, tag, ids); err != nil || form != "" {
		if narrow := f.Text(narrowed, 2000); (act == "tag" || act == "edit") && narrow != "" {
			form += "&" + narrowed + "=" + url.QueryEscape(narrow)
		}
		return orRedirect(err, to+form)
	}
	if act == "tag" {
		done, err := p.d.Intel.TagAttributes(r.Context(), web.Actor(r), ref, ids, tag)
		if err != nil {
			return err
		}
		return web.Redirect(to, flash(r, to, done))
	}
	return p.eachOne(r, act, ids)
}

// tagMany tags what a scope leaves of an event. Many attributes are tagged by a job, whose
// page tells how far it is.
func (p *pages) tagMany(r *http.Request, ref, to string, scope intel.Scope, tag string) error {
	a, err := p.d.Bulk.Tag(r.Context(), web.Actor(r), ref, scope, tag)
	if err != nil {
		return err
	}
	return begun(r, to, &a)
}

// begun leads to the page of an act that goes on, or says what it did.
func begun(r *http.Request, to string, a *bulk.Act) error {
	if a.UUID != "" {
		return web.Redirect(to+"/bulk/"+a.UUID, nil)
	}
	return web.Redirect(to, flash(r, to, a.Result.Bulk))
}

// formOf is where an act that asks something more goes on, "" for one that does not.
func formOf(act, tag string, ids []int64) (string, error) {
	one, list := strconv.FormatInt(ids[0], 10), url.Values{}
	many := func(name string, most int) string {
		for _, id := range ids[:min(len(ids), most)] {
			list.Add(name, strconv.FormatInt(id, 10))
		}
		return list.Encode()
	}
	switch {
	case act == "propose":
		return "/propose?attribute=" + one, nil
	case act == "note":
		return "/attributes/" + one + "#said", nil
	case act == "enrich":
		return "/enrich?" + many("a", enrich.Most), nil
	case act == "dossier":
		return "/dossier?" + many("id", dossier.PutMost), nil
	case act == "tag" && tag == "", act == "edit":
		of, err := packIDs(ids)
		return map[string]string{"tag": "/tagging?of=", "edit": "/attributes/edit?of="}[act] + of, err
	}
	return "", nil
}

func orRedirect(err error, to string) error {
	if err != nil {
		return err
	}
	return web.Redirect(to, nil)
}

// flash says what an act on one event did, and offers the way back.
func flash(r *http.Request, to string, b intel.Bulk) *web.Flash {
	done := told(r, "intel.bulk.done", b)
	if b.At != 0 {
		done = done.WithUndo(to+"/attributes/undo", "at", strconv.FormatInt(b.At, 36))
	}
	return done
}

// told says what an act did, and why it left some as they are; key has a sister for that.
func told(r *http.Request, key string, b intel.Bulk) *web.Flash {
	if left, why := leftOf(r, b); left > 0 {
		return web.Done(key+".left", "n", int64(b.Changed), "left", left, "why", why)
	}
	return web.Done(key, "n", int64(b.Changed))
}

// leftOf counts what an act left as it was, and gives the reasons in words.
func leftOf(r *http.Request, b intel.Bulk) (left int64, why string) {
	var words []string
	for _, reason := range slices.Sorted(maps.Keys(b.Left)) {
		left += int64(b.Left[reason])
		if !slices.Contains(reasons, reason) {
			reason = "other"
		}
		words = append(words, web.T(r, "intel.bulk.left."+reason))
	}
	return left, strings.Join(slices.Compact(words), ", ")
}

// reasons have words here; MISP's other fields share one.
var reasons = []string{intel.LeftGone, intel.LeftSince, intel.LeftGroup, intel.LeftForeign, intel.LeftProtected, "type", "first_seen"}

// eachOne does an act that is no edit on the ticked attributes, each of which must stand
// in the event.
func (p *pages) eachOne(r *http.Request, act string, ids []int64) error {
	e, err := p.event(r)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := eventweb.AttributeIn(r, p.d.Intel, e.ID, id); err != nil {
			return err
		}
	}
	ctx, who, to := r.Context(), web.Actor(r), base(r)+"/"+e.Ref()
	switch act {
	case "saw":
		kind := intel.Seen
		a, err := p.d.Bulk.ChangeAcross(ctx, who, ids, bulk.Change{Sight: &kind})
		if err != nil {
			return err
		}
		done := told(r, "intel.bulk.sighted", a.Result.Bulk)
		if a.UUID != "" {
			done = done.WithUndo(to+"/attributes/undo", "bulk", a.UUID)
		}
		return web.Redirect(to, done)
	case "unwanted":
		for _, id := range ids {
			if _, err := p.d.Remarks.ProposeRemoval(ctx, who, strconv.FormatInt(id, 10)); err != nil {
				return err
			}
		}
		return web.Redirect(to, web.Done("intel.done.changed"))
	}
	return fault.New(fault.Invalid, "act %q", act)
}

// event is the event of the address, whether or not the caller may change it: who may not
// says that a value was met, or proposes to take it out.
func (p *pages) event(r *http.Request) (intel.Event, error) {
	ref, err := web.Ref(r, "id")
	if err != nil {
		return intel.Event{}, err
	}
	return p.d.Intel.Event(r.Context(), web.Actor(r), ref)
}

// undo takes one press on several attributes back as a whole: an edit by its moment, what
// was reported of them by its act. What was worked on since stays as it is, and is counted.
func (p *pages) undo(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if act := f.Text("bulk", 40); act != "" {
		e, err := p.event(r)
		if err != nil {
			return err
		}
		b, err := p.d.Bulk.UndoAcross(r.Context(), web.Actor(r), act)
		if err != nil {
			return err
		}
		return web.Redirect(base(r)+"/"+e.Ref(), undone(r, b))
	}
	e, err := eventweb.Mine(r, p.d.Intel)
	if err != nil {
		return err
	}
	moment, err := strconv.ParseInt(f.Text("at", 20), 36, 64)
	if err != nil {
		return fault.Field("at", "web.error.form", "%s", errUnreadable)
	}
	a, err := p.d.Bulk.UndoAttributes(r.Context(), web.Actor(r), e.Ref(), moment)
	if err != nil {
		return err
	}
	to := base(r) + "/" + e.Ref()
	if a.UUID != "" {
		return web.Redirect(to+"/bulk/"+a.UUID, nil)
	}
	return web.Redirect(to, undone(r, a.Result.Bulk))
}

// undone says what was taken back.
func undone(r *http.Request, b intel.Bulk) *web.Flash {
	left, _ := leftOf(r, b)
	switch {
	case left > 0:
		return web.Done("intel.done.undone.left", "n", b.Changed, "left", left)
	case b.Objects > 0:
		return web.Done("intel.done.undone.object")
	}
	return web.Done("intel.done.undone", "n", b.Changed)
}

var errUnreadable = errors.New("what is to be undone is not readable")
