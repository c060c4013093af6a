package intelmisp

import (
	"bytes"
	"encoding/json"
	"io"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
)

// attachment answers attributes/download/<id> and downloadAttachment/<key>/<id>: the
// file itself; a malware sample as the archive in which it travels.
func (a *api) attachment(c *call) error {
	ref := c.arg(0)
	if c.action == "downloadattachment" && c.arg(1) != "" {
		ref = c.arg(1)
	}
	at, err := a.Intel.Attribute(c.ctx(), c.who, ref)
	if err == nil && (at.Deleted || a.partWithheld(c, &at, at.Event)) {
		err = fault.New(fault.NotFound, "attribute %s is deleted", ref)
	}
	var b []byte
	if err == nil {
		b, err = a.Intel.File(c.ctx(), c.who, at.UUID)
	}
	if err != nil {
		return instead(err, notFound("Invalid attribute or no authorisation to download it."), fault.NotFound)
	}
	return web.SendFile(c.w, intel.FileName(&at), io.NopCloser(bytes.NewReader(b)))
}

// sampleUpload answers events/upload_sample[/<event>]: files, as samples of an event
// that is named, or of a new one.
func (a *api) sampleUpload(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params
	for _, in := range []string{"request", "Event"} {
		if p.has(in) {
			p = p.sub(in)
		}
	}
	var files []struct {
		Filename string `json:"filename"`
		Data     string `json:"data"`
	}
	if b, err := json.Marshal(p["files"]); err != nil || json.Unmarshal(b, &files) != nil || len(files) == 0 {
		return unsaved(misp.Outcome{Controller: "Events", Action: "upload_sample", Errors: "No samples received, or samples not in the correct format. Please refer to the API documentation on the automation page."})
	}
	var list []misp.Attribute
	for _, f := range files {
		at := misp.Attribute{Type: misp.T("malware-sample"), Category: misp.T("Payload delivery"), Value: misp.T(f.Filename), Data: misp.T(f.Data), Encrypt: misp.B(true), Comment: misp.T(p.text("comment"))}
		if v := p.text("category"); v != "" {
			at.Category = misp.T(v)
		}
		if p.has("to_ids") {
			at.ToIDS = misp.B(p.flag("to_ids", true))
		}
		if p.has("distribution") {
			at.Distribution = misp.N(int64(p.number("distribution", int(intel.Inherit))))
		}
		intel.SealSample(&at)
		list = append(list, at)
	}
	event := c.arg(0)
	if event == "" {
		event = p.text("event_id")
	}
	if event == "" {
		info := p.text("info")
		if info == "" {
			info = "Malware samples"
		}
		saved, err := a.Intel.AddEvent(c.ctx(), c.who, intel.FromEvent(&misp.Event{Info: misp.T(info), Attribute: list}), intel.AddOptions{})
		if err != nil {
			return attributeFault(c, "upload_sample", err)
		}
		return c.uploaded(itoa(saved.ID), saved.Attributes.Refused > 0)
	}
	e, err := a.Intel.Event(c.ctx(), c.who, event)
	if err != nil {
		return instead(err, notFound(invalidEvent), fault.NotFound)
	}
	_, refused, err := a.Intel.AddAttributes(c.ctx(), c.who, e.Ref(), list, false)
	if err != nil {
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	some := false
	for _, r := range refused {
		some = some || r != nil
	}
	return c.uploaded(itoa(e.ID), some)
}

func (c *call) uploaded(event string, some bool) error {
	message := "Success, saved all attributes."
	if some {
		message = "Partial success, some samples could not be saved."
	}
	return c.value(ordered{{"name", "Success"}, {"message", message}, {"url", "/events/upload_sample"}, {"id", event}})
}
