package intelmisp

import (
	"net/http"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/access"
)

// row is one action: who may call it, what it does.
type row struct {
	perm    string                  // a flag without "misp."; "" = whoever has a key
	mutates bool                    // a read-only key may not; GET is refused unless gets is set
	gets    bool                    // the foreign contract changes things by GET here (decisions §8: by key only)
	refused string                  // not answered, and why
	of      func(*api, *call) error // what a GET that is refused is looked up by first
	fn      func(*api, *call) error
}

// Row is one line of the surface's table of doors, for the matrix and the docs.
type Row struct {
	Action  string // "events/add"
	Perm    string // permission as access knows it, "misp.auth" where any key will do
	Mutates bool
	Refused string // why it is not answered; "" = it is
	Open    bool   // answered without a key
}

// Rows lists the table of doors by name.
func Rows() []Row {
	var out []Row
	for name, r := range table {
		perm := r.perm
		if perm == "" {
			perm = "auth"
		}
		out = append(out, Row{name, "misp." + perm, r.mutates, r.refused, open[name]})
	}
	slices.SortFunc(out, func(a, b Row) int { return strings.Compare(a.Action, b.Action) })
	return out
}

// admit holds the caller against the row: MISP's role table first (its text tells
// that the role lacks the function), objects later in the Service.
func (r row) admit(c *call) error {
	if r.perm != "" && !access.Allowed(c.who, "misp."+r.perm) {
		return forbidden(misp.MsgNoFunction)
	}
	if r.refused != "" {
		return forbidden(r.refused)
	}
	if r.mutates && c.who.ReadOnly {
		return forbidden(misp.MsgNoFunction)
	}
	return nil
}

func (r row) do(a *api, c *call) error {
	if r.mutates && !r.gets && (c.r.Method == http.MethodGet || c.r.Method == http.MethodHead) {
		if d, ok := described[c.name()]; ok {
			return d.show(c)
		}
		if r.of != nil {
			if err := r.of(a, c); err != nil {
				return err
			}
		}
		return notAllowed(misp.MsgPostOnly)
	}
	return r.fn(a, c)
}

// description is what a GET on an adding action answers: how to call it.
type description struct {
	text, url           string
	mandatory, optional []string
}

func (d description) show(c *call) error {
	return c.value(ordered{{"name", "/" + c.controller + "/" + c.action + " API description"}, {"description", d.text},
		{"mandatory_fields", d.mandatory}, {"optional_fields", d.optional}, {"url", d.url}})
}

var described = map[string]description{
	"events/add": {"POST a MISP Event JSON to this API to create an Event. Contained objects can also be included (such as attributes, objects, tags, etc).",
		"/events/add", []string{"info"}, []string{"threat_level_id", "analysis", "distribution", "sharing_group_id", "uuid", "published",
			"timestamp", "date", "Attribute", "Object", "Shadow_Attribute", "EventTag"}},
	"event_reports/add": {"POST a report in JSON format to create a report for the provided event", "/event_reports/add", []string{"name"},
		[]string{"distribution", "content"}},
	"attributes/add": {"POST a MISP Attribute JSON to this API to create an Attribute.", "/attributes/add/[event_id]", []string{"value", "type"},
		[]string{"category", "to_ids", "uuid", "distribution", "sharing_group_id", "timestamp", "comment", "data", "encrypt", "first_seen", "last_seen"}},
}

const (
	byOperator = "This is done by the operator of this installation, on its machine."
	notHere    = "This installation does not offer this function."
)

// table has one row per action of MISP that somebody may ask for. What has no
// row is refused as MISP refuses an unknown action.
var table = build()

