package inteltaxii

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"straza/internal/format/taxii"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

// Deps is what the surface needs.
type Deps struct {
	Intel *intel.Service
	// Secret signs cursors and makes the collections' ids: 16 bytes or more, the
	// same on every node and after every restart.
	Secret []byte
	// Title names the installation.
	Title string
}

const (
	root       = "straza"
	page       = 100  // objects when no limit is asked for
	pageMax    = 1000 // whatever is asked for
	maxContent = 10 << 20
)

type server struct {
	Deps
	cursors taxii.Cursors
}

// Surface is the protocol as kernel/web mounts it. Reveals published threat data
// that the key's owner may see; scope taxii.
func Surface(d Deps) web.Surface {
	s := &server{Deps: d, cursors: taxii.NewCursors(d.Secret)}
	return web.Surface{Name: ident.TAXII, Basic: true, Owns: func(first string) bool { return first == "taxii2" }, Handler: s.serve, Fail: fail}
}

// exchange is one request on its way.
type exchange struct {
	*server
	w   http.ResponseWriter
	r   *http.Request
	who ident.Actor
}

// serve finds the resource of a path. Slash-less forms are served like the others.
func (s *server) serve(w http.ResponseWriter, r *http.Request) error {
	x := &exchange{server: s, w: w, r: r, who: web.Actor(r)}
	if r.Method == http.MethodGet {
		ctx, done := s.Intel.Reading(r.Context(), x.who)
		defer done()
		x.r = r.WithContext(ctx)
	}
	if !x.who.LoggedIn() {
		return taxii.NewError(http.StatusUnauthorized, "Authentication is needed", "Send an API key as the password of Basic authentication, or as a Bearer token.")
	}
	if !x.who.InScope("taxii") {
		return taxii.NewError(http.StatusForbidden, "Not permitted", "The key lacks the scope taxii.")
	}
	if !taxii.Accepts(strings.Join(r.Header.Values("Accept"), ",")) {
		return taxii.NewError(http.StatusNotAcceptable, "Not acceptable", "This server speaks "+taxii.MediaType+".")
	}
	path := strings.Split(strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/taxii2"), "/"), "/")[1:]
	if strings.HasSuffix(r.URL.Path, "//") {
		return missing("address")
	}
	return x.route(path)
}

func (x *exchange) route(path []string) error {
	switch {
	case len(path) == 0:
		return x.get(x.discovery)
	case path[0] != root:
		return missing("API root")
	case len(path) == 1:
		return x.get(x.apiRoot)
	case len(path) == 3 && path[1] == "status":
		return x.get(func() error { return x.status(path[2]) })
	case path[1] != "collections":
		return missing("address")
	case len(path) == 2:
		return x.get(x.collections)
	}
	c, err := x.collection(path[2])
	if err != nil {
		return err
	}
	switch rest := path[3:]; {
	case len(rest) == 0:
		return x.get(func() error { return x.answer(x.describe(c)) })
	case len(rest) == 1 && rest[0] == "manifest":
		return x.get(func() error { return x.manifest(c) })
	case len(rest) == 1 && rest[0] == "objects":
		return x.read(http.MethodPost, c, func() error { return x.objects(c) }, func() error { return x.deliver(c) })
	case len(rest) == 2 && rest[0] == "objects":
		return x.read(http.MethodDelete, c, func() error { return x.object(c, rest[1]) }, func() error { return x.remove(c, rest[1]) })
	case len(rest) == 3 && rest[0] == "objects" && rest[2] == "versions":
		return x.get(func() error { return x.versions(c, rest[1]) })
	}
	return missing("address")
}

// get runs fn for a reader; no other method is defined for the address.
func (x *exchange) get(fn func() error) error {
	return x.read("", intel.Collection{}, fn, nil)
}

// read runs fn for a reader, and change for the one writing method that the
// standard has for the address, where the collection takes it.
func (x *exchange) read(method string, c intel.Collection, fn, change func() error) error {
	switch x.r.Method {
	case http.MethodGet, http.MethodHead:
		return fn()
	case method:
		if !x.describe(c).CanWrite {
			return taxii.NewError(http.StatusForbidden, "Not permitted", "This collection is for reading only.")
		}
		return change()
	}
	x.w.Header().Set("Allow", "GET, HEAD")
	return taxii.NewError(http.StatusMethodNotAllowed, "Method not allowed", "")
}

func missing(what string) error {
	return taxii.NewError(http.StatusNotFound, "Not found", "There is no such "+what+".")
}

func (x *exchange) discovery() error {
	url := web.Origin(x.r) + "/taxii2/" + root + "/"
	return x.answer(taxii.Discovery{Title: x.title(), Description: "Threat data that this installation shares with you.", Default: url, APIRoots: []string{url}})
}

func (x *exchange) apiRoot() error { return x.answer(taxii.NewAPIRoot(x.title(), maxContent)) }

func (x *exchange) title() string {
	if x.Title == "" {
		return "Straža"
	}
	return x.Title
}

// answer writes a resource.
func (x *exchange) answer(v any) error { return x.answerAs(http.StatusOK, v) }

func (x *exchange) answerAs(code int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", taxii.MediaType)
	x.w.WriteHeader(code)
	_, _ = x.w.Write(b) // the caller may have gone
	return nil
}

// fail writes every error as TAXII wants it.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	var e *taxii.Error
	if !errors.As(err, &e) {
		status := web.Status(err)
		e = taxii.NewError(status, http.StatusText(status), "")
		if f := fault.Of(err); f != nil && f.Kind != fault.Internal {
			e.Description = f.Detail
		}
	}
	e.ErrorID = web.RequestID(r)
	status := e.Status()
	h := w.Header()
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="straza", charset="UTF-8"`)
		h.Add("WWW-Authenticate", `Bearer realm="straza"`)
	}
	b := e.JSON()
	h.Set("Content-Type", taxii.MediaType)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // the caller may have gone
}
