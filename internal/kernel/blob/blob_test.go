package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"straza/internal/kernel/blob"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func put(t *testing.T, db *store.DB, s *blob.Store, b []byte) blob.Ref {
	t.Helper()
	ctx := context.Background()
	ref, err := s.Put(ctx, bytes.NewReader(b))
	must(t, err)
	must(t, db.Update(ctx, func(tx *store.Tx) error { return s.KeepTx(ctx, tx, ref) }))
	return ref
}

func TestPutOpenForget(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		s, err := blob.New(db, t.TempDir())
		must(t, err)
		for _, size := range []int{0, 1, 256 << 10, 256<<10 + 1, 700_000} {
			want := bytes.Repeat([]byte{'x', 'y', 'z'}, size/3+1)[:size]
			ref := put(t, db, s, want)
			r, _, err := s.Open(ctx, ref.Name)
			must(t, err)
			got, err := io.ReadAll(r)
			must(t, err)
			if !bytes.Equal(got, want) || ref.Size != int64(size) {
				t.Errorf("%d bytes came back as %d", size, len(got))
			}
			must(t, db.Update(ctx, func(tx *store.Tx) error { return s.ForgetTx(ctx, tx, ref.Name) }))
			if _, _, err := s.Open(ctx, ref.Name); !fault.Is(err, fault.NotFound) {
				t.Errorf("after ForgetTx: %v", err)
			}
		}
	})
}

func TestNamesFromOutsideStayOutside(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, err := blob.New(db, t.TempDir())
		must(t, err)
		for _, name := range []string{"", "../../etc/passwd", "..", "00/../../x", "0123456789abcdef0123456789abcde\x00"} {
			if _, _, err := s.Open(context.Background(), name); err == nil {
				t.Errorf("Open(%q) succeeded", name)
			}
			if err := s.Restore(context.Background(), name, bytes.NewReader(nil)); !fault.Is(err, fault.Invalid) {
				t.Errorf("Restore(%q): %v", name, err)
			}
		}
	})
}

func TestDamageIsNeverServedWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	s, err := blob.New(db, dir)
	must(t, err)
	ref := put(t, db, s, []byte("evidence"))
	must(t, os.WriteFile(filepath.Join(dir, ref.Name[:2], ref.Name), []byte("evidencf"), 0o600))
	r, _, err := s.Open(context.Background(), ref.Name)
	must(t, err)
	if _, err := io.ReadAll(r); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a flipped byte was served: %v", err)
	}
}

func TestFailedPutLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	s, err := blob.New(db, dir)
	must(t, err)
	cut := errors.New("the connection dropped")
	_, err = s.Put(context.Background(), io.MultiReader(bytes.NewReader(make([]byte, 1000)), failing{cut}))
	if !errors.Is(err, cut) {
		t.Fatal(err)
	}
	n := 0
	must(t, filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if !d.IsDir() {
			n++
		}
		return err
	}))
	if n != 0 {
		t.Errorf("%d files left", n)
	}
}

// A source that ends early leaves no file on either engine.
func TestHalfAnUploadIsNoFile(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, err := blob.New(db, t.TempDir())
		must(t, err)
		for _, cut := range []error{io.ErrUnexpectedEOF, errors.New("the connection dropped")} {
			if _, err := s.Put(context.Background(), io.MultiReader(bytes.NewReader(make([]byte, 300<<10)), failing{cut})); !errors.Is(err, cut) {
				t.Errorf("%v became %v", cut, err)
			}
		}
	})
}

func TestSweepTakesOrphansAfterADay(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.System())
	s, err := blob.New(db, t.TempDir())
	must(t, err)
	ctx := context.Background()
	_, err = s.Put(ctx, bytes.NewReader([]byte("orphan")))
	must(t, err)
	kept := put(t, db, s, []byte("kept"))
	if n, err := s.Sweep(ctx); n != 0 || err != nil {
		t.Errorf("a young orphan was swept: %d, %v", n, err)
	}
	tomorrow := clock.NewMoved(time.Now().Add(25*time.Hour), 1)
	db.Clock = tomorrow
	if n, err := s.Sweep(ctx); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if r, _, err := s.Open(ctx, kept.Name); err != nil {
		t.Error(err)
	} else {
		_ = r.Close()
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
