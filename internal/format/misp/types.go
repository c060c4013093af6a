package misp

// Event is one MISP event. As a header (Encoder.Begin, ItemEventStart) it
// carries no Attribute and no Object: these travel one by one.
type Event struct {
	ID                 Int
	OrgcID             Int
	OrgID              Int
	UserID             Int // never leaves on the compatible surface
	Date               Text
	ThreatLevelID      Int
	Info               Text
	Published          Flag // absent in an edit means unpublish
	UUID               Text
	AttributeCount     Int
	Analysis           Int
	Timestamp          Int // Unix seconds
	Distribution       Int
	ProposalEmailLock  Flag
	Locked             Flag
	PublishTimestamp   Int // Unix seconds
	SightingTimestamp  Int
	SharingGroupID     Int
	DisableCorrelation Flag
	ExtendsUUID        Text // may come as an id
	Protected          Flag // null when unset
	EventCreatorEmail  Text // only for site admins and the event's own organisation

	Org              *Org
	Orgc             *Org
	SharingGroup     *SharingGroup
	Attribute        []Attribute
	ShadowAttribute  []ShadowAttribute
	RelatedEvent     []RelatedEvent
	Galaxy           []Galaxy
	Object           []Object
	EventReport      []EventReport
	CryptographicKey []CryptographicKey
	Tag              []Tag
	EventTag         []TagLink // events/index and a few old clients instead of Tag
	Sighting         []Sighting
	Feed             Raw
	Warnings         Raw
	ExtensionEvents  Raw
	Note             []Analyst
	Opinion          []Analyst
	Relationship     []Analyst
}

// RelatedEvent wraps the short form of an event that correlates with another.
type RelatedEvent struct {
	Event Event
}

// Attribute is one attribute, in an event, in an object or alone.
type Attribute struct {
	ID                 Int
	EventID            Int
	ObjectID           Int // "0" when it stands in no object
	ObjectRelation     Text
	Category           Text
	Type               Text
	Value1             Text // only in answers of attributes/add, attributes/index, objects/add
	Value2             Text
	ToIDS              Flag
	UUID               Text
	Timestamp          Int // Unix seconds
	Distribution       Int
	SharingGroupID     Int
	Comment            Text
	Deleted            Flag
	DisableCorrelation Flag
	FirstSeen          Text // ISO 8601, microseconds, UTC
	LastSeen           Text
	Value              Text
	EventUUID          Text
	Data               Text // base64 of an attachment or malware sample
	BatchImport        Flag
	Encrypt            Flag // the client asks us to zip the sample

	Event            *Event
	Object           *Object
	SharingGroup     *SharingGroup
	Galaxy           []Galaxy
	ShadowAttribute  []ShadowAttribute
	Tag              []Tag
	AttributeTag     []TagLink
	Sighting         []Sighting
	RelatedAttribute []Attribute
	Warnings         Raw
	DecayScore       Raw
	Note             []Analyst
	Opinion          []Analyst
	Relationship     []Analyst
}

// Object is one object with its attributes.
type Object struct {
	ID              Int
	Name            Text
	MetaCategory    Text
	Description     Text
	TemplateUUID    Text
	TemplateVersion Int
	EventID         Int
	UUID            Text
	Timestamp       Int
	Distribution    Int
	SharingGroupID  Int
	Comment         Text
	Deleted         Flag
	FirstSeen       Text
	LastSeen        Text

	ObjectReference []ObjectReference
	Event           *Event
	SharingGroup    *SharingGroup
	Attribute       []Attribute
	Note            []Analyst
	Opinion         []Analyst
	Relationship    []Analyst
}

// ObjectReference points from an object to another object (ReferencedType 1) or
// to an attribute (0).
type ObjectReference struct {
	ID               Int
	UUID             Text
	Timestamp        Int
	ObjectID         Int
	EventID          Int
	SourceUUID       Text
	ReferencedUUID   Text
	ReferencedID     Int
	ReferencedType   Int
	RelationshipType Text
	Comment          Text
	Deleted          Flag
	ObjectUUID       Text
	Object           Raw // short form of the target, only in answers
	Attribute        Raw
}

// Tag is a tag attached to something; Deleted in an edit detaches it.
type Tag struct {
	ID               Int
	Name             Text
	Colour           Text
	Exportable       Flag
	OrgID            Int
	UserID           Int
	HideTag          Flag
	NumericalValue   Int
	IsGalaxy         Flag
	IsCustomGalaxy   Flag
	LocalOnly        Flag
	Local            Flag
	RelationshipType Text
	Inherited        Num
	Deleted          Flag
	Favourite        Flag
	Count            Num
	AttributeCount   Num
}

// TagLink is the join row that some answers show instead of the bare tag.
type TagLink struct {
	ID               Int
	AttributeID      Int
	EventID          Int
	TagID            Int
	Local            Flag
	RelationshipType Text
	Tag              *Tag
}

// Galaxy is a galaxy with those of its clusters that are attached.
type Galaxy struct {
	ID             Int
	UUID           Text
	Name           Text
	Type           Text
	Description    Text
	Version        Int
	Icon           Text
	Namespace      Text
	Enabled        Flag
	LocalOnly      Flag
	KillChainOrder Raw
	GalaxyCluster  []GalaxyCluster
}

