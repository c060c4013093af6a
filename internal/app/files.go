package app

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/ident"
)

// operator is the command line's actor: the unix user who called.
func operator() ident.Actor { return operatorUID(os.Getuid()) }

func operatorUID(uid int) ident.Actor {
	name := strconv.Itoa(uid)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return ident.Actor{Kind: ident.Operator, Name: name, Channel: ident.CLI}
}

func (c *call) env(who ident.Actor) *cli.Env {
	return &cli.Env{Who: who, In: c.proc.In, Out: c.proc.Out, Err: c.proc.Err, Files: osFiles{}, JSON: c.json, Tty: terminal(c.proc.Err)}
}

// osFiles are the caller's own files.
type osFiles struct{}

func (osFiles) Open(name string) (io.ReadCloser, error) { return os.Open(name) }

func (osFiles) Create(name string) (io.WriteCloser, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, cli.RefusedError("%s exists already; choose another name", name)
	}
	if err != nil {
		return nil, err
	}
	return syncedFile{f}, nil
}

type syncedFile struct{ *os.File }

func (f syncedFile) Close() error { return errors.Join(f.Sync(), f.File.Close()) }

func (osFiles) List(dir string) (out []string, err error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return nil, err
	}
	out = []string{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		out = append(out, rel)
		return err
	})
	return out, err
}
