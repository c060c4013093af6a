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
//go:embed builtin/*.json builtin/galaxies/*.json
var builtinFiles embed.FS

// Seed puts in the built-in catalogues that are newer than what is here; what was
// imported is never replaced by them. app calls it at start.
func (s *Service) Seed(ctx context.Context, who ident.Actor) error {
	_, err := s.seed(ctx, who, "builtin/*.json")
	return err
}

// SeedGalaxies puts in the small galaxies of our own, techniques and actors, for who does
// not import the full ones; those take their place whenever they come. Who may: catalog.write.
func (s *Service) SeedGalaxies(ctx context.Context, who ident.Actor) (Report, error) {
	return s.seed(ctx, who, "builtin/galaxies/*.json")
}

func (s *Service) seed(ctx context.Context, who ident.Actor, pattern string) (Report, error) {
	rep := Report{Kinds: map[string]*Counts{}, Refused: []Problem{}}
	if err := mayWrite(who); err != nil {
		return rep, err
	}
	names, err := fs.Glob(builtinFiles, pattern)
	if err != nil {
		return rep, err
	}
	for _, name := range names {
		f := File{Name: name, Open: func() (io.ReadCloser, error) { return builtinFiles.Open(name) }}
		if err := s.one(ctx, who, f, &rep, true); err != nil {
			return rep, err
		}
	}
	s.match.drop()
	s.names.drop()
	return rep, nil
}
