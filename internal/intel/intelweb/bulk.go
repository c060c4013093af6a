package intelweb

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/intel/enrich"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// undoes names the act that takes another back.
var undoes = map[string]string{"delete": "restore", "ids": "noids", "noids": "ids", "tag": "untag"}

// undoMost is how many attributes a message's cookie can name; more than that are taken
// back on the page itself.
const undoMost = 70

// bulk does one act on the ticked attributes, each loaded through its event. What it
// changed can be taken back as a whole.
func (p *pages) bulk(_ http.ResponseWriter, r *http.Request) error {
	ref, err := eventRef(r)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, err := p.s.Event(r.Context(), web.Actor(r), ref)
	if err != nil {
		return err
	}
	act, ids := f.Text("act", 20), f.Ids("id")
	if len(ids) > 0 && (act == "propose" || act == "note") { // forms for one attribute
		one := strconv.FormatInt(ids[0], 10)
		to := map[string]string{"propose": "/propose?attribute=" + one, "note": "/attributes/" + one + "#said"}[act]
		return web.Redirect(base(r)+"/"+ref+to, nil)
	}
	if act == "enrich" && len(ids) > 0 && p.d.Enrich != nil {
		var list []string
		for _, id := range ids[:min(len(ids), enrich.Most)] {
			list = append(list, strconv.FormatInt(id, 10))
		}
		return web.Redirect(p.enrichAt(r, ref, list), nil)
	}
	if act == "dossier" && len(ids) > 0 {
		return web.Redirect(base(r)+"/"+ref+"/dossier?"+idsQuery(ids), nil)
	}
	tag := f.Text("tag", 255)
	if act == "tag" && tag == "" && len(ids) > 0 {
		return web.Redirect(base(r)+"/"+ref+"/tagging?"+idsQuery(ids), nil)
	}
	var changed []string
	for _, id := range ids {
		a, err := p.attributeIn(r, e.ID, id)
		if err != nil {
			return err
		}
		fresh, err := p.bulkOne(r, act, tag, &a)
		if err != nil {
			return err
		}
		if undoes[act] != "" && fresh {
			now, err := p.s.Attribute(r.Context(), web.Actor(r), strconv.FormatInt(id, 10))
			if err != nil {
				return err
			}
			changed = append(changed, strconv.FormatInt(id, 36)+"-"+strconv.FormatInt(now.Timestamp, 36))
		}
	}
	done := web.Done("intel.done.changed")
	if len(changed) > 0 && len(changed) <= undoMost {
		done = done.WithUndo(base(r)+"/"+ref+"/attributes/undo", "act", undoes[act], "tag", tag, "of", strings.Join(changed, " "))
	}
	return web.Redirect(base(r)+"/"+ref, done)
}

// attributeIn loads an attribute of an event.
func (p *pages) attributeIn(r *http.Request, event, id int64) (intel.Attribute, error) {
	a, err := p.s.Attribute(r.Context(), web.Actor(r), strconv.FormatInt(id, 10))
	if err == nil && a.EventID != event {
		err = fault.New(fault.NotFound, "attribute %d in event %d", id, event)
	}
	return a, err
}

// idsQuery names ticked attributes in an address, as many as one press takes.
func idsQuery(ids []int64) string {
	q := url.Values{}
	for _, id := range ids[:min(len(ids), dossier.PutMost)] {
		q.Add("id", strconv.FormatInt(id, 10))
	}
	return q.Encode()
}

// bulkOne does one act on one attribute; fresh tells whether that changed it.
func (p *pages) bulkOne(r *http.Request, act, tag string, a *intel.Attribute) (fresh bool, err error) {
	ctx, who, at := r.Context(), web.Actor(r), strconv.FormatInt(a.ID, 10)
	on := intel.Target{Event: strconv.FormatInt(a.EventID, 10), Attribute: at}
	fresh = true
	switch act {
	case "tag":
		n := 0
		n, err = p.s.Attach(ctx, who, on, []string{tag}, false)
		fresh = n > 0
	case "untag":
		err = p.s.Detach(ctx, who, on, []string{tag})
	case "saw":
		_, _, err = p.s.AddSightings(ctx, who, []string{at}, nil, intel.Sighting{Kind: intel.Seen})
	case "unwanted":
		_, err = p.d.Remarks.ProposeRemoval(ctx, who, at)
	case "delete":
		_, err = p.s.DeleteAttribute(ctx, who, at, false)
	case "restore":
		_, err = p.s.RestoreAttribute(ctx, who, at)
	case "ids", "noids":
		fresh = a.ToIDS != (act == "ids")
		_, err = p.s.EditAttribute(ctx, who, at, misp.Attribute{ToIDS: misp.B(act == "ids")})
	default:
		err = fault.New(fault.Invalid, "act %q", act)
	}
	return fresh, err
}

// undoBulk takes one press on several attributes back. What was changed since has another
// timestamp: it stays as it is, and is counted.
func (p *pages) undoBulk(_ http.ResponseWriter, r *http.Request) error {
	ref, err := eventRef(r)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, err := p.s.Event(r.Context(), web.Actor(r), ref)
	if err != nil {
		return err
	}
	act := f.Text("act", 20)
	if act != "restore" && act != "ids" && act != "noids" && act != "untag" {
		return fault.New(fault.NotFound, "act %q", act)
	}
	done, left := 0, 0
	for _, x := range strings.Fields(f.Text("of", 4000)) {
		number, stamp, _ := strings.Cut(x, "-")
		id, err := strconv.ParseInt(number, 36, 64)
		at, terr := strconv.ParseInt(stamp, 36, 64)
		if err != nil || terr != nil || done+left == undoMost {
			return fault.Field("of", "web.error.form", "what is to be undone is not readable")
		}
		a, err := p.attributeIn(r, e.ID, id)
		if err != nil {
			return err
		}
		if a.Timestamp != at || a.Deleted != (act == "restore") {
			left++
			continue
		}
		if _, err := p.bulkOne(r, act, f.Text("tag", 255), &a); err != nil {
			return err
		}
		done++
	}
	to := base(r) + "/" + ref
	if left > 0 {
		return web.Redirect(to, web.Done("intel.done.undone.left", "n", done, "left", left))
	}
	return web.Redirect(to, web.Done("intel.done.undone", "n", done))
}
