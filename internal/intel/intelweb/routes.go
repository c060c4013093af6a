// Package intelweb shows threat data: events and indicators in lists, one event
// with its objects and attributes, adding by pasting, publishing after having said
// who will see it. The team's console and an organisation's portal share the
// pages; the Service shows each what is theirs.
package intelweb

import (
	"context"
	"embed"
	"strings"
	"time"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/intel/bulk"
	"straza/internal/intel/dossier"
	"straza/internal/intel/enrich"
	"straza/internal/intel/eventweb"
	"straza/internal/intel/remark"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
)

// Files are the pages and messages of the room.
//
//go:embed *.html _said.html _shelf.html messages/*.json
var Files embed.FS

// Deps are what the pages need beside the room's Service.
type Deps struct {
	Intel   *intel.Service
	Remarks *remark.Service
	// Bulk tells how far acts on many attributes are; nil shows none.
	Bulk *bulk.Service
	// Dossiers are what events and values are put into; nil shows none.
	Dossiers *dossier.Service
	// Enrich says what is known of values; nil shows nothing of it.
	Enrich *enrich.Service
	// Catalog knows the clusters and matrices that tags stand for.
	Catalog *catalog.Service
	// Origin is the public address, for rules that point to their event; Host names the
	// installation in them.
	Origin string
	Host   func(ctx context.Context) string
	// Case gives the number of the case that an event belongs to, "" when there is
	// none that who may see; nil shows none.
	Case func(ctx context.Context, who ident.Actor, event int64) (number string)
	// Went tells, peer by peer, whether an event was sent and if not, why; nothing for
	// who may not know of peers. nil shows none.
	Went func(ctx context.Context, who ident.Actor, event int64) ([]Went, error)
	// Author names somebody for who: a colleague by name, everybody else by the
	// organisation; nil leaves what the log says.
	Author func(ctx context.Context, who ident.Actor, person int64) (name string)
}

type pages struct {
	t *web.Templates
	s *intel.Service
	d Deps
}

// Went is what became of an event towards one peer.
type Went struct {
	Peer, Href string
	State      string // sent, held, refused, waiting
	Reason     string // message key, "" for none
	Detail     string // the other side's words
	At         time.Time
}

