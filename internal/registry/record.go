package registry

import (
	"slices"
	"strings"
	"time"

	"straza/internal/kernel/i18n"
)

// Record is an organisation as it leaves and enters by files and by the JSON
// interface: one shape for export, import and API. Details are absent for who may
// not see them. Times and ids are ignored on the way in, UUID is not.
type Record struct {
	ID             string           `json:"id,omitempty"`
	Name           string           `json:"name"`
	Names          i18n.Text        `json:"names"`
	Aliases        []string         `json:"aliases"`
	Kind           string           `json:"kind"`
	Sector         *string          `json:"sector"`
	Country        string           `json:"country"`
	RegistrationNo string           `json:"registration_no,omitempty"`
	TaxNo          string           `json:"tax_no,omitempty"`
	Seat           string           `json:"seat,omitempty"`
	Website        string           `json:"website,omitempty"`
	Note           string           `json:"note,omitempty"`
	Disclosure     Disclosure       `json:"disclosure"`
	Host           bool             `json:"host"`
	State          State            `json:"state"`
	MergedInto     string           `json:"merged_into,omitempty"`
	CERT           string           `json:"cert,omitempty"` // name
	Freshness      Freshness        `json:"contact_freshness,omitempty"`
	Contacts       []ContactRecord  `json:"contacts,omitempty"`
	Resources      []ResourceRecord `json:"resources,omitempty"`
	Assets         []AssetRecord    `json:"assets,omitempty"`
	Created        *time.Time       `json:"created,omitempty"`
	Updated        *time.Time       `json:"updated,omitempty"`
	Version        int64            `json:"version,omitempty"`
}

// ContactRecord is a contact in a Record.
type ContactRecord struct {
	ID        string     `json:"id,omitempty"`
	Kind      string     `json:"kind"`
	Name      string     `json:"name"`
	Job       string     `json:"job,omitempty"`
	Phone     string     `json:"phone,omitempty"`
	Email     string     `json:"email,omitempty"`
	Hours     string     `json:"hours,omitempty"`
	Lang      string     `json:"lang,omitempty"` // of letters to it
	Verified  *time.Time `json:"verified,omitempty"`
	Asked     *time.Time `json:"asked,omitempty"` // when a letter last asked whether it is right
	Bounces   int64      `json:"bounces,omitempty"`
	Freshness Freshness  `json:"freshness,omitempty"`
}

// ResourceRecord is a network, domain or AS number in a Record.
type ResourceRecord struct {
	ID        string     `json:"id,omitempty"`
	Kind      string     `json:"kind"`
	Value     string     `json:"value"`
	Note      string     `json:"note,omitempty"`
	Claimed   bool       `json:"claimed,omitempty"` // entered by the organisation, not yet looked at by a team
	Withdrawn *time.Time `json:"withdrawn,omitempty"`
}

// AssetRecord is an asset in a Record.
type AssetRecord struct {
	ID          string     `json:"id,omitempty"`
	Kind        string     `json:"kind"`
	Name        string     `json:"name"`
	Product     string     `json:"product,omitempty"`
	Criticality int64      `json:"criticality,omitempty"` // 1 low … 4 very high
	Note        string     `json:"note,omitempty"`
	Withdrawn   *time.Time `json:"withdrawn,omitempty"`
}

// Parts are what an organisation has, as a file carries it.
type Parts struct {
	Contacts  []Contact
	Resources []Resource
	Assets    []Asset
}

// RecordOf writes an organisation with the parts given; what is blank because the
// asker may not see it is absent.
func RecordOf(o Organisation, with Parts) Record {
	r := Record{ID: o.UUID, Name: o.Name, Names: o.Names, Aliases: o.Aliases, Kind: o.Kind, Country: o.Country,
		RegistrationNo: o.RegistrationNo, TaxNo: o.TaxNo, Seat: o.Seat, Website: o.Website, Note: o.Note,
		Disclosure: o.Disclosure, Host: o.Host, State: o.State, MergedInto: o.MergedInto, CERT: o.CERTName,
		Created: when(o.Created), Updated: when(o.Updated), Version: o.Version}
	if o.Sector != "" {
		r.Sector = &o.Sector
	}
	if o.Details {
		r.Freshness = o.Contacts.Freshness
	}
	for _, c := range with.Contacts {
		r.Contacts = append(r.Contacts, c.Record())
	}
	for _, x := range with.Resources {
		r.Resources = append(r.Resources, x.Record())
	}
	for _, a := range with.Assets {
		r.Assets = append(r.Assets, a.Record())
	}
	return r
}

