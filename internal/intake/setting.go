package intake

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Names of settings, per CERT.
const (
	SealIncidents      = "seal_incidents"      // yes: body and files of every report are sealed
	AnonymousIncidents = "anonymous_incidents" // yes: not only vulnerabilities may come without a contact
	MaxFileMB          = "max_file_mb"
	MaxFiles           = "max_files"
	CodePrefix         = "code"  // before the numbers of a further CERT
	SitePhone          = "phone" // of the duty officer, for the public pages
	SiteEmail          = "email"
	SiteAddress        = "address"
	SitePrivacy        = "privacy_contact"
)

var yesNo = regexp.MustCompile(`^(yes|no)$`)

// settingRules says what each setting may hold and what it is when nobody has chosen.
var settingRules = map[string]struct {
	def  string
	ok   *regexp.Regexp
	max  int
	free bool
}{
	SealIncidents:      {def: "no", ok: yesNo},
	AnonymousIncidents: {def: "no", ok: yesNo},
	MaxFileMB:          {def: "100", ok: regexp.MustCompile(`^[1-9][0-9]{0,2}$`)},
	MaxFiles:           {def: "10", ok: regexp.MustCompile(`^([1-9]|[1-4][0-9]|50)$`)},
	CodePrefix:         {ok: regexp.MustCompile(`^([A-Z][A-Z0-9]{0,11})?$`)},
	SitePhone:          {max: 40, free: true},
	SiteEmail:          {max: 254, free: true},
	SiteAddress:        {max: 300, free: true},
	SitePrivacy:        {max: 254, free: true},
}

type settings map[string]string

func (s settings) get(name string) string {
	if v, ok := s[name]; ok {
		return v
	}
	return settingRules[name].def
}

func (s settings) yes(name string) bool { return s.get(name) == "yes" }

func settingsTx(ctx context.Context, tx *store.Tx, cert int64) (settings, error) {
	return readSettings(ctx, tx, cert)
}

// limits of the files of one report.
type limits struct {
	maxFile  int64
	maxFiles int
}

func (s settings) limits() limits {
	mb, _ := strconv.ParseInt(s.get(MaxFileMB), 10, 64)
	n, _ := strconv.Atoi(s.get(MaxFiles))
	return limits{mb << 20, n}
}

// Public are the settings of a CERT that its public pages show. Anyone may ask;
// cert 0 is the host.
type Public struct {
	CERT                           int64
	Name                           string
	Phone, Email, Address, Privacy string
	AnonymousAllowed               bool
	MaxFileMB, MaxFiles            string
}

// Public gives what public pages show of a CERT.
func (s *Service) Public(ctx context.Context, _ ident.Actor) (p Public, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		host, err := s.Registry.HostTx(ctx, tx)
		if fault.Is(err, fault.NotFound) {
			p.MaxFileMB, p.MaxFiles = settingRules[MaxFileMB].def, settingRules[MaxFiles].def
			return nil
		}
		if err != nil {
			return err
		}
		set, err := settingsTx(ctx, tx, host.ID)
		p = Public{CERT: host.ID, Name: host.Name, Phone: set.get(SitePhone), Email: set.get(SiteEmail), Address: set.get(SiteAddress),
			Privacy: set.get(SitePrivacy), AnonymousAllowed: set.yes(AnonymousIncidents), MaxFileMB: set.get(MaxFileMB), MaxFiles: set.get(MaxFiles)}
		return err
	})
	return p, err
}

// Settings lists a CERT's settings in force. Needs intake.policy or admin.settings;
// who works on a team asks about their own.
func (s *Service) Settings(ctx context.Context, who ident.Actor, cert int64) (out map[string]string, err error) {
	if err := maySet(who, cert); err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		set, err := settingsTx(ctx, tx, cert)
		out = map[string]string{}
		for name := range settingRules {
			out[name] = set.get(name)
		}
		return err
	})
	return out, err
}

// Set changes a setting of a CERT; the old one stays as history. Needs intake.policy
// on the CERT's own team, or admin.settings. Faults: Invalid on the setting's name.
func (s *Service) Set(ctx context.Context, who ident.Actor, cert int64, name, value string) error {
	if err := maySet(who, cert); err != nil {
		return err
	}
	value = strings.TrimSpace(tidy(value))
	rule, known := settingRules[name]
	if !known || rule.free && len(value) > rule.max || !rule.free && !rule.ok.MatchString(value) {
		return fault.Field(name, "intake.fault.setting", "setting %s", name)
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if err := insertSetting(ctx, tx, s.DB.NewID(), cert, name, value, now, who.Person); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, who, "intake.set", audit.Thing{Kind: "setting", ID: cert, Label: name}, nil)
	})
}

func maySet(who ident.Actor, cert int64) error {
	if who.CERT == cert && cert != 0 && access.Allowed(who, "intake.policy") {
		return nil
	}
	return access.Check(who, "admin.settings")
}