// Routes declares the doors of the room.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), s: d.Intel, d: d}
	for base, may := range eventweb.Places {
		read, write, publish := may("intel.read"), may("intel.write"), may("intel.publish")
		routes := []web.Route{
			{Method: "GET", Pattern: base, List: true, Policy: read, Reveals: "events the caller may see", Handler: p.list},
			{Method: "GET", Pattern: base + "/export", Policy: read, Reveals: "indicators the caller may see and whose label lets them leave", Handler: p.exportMany},
			{Method: "GET", Pattern: base + "/attack", Policy: read, Reveals: "techniques of events the caller may see", Handler: p.attackMany},
			{Method: "GET", Pattern: base + "/{id}/correlations", Policy: read, Reveals: "what an event shares with others, both sides seen by the caller", Handler: p.correlationsOf},
			{Method: "GET", Pattern: base + "/{id}/references", Policy: read, Reveals: "which objects of an event point to what, as far as the caller may see both", Handler: p.referencesOf},
			{Method: "GET", Pattern: base + "/{id}/timeline", Policy: read, Reveals: "when what the caller may see of an event was seen", Handler: p.timelineOf},
			{Method: "GET", Pattern: base + "/{id}/versions", Policy: read, Reveals: "what became of what the caller may see of an event, old values as far as the caller saw them", Handler: p.versions},
			{Method: "GET", Pattern: base + "/{id}/attack", Policy: read, Reveals: "techniques of an event the caller may see", Handler: p.attackOf},
			{Method: "GET", Pattern: base + "/new", Policy: write, Reveals: "an empty form", Handler: p.newForm},
			{Method: "POST", Pattern: base + "/new", Policy: write, Mutates: true, Handler: p.create},
			{Method: "GET", Pattern: base + "/{id}", Policy: read, Reveals: "an event the caller may see", Handler: p.show},
			{Method: "GET", Pattern: base + "/{id}/export", Policy: read, Reveals: "an event the caller may see", Handler: p.export},
			{Method: "GET", Pattern: base + "/{id}/publish", Policy: publish, Reveals: "who will see an event", Handler: p.askPublish},
			{Method: "POST", Pattern: base + "/{id}/publish", Policy: publish, Mutates: true, Handler: p.publish},
			{Method: "POST", Pattern: base + "/{id}/unpublish", Policy: publish, Mutates: true, Handler: p.unpublish},
			{Method: "GET", Pattern: base + "/{id}/paste", Policy: write, Reveals: "an event the caller may see", Handler: p.pasteForm},
			{Method: "POST", Pattern: base + "/{id}/paste", Policy: write, Mutates: true, Handler: p.paste},
			{Method: "GET", Pattern: base + "/{id}/edit", Policy: write, Reveals: "an event the caller may change", Handler: p.editForm},
			{Method: "POST", Pattern: base + "/{id}/edit", Policy: write, Mutates: true, Reveals: "who would see an event", Handler: p.saveEvent},
			{Method: "GET", Pattern: base + "/{id}/delete", Policy: write, Reveals: "an event the caller may change", Handler: p.askDelete},
			{Method: "POST", Pattern: base + "/{id}/delete", Policy: write, Mutates: true, Handler: p.deleteEvent},
			{Method: "GET", Pattern: base + "/{id}/history", Policy: write, Reveals: "who changed an event the caller may change", Handler: p.history},
			{Method: "GET", Pattern: base + "/{id}/attributes/new", Policy: write, Reveals: "an event the caller may change", Handler: p.newAttribute},
			{Method: "POST", Pattern: base + "/{id}/attributes/new", Policy: write, Mutates: true, Handler: p.addAttribute},
			{Method: "GET", Pattern: base + "/{id}/attributes/{attribute}", Policy: read, Reveals: "an attribute the caller may see", Handler: p.attribute},
			{Method: "POST", Pattern: base + "/{id}/attributes/{attribute}", Policy: write, Mutates: true, Handler: p.saveAttribute},
			{Method: "GET", Pattern: base + "/{id}/attributes/{attribute}/row", Policy: write, Reveals: "an attribute the caller may change", Handler: p.editRow},
			{Method: "POST", Pattern: base + "/{id}/attributes/{attribute}/row", Policy: write, Mutates: true, Reveals: "the attribute as it stands now", Handler: p.saveRow},
			{Method: "GET", Pattern: base + "/{id}/attributes/{attribute}/file", Policy: read, Reveals: "the attachment of an attribute the caller may see", Handler: p.file},
			{Method: "POST", Pattern: base + "/{id}/files", Policy: write, Mutates: true, Body: -1, Handler: p.addFile},
			{Method: "POST", Pattern: base + "/{id}/attributes/{attribute}/do/{act}", Policy: write, Mutates: true, Handler: p.attributeAct},
			{Method: "GET", Pattern: base + "/{id}/enrich", Policy: read, Reveals: "what is known of attributes the caller may see, and what modules answered the caller's organisation", Handler: p.enrichForm},
			{Method: "POST", Pattern: base + "/{id}/enrich", Policy: write, Mutates: true, Reveals: "what a module answered", Handler: p.enrich},
			{Method: "POST", Pattern: base + "/{id}/enrich/undo", Policy: write, Mutates: true, Handler: p.undoEnrich},
			{Method: "GET", Pattern: base + "/{id}/reports/new", Policy: write, Reveals: "an event the caller may change", Handler: p.newReport},
			{Method: "POST", Pattern: base + "/{id}/reports/new", Policy: write, Mutates: true, Handler: p.saveReport},
			{Method: "GET", Pattern: base + "/{id}/reports/{report}", Policy: read, Reveals: "a report the caller may see", Handler: p.report},
			{Method: "POST", Pattern: base + "/{id}/reports/{report}", Policy: write, Mutates: true, Handler: p.saveReport},
			{Method: "POST", Pattern: base + "/{id}/reports/{report}/do/{act}", Policy: write, Mutates: true, Handler: p.reportAct},
			{Method: "POST", Pattern: base + "/{id}/proposals", Policy: write, Mutates: true, Handler: p.decide},
			{Method: "GET", Pattern: base + "/{id}/propose", Policy: write, Reveals: "an event the caller may see", Handler: p.proposeForm},
			{Method: "POST", Pattern: base + "/{id}/propose", Policy: write, Mutates: true, Handler: p.propose},
			{Method: "POST", Pattern: base + "/{id}/said/new", Policy: write, Mutates: true, Handler: p.say},
			{Method: "POST", Pattern: base + "/{id}/said/{kind}/{remark}/of/{of}/{act}", Policy: write, Mutates: true, Handler: p.saidAct},
			{Method: "POST", Pattern: base + "/{id}/delegation", Policy: write, Mutates: true, Handler: p.delegate},
			{Method: "POST", Pattern: base + "/{id}/pin", Policy: read, Mutates: true, Handler: p.pin},
			{Method: "GET", Pattern: base + "/{id}/dossier", Policy: write, Reveals: "an event the caller may see, and their own dossiers", Handler: p.askDossier},
			{Method: "POST", Pattern: base + "/{id}/dossier", Policy: write, Mutates: true, Handler: p.toDossier},
			{Method: "POST", Pattern: base + "/{id}/tags", Policy: write, Mutates: true, Handler: p.tag},
		}
		for i, x := range routes {
			if x.Method == "GET" && strings.Contains(x.Pattern, "{id}") {
				routes[i].Handler = p.byUUID(x.Handler)
			}
		}
		m.Handle(routes...)
	}
	m.Handle(web.Route{Method: "GET", Pattern: "/portal/events/indicators", List: true, Policy: web.Perm("intel.read"), Reveals: "attributes the caller may see", Handler: p.indicators})
	m.Handle(web.Route{Method: "GET", Pattern: "/console/indicators", List: true, Policy: web.Perm("intel.read").And("console.use"), Reveals: "attributes the caller may see", Handler: p.indicators})
}
