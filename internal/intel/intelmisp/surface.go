package intelmisp

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

// Version is the MISP release whose behaviour this surface was measured against.
// Peers switch features by it, so it is never a version of ours (spec misp D1).
const Version = "2.5.34"

// Deps is what the surface shows. Intel is compulsory; what else is nil answers
// as an installation without it would: empty lists, and 403 for changes.
type Deps struct {
	Intel  *intel.Service
	People People
	Orgs   Orgs
	Lists  Warninglists
	Books  Catalog
	UUID   string // of this installation; peers ask for it
	Origin string // public URL without a closing slash
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
	n := fold(c.controller) + "/" + c.action
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

// Warninglists are the lists of harmless values.
type Warninglists interface {
	Warninglists(ctx context.Context, who ident.Actor) ([]Warninglist, error)
	Warninglist(ctx context.Context, who ident.Actor, id int64, entries func(string) error) (Warninglist, error)
	Toggle(ctx context.Context, who ident.Actor, ids []int64, on bool) error
	Check(ctx context.Context, who ident.Actor, value string) ([]intel.Hit, error)
}

// Warninglist is the head of one list.
type Warninglist struct {
	ID               int64
	Name, Type       string
	Description      string
	Version          string
	Category         string
	Enabled, Default bool
	Entries          int64
	ValidAttributes  []string
}

// Catalog is what was imported to describe threats: taxonomies, galaxies, templates.
type Catalog interface {
	Taxonomies(ctx context.Context, who ident.Actor) ([]Taxonomy, error)
	Galaxies(ctx context.Context, who ident.Actor) ([]misp.Galaxy, error)
	Clusters(ctx context.Context, who ident.Actor, q ClusterQuery, yield func(misp.GalaxyCluster) error) error
	Templates(ctx context.Context, who ident.Actor, yield func(Template) error) error
}

// Taxonomy is a vocabulary of machine tags.
type Taxonomy struct {
	ID                           int64
	Namespace, Description       string
	Version                      int64
	Enabled, Exclusive, Required bool
	Entries                      []TaxonomyEntry
}

// TaxonomyEntry is one tag of a taxonomy.
type TaxonomyEntry struct {
	Tag, Expanded, Description, Colour string
	Numerical                          *int64
	Exclusive                          bool
}

// ClusterQuery selects clusters; the zero value selects all.
type ClusterQuery struct {
	Galaxy int64
	ID     int64
	UUIDs  []string
	Tags   []string // misp-galaxy:…
	Text   string   // in value or synonyms
	Limit  int
}

// Template describes an object; Raw is its definition as imported.
type Template struct {
	ID                int64
	UUID, Name        string
	MetaCategory      string
	Description       string
	Version           int64
	Active, Fixed     bool
	Requirements, Raw []byte
}

var errNoFeature = errors.New("not part of this installation")
