// Package app ties the rooms together: settings, wiring, the complete table of
// doors (routes.go) and of clocks (jobs.go), and the command line. It knows
// everybody; nobody knows it but cmd.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
)

// Version and Commit are set by the linker.
var (
	Version = "dev"
	Commit  = "unknown"
)

// Process is what the operating system gives a program.
type Process struct {
	In       io.Reader
	Out, Err io.Writer
	Environ  []string
}

// call is one command line, taken apart.
type call struct {
	proc  Process
	cfg   Config
	words []string // the command's arguments without settings
	json  bool
	as    string
}

// Main runs one command line and gives the exit code (spec program §3).
func Main(args []string, proc Process) int {
	syscall.Umask(0o077) // what is written here is for this user alone
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	c := &call{proc: proc}
	err := c.run(ctx, args)
	return c.report(err)
}

func (c *call) run(ctx context.Context, args []string) error {
	flags, rest, err := splitSettings(args)
	if err != nil {
		return err
	}
	c.words = c.takeCommon(rest)
	if len(c.words) == 0 || c.words[0] == "help" || c.words[0] == "--help" || c.words[0] == "-h" {
		return c.help(c.words)
	}
	if noun, asked := c.nounAlone(); noun != "" {
		return c.helpNoun(noun, asked)
	}
	if c.cfg, err = loadConfig(flags, c.proc.Environ); err != nil {
		return err
	}
	c.logging()
	if own := c.ownCommand(); own != nil {
		return c.exec(ctx, *own, c.env(operator()))
	}
	cmd, _, err := findCommand(roomCommands(nil), c.words)
	if err != nil {
		return err
	}
	return c.inRoom(ctx, cmd)
}

// takeCommon takes --json and --as out of the words.
func (c *call) takeCommon(words []string) (rest []string) {
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case w == "--json" || w == "-json" || w == "--json=true":
			c.json = true
		case w == "--as" && i+1 < len(words):
			i++
			c.as = words[i]
		case strings.HasPrefix(w, "--as="):
			c.as = w[5:]
		default:
			rest = append(rest, w)
		}
	}
	return rest
}

// findCommand picks the command with the longest matching name.
func findCommand(all []cli.Command, words []string) (cmd cli.Command, args []string, err error) {
	for n := min(3, len(words)); n > 0; n-- {
		name := strings.Join(words[:n], " ")
		for _, k := range all {
			if k.Name == name {
				return k, words[n:], nil
			}
		}
	}
	var near []string
	for _, k := range all {
		if noun, _, _ := strings.Cut(k.Name, " "); noun == words[0] {
			near = append(near, k.Name)
		}
	}
	if near != nil {
		return cmd, nil, cli.UsageError("unknown command %q; there are: %s", strings.Join(words, " "), strings.Join(near, ", "))
	}
	return cmd, nil, cli.UsageError("unknown command %q; `straza help` lists them all", words[0])
}

// exec parses a command's own flags, which may stand between its arguments, and runs it.
func (c *call) exec(ctx context.Context, cmd cli.Command, env *cli.Env) error {
	words := c.words[len(strings.Fields(cmd.Name)):]
	return execWords(ctx, cmd, words, env)
}