func build() map[string]row {
	t := map[string]row{}
	read := func(name, perm string, fn func(*api, *call) error) { t[name] = row{perm: perm, fn: fn} }
	write := func(name, perm string, fn func(*api, *call) error) { t[name] = row{perm: perm, mutates: true, fn: fn} }
	refuse := func(why, perm, names string) {
		for _, n := range strings.Fields(names) {
			t[n] = row{perm: perm, refused: why, mutates: true}
		}
	}
	coreRows(read, write)
	for _, name := range []string{"events/publish", "events/alert", "events/unpublish"} {
		r := t[name]
		r.of = (*api).eventThere
		t[name] = r
	}
	// MISP starts these by GET as well.
	t["servers/testconnection"] = row{perm: "site_admin", mutates: true, gets: true, fn: (*api).serverTest}
	t["servers/pull"] = row{perm: "site_admin", mutates: true, gets: true, fn: (*api).serverPull}
	t["servers/push"] = row{perm: "site_admin", mutates: true, gets: true, fn: (*api).serverPush}
	peopleRows(read, write)
	operateRows(read, write)
	catalogRows(read, write)
	proposalRows(read, write)
	analystRows(read, write)
	delegationRows(read, write)
	feedRows(read, write)
	collectionRows(read, write)
	moduleRows(read, write)
	protectRows(read, write)
	refuse(byOperator, "site_admin", `servers/update servers/stopworker servers/killallworkers`)
	return t
}

type adder = func(name, perm string, fn func(*api, *call) error)

func coreRows(read, write adder) {
	read("servers/getversion", "", (*api).version)
	read("servers/getpymispversion", "", (*api).pymispVersion)
	write("servers/posttest", "", (*api).postTest)
	read("servers/getavailablesyncfilteringrules", "sync", (*api).syncRules)
	read("servers/index", "site_admin", (*api).serverIndex)
	write("servers/add", "site_admin", (*api).serverAdd)
	write("servers/edit", "site_admin", (*api).serverEdit)
	write("servers/delete", "site_admin", (*api).serverDelete)
	write("servers/createsync", "sync", (*api).serverSync)
	write("servers/import", "site_admin", (*api).serverImport)
	read("events/queryacl", "site_admin", (*api).queryACL)
	read("attributes/describetypes", "", (*api).describeTypes)

	read("events/index", "", (*api).eventIndex)
	read("events/view", "", (*api).eventView)
	write("events/add", "add", (*api).eventAdd)
	write("events/edit", "add", (*api).eventEdit)
	write("events/uploadsample", "add", (*api).sampleUpload)
	read("attributes/download", "", (*api).attachment)
	read("attributes/downloadattachment", "", (*api).attachment)
	write("events/uploadstix", "add", (*api).eventUploadStix)
	write("events/delete", "add", (*api).eventDelete)
	write("events/publish", "publish", (*api).eventPublish)
	write("events/alert", "publish", (*api).eventPublish)
	write("events/unpublish", "publish", (*api).eventUnpublish)
	read("events/restsearch", "", (*api).eventSearch)
	write("events/addtag", "tagger", (*api).eventTag)
	write("events/removetag", "tagger", (*api).eventTag)
	write("events/pusheventtozmq", "publish_zmq", (*api).eventToBus)
	write("events/freetextimport", "add", (*api).freeTextImport)
	write("events/contact", "", (*api).eventContact)
	read("events/checkuuid", "sync", (*api).eventCheck)
	read("events/retractions", "sync", (*api).retractions)
	read("events/since", "sync", (*api).eventsSince)
	read("events/filtereventidsforpush", "sync", (*api).wanted)

	read("attributes/index", "", (*api).attributeIndex)
	read("attributes/view", "", (*api).attributeView)
	read("attributes/restsearch", "", (*api).attributeSearch)
	write("attributes/add", "add", (*api).attributeAdd)
	write("attributes/edit", "add", (*api).attributeEdit)
	write("attributes/delete", "add", (*api).attributeDelete)
	write("attributes/restore", "add", (*api).attributeRestore)
	write("attributes/deleteselected", "add", (*api).attributeDeleteSelected)
	write("attributes/addtag", "tagger", (*api).attributeTag)
	write("attributes/removetag", "tagger", (*api).attributeTag)

	read("objects/view", "", (*api).objectView)
	read("objects/restsearch", "", (*api).objectSearch)
	write("objects/add", "add", (*api).objectAdd)
	write("objects/edit", "add", (*api).objectEdit)
	write("objects/delete", "add", (*api).objectDelete)
	write("object_references/add", "add", (*api).referenceAdd)
	write("object_references/delete", "add", (*api).referenceDelete)

	read("sightings/index", "", (*api).sightingIndex)
	read("sightings/listsightings", "", (*api).sightingList)
	read("sightings/restsearch", "", (*api).sightingSearch)
	write("sightings/add", "sighting", (*api).sightingAdd)
	write("sightings/delete", "sighting", (*api).sightingDelete)
	write("events/publishsightings", "publish", (*api).sightingsPublish)
	write("sightings/bulksavesightings", "sync", (*api).sightingsFromPeer)
	read("sightings/filtersightinguuidsforpush", "sync", (*api).sightingsKnown)
	read("event_reports/index", "", (*api).reportIndex)
	read("event_reports/view", "", (*api).reportView)
	write("event_reports/add", "add", (*api).reportAdd)
	write("event_reports/edit", "add", (*api).reportEdit)
	write("event_reports/delete", "add", (*api).reportDelete)
	write("event_reports/restore", "add", (*api).reportRestore)

	read("tags/index", "", (*api).tagIndex)
	read("tags/view", "", (*api).tagView)
	read("tags/search", "", (*api).tagSearch)
	write("tags/add", "tag_editor", (*api).tagAdd)
	write("tags/edit", "site_admin", (*api).tagEdit)
	write("tags/delete", "site_admin", (*api).tagDelete)
	write("tags/attachtagtoobject", "tagger", (*api).tagAttach)
	write("tags/removetagfromobject", "tagger", (*api).tagDetach)
	read("tags/tagstatistics", "", (*api).tagStatistics)
	write("favourite_tags/toggle", "", (*api).favouriteToggle)
	read("favourite_tags/gettogglefield", "", (*api).favouriteField)

	read("sharing_groups/index", "", (*api).groupIndex)
	read("sharing_groups/view", "", (*api).groupView)
	write("sharing_groups/add", "sharing_group", (*api).groupAdd)
	write("sharing_groups/edit", "sharing_group", (*api).groupEdit)
	write("sharing_groups/delete", "sharing_group", (*api).groupDelete)
	write("sharing_groups/addorg", "sharing_group", (*api).groupOrg)
	write("sharing_groups/removeorg", "sharing_group", (*api).groupOrg)
	write("sharing_groups/addserver", "sharing_group", (*api).groupServer)
	write("sharing_groups/removeserver", "sharing_group", (*api).groupServer)
}

