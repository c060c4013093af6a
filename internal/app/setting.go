package app

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/account"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/registry"
)

// settingCommands are what /administration/settings is on a page: a CERT's own
// settings, and as account.NAME those of accounts. `straza config` is something else:
// what the program is started with.
func (h *House) settingCommands() []cli.Command {
	return []cli.Command{
		{Name: "setting list", Args: "[--cert ORG]", Short: "what the CERT and the house decide: duty phone, sealing, second factors …", Flags: h.settingList},
		{Name: "setting set", Args: "NAME VALUE [--cert ORG]", Short: "change one of them; \"\" takes a text away", Flags: h.settingSet},
	}
}

type settingRow struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Default string `json:"default"`
	CERT    string `json:"cert,omitempty"` // UUID; the account.… ones are of the whole house
}

const ofAccounts = "account."

// accountSetting is one setting of accounts as the command line writes it.
type accountSetting struct {
	name string
	get  func(account.Policy) string
	set  func(*account.Policy, string) error
}

// span is a time of the policy: 90m, 12h, 3d.
func span(name string, of func(*account.Policy) *time.Duration) accountSetting {
	return accountSetting{name, func(p account.Policy) string { return spanText(*of(&p)) }, func(p *account.Policy, v string) error {
		d, err := time.ParseDuration(v)
		if days, ok := strings.CutSuffix(v, "d"); ok {
			var n int
			n, err = strconv.Atoi(days)
			d = time.Duration(n) * 24 * time.Hour
		}
		if v == "0" {
			d, err = 0, nil
		}
		if err != nil || d < 0 {
			return cli.UsageError("%s%s: %q is no time such as 30m, 12h or 3d", ofAccounts, name, v)
		}
		*of(p) = d
		return nil
	}}
}

func spanText(d time.Duration) string {
	if d > 0 && d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	if d == 0 {
		return "0"
	}
	s := d.String() // 12h0m0s, 30m0s
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func accountSettings() []accountSetting {
	return []accountSetting{
		{"second_factor", func(p account.Policy) string { return strings.Join(p.SecondFactor, ",") }, func(p *account.Policy, v string) error {
			p.SecondFactor = strings.FieldsFunc(v, func(c rune) bool { return c == ',' || c == ' ' })
			return nil
		}},
		span("second_grace", func(p *account.Policy) *time.Duration { return &p.SecondGrace }),
		span("session_idle", func(p *account.Policy) *time.Duration { return &p.SessionIdle }),
		span("session_absolute", func(p *account.Policy) *time.Duration { return &p.SessionAbsolute }),
		span("step_up_age", func(p *account.Policy) *time.Duration { return &p.StepUpAge }),
		span("invitation_life", func(p *account.Policy) *time.Duration { return &p.InvitationLife }),
		span("reset_life", func(p *account.Policy) *time.Duration { return &p.ResetLife }),
	}
}

// certOf finds the CERT that a command is about: the named one, else the host.
func (h *House) certOf(ctx context.Context, env *cli.Env, ref string) (o registry.Organisation, err error) {
	if ref == "" {
		return h.Registry.Host(ctx, env.Who)
	}
	if o, err = h.Registry.OrgByRef(ctx, env.Who, ref); err == nil && o.Kind != "cert" {
		err = cli.UsageError("--cert: %s is no CERT", o.Name)
	}
	return o, err
}

func (h *House) settingList(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	ref := fs.String("cert", "", "a CERT of this installation, UUID or exact name; the host otherwise")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) > 0 {
			return cli.UsageError("setting list takes flags only")
		}
		cert, err := h.certOf(ctx, env, *ref)
		if err != nil {
			return err
		}
		set, err := h.Intake.Settings(ctx, env.Who, cert.ID)
		if err != nil {
			return err
		}
		for _, name := range intake.SettingNames {
			if err := printSetting(env, settingRow{name, set[name], intake.SettingDefault(name), cert.UUID}); err != nil {
				return err
			}
		}
		pol, _, err := h.Accounts.Policy(ctx, env.Who)
		if fault.Is(err, fault.Denied) { // --as a lead: the own CERT's only
			return nil
		}
		for _, s := range accountSettings() {
			if err == nil {
				err = printSetting(env, settingRow{ofAccounts + s.name, s.get(pol), s.get(account.DefaultPolicy()), ""})
			}
		}
		return err
	}
}

func printSetting(env *cli.Env, s settingRow) error {
	if env.JSON {
		return env.Print(s)
	}
	_, err := fmt.Fprintf(env.Out, "%-28s %-40s default: %s\n", s.Name, s.Value, s.Default)
	return err
}

func (h *House) settingSet(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	ref := fs.String("cert", "", "a CERT of this installation, UUID or exact name; the host otherwise")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 2 {
			return cli.UsageError("setting set needs NAME and VALUE; names: %s", settingNames())
		}
		name, value := args[0], args[1]
		if own, ok := strings.CutPrefix(name, ofAccounts); ok {
			return h.setAccounts(ctx, env, own, value)
		}
		if !slices.Contains(intake.SettingNames, name) {
			return cli.UsageError("unknown setting %q; there are: %s", name, settingNames())
		}
		cert, err := h.certOf(ctx, env, *ref)
		if err != nil {
			return err
		}
		err = h.Intake.Set(ctx, env.Who, cert.ID, name, value)
		if f := fault.Of(err); f != nil && f.Fields[name] != "" {
			return &cli.Exit{Code: cli.Usage, Err: fault.Field(name, f.Fields[name], "%s: %s", name, h.Catalog.T(i18n.En, f.Fields[name]))}
		}
		if err != nil {
			return err
		}
		return printSetting(env, settingRow{name, value, intake.SettingDefault(name), cert.UUID})
	}
}

func (h *House) setAccounts(ctx context.Context, env *cli.Env, name, value string) error {
	all := accountSettings()
	i := slices.IndexFunc(all, func(s accountSetting) bool { return s.name == name })
	if i < 0 {
		return cli.UsageError("unknown setting %q; there are: %s", ofAccounts+name, settingNames())
	}
	pol, version, err := h.Accounts.Policy(ctx, env.Who)
	if err != nil {
		return err
	}
	if err := all[i].set(&pol, value); err != nil {
		return err
	}
	err = h.Accounts.SetPolicy(ctx, env.Who, version, pol)
	if fault.Is(err, fault.Invalid) {
		return &cli.Exit{Code: cli.Usage, Err: err}
	}
	if err != nil {
		return err
	}
	return printSetting(env, settingRow{ofAccounts + name, all[i].get(pol), all[i].get(account.DefaultPolicy()), ""})
}

func settingNames() string {
	names := slices.Clone(intake.SettingNames)
	for _, s := range accountSettings() {
		names = append(names, ofAccounts+s.name)
	}
	return strings.Join(names, ", ")
}
