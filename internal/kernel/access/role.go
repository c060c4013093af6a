package access

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Role is a bundle of permissions. Permissions are texts "<room>.<verb>"; those
// that begin "misp." are MISP's own perm_ flags, spelt as on its wire.
type Role struct {
	Name        string
	Title       string // what it is called; "" = the built-in name's words
	MISP        int64  // MISP's role id (spec misp §5.9), 0 if none; above 6 = made here
	Team        bool   // works on the team of a CERT
	Permissions []string
}

// Names of the roles that every installation has (spec program §3).
const (
	Admin     = "admin"
	OrgAdmin  = "org-admin"
	Member    = "member"
	Publisher = "publisher"
	Sync      = "sync"
	ReadOnly  = "read-only"
	Analyst   = "analyst"
	Lead      = "lead"
	Superv    = "supervisor"
	Privacy   = "privacy-officer"
	Auditor   = "auditor"
)

func perms(list string) []string { return strings.Fields(list) }

// MISP's flags by role (spec misp §5.9).
const (
	mispReadOnly  = "misp.audit misp.auth "
	mispUser      = mispReadOnly + "misp.add misp.modify misp.modify_org misp.tagger misp.sighting misp.decaying misp.galaxy_editor misp.analyst_data "
	mispPublisher = mispUser + "misp.publish misp.publish_zmq misp.publish_kafka misp.delegate "
	mispSync      = mispPublisher + "misp.sync misp.sharing_group misp.tag_editor "
	mispOrgAdmin  = mispPublisher + "misp.admin misp.template misp.sharing_group misp.tag_editor "
	mispAdmin     = mispSync + mispOrgAdmin + "misp.site_admin misp.regexp_access misp.object_template misp.warninglist misp.view_feed_correlations misp.server_sign "

	orgPeople = "portal.use registry.read-own intel.read "
	team      = "console.use intake.read intake.triage intake.enter incident.read incident.write incident.open thread.write " +
		"intel.read intel.write intel.publish intel.group intel.enrich registry.read registry.write catalog.read advisory.read advisory.write search.use sealed.read reporter.read peer.read rule.read rule.decide " +
		mispSync
)

// builtin are the bundles an installation starts with; an administrator edits
// their permissions as data. An administrator configures and cannot read reports.
var builtin = []Role{
	{Admin, "", 1, false, perms("admin.use admin.people admin.settings admin.jobs audit.read registry.read registry.write catalog.read catalog.write peer.read peer.manage " + mispAdmin)},
	{OrgAdmin, "", 2, false, perms(orgPeople + "portal.people registry.write-own intel.write intel.publish intel.group " + mispOrgAdmin)},
	{Member, "", 3, false, perms(orgPeople + "intel.write " + mispUser)},
	{Publisher, "", 4, false, perms(orgPeople + "intel.write intel.publish " + mispPublisher)},
	{Sync, "", 5, false, perms(orgPeople + "intel.write intel.publish " + mispSync)},
	{ReadOnly, "", 6, false, perms(orgPeople + mispReadOnly)},
	{Analyst, "", 0, true, perms(team)},
	{Lead, "", 0, true, perms(team + "intel.enrich-own incident.close advisory.publish registry.merge incident.merge catalog.write audit.read admin.jobs intake.policy misp.admin peer.manage rule.write ")},
	{Superv, "", 0, false, perms("oversight.use registry.read ")},
	{Privacy, "", 0, false, perms("oversight.use privacy.use audit.read ")},
	{Auditor, "", 0, false, perms("oversight.use audit.read ")},
}

// SeedTx writes the built-in roles and the principals every installation has;
// what is there already stays as it was edited.
func SeedTx(ctx context.Context, tx *store.Tx) error {
	for _, r := range builtin {
		p, err := json.Marshal(r.Permissions)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, upsertRole, r.Name, r.MISP, r.Team, string(p)); err != nil {
			return err
		}
	}
	for _, p := range []Principal{Public(), Members()} {
		if _, err := PrincipalTx(ctx, tx, p); err != nil {
			return err
		}
	}
	return JoinTx(ctx, tx, Members(), Public())
}

// RolesTx lists all roles.
func RolesTx(ctx context.Context, tx *store.Tx) ([]Role, error) {
	return store.All(ctx, tx, scanRole, listRoles)
}

// RoleTx reads a role. Faults: Invalid on "role", listing the ones there are.
func RoleTx(ctx context.Context, tx *store.Tx, name string) (Role, error) {
	r, found, err := store.First(ctx, tx, scanRole, findRole, name)
	if err != nil || found {
		return r, err
	}
	all, err := RolesTx(ctx, tx)
	if err != nil {
		return r, err
	}
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = r.Name
	}
	return r, fault.Field("role", "fault.role", "unknown role %q; there are: %s", name, strings.Join(names, ", "))
}

