package web

import (
	"net/http"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// Still asks again who stands behind a request that goes on for long, and whether that
// person may still be at this door: keys are revoked and rights change while a stream is
// open. Faults: Denied when the answer is no.
func Still(r *http.Request) (ident.Actor, error) {
	s := *stateOf(r)
	s.actor, s.err, s.keyErr, s.ended = ident.Nobody(s.actor.Channel), nil, nil, false
	s.mux.resolve(r, &s)
	if s.err != nil {
		return s.actor, s.err
	}
	if s.keyErr != nil || s.ended || s.route == nil || !s.route.Policy.Allow(s.actor) || s.byKey && s.route.Scope != "" && !s.actor.InScope(s.route.Scope) {
		return s.actor, fault.New(fault.Denied, "may not be here any more")
	}
	s.actor.RequestID = s.id
	return s.actor, nil
}
