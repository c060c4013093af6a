// Package cli is the grammar of the command line: noun, verb, arguments
// (spec program §3). Rooms describe their commands in <heart>cli packages, app
// joins them into one table and runs them, in this process or, through the
// socket in the data folder, inside the running server.
//
// A command never touches files, standard streams or the environment itself: it
// uses its Env, so that it behaves the same through the socket, where the
// client's side opens the files.
package cli

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"

	"context"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// Exit codes.
const (
	Done    = 0
	Failed  = 1
	Usage   = 2
	Refused = 3
	Damage  = 4
)

// Files is how a command reaches files of the person who called it.
type Files interface {
	Open(name string) (io.ReadCloser, error)
	Create(name string) (io.WriteCloser, error) // fsynced on Close; never overwrites
	List(dir string) ([]string, error)          // all files below dir, relative, sorted; nil error and nil list when dir is a file
}

// Env is what a running command works with.
type Env struct {
	Who   ident.Actor // operator:<unix user>, or the person named by --as
	In    io.Reader
	Out   io.Writer
	Err   io.Writer
	Files Files
	JSON  bool // one JSON document or JSON lines on Out, nothing else there
	Tty   bool // Err is a terminal: progress may be shown
}

// Command is one noun-verb pair.
type Command struct {
	Name  string // "org add"
	Args  string // "FILE…", for the usage line
	Short string // one sentence
	// Flags declares the command's own flags and gives the function that runs
	// it; args are what the flags left over.
	Flags func(fs *flag.FlagSet) func(ctx context.Context, env *Env, args []string) error
}

// Print writes v as one JSON line.
func (e *Env) Print(v any) error {
	enc := json.NewEncoder(e.Out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// Say writes a line for people to Err.
func (e *Env) Say(format string, args ...any) { fmt.Fprintf(e.Err, format+"\n", args...) }

// UsageError is a wrong call: exit code 2.
func UsageError(format string, args ...any) error {
	return &Exit{Code: Usage, Err: fault.New(fault.Invalid, format, args...)}
}

// RefusedError is a call that would lose or overwrite something: exit code 3.
func RefusedError(format string, args ...any) error {
	return &Exit{Code: Refused, Err: fault.New(fault.Denied, format, args...)}
}

// Exit is an error with an exit code of its own; without it an error is 1, or 3
// when it is a Denied fault.
type Exit struct {
	Code int
	Err  error
}

func (e *Exit) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Exit) Unwrap() error { return e.Err }

// List is a flag that may be given several times.
type List []string

func (l *List) String() string     { return fmt.Sprint([]string(*l)) }
func (l *List) Set(v string) error { *l = append(*l, v); return nil }
