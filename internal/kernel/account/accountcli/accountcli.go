// Package accountcli is the command line of accounts: user and key (spec program
// §3). It is also the break-glass way in: whoever holds the machine may add a
// person, open an account and take a lost second factor away; what they may not
// do is read content without --as, which is written down.
package accountcli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/kernel/account"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// Finder gives an organisation's id by UUID or exact name; app fills it with registry.
type Finder func(ctx context.Context, find string) (int64, error)

// Commands are user add, list, disable, enable, reset-second-factor, invite and
// key add, list, revoke.
func Commands(s *account.Service, orgs Finder, c clock.Clock) []cli.Command {
	r := &room{s, orgs, c}
	one := func(name, short string, do func(context.Context, *cli.Env, string) error) cli.Command {
		return cli.Command{Name: name, Args: "EMAIL", Short: short, Flags: func(*flag.FlagSet) func(context.Context, *cli.Env, []string) error {
			return func(ctx context.Context, env *cli.Env, args []string) error {
				if len(args) != 1 {
					return cli.UsageError("%s needs one EMAIL", name)
				}
				return do(ctx, env, args[0])
			}
		}}
	}
	return []cli.Command{
		{Name: "user add", Args: "EMAIL --name N --role R --org ORG [--password-stdin]", Short: "add a person; without a password they are invited", Flags: r.userAdd},
		{Name: "user list", Short: "the people who have an account", Flags: r.userList},
		one("user disable", "close an account at once: sessions end, keys stop", r.entry(s.Disable)),
		one("user enable", "open a closed account again", r.entry(s.Enable)),
		one("user reset-second-factor", "take authenticator, passkeys and recovery codes away", r.entry(s.ResetSecondFactor)),
		one("user invite", "a new invitation; the earlier link is void", r.userInvite),
		one("user reset-password", "a link to choose a new password, shown here and sent by letter; the second step stays", func(ctx context.Context, env *cli.Env, email string) error {
			e, link, err := s.ResetPassword(ctx, env.Who, email)
			if err != nil {
				return err
			}
			out := userOf(e, "")
			out.Reset = &link
			return printUser(env, out)
		}),
		{Name: "key add", Args: "--user EMAIL [--name N] [--scope S]… [--read-only] [--expires 90d] [--allow-ip CIDR]…", Short: "an API key, printed once", Flags: r.keyAdd},
		{Name: "key list", Args: "[--user EMAIL]", Short: "API keys, without their secret", Flags: r.keyList},
		{Name: "key revoke", Args: "ID", Short: "end an API key at once", Flags: r.keyRevoke},
	}
}

type room struct {
	s     *account.Service
	orgs  Finder
	clock clock.Clock
}

type orgOut struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type userOut struct {
	ID         string   `json:"id"`
	Email      string   `json:"email"`
	Name       string   `json:"name"`
	Role       string   `json:"role"`
	Roles      []string `json:"roles"`
	Org        *orgOut  `json:"org"`
	State      string   `json:"state"`
	Second     bool     `json:"second_factor"`
	Invitation *string  `json:"invitation"`
	Reset      *string  `json:"reset,omitempty"`
}

func userOf(e account.Entry, link string) userOut {
	out := userOut{ID: e.UUID, Email: e.Email, Name: e.Name, Role: strings.Join(e.Roles, ","), Roles: e.Roles,
		State: string(e.State), Second: e.SecondFactor}
	if e.OrgUUID != "" {
		out.Org = &orgOut{e.OrgUUID, e.OrgName}
	}
	if link != "" {
		out.Invitation = &link
	}
	return out
}

func printUser(env *cli.Env, u userOut) error {
	if env.JSON {
		return env.Print(u)
	}
	org := "–"
	if u.Org != nil {
		org = u.Org.Name
	}
	fmt.Fprintf(env.Out, "%-32s %-9s %-24s %-24s %s\n", u.Email, u.State, u.Role, org, u.Name)
	if u.Invitation != nil {
		env.Say("invitation, valid once: %s", *u.Invitation)
	}
	if u.Reset != nil {
		env.Say("for a new password, valid once: %s", *u.Reset)
	}
	return nil
}

