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
	if act == "tag" && f.Tick("all") {
		return p.tagEvery(r, ref, to, f.Text("tag", 255))
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

// tagEvery tags all attributes of an event; what was done before a fault is offered back.
func (p *pages) tagEvery(r *http.Request, ref, to, tag string) error {
	done, err := p.d.Intel.TagEvery(r.Context(), web.Actor(r), ref, tag)
	if err != nil && done.At == 0 {
		return err
	}
	return web.Redirect(to, flash(r, to, done))
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

// flash says what an act did, why it left some as they are, and offers the way back.
func flash(r *http.Request, to string, b intel.Bulk) *web.Flash {
	done, left, why := web.Done("intel.bulk.done", "n", int64(b.Changed)), 0, []string{}
	for _, reason := range slices.Sorted(maps.Keys(b.Left)) {
		left += b.Left[reason]
		if !slices.Contains(reasons, reason) {
			reason = "other"
		}
		why = append(why, web.T(r, "intel.bulk.left."+reason))
	}
	if left > 0 {
		done = web.Done("intel.bulk.done.left", "n", int64(b.Changed), "left", int64(left), "why", strings.Join(slices.Compact(why), ", "))
	}
	if b.At != 0 {
		done = done.WithUndo(to+"/attributes/undo", "at", strconv.FormatInt(b.At, 36))
	}
	return done
}

// reasons have words here; MISP's other fields share one.
var reasons = []string{intel.LeftGone, intel.LeftSince, intel.LeftGroup, "type", "first_seen"}

// eachOne does an act that is no edit on each of the ticked attributes, each loaded
// through its event.
func (p *pages) eachOne(r *http.Request, act string, ids []int64) error {
	e, err := p.event(r)
	if err != nil {
		return err
	}
	for _, id := range ids {
		a, err := eventweb.AttributeIn(r, p.d.Intel, e.ID, id)
		if err != nil {
			return err
		}
		if err := p.one(r, act, &a); err != nil {
			return err
		}
	}
	return web.Redirect(base(r)+"/"+e.Ref(), web.Done("intel.done.changed"))
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

// one does one act on one attribute.
func (p *pages) one(r *http.Request, act string, a *intel.Attribute) (err error) {
	ctx, who, at := r.Context(), web.Actor(r), strconv.FormatInt(a.ID, 10)
	switch act {
	case "saw":
		_, _, err = p.d.Intel.AddSightings(ctx, who, []string{at}, nil, intel.Sighting{Kind: intel.Seen})
	case "unwanted":
		_, err = p.d.Remarks.ProposeRemoval(ctx, who, at)
	default:
		err = fault.New(fault.Invalid, "act %q", act)
	}
	return err
}

// undo takes one press on several attributes back as a whole. What was worked on since
// stays as it is, and is counted.
func (p *pages) undo(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, err := eventweb.Mine(r, p.d.Intel)
	if err != nil {
		return err
	}
	moment, err := strconv.ParseInt(f.Text("at", 20), 36, 64)
	if err != nil {
		return fault.Field("at", "web.error.form", "%s", errUnreadable)
	}
	b, err := p.d.Intel.UndoAttributes(r.Context(), web.Actor(r), e.Ref(), moment)
	if err != nil {
		return err
	}
	left := 0
	for _, n := range b.Left {
		left += n
	}
	to := base(r) + "/" + e.Ref()
	switch {
	case left > 0:
		return web.Redirect(to, web.Done("intel.done.undone.left", "n", b.Changed, "left", left))
	case b.Objects > 0:
		return web.Redirect(to, web.Done("intel.done.undone.object"))
	}
	return web.Redirect(to, web.Done("intel.done.undone", "n", b.Changed))
}

var errUnreadable = errors.New("what is to be undone is not readable")
