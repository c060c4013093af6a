package intelmisp

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

// Version is the MISP release whose behaviour this surface was measured against.
// Peers switch features by it, so it is never a version of ours (spec misp D1).
const Version = "2.5.34"

// Deps is what the surface shows. Intel, Remarks and Catalog are compulsory; what else is
// nil answers as an installation without it would: empty lists, 403 for changes.
type Deps struct {
	Intel   *intel.Service
	Remarks *remark.Service
	Catalog *catalog.Service
	People  People
	Orgs    Orgs
	UUID    string                       // of this installation; peers ask for it
	Origin  string                       // public URL without a closing slash
	Host    func(context.Context) string // name of the host organisation, in exports that name their source
}

// Surface is the door to hang into web.Mux.
func Surface(d Deps) web.Surface {
	a := &api{Deps: d}
	return web.Surface{Name: ident.MISP, Owns: owns, Keys: keys, Handler: a.serve, Fail: writeFault}
}

type api struct{ Deps }

// serve takes a request through the table: who, what, may they, then the action.
func (a *api) serve(w http.ResponseWriter, r *http.Request) error {
	c := parse(w, r)
	w.Header().Set("Cache-Control", "private, no-store")
	if !c.who.LoggedIn() || c.who.Key == 0 {
		if strings.Contains(r.Header.Get("Accept"), "text/html") && len(keys(r)) == 0 && r.Method == http.MethodGet {
			http.Redirect(w, r, "/login", http.StatusFound) // a person with a browser
			return nil
		}
		return forbidden(misp.MsgAuthFailed)
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
	return row.do(a, c)
}

// name is the action's key in the table.
func (c *call) name() string {
	n := c.controller + "/" + c.action
	if c.admin {
		n = "admin/" + n
	}
	return n
}

func site(who ident.Actor) bool { return access.Allowed(who, "misp.site_admin") }

// People is who has an account here, as far as the caller may know them.
type People interface {
	// Person reads one by id; NotFound when the caller may not know them.
	Person(ctx context.Context, who ident.Actor, id int64) (Person, error)
	People(ctx context.Context, who ident.Actor) ([]Person, error)
	Roles(ctx context.Context, who ident.Actor) ([]Role, error)
	AddPerson(ctx context.Context, who ident.Actor, n NewPerson) (p Person, key string, err error)
	EditPerson(ctx context.Context, who ident.Actor, id int64, n NewPerson) (Person, error)
}

// Person is an account. Times are Unix seconds, 0 = never.
type Person struct {
	ID        int64
	Email     string
	Org       intel.Org
	Role      string // name of the role that MISP's forms show
	Disabled  bool
	Created   int64
	Changed   int64
	LastLogin int64
	LastKey   int64
}

// NewPerson is what may be given about an account; a nil field stays.
type NewPerson struct {
	Email    *string
	Org      *int64
	Role     *int64 // MISP's role id
	Password *string
	Disabled *bool
	From     netip.Addr
}

// Role is a bundle of permissions. ID is MISP's, 1 to 6, or one above.
type Role struct {
	ID      int64
	Name    string
	Perms   []string // "misp.…" as in access
	Default bool
}

// Orgs is the directory of organisations. Refs are ids or UUIDs.
type Orgs interface {
	Org(ctx context.Context, who ident.Actor, ref string) (Org, error)
	Orgs(ctx context.Context, who ident.Actor) ([]Org, error)
	AddOrg(ctx context.Context, who ident.Actor, o Org) (Org, error)
	EditOrg(ctx context.Context, who ident.Actor, ref string, change func(*Org)) (Org, error)
	DeleteOrg(ctx context.Context, who ident.Actor, ref string) error
}

// Org is an organisation as MISP shows it. Times are Unix seconds.
type Org struct {
	ID                     int64
	UUID, Name             string
	Description, Type      string
	Nationality, Sector    string
	Contacts               string
	Local                  bool
	Created, Changed, User int64 // User counts its people
}

var errNoFeature = errors.New("not part of this installation")
