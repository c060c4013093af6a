package intel

import (
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/kernel/store"
)

// Distribution says how far a row goes, by MISP's levels.
type Distribution int

// MISP's levels. Inherit is for children only: the parent's audience alone.
const (
	OwnOrg    Distribution = 0
	Community Distribution = 1
	Connected Distribution = 2
	All       Distribution = 3
	Group     Distribution = 4
	Inherit   Distribution = 5
)

// Org is an organisation as threat data names it.
type Org struct {
	ID   int64
	UUID string
	Name string
	// Local is one of this installation; the others are known from peers' data.
	Local bool
}

// Event is the header of one event, with its tags, as one viewer may see it.
type Event struct {
	ID       int64
	UUID     string
	Owner    Org // the organisation here that holds it (MISP's org)
	Origin   Org // the organisation that made it (MISP's orgc)
	Creator  int64
	Audience int64

	Distribution  Distribution
	Group         int64 // sharing group, 0 if none
	Date          string
	Info          string
	Threat        int
	Analysis      int
	Published     bool
	Locked        bool // came from a peer
	ProposalLock  bool
	Protected     *bool
	NoCorrelation bool

	Timestamp         int64 // seconds; the sender's clock of the content
	PublishTimestamp  int64
	SightingTimestamp int64
	ExtendsUUID       string
	TLP               string // "CLEAR" … "AMBER+STRICT", "RED", or "" (tlp.Parse reads it)
	PAP               string

	Attributes int64 // attributes that the viewer sees, deleted ones not counted
	Created    int64 // µs, here
	Changed    int64 // µs, here
	Tags       []TagUse

	ownAudiences int64
	place        Place // where a Brief search found it
}

// Ref is how an event is named to Service methods and in the addresses of pages: its
// UUID. Methods take its number, too, which is MISP's name for it and nobody else's.
func (e Event) Ref() string { return e.UUID }

// Attribute is one fact of an event.
type Attribute struct {
	ID, EventID, ObjectID int64
	UUID                  string
	Type, Category, Value string
	Relation              string // name within its object, "" outside
	Comment               string
	ToIDS                 bool
	Deleted               bool
	NoCorrelation         bool
	Distribution          Distribution
	Group                 int64
	Timestamp             int64  // seconds
	FirstSeen, LastSeen   *int64 // µs
	DataSize              int64  // > 0: an attachment lies beside it, see Service.Data
	Tags                  []TagUse
	Event                 *Event // in search results: the header, shared by its attributes
	ObjectUUID            string // in search results that asked for it, like the next four: of the object it stands in
	ObjectName            string
	ObjectMeta            string // its meta-category
	ObjectDistribution    Distribution
	ObjectGroup           int64

	label    tlp.Level // the strictest that it has itself, by tags that are not shown to the reader too
	audience *int64
	key1     int64
	key2     *int64
	data     []byte
	tags     []tagName
	given    given
}

// Object groups attributes under a template.
type Object struct {
	ID, EventID         int64
	UUID                string
	Name, MetaCategory  string
	Description         string
	TemplateUUID        string
	TemplateVersion     int64
	Comment             string
	Deleted             bool
	Distribution        Distribution
	Group               int64
	Timestamp           int64
	FirstSeen, LastSeen *int64
	Attributes          []Attribute
	References          []Reference

	audience *int64
	given    given
}

// Reference points from an object to an attribute (TargetType 0) or object (1).
type Reference struct {
	ID, EventID, ObjectID int64
	UUID                  string
	TargetUUID            string
	TargetID              int64 // 0 when the target is not (or not yet) here
	TargetType            int
	Relationship          string
	Comment               string
	Deleted               bool
	Timestamp             int64
}

// Report is a text in Markdown that belongs to an event.
type Report struct {
	ID, EventID   int64
	UUID          string
	Name, Content string
	Distribution  Distribution
	Group         int64
	Deleted       bool
	Timestamp     int64

	audience *int64
}

// given tells which fields a document carried: in an edit, the others are kept.
type given uint16

const (
	gUUID given = 1 << iota
	gTimestamp
	gCategory
	gType
	gValue
	gRelation
	gComment
	gToIDS
	gDeleted
	gNoCorrelation
	gDistribution
	gSeen
	gList // an object's list of attributes, a report's content
)

func (g given) has(f given) bool { return g&f != 0 }

// Tag is a label that may be attached to events and attributes.
type Tag struct {
	ID         int64
	Name       string
	Colour     string // #rrggbb
	Exportable bool
	Hidden     bool
	LocalOnly  bool
	Org        int64 // only this organisation may attach it, 0 = all
	User       int64
	Numerical  *int64

	madeBy int64 // organisation with whose event it came, 0 = common vocabulary
}

// Galaxy tells whether the tag stands for a galaxy cluster.
func (t Tag) Galaxy() bool { return isCluster(t.Name) }

func isCluster(name string) bool { return strings.HasPrefix(name, "misp-galaxy:") }

// OwnGalaxy tells whether that cluster was made by somebody's organisation: those
// are named by their UUID, the imported ones by their value.
func (t Tag) OwnGalaxy() bool {
	_, v, ok := strings.Cut(t.Name, `="`)
	_, is := store.ParseUUID(strings.TrimSuffix(v, `"`))
	return ok && is && t.Galaxy()
}

// TagUse is a tag attached to something. Local ones never leave.
type TagUse struct {
	Tag
	Use          int64 // id of the attachment
	Local        bool
	Relationship string
}

// tagName is a tag as it came with an event, before it has an id.
type tagName struct {
	name, colour, relationship string
	local, remove              bool
	cluster                    bool
	exact                      bool // a name in another case is another name
	numerical                  *int64
}