// maxSecret bounds what is read of a password on standard input.
const maxSecret = 4096

func (r *room) userAdd(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	var roles cli.List
	name := fs.String("name", "", "name as people write it")
	org := fs.String("org", "", "organisation: UUID or exact name")
	lang := fs.String("lang", "", "sr-Cyrl, sr-Latn or en")
	stdin := fs.Bool("password-stdin", false, "read the password from the first line of standard input")
	fs.Var(&roles, "role", "role; may be given several times")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 1 {
			return cli.UsageError("user add needs one EMAIL")
		}
		n := account.NewPerson{Email: args[0], Name: *name, Lang: *lang}
		if n.Name == "" {
			n.Name, _, _ = strings.Cut(args[0], "@")
		}
		for _, v := range roles {
			n.Roles = append(n.Roles, strings.FieldsFunc(v, func(c rune) bool { return c == ',' })...)
		}
		var err error
		if *org != "" {
			if n.Org, err = r.orgs(ctx, *org); err != nil {
				return orgFault(err, *org)
			}
		}
		if *stdin {
			if n.Password, err = readSecret(env.In); err != nil {
				return err
			}
		}
		if len(n.Roles) == 0 {
			n.Roles = []string{""} // refused with the list of those there are
		}
		p, link, err := r.s.Add(ctx, env.Who, n)
		if err != nil {
			return wrongUse(err, "role")
		}
		e, err := r.s.Person(ctx, env.Who, p.UUID)
		if err != nil {
			return err
		}
		return printUser(env, userOf(e, link))
	}
}

// wrongUse makes a value that a flag may not have a usage error: exit code 2.
func wrongUse(err error, fields ...string) error {
	f := fault.Of(err)
	for _, name := range fields {
		if f != nil && f.Kind == fault.Invalid && f.Fields[name] != "" {
			return &cli.Exit{Code: cli.Usage, Err: err}
		}
	}
	return err
}

func orgFault(err error, find string) error {
	if fault.Is(err, fault.NotFound) {
		return fault.Field("org", "account.org", "no organisation %q: straza org list shows them", find)
	}
	return err
}

// readSecret reads one line; the rest of the input is left alone.
func readSecret(in io.Reader) (string, error) {
	if in == nil {
		return "", cli.UsageError("--password-stdin without standard input")
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" || len(raw) > maxSecret {
		return "", cli.UsageError("--password-stdin: no password on the first line of standard input")
	}
	return line, nil
}

func (r *room) userList(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	org := fs.String("org", "", "only this organisation")
	state := fs.String("state", "", "only invited, active or disabled")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) > 0 {
			return cli.UsageError("user list takes flags only")
		}
		if !slices.Contains([]string{"", "invited", "active", "disabled"}, *state) {
			return cli.UsageError("unknown state %q; there are: invited, active, disabled", *state)
		}
		f := account.PeopleFilter{State: account.State(*state), Limit: 500}
		if *org != "" {
			var err error
			if f.Org, err = r.orgs(ctx, *org); err != nil {
				return orgFault(err, *org)
			}
		}
		for {
			people, err := r.s.People(ctx, env.Who, f)
			if err != nil {
				return err
			}
			for _, e := range people {
				if err := printUser(env, userOf(e, "")); err != nil {
					return err
				}
				f.After = e.ID
			}
			if len(people) < f.Limit {
				return nil
			}
		}
	}
}

// entry runs an act on one person and prints them.
func (r *room) entry(act func(context.Context, ident.Actor, string) (account.Entry, error)) func(context.Context, *cli.Env, string) error {
	return func(ctx context.Context, env *cli.Env, email string) error {
		e, err := act(ctx, env.Who, email)
		if err != nil {
			return err
		}
		return printUser(env, userOf(e, ""))
	}
}

func (r *room) userInvite(ctx context.Context, env *cli.Env, email string) error {
	e, link, err := r.s.Invite(ctx, env.Who, email)
	if err != nil {
		return err
	}
	return printUser(env, userOf(e, link))
}

