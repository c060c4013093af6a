package intel

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
)

// Definition is a collection that an administrator or lead defined: which published
// events are in it, and who may read it. It narrows and never widens: a reader gets
// those of its objects that it sees anyway, and whose label lets them leave.
type Definition struct {
	ID          int64
	UUID        string // of version 4, as TAXII wants ids
	Alias       string // stands for the id in addresses
	Title       string
	Description string

	Readers string       // ReadMembers, ReadGroup or ReadNamed
	Circle  SharingGroup // ReadGroup; no members or servers
	Orgs    []Org        // ReadNamed; the organisation that defined it always reads
	Ceiling tlp.Level    // the strictest label that enters

	Tags    []string     // events with one of them; empty = all
	NotTags []string     // and with none of these
	Types   []string     // of STIX objects; empty = all. Identities and markings always go along
	Group   SharingGroup // only what is shared within it; ID 0 = whatever
	Days    int64        // only what was published so lately; 0 = ever
	Chosen  bool         // only what a rule or a POST put in; else besides what the query finds
	Lapse   bool         // indicators leave when their time is over: valid_until, or what Model says
	Model   int64        // with Lapse: NoModel, ModelsInForce (0 is the same) or a decaying model's id
	Inbox   bool         // readers may POST; it becomes events to be looked at

	Owner            Org
	Created, Changed int64 // µs

	audience, version, done int64
	swept, floor            int64
	tagIDs, notTagIDs       []int64
	now                     int64     // of the reading, µs
	untagged                tlp.Level // what an unlabelled event counts as
}

// Who may read a collection.
const (
	ReadMembers = "members" // every organisation here
	ReadGroup   = "group"
	ReadNamed   = "named" // organisations
)

// CollectionTypes are the types of STIX object that a collection may be narrowed to.
var CollectionTypes = []string{"indicator", "observed-data", "report", "attack-pattern", "campaign", "course-of-action", "grouping", "infrastructure",
	"intrusion-set", "location", "malware", "malware-analysis", "note", "opinion", "relationship", "sighting", "threat-actor", "tool", "vulnerability",
	"x-misp-attribute", "x-misp-object", "x-misp-galaxy-cluster"}

// always are the types without which others cannot be read.
var always = []string{"identity", "marking-definition", "extension-definition"}

const (
	definitionsMost = 100 // each published event is held against every one of them
	tagsMost        = 50
	daysMost        = 3650
)

var (
	aliasForm     = regexp.MustCompile(`^[a-z][a-z0-9-]{1,62}$`)
	aliasReserved = []string{string(CommunityCollection), string(OwnCollection), string(InboxCollection), string(WholeCollection)}
)

// reach is the widest reader, for what the label allows.
func (d *Definition) reach() tlp.Reach {
	if d.Readers == ReadMembers {
		return tlp.ToMembers
	}
	return tlp.ToOrganisations
}

// verdict says whether the strictest label that enters fits who reads.
func (d *Definition) verdict() tlp.Verdict { return tlp.Fits(d.Ceiling, d.reach()) }

// normal trims what was typed and drops what stands twice.
func (d *Definition) normal() {
	for _, s := range []*string{&d.Alias, &d.Title, &d.Description} {
		*s = strings.TrimSpace(*s)
	}
	d.Model = cmp.Or(d.Model, ModelsInForce)
	for _, list := range []*[]string{&d.Tags, &d.NotTags, &d.Types} {
		var out []string
		for _, s := range *list {
			if s = strings.TrimSpace(s); s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
		*list = out
	}
}

// check tells what is wrong with a definition, names and existence aside. asked: the
// caller was told that an AMBER goes to all members, and means it. Faults: Invalid.
func (d *Definition) check(asked bool) error {
	var c fault.Collector
	c.Require(d.Title != "" && len(d.Title) <= 255, "title", "intel.fault.name")
	c.Require(len(d.Description) <= 4000, "description", "intel.fault.collection-text")
	c.Require(aliasForm.MatchString(d.Alias) && !slices.Contains(aliasReserved, d.Alias) && !strings.HasPrefix(d.Alias, "group-"), "alias", "intel.fault.collection-alias")
	c.Require(slices.Contains([]string{ReadMembers, ReadGroup, ReadNamed}, d.Readers), "readers", "intel.fault.collection-readers")
	c.Require(d.Ceiling >= tlp.Clear && d.Ceiling <= tlp.Red, "ceiling", "intel.fault.collection-ceiling")
	c.Require(d.Days >= 0 && d.Days <= daysMost, "days", "intel.fault.collection-days")
	for field, list := range map[string][]string{"tags": d.Tags, "not_tags": d.NotTags} {
		ok := len(list) <= tagsMost
		for _, t := range list {
			ok = ok && len(t) <= 255
		}
		c.Require(ok, field, "intel.fault.collection-tags")
	}
	c.Require(d.Model >= NoModel, "model", "intel.fault.collection-model")
	for _, t := range d.Types {
		c.Require(slices.Contains(CollectionTypes, t), "types", "intel.fault.collection-types")
	}
	switch v := d.verdict(); {
	case d.Ceiling == tlp.Red:
		c.Add("ceiling", tlp.ReasonPersons)
	case v.Answer == tlp.Hold:
		c.Add("ceiling", v.Reason)
	case v.Answer == tlp.Ask && !asked:
		c.Add("asked", v.Reason)
	}
	return c.Err("a collection")
}

// reads is the audience that a definition stands for.
func (d *Definition) reads() access.Audience {
	a := access.Audience{Owner: d.Owner.ID, Level: access.LevelMembers}
	switch d.Readers {
	case ReadGroup:
		a.Level, a.Group = access.LevelGroup, d.Circle.ID
	case ReadNamed:
		a.Level = access.LevelNamed
		for _, o := range d.Orgs {
			a.Named = append(a.Named, access.Org(o.ID))
		}
	}
	return a
}

// narrows tells whether a definition may take objects out of events that stay.
func (d *Definition) narrows(was *Definition) bool {
	return d.Ceiling < was.Ceiling || d.Lapse && (!was.Lapse || d.Model != was.Model) || !slices.Equal(d.Types, was.Types)
}
