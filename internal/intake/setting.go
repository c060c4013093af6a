package intake

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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
	def string
	ok  *regexp.Regexp // nil: any text of at most max characters
	max int
}{
	SealIncidents:      {def: "no", ok: yesNo},
	AnonymousIncidents: {def: "no", ok: yesNo},
	MaxFileMB:          {def: "100", ok: regexp.MustCompile(`^[1-9][0-9]{0,2}$`)},
	MaxFiles:           {def: "10", ok: regexp.MustCompile(`^([1-9]|[1-4][0-9]|50)$`)},
	CodePrefix:         {ok: regexp.MustCompile(`^([A-Z][A-Z0-9]{0,11})?$`)},
	SitePhone:          {max: 40},
	SiteEmail:          {ok: regexp.MustCompile(`^([^\s@]{1,64}@[^\s@]{1,185}\.[^\s@]{2,})?$`)},
	SiteAddress:        {max: 300},
	SitePrivacy:        {max: 254},
}

// SettingNames are all settings of a CERT, in the order that people read them.
var SettingNames = []string{SitePhone, SiteEmail, SiteAddress, SitePrivacy, AnonymousIncidents, SealIncidents, MaxFileMB, MaxFiles, CodePrefix}

// SettingDefault is what a setting is while nobody has chosen; "" for an unknown name.
func SettingDefault(name string) string { return settingRules[name].def }

// SettingYesNo tells whether a setting is "yes" or "no".
func SettingYesNo(name string) bool { return settingRules[name].ok == yesNo }

// SettingChange is one change of a CERT's setting. Person 0 is the machine's operator.
type SettingChange struct {
	Name, Value string
	At          time.Time
	Person      int64
}

// settingChanges is how many changes are shown; the audit log has all.
const settingChanges = 50

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

// SettingChanges lists the newest changes of a CERT's settings, newest first. Who may
// set them may ask.
func (s *Service) SettingChanges(ctx context.Context, who ident.Actor, cert int64) (out []SettingChange, err error) {
	if err := maySet(who, cert); err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = changesOfSettings(ctx, tx, cert, settingChanges)
		return err
	})
	return out, err
}

// Set is SetAll of one setting.
func (s *Service) Set(ctx context.Context, who ident.Actor, cert int64, name, value string) error {
	_, err := s.SetAll(ctx, who, cert, map[string]string{name: value})
	return err
}

// SetAll changes settings of a CERT, all or none; what stays as it is is not written,
// the old values stay as history. It gives how many changed. Needs intake.policy on the
// CERT's own team, or admin.settings. Faults: Denied, Invalid on the settings' names.
func (s *Service) SetAll(ctx context.Context, who ident.Actor, cert int64, values map[string]string) (changed int, err error) {
	if err := maySet(who, cert); err != nil {
		return 0, err
	}
	clean, c := map[string]string{}, fault.Collector{}
	for name, value := range values {
		clean[name] = strings.TrimSpace(tidy(value))
		c.Require(settingOK(name, clean[name]), name, "intake.fault.setting."+settingKind(name))
	}
	if err := c.Err("settings"); err != nil {
		return 0, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		changed = 0
		have, err := settingsTx(ctx, tx, cert)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		for _, name := range SettingNames {
			value, asked := clean[name]
			if !asked || value == have.get(name) {
				continue
			}
			changed++
			if err := insertSetting(ctx, tx, s.DB.NewID(), cert, name, value, now, who.Person); err != nil {
				return err
			}
			if err := s.Audit.Record(ctx, tx, who, "intake.set", audit.Thing{Kind: "setting", ID: cert, Label: name}, nil); err != nil {
				return err
			}
		}
		return nil
	})
	return changed, err
}

func settingOK(name, value string) bool {
	rule, known := settingRules[name]
	switch {
	case !known:
		return false
	case rule.ok != nil:
		return rule.ok.MatchString(value)
	}
	return utf8.RuneCountInString(value) <= rule.max
}

// settingKind names the sentence that says what a setting may hold.
func settingKind(name string) string {
	switch {
	case SettingYesNo(name):
		return "yesno"
	case slices.Contains([]string{MaxFileMB, MaxFiles, CodePrefix, SiteEmail}, name):
		return name
	}
	return "text"
}

func maySet(who ident.Actor, cert int64) error {
	if who.CERT == cert && cert != 0 && access.Allowed(who, "intake.policy") {
		return nil
	}
	return access.Check(who, "admin.settings")
}
