package intelmisp

import (
	"io"

	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// wholeBytes is how much of one event is held back, so that it can be left out still.
const wholeBytes = 1 << 20

// heldBack holds what is written of an event back until it is all there, or too long. A search
// reads its events one after another and holds no transaction for a slow reader: one that
// is deleted or hidden meanwhile is left out, as if that had been before, and the answer
// goes on. Only when much of it has left already does the answer end broken.
type heldBack struct {
	dst  io.Writer
	held []byte
	left bool // the event's beginning is gone
}

func (h *heldBack) Write(b []byte) (int, error) {
	if !h.left && len(h.held)+len(b) <= wholeBytes {
		h.held = append(h.held, b...)
		return len(b), nil
	}
	if err := h.pass(); err != nil {
		return 0, err
	}
	h.left = true
	return h.dst.Write(b)
}

func (h *heldBack) pass() error {
	held := h.held
	h.held = h.held[:0]
	if len(held) == 0 {
		return nil
	}
	_, err := h.dst.Write(held)
	return err
}

// oneEvent writes an event; kept is false for one that is not there any more, of which nothing
// is written then.
func (s *search) oneEvent(h *heldBack, e *intel.Event, write func() error) (kept bool, err error) {
	h.held, h.left = h.held[:0], false
	err = write()
	if err == nil {
		return true, h.pass()
	}
	if h.left || !fault.Is(err, fault.NotFound) {
		return false, err
	}
	// It may be another thing that is not found: then the answer is not whole.
	if _, gone := s.a.Intel.Event(s.c.ctx(), s.c.who, e.Ref()); fault.Is(gone, fault.NotFound) {
		h.held = h.held[:0]
		return false, nil
	}
	return false, err
}

// unlessGone is err, but nil when it is because the attribute, or what it stands in, is not
// there any more: it is left out then.
func (s *search) unlessGone(err error, at *intel.Attribute) error {
	if err == nil || !fault.Is(err, fault.NotFound) {
		return err
	}
	if _, gone := s.a.Intel.Attribute(s.c.ctx(), s.c.who, itoa(at.ID)); fault.Is(gone, fault.NotFound) {
		return nil
	}
	return err
}
