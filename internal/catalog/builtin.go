package catalog

import (
	"context"
	"embed"
	"io"
	"io/fs"

	"straza/internal/kernel/ident"
)

// builtinFiles are catalogues of our own making, in the upstream formats.
//
//go:embed builtin/*.json
var builtinFiles embed.FS

// Seed puts in the built-in catalogues that are newer than what is here; what was
// imported is never replaced by them. app calls it at start.
func (s *Service) Seed(ctx context.Context, who ident.Actor) error {
	if err := mayWrite(who); err != nil {
		return err
	}
	rep := Report{Kinds: map[string]*Counts{}}
	names, err := fs.Glob(builtinFiles, "builtin/*.json")
	if err != nil {
		return err
	}
	for _, name := range names {
		f := File{Name: name, Open: func() (io.ReadCloser, error) { return builtinFiles.Open(name) }}
		if err := s.one(ctx, who, f, &rep, true); err != nil {
			return err
		}
	}
	return nil
}