// Record writes a contact.
func (c Contact) Record() ContactRecord {
	return ContactRecord{ID: c.UUID, Kind: c.Kind, Name: c.Name, Job: c.Job, Phone: c.Phone, Email: c.Email, Hours: c.Hours, Lang: string(c.Lang),
		Verified: when(c.Verified), Asked: when(c.Asked), Bounces: c.Bounces, Freshness: c.Freshness}
}

// Record writes a resource.
func (r Resource) Record() ResourceRecord {
	return ResourceRecord{ID: r.UUID, Kind: r.Kind, Value: r.Value, Note: r.Note, Claimed: !r.Claimed.IsZero(), Withdrawn: when(r.Withdrawn)}
}

// Record writes an asset.
func (a Asset) Record() AssetRecord {
	return AssetRecord{ID: a.UUID, Kind: a.Kind, Name: a.Name, Product: a.Product, Criticality: a.Criticality, Note: a.Note, Withdrawn: when(a.Withdrawn)}
}

// Input is the asset as it is typed.
func (a AssetRecord) Input() AssetInput {
	return AssetInput{Kind: a.Kind, Name: a.Name, Product: a.Product, Criticality: a.Criticality, Note: a.Note}
}

// Input is the contact as it is typed.
func (c ContactRecord) Input() ContactInput {
	return ContactInput{Kind: c.Kind, Name: c.Name, Job: c.Job, Phone: c.Phone, Email: c.Email, Hours: c.Hours, Lang: c.Lang}
}

// Draft is the organisation as it begins.
func (r Record) Draft() Draft {
	n := Draft{UUID: r.ID, Name: r.Name, Names: r.Names, Aliases: r.Aliases, Kind: r.Kind, Country: r.Country,
		RegistrationNo: r.RegistrationNo, TaxNo: r.TaxNo, Seat: r.Seat, Website: r.Website, Note: r.Note, Disclosure: r.Disclosure}
	if r.Sector != nil {
		n.Sector = *r.Sector
	}
	return n
}

// over gives o with everything that the record says; what it leaves blank stays.
func (r Record) over(o Organisation) Organisation {
	n := r.Draft()
	if i18n.Fold(n.Name) == i18n.Fold(o.Name) {
		n.Name = "" // the same name in other letters is no new name
	}
	for _, f := range []struct {
		dst *string
		v   string
	}{
		{&o.Name, n.Name}, {&o.Kind, n.Kind}, {&o.Sector, n.Sector}, {&o.Country, n.Country}, {&o.RegistrationNo, n.RegistrationNo},
		{&o.TaxNo, n.TaxNo}, {&o.Seat, n.Seat}, {&o.Website, n.Website}, {&o.Note, n.Note},
	} {
		if strings.TrimSpace(f.v) != "" {
			*f.dst = f.v
		}
	}
	if n.Disclosure != "" {
		o.Disclosure = n.Disclosure
	}
	if len(n.Aliases) > 0 {
		o.Aliases = n.Aliases
	}
	if len(n.Names) > 0 {
		merged := i18n.Text{}
		for _, t := range []i18n.Text{o.Names, n.Names} {
			for l, s := range t {
				merged[l] = s
			}
		}
		o.Names = merged
	}
	return o
}

// values gives the values of one kind of resource.
func (r Record) values(kind string) []string {
	var out []string
	for _, x := range r.Resources {
		if x.Kind == kind {
			out = append(out, x.Value)
		}
	}
	slices.Sort(out)
	return out
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
