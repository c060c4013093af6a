package intelmisp

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"straza/internal/format/misp"
)

// The endpoints of spec misp §3, group by group, with what PyMISP calls beyond them and
// the synchronisation of §7. "GET " stands where nothing is named.
const ofSpec = `
events/index events/view/1 POST:events/add POST:events/add/metadata:1 POST:events/edit/1 POST:events/edit/1/metadata:1 POST:events/delete/1
POST:events/publish/1 POST:events/alert/1 POST:events/unpublish/1 POST:events/contact/1 POST:events/enrichEvent/1 events/queryACL HEAD:events/view/1
POST:events/index POST:events GET:events DELETE:events/1 POST:events/addTag/1/1 POST:events/removeTag/1/1
POST:events/restSearch POST:attributes/restSearch POST:objects/restSearch POST:sightings/restSearch POST:sightings/restSearch/event
POST:sightings/restSearch/attribute POST:galaxy_clusters/restSearch POST:objects/restsearch
objects/view/1 POST:objects/add/1 POST:objects/add/1/2 POST:objects/add/1/2/breakOnDuplicate:1 POST:objects/edit/1 POST:objects/delete/1 POST:objects/delete/1/1
attributes/index attributes/view/1 POST:attributes/add/1 POST:attributes/edit/1 POST:attributes/delete/1 POST:attributes/delete/1/1
POST:attributes/restore/1 POST:attributes/enrich/1 attributes/attributeStatistics/type/false attributes/describeTypes.json POST:attributes/deleteSelected/1
users/view/me POST:users/edit/1 POST:users/change_pw POST:users/register users/registrations POST:users/acceptRegistrations/1
POST:users/discardRegistrations/1 users/heartbeat users/statistics/data users/statistics/orgs users/statistics/users users/statistics/tags
users/statistics/attributehistogram users/statistics/sightings users/statistics/galaxyMatrix
admin/users/index admin/users/view/1 POST:admin/users/add POST:admin/users/edit/1 POST:admin/users/delete/1
auth_keys/index auth_keys/view/1 POST:auth_keys/add/1 POST:auth_keys/edit/1 POST:auth_keys/delete/1
sightings/index/1 POST:sightings/listSightings POST:sightings/add POST:sightings/add/1 POST:sightings/delete/1
tags/index tags/view/1 POST:tags/add POST:tags/edit/1 POST:tags/delete/1 POST:tags/search POST:tags/attachTagToObject POST:tags/removeTagFromObject tags/tagStatistics
galaxies/index galaxies/view/1 POST:galaxies/update POST:galaxies/attachCluster/1/event/local:0 POST:galaxies
sharing_groups/index sharing_groups/view/1 POST:sharing_groups/add POST:sharing_groups/edit/1 POST:sharing_groups/delete/1 POST:sharing_groups/addOrg/1/1
POST:sharing_groups/removeOrg/1/1 POST:sharing_groups/addServer/1/1 POST:sharing_groups/removeServer/1/1
organisations/index organisations/view/1 POST:admin/organisations/add POST:admin/organisations/edit/1 POST:admin/organisations/delete/1
POST:objectReferences/add POST:objectReferences/delete/1 POST:objectReferences/delete/1/1
servers/serverSettings servers/getSetting/MISP.live POST:servers/serverSettingsEdit/MISP.live POST:servers/serverSettingsEdit/MISP.live/1
warninglists/index warninglists/view/1 POST:warninglists/toggleEnable POST:warninglists/checkValue POST:warninglists/update
eventReports/index/event_id:1 eventReports/view/1 POST:eventReports/add/1 POST:eventReports/edit/1 POST:eventReports/delete/1 POST:eventReports/delete/1/1
eventBlocklists/index POST:eventBlocklists/add POST:eventBlocklists/edit/1 POST:eventBlocklists/delete/1
orgBlocklists/index POST:orgBlocklists/add POST:orgBlocklists/edit/1 POST:orgBlocklists/delete/1
POST:analyst_data/add/Note/1/Event POST:analyst_data/edit/Opinion/1 analyst_data/view/Note/1 POST:analyst_data/delete/Relationship/1 analyst_data/index/Note
POST:admin/logs/index decayingModel/index POST:decayingModel/update POST:decayingModel/enable/1 POST:decayingModel/disable/1
objectTemplates/index objectTemplates/view/1 objectTemplates/getRaw/file POST:objectTemplates/update
taxonomies/index taxonomies/view/1 POST:taxonomies/enable/1 POST:taxonomies/disable/1 POST:taxonomies/addTag/1 POST:taxonomies/disableTag/1
POST:taxonomies/update POST:taxonomies/toggleRequired/1
noticelists noticelists/index noticelists/view/1 POST:noticelists/enableNoticelist/1/true POST:noticelists/enableNoticelist/1 POST:noticelists/toggleEnable POST:noticelists/update
correlation_exclusions/index correlation_exclusions/view/1 POST:correlation_exclusions/add POST:correlation_exclusions/delete/1 POST:correlation_exclusions/clean
correlations/top correlations/overCorrelations POST:correlations/generateOccurrences POST:correlations/generateTopCorrelations
POST:events/pushEventToZMQ/1.json
shadowAttributes/index shadowAttributes/view/1 POST:shadowAttributes/add/1 POST:shadowAttributes/edit/1 POST:shadowAttributes/delete/1 POST:shadowAttributes/accept/1 POST:shadowAttributes/discard/1
servers/dbSchemaDiagnostic events/queryACL/findMissingFunctionNames
roles roles/index POST:admin/roles/add POST:admin/roles/edit/1 POST:admin/roles/delete/1 POST:admin/roles/set_default/1
POST:events/freeTextImport/1
feeds/index feeds/view/1 POST:feeds/add POST:feeds/edit/1 POST:feeds/delete/1 feeds/cacheFeeds/all feeds/compareFeeds POST:feeds/loadDefaultFeeds
feeds/fetchFromFeed/1 feeds/fetchFromAllFeeds POST:feeds/searchCaches POST:feeds/enable/1 POST:feeds/disable/1
servers/index POST:servers/add POST:servers/edit/1 POST:servers/delete/1 servers/pull/1 servers/push/1 servers/testConnection/1 servers/createSync
POST:servers/import POST:servers/update servers/getWorkers POST:servers/startWorker/default POST:servers/stopWorker/1 POST:servers/restartWorkers POST:servers/restartDeadWorkers POST:servers/killAllWorkers
eventDelegations/index POST:eventDelegations/delegateEvent/1 POST:eventDelegations/acceptDelegation/1 POST:eventDelegations/deleteDelegation/1
userSettings/index POST:userSettings/setSetting POST:userSettings/getSetting POST:userSettings/delete userSettings/view/1
communities/index communities/view/1 POST:communities/requestAccess/1
POST:events/upload_stix POST:events/upload_stix/2
galaxy_clusters/index/1 galaxy_clusters/view/1 POST:galaxy_clusters/add/1 POST:galaxy_clusters/edit/1 POST:galaxy_clusters/publish/1 POST:galaxy_clusters/delete/1
POST:galaxy_cluster_relations/add POST:galaxy_cluster_relations/edit/1 POST:galaxy_cluster_relations/delete/1
POST:cryptographicKeys/serverSign POST:cryptographicKeys/add/Event/1 cryptographicKeys/view/1 cryptographicKeys/index POST:cryptographicKeys/delete/1 POST:events/protect/1 POST:events/unProtect/1
collections/index collections/view/1 POST:collections/add POST:collections/edit/1 POST:collections/delete/1 collectionElements/index/1
POST:collectionElements/add/1 POST:collectionElements/addElementToCollection/Event/1 POST:collectionElements/delete/1
POST:favouriteTags/toggle favouriteTags/getToggleField news/index
servers/getVersion servers/getPyMISPVersion.json POST:servers/postTest POST:users/resetauthkey/me servers/getAvailableSyncFilteringRules
POST:shadow_attributes/index/all:1/timestamp:1/limit:1000/page:1.json POST:analyst_data/indexMinimal analyst_data/index/Note/uuid[]:1.json
POST:collections/indexMinimal collections/index/uuid[]:1.json POST:events/filterEventIdsForPush GET:eventReports/add POST:galaxies/pushCluster
POST:sightings/filterSightingUuidsForPush/1 POST:sightings/bulkSaveSightings/1 POST:analyst_data/filterAnalystDataForPush POST:analyst_data/pushAnalystData
events/checkuuid/1 POST:events/pushProposals/1 POST:collections/filterCollectionsForPush POST:collections/captureCollection`

