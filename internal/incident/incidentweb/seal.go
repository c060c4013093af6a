package incidentweb

import (
	"net/http"

	"straza/internal/craft/thread"
	"straza/internal/format/openpgp"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// sealing maps how a letter was encrypted to what is said of it; the word is the last part
// of the message's key.
var sealing = map[string]ui.Sealed{
	thread.Opened:  {Icon: "lock"},
	thread.Locked:  {Icon: "lock", Tone: "warning"},
	thread.Damaged: {Icon: "alert-triangle", Tone: "danger"},
	thread.TooLong: {Icon: "lock", Tone: "warning"},
}

// signature maps what its signature is worth. Only a good one of the sender's own key over
// all of the letter is green.
var signature = map[string]ui.Sealed{
	openpgp.Good:    {Icon: "shield-check", Tone: "success"},
	thread.Partly:   {Icon: "alert-triangle", Tone: "warning"},
	openpgp.Unknown: {Icon: "help", Tone: "warning"},
	openpgp.Bad:     {Icon: "alert-triangle", Tone: "danger"},
	openpgp.Expired: {Icon: "clock", Tone: "warning"},
	openpgp.Revoked: {Icon: "alert-triangle", Tone: "danger"},
	openpgp.Unfit:   {Icon: "alert-triangle", Tone: "warning"},
}

// seals tells how a letter came: nothing of one without OpenPGP, or that we wrote.
func seals(r *http.Request, m thread.Message) (out []ui.Sealed) {
	if x, ok := sealing[m.Seal.State]; ok {
		x.Word = web.T(r, "incident.sealing."+m.Seal.State)
		out = append(out, x)
	}
	x, ok := signature[m.Seal.Signature]
	switch {
	case ok:
		x.Word, x.Code = web.T(r, "incident.signature."+m.Seal.Signature), openpgp.Spaced(m.Seal.Key)
		if m.Seal.Signed > 0 {
			x.Word += " " + web.T(r, "incident.signature.at", "at", i18n.DateTime(web.Lang(r), clock.FromMicros(m.Seal.Signed)))
		}
		out = append(out, x)
	case m.Seal.State == thread.Opened:
		out = append(out, ui.Sealed{Icon: "shield", Word: web.T(r, "incident.signature.none")})
	}
	return out
}