// GalaxyCluster is one cluster; attached ones carry Meta and the tag's ids,
// viewed ones GalaxyElement.
type GalaxyCluster struct {
	ID               Int
	UUID             Text
	CollectionUUID   Text
	Type             Text
	Value            Text
	TagName          Text
	Description      Text
	GalaxyID         Int
	Source           Text
	Authors          []string
	Version          Int
	Distribution     Int
	SharingGroupID   Int
	OrgID            Int
	OrgcID           Int
	Default          Flag
	Locked           Flag
	ExtendsUUID      Text
	ExtendsVersion   Int
	Published        Flag
	Deleted          Flag
	SharingGroup     *SharingGroup
	Galaxy           *Galaxy
	GalaxyElement    []GalaxyElement
	Relation         []GalaxyClusterRelation
	Org              *Org
	Orgc             *Org
	Targeting        []GalaxyClusterRelation
	RelationshipIn   Raw
	Meta             Meta
	TagID            Num
	AttributeTagID   Int
	EventTagID       Int
	Local            Flag
	RelationshipType Raw // false, or the text
}

// Meta is a cluster's metadata in the order it came; nil is absent, and an empty
// one leaves as {} and never as [].
type Meta []MetaEntry

// MetaEntry is one key with its values.
type MetaEntry struct {
	Key    string
	Values []string
}

// GalaxyElement is one metadata row of a viewed cluster.
type GalaxyElement struct {
	ID        Int
	ClusterID Int
	Key       Text
	Value     Text
}

// GalaxyClusterRelation points from one cluster to another.
type GalaxyClusterRelation struct {
	ID             Int
	ClusterID      Int
	ReferencedID   Int
	ReferencedUUID Text
	ReferencedType Text
	ClusterUUID    Text
	Distribution   Int
	SharingGroupID Int
	Default        Flag
	Tag            []Tag
}

// Org is an organisation, short (id, name, uuid, local) or whole.
type Org struct {
	ID                 Int
	Name               Text
	DateCreated        Text
	DateModified       Text
	Description        Text
	Type               Text
	Nationality        Text
	Sector             Text
	CreatedBy          Int
	UUID               Text
	Contacts           Text
	Local              Flag
	RestrictedToDomain Raw
	LandingPage        Text
	UserCount          Int
	CreatedByEmail     Text
}

// SharingGroup is a sharing group with its members.
type SharingGroup struct {
	ID               Int
	Name             Text
	Releasability    Text
	Description      Text
	UUID             Text
	OrganisationUUID Text
	OrgID            Int
	SyncUserID       Int
	Active           Flag
	Created          Text // "2006-01-02 15:04:05"
	Modified         Text
	Local            Flag
	Roaming          Flag
	SyncOrgName      Text
	OrgCount         Int
	Organisation     *Org
	SyncOrg          *Org
	Orgs             []SharingGroupOrg
	Servers          []SharingGroupServer
}

// SharingGroupOrg is one member organisation.
type SharingGroupOrg struct {
	ID             Int
	SharingGroupID Int
	OrgID          Int
	Extend         Flag
	Organisation   *Org
}

// SharingGroupServer is one member server; server 0 is this one.
type SharingGroupServer struct {
	ID             Int
	SharingGroupID Int
	ServerID       Int
	AllOrgs        Flag
	Server         *Server
}

// Server is the short form of a server inside a sharing group.
type Server struct {
	ID   Int
	URL  Text
	Name Text
}

// ShadowAttribute is a proposal.
type ShadowAttribute struct {
	ID                 Int
	OldID              Int
	EventID            Int
	Type               Text
	Category           Text
	UUID               Text
	ToIDS              Flag
	Comment            Text
	OrgID              Int
	EventOrgID         Int
	Email              Text
	Timestamp          Int
	FirstSeen          Text
	LastSeen           Text
	Deleted            Flag
	ProposalToDelete   Flag
	DisableCorrelation Flag
	Value              Text
	Data               Text
	OrgUUID            Text
	OldUUID            Text
	EventUUID          Text
	Org                *Org
}

// Sighting is one sighting: type 0 seen, 1 false positive, 2 expiration.
type Sighting struct {
	ID            Int
	AttributeID   Int
	EventID       Int
	OrgID         Int
	DateSighting  Int // Unix seconds
	UUID          Text
	Source        Text
	Type          Int
	Value         Text
	Values        []string // only in requests: every attribute with one of them
	AttributeUUID Text
	EventUUID     Text
	Attribute     *Attribute
	Event         *Event
	Organisation  *Org
}

// EventReport is one markdown report of an event.
type EventReport struct {
	ID             Int
	UUID           Text
	EventID        Int
	Name           Text
	Content        Text
	Distribution   Int
	SharingGroupID Int
	Timestamp      Int
	Deleted        Flag
	SharingGroup   *SharingGroup

	Note         []Analyst
	Opinion      []Analyst
	Relationship []Analyst
}

// CryptographicKey is a key that may sign a protected event.
type CryptographicKey struct {
	ID          Int
	UUID        Text
	Type        Text
	Timestamp   Int
	ParentID    Int
	ParentType  Text
	KeyData     Text
	Revoked     Flag
	Fingerprint Text
}

// Analyst is a note, an opinion or a relationship; which of the three is told by
// the list it stands in (and by NoteType 0, 1, 2).
type Analyst struct {
	ID                Int
	UUID              Text
	ObjectUUID        Text
	ObjectType        Text
	Authors           Text
	OrgUUID           Text
	OrgcUUID          Text
	Created           Text // "2006-01-02 15:04:05"
	Modified          Text
	Distribution      Int
	SharingGroupID    Int
	Locked            Flag
	Note              Text // note
	Language          Text
	Opinion           Int // opinion, 0–100
	Comment           Text
	RelationshipType  Text // relationship
	RelatedObjectUUID Text
	RelatedObjectType Text
	NoteType          Num
	NoteTypeName      Text
	Orgc              *Org
	Org               *Org
	SharingGroup      *SharingGroup
	CanEdit           Flag
	MaxDepthReached   Flag
	RelatedObject     Raw
	Notes             []Analyst
	Opinions          []Analyst
	Relationships     []Analyst
}
