package web

// broken is what a handler panics with when it cannot end what it began.
type broken struct{ err error }

// Broken ends an answer of which a part has left already: the connection is cut, because
// half an answer must not look whole, and the cause stands in the log beside the request's
// id. For handlers behind a Mux; it does not return.
func Broken(err error) { panic(broken{err}) }