func peopleRows(read, write adder) {
	read("users/view", "", (*api).userView)
	read("users/heartbeat", "", (*api).heartbeat)
	read("admin/users/index", "admin", (*api).userIndex)
	read("admin/users/view", "admin", (*api).userView)
	write("admin/users/add", "admin", (*api).userAdd)
	write("admin/users/edit", "admin", (*api).userEdit)
	read("roles/index", "", (*api).roleIndex)
	read("roles/view", "", (*api).roleView)
	read("organisations/index", "", (*api).orgIndex)
	read("organisations/view", "", (*api).orgView)
	write("admin/organisations/add", "site_admin", (*api).orgAdd)
	write("admin/organisations/edit", "site_admin", (*api).orgEdit)
	write("admin/organisations/delete", "site_admin", (*api).orgDelete)
	write("admin/users/delete", "admin", (*api).userDelete)
	write("users/edit", "", (*api).userEdit)
	write("users/changepw", "", (*api).changePassword)
	write("users/resetauthkey", "auth", (*api).resetKey)
	write("users/register", "", (*api).register)
	read("users/registrations", "site_admin", (*api).registrations)
	write("users/acceptregistrations", "site_admin", (*api).acceptRegistrations)
	write("users/discardregistrations", "site_admin", (*api).discardRegistrations)
	read("users/statistics", "", (*api).userStatistics)
	read("users/histogram", "", (*api).histogram)
	read("users/tagstatisticsgraph", "", (*api).tagTreemap)
	read("auth_keys/index", "", (*api).keyIndex)
	read("auth_keys/view", "", (*api).keyView)
	write("auth_keys/add", "auth", (*api).keyAdd)
	write("auth_keys/edit", "auth", (*api).keyEdit)
	write("auth_keys/delete", "auth", (*api).keyDelete)
	write("admin/roles/add", "site_admin", (*api).roleAdd)
	write("admin/roles/edit", "site_admin", (*api).roleEdit)
	write("admin/roles/delete", "site_admin", (*api).roleDelete)
	write("admin/roles/setdefault", "site_admin", (*api).roleDefault)
	read("user_settings/index", "", (*api).userSettingIndex)
	read("user_settings/view", "", (*api).userSettingGet)
	read("user_settings/getsetting", "", (*api).userSettingGet)
	write("user_settings/setsetting", "", (*api).userSettingSet)
	write("user_settings/delete", "", (*api).userSettingDelete)
	read("news/index", "", (*api).empty)
}