func execWords(ctx context.Context, cmd cli.Command, words []string, env *cli.Env) error {
	fs := flag.NewFlagSet(cmd.Name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	run := func(context.Context, *cli.Env, []string) error { return nil }
	if cmd.Flags != nil {
		run = cmd.Flags(fs)
	}
	var args []string
	for rest := words; len(rest) > 0; {
		if err := fs.Parse(rest); errors.Is(err, flag.ErrHelp) {
			describe(env.Out, cmd, fs)
			return nil
		} else if err != nil {
			return cli.UsageError("%s: %v; see straza %s --help", cmd.Name, err, cmd.Name)
		}
		if rest = fs.Args(); len(rest) > 0 {
			args, rest = append(args, rest[0]), rest[1:]
		}
	}
	return run(ctx, env, args)
}

func describe(w io.Writer, cmd cli.Command, fs *flag.FlagSet) {
	fmt.Fprintf(w, "straza %s\n\n%s\n\n", strings.TrimSpace(cmd.Name+" "+cmd.Args), cmd.Short)
	fs.VisitAll(func(f *flag.Flag) {
		if f.Usage == "" { // an older spelling
			return
		}
		fmt.Fprintf(w, "  --%-16s %s", shownFlag(f.Name), f.Usage)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && f.DefValue != "-1" && f.DefValue != "*" { // those say "not given"
			fmt.Fprintf(w, " (default %s)", f.DefValue)
		}
		fmt.Fprintln(w)
	})
	fmt.Fprintf(w, "  --%-16s %s\n", "json", "one JSON document or JSON lines on standard output")
	fmt.Fprintf(w, "  --%-16s %s\n", "as EMAIL", "act as this person, with their rights; the audit log says so")
	fmt.Fprintf(w, "  --%-16s %s\n", "data, --database", "and the other settings, see straza config")
}

// shownFlag is a flag as people write it: a few are renamed where they stand for
// something else than the setting of that name (splitSettings).
func shownFlag(name string) string {
	switch name {
	case "keys-file", "unseal-keys":
		return "keys"
	case "unseal-listen":
		return "listen"
	}
	return name
}

// allCommands is everything that the command line knows.
func (c *call) allCommands() []cli.Command { return append(c.ownCommands(), roomCommands(nil)...) }

// verbs are the commands that begin with a noun.
func (c *call) verbs(noun string) (out []cli.Command) {
	for _, k := range c.allCommands() {
		if strings.HasPrefix(k.Name, noun+" ") {
			out = append(out, k)
		}
	}
	return out
}

// nounAlone tells of a noun without a verb, and whether its verbs were asked for: what
// is a command by itself ("unseal") stands alone only when it was.
func (c *call) nounAlone() (noun string, asked bool) {
	noun = c.words[0]
	if len(c.verbs(noun)) == 0 {
		return "", false
	}
	asked = len(c.words) == 2 && slices.Contains([]string{"--help", "-help", "-h", "help"}, c.words[1])
	own := slices.ContainsFunc(c.allCommands(), func(k cli.Command) bool { return k.Name == noun })
	if !asked && (own || len(c.words) > 1) {
		return "", false
	}
	return noun, asked
}

// helpNoun prints what can be done with a noun; a noun alone is half a command (2).
func (c *call) helpNoun(noun string, asked bool) error {
	verbs := c.verbs(noun)
	if !asked && c.json {
		var names []string
		for _, k := range verbs {
			names = append(names, k.Name)
		}
		return cli.UsageError("straza %s needs a verb; there are: %s", noun, strings.Join(names, ", "))
	}
	for _, k := range c.allCommands() {
		if k.Name == noun {
			c.words = []string{noun, "--help"}
			if err := c.exec(context.Background(), k, c.env(operator())); err != nil {
				return err
			}
			fmt.Fprintln(c.proc.Out)
		}
	}
	c.table(verbs)
	fmt.Fprintf(c.proc.Out, "\nstraza %s VERB --help tells more of each.\n", noun)
	if !asked {
		return &cli.Exit{Code: cli.Usage, Err: errSilent}
	}
	return nil
}

// table lists commands: the sentence stands beside a short call, below a long one.
func (c *call) table(list []cli.Command) {
	const wide = 36
	for _, k := range list {
		line := strings.TrimSpace(k.Name + " " + k.Args)
		if utf8.RuneCountInString(line) > wide {
			fmt.Fprintf(c.proc.Out, "  straza %s\n         %-*s %s\n", line, wide, "", k.Short)
			continue
		}
		fmt.Fprintf(c.proc.Out, "  straza %-*s %s\n", wide, line, k.Short)
	}
}

func (c *call) help(words []string) error {
	if len(words) > 1 && words[0] == "help" {
		c.words = append(slices.Clone(words[1:]), "--help")
		if noun, asked := c.nounAlone(); noun != "" {
			return c.helpNoun(noun, asked)
		}
		cmd, _, err := findCommand(c.allCommands(), words[1:])
		if err != nil {
			return err
		}
		return c.exec(context.Background(), cmd, c.env(operator()))
	}
	fmt.Fprintf(c.proc.Out, "Straža %s: one program on which a CERT runs.\n\n", Version)
	c.table(c.allCommands())
	fmt.Fprint(c.proc.Out, "\nstraza NOUN lists what can be done with one thing; straza NOUN VERB --help tells all of it.\nEvery command takes --data DIR, --database URL, --json, --as EMAIL and --help. Exit codes: 0 done,\n1 failed, 2 wrong usage or settings, 3 refused, 4 verification found damage.\n")
	if len(words) == 0 {
		return &cli.Exit{Code: cli.Usage, Err: errSilent}
	}
	return nil
}

var errSilent = errors.New("")

// report says on standard error what failed and gives the exit code.
func (c *call) report(err error) int {
	if err == nil {
		return cli.Done
	}
	code := cli.Failed
	var exit *cli.Exit
	switch {
	case errors.As(err, &exit):
		code = exit.Code
	case fault.Is(err, fault.Denied):
		code = cli.Refused
	}
	if errors.Is(err, errSilent) {
		return code
	}
	if c.json {
		line := struct {
			Error struct {
				Kind    fault.Kind `json:"kind"`
				Field   *string    `json:"field"`
				Message string     `json:"message"`
			} `json:"error"`
		}{}
		line.Error.Kind, line.Error.Message = fault.KindOf(err), words(err)
		if f := fault.Of(err); f != nil {
			for _, name := range slices.Sorted(maps.Keys(f.Fields)) {
				line.Error.Field = &name
				break
			}
		}
		enc := json.NewEncoder(c.proc.Err)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(line)
		return code
	}
	fmt.Fprintf(c.proc.Err, "straza: %s\n", words(err))
	return code
}

// words says what failed as an operator reads it: the fault's own text and, for each
// field, the sentence that a page would show beside it.
func words(err error) string {
	f := fault.Of(err)
	var through *carried
	if f == nil || errors.As(err, &through) { // what came through the socket was put in words there
		return err.Error()
	}
	if len(f.Fields) == 0 {
		return strings.TrimPrefix(err.Error(), string(f.Kind)+": ")
	}
	cat, cerr := i18n.NewCatalog(messageFiles()...)
	if cerr != nil {
		return err.Error()
	}
	out := f.Detail
	for _, name := range slices.Sorted(maps.Keys(f.Fields)) {
		if f.Fields[name] == "" { // the detail says it
			continue
		}
		if said := cat.T(i18n.En, f.Fields[name], f.Args...); said != f.Fields[name] && !strings.Contains(out, said) {
			out += "; " + name + ": " + said
		}
	}
	return out
}

func (c *call) logging() {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(c.cfg.get("log-level")))
	opts := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewJSONHandler(c.proc.Err, opts)
	if f := c.cfg.get("log-format"); f == "text" || f == "" && terminal(c.proc.Err) {
		h = slog.NewTextHandler(c.proc.Err, opts)
	}
	slog.SetDefault(slog.New(h))
}

func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
