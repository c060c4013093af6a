package intelmisp

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"straza/internal/catalog"
	"straza/internal/craft/seal"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/intel/enrich"
	"straza/internal/intel/feed"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/registry"
)

// Version is the MISP release whose behaviour this surface was measured against.
// Peers switch features by it, so it is never a version of ours (spec misp D1).
const Version = "2.5.34"

// Deps is what the surface shows. Intel, Remarks, Dossiers and Catalog are compulsory;
// what else is nil answers as an installation without it would: empty lists, 403 for changes.
type Deps struct {
	Intel    *intel.Service
	Remarks  *remark.Service
	Dossiers *dossier.Service
	Catalog  *catalog.Service
	Accounts *account.Service
	Registry *registry.Service
	Feeds    *feed.Service
	Enrich   *enrich.Service
	Log      *audit.Log
	House    House
	Servers  Servers
	Sign     Sign         // nil = nothing is retracted
	Seal     *seal.Office // the installation's OpenPGP key; nil = protected events are not signed
	Cursors  []byte       // key of the places that peers keep for us, 16 bytes at least; nil = they keep none
	// Unlabelled lets a synchronising key that does not name itself a server read past
	// labels, as MISP does: for comparison with a real server's recorded answers, nothing else.
	Unlabelled bool
	UUID       string                       // of this installation; peers ask for it
	Origin     string                       // public URL without a closing slash
	Host       func(context.Context) string // name of the host organisation, in exports that name their source
}

// House tells of the machine behind the surface.
type House interface {
	// Waiting counts background jobs by state, and whether anything runs them here.
	Waiting(ctx context.Context) (states map[string]int64, running bool, err error)
	// Schema tells which migration the database is at, which the program wants, and
	// the tables there are.
	Schema(ctx context.Context) (Schema, error)
}

// Schema is the state of the database.
type Schema struct {
	Engine        string
	Have, Want    int64
	Missing, Bad  []string // migrations not done, migrations whose files differ
	TablesColumns map[string][]string
}

// Surface is the door to hang into web.Mux.
func Surface(d Deps) web.Surface {
	a := &api{Deps: d}
	return web.Surface{Name: ident.MISP, Owns: owns, Keys: keys, Handler: a.serve, Strays: strays, Fail: writeFault}
}

type api struct{ Deps }

// strays knows MISP's clients by the key that stands bare in its header.
func strays(r *http.Request) bool {
	key := r.Header.Get("Authorization")
	return key != "" && !strings.Contains(key, " ")
}

// serve takes a request through the table: who, what, may they, then the action.
func (a *api) serve(w http.ResponseWriter, r *http.Request) error {
	c := parse(w, r)
	w.Header().Set("Cache-Control", "private, no-store")
	if open[c.name()] && c.r.Method == http.MethodPost {
		return table[c.name()].fn(a, c)
	}
	if !c.who.LoggedIn() || c.who.Key == 0 {
		if strings.Contains(r.Header.Get("Accept"), "text/html") && len(keys(r)) == 0 && r.Method == http.MethodGet {
			http.Redirect(w, r, "/login", http.StatusFound) // a person with a browser
			return nil
		}
		return forbidden(misp.MsgAuthFailed)
	}
	if !methods[r.Method] {
		return notAllowed("Method Not Allowed")
	}
	if !c.who.InScope("misp") || !access.Allowed(c.who, "misp.auth") {
		return forbidden(misp.MsgAuthFailed)
	}
	if !controllers[c.controller] {
		return notFound(misp.MsgNotFound)
	}
	row, ok := table[c.name()]
	if !ok {
		if site(c.who) {
			return notFound(misp.MsgNotFound)
		}
		return forbidden(misp.MsgNoFunction)
	}
	if err := row.admit(c); err != nil {
		return err
	}
	if c.controller == "feeds" && a.Feeds == nil {
		return forbidden(notHere)
	}
	if needsModules[c.name()] && a.Enrich == nil {
		return forbidden(notHere)
	}
	return row.do(a, c)
}

// needsModules are the actions that nobody answers where no modules are kept.
var needsModules = set("modules/index modules/queryenrichment events/enrichevent attributes/enrich")

// methods are those that clients use; TRACE and its like are answered by nothing.
var methods = set("GET HEAD POST PUT PATCH DELETE")

// open are the actions that need no key.
var open = map[string]bool{"users/register": true}

// name is the action's key in the table.
func (c *call) name() string {
	n := c.controller + "/" + c.action
	if c.admin {
		n = "admin/" + n
	}
	return n
}

func site(who ident.Actor) bool { return access.Allowed(who, "misp.site_admin") }

var (
	errNoFeature  = errors.New("not part of this installation")
	errNotNumeric = errors.New("This setting has to be a number between 0 and 10000.")
)