// notAnswered are the endpoints of the specification that answer 403, and why.
var notAnswered = map[string]string{
	"servers/update":         "the program is brought up to date by its operator",
	"servers/stopworker":     "the runner of jobs lives as long as the program",
	"servers/killallworkers": "as above",
}

// spelt gives an address in every way in which clients write it (spec misp D2).
func spelt(path string) (out []string) {
	controller, rest, _ := strings.Cut(path, "/")
	admin := ""
	if controller == "admin" {
		admin = "admin/"
		controller, rest, _ = strings.Cut(rest, "/")
	}
	action, args, _ := strings.Cut(rest, "/")
	under := misp.Underscore(controller)
	for _, c := range []string{under, misp.Variable(under), misp.Camelize(under)} {
		for _, a := range []string{action, misp.Underscore(action), strings.ToLower(action)} {
			p := "/" + admin + c
			if a != "" {
				p += "/" + a
			}
			if args != "" {
				p += "/" + args
			}
			out = append(out, p, "/misp"+p)
			if !strings.Contains(p, ".json") && !strings.Contains(p, "MISP.") {
				out = append(out, p+".json")
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestEveryEndpointOfTheSpecAnswers goes through spec misp §3 and §7 in every spelling of
// D2: each has a row that answers, or stands among the few that do not, with the reason.
func TestEveryEndpointOfTheSpecAnswers(t *testing.T) {
	t.Parallel()
	met := map[string]bool{}
	n := 0
	for _, word := range strings.Fields(ofSpec) {
		method, path := http.MethodGet, word
		if m, rest, ok := strings.Cut(word, ":"); ok && strings.ToUpper(m) == m && !strings.Contains(m, "/") {
			method, path = m, rest
		}
		for _, p := range spelt(path) {
			c := parse(httptest.NewRecorder(), httptest.NewRequest(method, p, nil))
			if !controllers[c.controller] {
				t.Errorf("%s %s: %q is no controller", method, p, c.controller)
				continue
			}
			row, ok := table[c.name()]
			_, excused := notAnswered[c.name()]
			switch {
			case !ok:
				t.Errorf("%s %s: no such action (%s)", method, p, c.name())
			case row.refused != "" && !excused:
				t.Errorf("%s %s is refused: %s", method, p, row.refused)
			case row.refused == "" && excused:
				t.Errorf("%s %s answers: take it off the list of those that do not", method, p)
			}
			met[c.name()] = true
			n++
		}
	}
	for name := range notAnswered {
		if !met[name] {
			t.Errorf("%s is excused and not asked for", name)
		}
	}
	for name, row := range table {
		if _, ok := notAnswered[name]; row.refused != "" && !ok {
			t.Errorf("%s is refused without a reason in the list", name)
		}
	}
	t.Logf("%d addresses, %d actions", n, len(met))
}