type keyOut struct {
	ID       string   `json:"id"`
	Key      string   `json:"key,omitempty"`
	Prefix   string   `json:"prefix"`
	User     string   `json:"user"`
	Name     string   `json:"name"`
	Scopes   []string `json:"scopes"`
	ReadOnly bool     `json:"read_only"`
	Expires  *string  `json:"expires"`
	AllowIP  []string `json:"allow_ip"`
}

// keyListed is a line of key list: no secret, but when it was used and ended.
type keyListed struct {
	keyOut
	LastUsed *string `json:"last_used"`
	Revoked  *string `json:"revoked"`
}

func keyOf(k account.Key, secret string) keyOut {
	return keyOut{ID: k.UUID, Key: secret, Prefix: k.Prefix, User: k.Email, Name: k.Name, Scopes: k.Scopes, ReadOnly: k.ReadOnly,
		Expires: moment(k.Expires), AllowIP: k.AllowIP}
}

func moment(us int64) *string {
	if us == 0 {
		return nil
	}
	v := clock.FromMicros(us).Format(time.RFC3339)
	return &v
}

func (r *room) keyAdd(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	var scopes, nets cli.List
	user := fs.String("user", "", "whose key it is")
	name := fs.String("name", "", "what it is for")
	readOnly := fs.Bool("read-only", false, "may change nothing")
	expires := fs.String("expires", "", "90d, 12h, or a date 2027-01-31")
	fs.Var(&scopes, "scope", "<room>:read, <room>:write, misp or taxii; may be given several times")
	fs.Var(&nets, "allow-ip", "network it may come from; may be given several times")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if *user == "" || len(args) > 0 {
			return cli.UsageError("key add needs --user EMAIL")
		}
		until, err := expiry(r.clock.Now(), *expires)
		if err != nil {
			return err
		}
		k, secret, err := r.s.AddKey(ctx, env.Who, *user, account.NewKey{Name: *name, Scopes: scopes, ReadOnly: *readOnly, AllowIP: nets, Expires: until})
		if err != nil {
			return wrongUse(err, "scope", "allow_ip")
		}
		if env.JSON {
			return env.Print(keyOf(k, secret))
		}
		fmt.Fprintln(env.Out, secret)
		env.Say("key %s of %s; it is not shown again", k.UUID, k.Email)
		return nil
	}
}

// expiry reads "90d", any duration of hours and less, or a date, at whose start
// (UTC) the key ends.
func expiry(now time.Time, v string) (time.Time, error) {
	if v == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(v, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36500 {
			return now.AddDate(0, 0, n), nil
		}
	}
	if d, err := time.ParseDuration(v); err == nil && d > 0 {
		return now.Add(d), nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, v); err == nil {
			return t, nil
		}
	}
	return time.Time{}, cli.UsageError("--expires %q: want 90d, 12h or a date such as 2027-01-31", v)
}

func (r *room) keyList(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	user := fs.String("user", "*", "only this person's keys")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) > 0 {
			return cli.UsageError("key list takes flags only")
		}
		keys, err := r.s.Keys(ctx, env.Who, *user)
		if err != nil {
			return err
		}
		for _, k := range keys {
			out := keyListed{keyOf(k, ""), moment(k.LastUsed), moment(k.Revoked)}
			if env.JSON {
				if err := env.Print(out); err != nil {
					return err
				}
				continue
			}
			state := "alive"
			if k.Revoked != 0 {
				state = "revoked"
			}
			fmt.Fprintf(env.Out, "%s  %s…  %-8s %-32s %s\n", k.UUID, k.Prefix, state, k.Email, k.Name)
		}
		return nil
	}
}

func (r *room) keyRevoke(*flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 1 {
			return cli.UsageError("key revoke needs one ID, as straza key list shows it")
		}
		k, err := r.s.RevokeKey(ctx, env.Who, args[0])
		if err != nil {
			return err
		}
		if env.JSON {
			return env.Print(keyListed{keyOf(k, ""), moment(k.LastUsed), moment(k.Revoked)})
		}
		fmt.Fprintf(env.Out, "%s revoked\n", k.UUID)
		return nil
	}
}