// SetRoleTx changes a role's permissions and starts a new epoch.
func SetRoleTx(ctx context.Context, tx *store.Tx, name string, permissions []string) error {
	p, err := json.Marshal(permissions)
	if err != nil {
		return err
	}
	if n, err := tx.Exec(ctx, setRole, name, string(p)); err != nil || n == 0 {
		return err
	}
	return BumpTx(ctx, tx)
}

// lastFixed is the highest of MISP's own role ids; those above are made here.
const lastFixed = 6

// AddRoleTx makes a role of the installation's own, numbered after those there are.
func AddRoleTx(ctx context.Context, tx *store.Tx, title string, permissions []string) (Role, error) {
	n, err := store.Int64(ctx, tx, topRole)
	if err != nil {
		return Role{}, err
	}
	r := Role{Title: title, MISP: max(n, lastFixed) + 1, Permissions: permissions}
	r.Name = "own-" + strconv.FormatInt(r.MISP, 10)
	p, err := json.Marshal(permissions)
	if err != nil {
		return r, err
	}
	if _, err := tx.Exec(ctx, addRole, r.Name, r.Title, r.MISP, string(p)); err != nil {
		return r, err
	}
	return r, BumpTx(ctx, tx)
}

// Own tells whether a role was made by this installation, which may change it.
func (r Role) Own() bool { return r.MISP > lastFixed }

// TitleRoleTx gives a role of the installation's own another title.
func TitleRoleTx(ctx context.Context, tx *store.Tx, r Role, title string) error {
	_, err := tx.Exec(ctx, titleRole, r.Name, title)
	return err
}

// DropRoleTx takes away a role of the installation's own; its holders were counted.
func DropRoleTx(ctx context.Context, tx *store.Tx, r Role) error {
	if _, err := tx.Exec(ctx, dropRole, r.Name); err != nil {
		return err
	}
	return BumpTx(ctx, tx)
}

// ForFlags is the bundle that MISP's flags ("misp.add" …) make: what such people may
// do on our pages goes with what they may do on MISP's surface.
func ForFlags(flags []string) []string {
	out := perms(orgPeople)
	for _, f := range flags {
		out = append(out, f)
		out = append(out, beside[f]...)
	}
	return out
}

var beside = map[string][]string{"misp.add": {"intel.write"}, "misp.publish": {"intel.publish"}, "misp.sharing_group": {"intel.group"},
	"misp.admin": {"portal.people", "registry.write-own"}}

func scanRole(s store.Scanner) (r Role, err error) {
	var p string
	if err = s.Scan(&r.Name, &r.Title, &r.MISP, &r.Team, &p); err == nil {
		err = json.Unmarshal([]byte(p), &r.Permissions)
	}
	return
}

// systemPerms is the policy row of each named part of Straža: what it may do
// when nobody stands behind it. A part that is not listed may do nothing.
var systemPerms = map[string][]string{
	"clock":    perms("intake.acknowledge deadline.run thread.remind"),
	"sharer":   perms("intel.read"),
	"expiry":   perms("catalog.read"),
	"inbox":    perms("intel.write misp.add misp.modify misp.sighting"),
	"answers":  perms("incident.read incident.write"), // a party's answer: state, clock, letter to the lead
	"handing":  perms("incident.open incident.write"), // opens and withdraws the case that another CERT is handed
	"postman":  perms("thread.deliver"),
	"mailbox":  perms("thread.receive"),
	"importer": perms("intel.write intel.publish catalog.write registry.write " + mispAdmin),
	// what comes from and goes to peers: it may not edit what was made here
	"peer": perms("intel.read intel.write intel.publish peer.read peer.manage registry.read misp.auth misp.add misp.sync misp.tagger misp.tag_editor misp.sharing_group " +
		"misp.sighting misp.galaxy_editor misp.analyst_data"),
	"demo":   perms("*"),
	"setup":  perms("admin.people registry.write"),
	"intake": perms("registry.read"),
	"feeds":  perms("registry.read"), // whose networks and domains must not become indicators
}

// Check tells whether who holds perm. Faults: Denied.
func Check(who ident.Actor, perm string) error {
	if Allowed(who, perm) {
		return nil
	}
	return fault.New(fault.Denied, "%s needs %s", who, perm).WithKey("fault.denied")
}

// Allowed is Check as a yes or no.
func Allowed(who ident.Actor, perm string) bool {
	switch who.Kind {
	case ident.Person:
		return who.Can(perm)
	case ident.Operator: // the command line configures; content only with --as, which makes it a Person
		return strings.HasPrefix(perm, "admin.") || strings.HasPrefix(perm, "registry.") ||
			strings.HasPrefix(perm, "catalog.") || strings.HasPrefix(perm, "operator.") || strings.HasPrefix(perm, "peer.") || perm == "audit.read"
	case ident.System:
		for _, p := range systemPerms[who.Name] {
			if p == perm || p == "*" {
				return true
			}
		}
	}
	return false
}
