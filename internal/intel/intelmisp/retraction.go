package intelmisp

import "straza/internal/kernel/fault"

// Sign signs a text with the installation's key for its peers; verifier is the line
// that they keep.
type Sign func(text string) (signed, verifier string, err error)

// retractionsMost is how many one answer lists.
const retractionsMost = 500

// retractions tells a peer which of the events that it could see were deleted by who
// made them, signed one by one: an extension between Straža (spec misp D11).
func (a *api) retractions(c *call) error {
	if a.Sign == nil {
		return forbidden(notHere)
	}
	if err := c.form(); err != nil {
		return err
	}
	list, err := a.Intel.Retractions(c.ctx(), c.who, int64(c.params.number("after", 0)), retractionsMost)
	if err != nil {
		return instead(err, forbidden(notHere), fault.Denied)
	}
	out := []ordered{}
	for _, x := range list {
		signed, _, err := a.Sign(x.Text())
		if err != nil {
			return err
		}
		out = append(out, ordered{{"id", itoa(x.ID)}, {"uuid", x.UUID}, {"orgc_uuid", x.Orgc}, {"at", itoa(x.At)}, {"note", signed}})
	}
	return c.value(ordered{{"retractions", out}})
}