// operateRows are what an administrator of the server asks for.
func operateRows(read, write adder) {
	for _, list := range []string{"event_blocklists", "org_blocklists"} {
		read(list+"/index", "site_admin", (*api).blockIndex)
		write(list+"/add", "site_admin", (*api).blockAdd)
		write(list+"/edit", "site_admin", (*api).blockEdit)
		write(list+"/delete", "site_admin", (*api).blockDelete)
	}
	read("servers/serversettings", "site_admin", (*api).settingIndex)
	read("servers/getsetting", "site_admin", (*api).setting)
	write("servers/serversettingsedit", "site_admin", (*api).settingEdit)
	read("servers/getworkers", "site_admin", (*api).workers)
	write("servers/startworker", "site_admin", (*api).workerStart)
	write("servers/restartworkers", "site_admin", (*api).workerStart)
	write("servers/restartdeadworkers", "site_admin", (*api).workerStart)
	read("servers/dbschemadiagnostic", "site_admin", (*api).schemaDiagnostic)
	read("admin/logs/index", "audit", (*api).logs)
	read("communities/index", "site_admin", (*api).communityIndex)
	read("communities/view", "site_admin", (*api).communityView)
	write("communities/requestaccess", "site_admin", (*api).communityAsk)
	read("attributes/attributestatistics", "", (*api).attributeStatistics)
}

func catalogRows(read, write adder) {
	read("object_templates/index", "", (*api).templateIndex)
	read("object_templates/view", "", (*api).templateView)
	read("object_templates/getraw", "", (*api).templateRaw)
	write("object_templates/update", "site_admin", (*api).upToDate)
	read("taxonomies/index", "", (*api).taxonomyIndex)
	read("taxonomies/view", "", (*api).taxonomyView)
	write("taxonomies/enable", "site_admin", (*api).taxonomySwitch)
	write("taxonomies/disable", "site_admin", (*api).taxonomySwitch)
	write("taxonomies/addtag", "tagger", (*api).taxonomyTags)
	write("taxonomies/disabletag", "tagger", (*api).taxonomyTags)
	write("taxonomies/togglerequired", "site_admin", (*api).taxonomyRequired)
	write("taxonomies/togglehighlighted", "site_admin", (*api).taxonomyRequired)
	write("taxonomies/update", "site_admin", (*api).upToDate)
	read("warninglists/index", "", (*api).warninglistIndex)
	read("warninglists/view", "", (*api).warninglistView)
	read("warninglists/checkvalue", "", (*api).warninglistCheck)
	write("warninglists/toggleenable", "warninglist", (*api).warninglistToggle)
	write("warninglists/add", "warninglist", (*api).warninglistAdd)
	write("warninglists/update", "site_admin", (*api).upToDate)
	galaxyRows(read, write)
	decayRows(read, write)
	exclusionRows(read, write)
	noticeRows(read, write)
	correlationRows(read, write)
}

// protectRows: protected events and their keys.
func protectRows(read, write adder) {
	write("events/protect", "add", (*api).eventProtect)
	write("events/unprotect", "add", (*api).eventProtect)
	read("cryptographic_keys/index", "", (*api).cryptoIndex)
	read("cryptographic_keys/view", "", (*api).cryptoView)
	write("cryptographic_keys/add", "add", (*api).cryptoAdd)
	write("cryptographic_keys/delete", "add", (*api).cryptoDelete)
	write("cryptographic_keys/serversign", "server_sign", (*api).serverSign)
}
