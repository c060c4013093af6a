package inteltaxii

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"

	"straza/internal/format/taxii"
	"straza/internal/intel"
)

// postMost is how many objects one POST may bring.
const postMost = 100_000

// deliver is the POST of section 5.5: 202 with a status. Each object is judged
// alone; the envelope as a whole is refused only when it is no envelope.
func (x *exchange) deliver(c intel.Collection) error {
	if !taxii.ContentOK(x.r.Header.Get("Content-Type")) {
		return taxii.NewError(http.StatusUnsupportedMediaType, "Unsupported media type", "Send "+taxii.MediaType+".")
	}
	list, err := envelopeOf(http.MaxBytesReader(x.w, x.r.Body, maxContent))
	var large *http.MaxBytesError
	var known *taxii.Error
	switch {
	case errors.As(err, &large):
		return taxii.NewError(http.StatusRequestEntityTooLarge, "Too large", "An envelope has at most max_content_length bytes.")
	case errors.As(err, &known):
		return known
	case err != nil:
		return taxii.NewError(http.StatusBadRequest, "Not an envelope", "The body is not the JSON of an envelope.")
	case len(list) == 0:
		return taxii.NewError(http.StatusUnprocessableEntity, "Nothing in it", "The envelope holds no objects.")
	}
	st, err := x.Intel.Deliver(x.r.Context(), x.who, c, list)
	if err != nil {
		return err
	}
	return x.answerAs(http.StatusAccepted, st)
}

// envelopeOf reads an envelope object by object.
func envelopeOf(r io.Reader) (list []intel.InboxEntry, err error) {
	_, _, err = taxii.ReadEnvelope(r, func(raw json.RawMessage) error {
		if len(list) == postMost {
			return taxii.NewError(http.StatusUnprocessableEntity, "Too many", "An envelope holds at most 100000 objects.")
		}
		list = append(list, intel.NewInboxEntry(raw))
		return nil
	})
	return list, err
}

// status is section 4.3: of the caller's organisation's own POSTs.
func (x *exchange) status(id string) error {
	st, err := x.Intel.InboxStatus(x.r.Context(), x.who, id)
	if err != nil {
		return err
	}
	return x.answer(st)
}

// remove is the DELETE of section 5.7. What is published is taken back by its maker,
// not by who may read and write a collection that shows it.
func (x *exchange) remove(c intel.Collection, id string) error {
	if c.Kind != intel.InboxCollection {
		return taxii.NewError(http.StatusForbidden, "Not permitted", "What is published here is withdrawn by its maker.")
	}
	q, bad := taxii.ParseQuery(x.r.URL.Query(), taxii.ForObject)
	if bad != nil {
		return bad
	}
	if len(q.SpecVersions) > 0 && !slices.Contains(q.SpecVersions, "2.1") {
		return missing("object")
	}
	if !x.r.URL.Query().Has("match[version]") {
		q.Versions = taxii.VersionFilter{All: true} // DELETE without a filter is of the whole object
	}
	if err := x.Intel.RemoveFromInbox(x.r.Context(), x.who, id, q.Versions); err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", taxii.MediaType)
	x.w.WriteHeader(http.StatusOK)
	return nil
}
