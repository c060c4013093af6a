package app

import (
	"context"
	"strings"
	"testing"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/testkit"
)

// TestReadingMakesNoKey: the installation's OpenPGP key comes with its host and names it;
// asking for it on a house without one says so and writes nothing. A house that had its
// host before there were keys gets one when the program starts, once.
func TestReadingMakesNoKey(t *testing.T) {
	t.Parallel()
	for engine, database := range map[string]string{"sqlite": "", "postgres": testkit.PostgresURL(t)} {
		t.Run(engine, func(t *testing.T) { readingMakesNoKey(t, database) })
	}
}

func readingMakesNoKey(t *testing.T, database string) {
	ctx := context.Background()
	cfg, err := loadConfig(map[string]string{"data": t.TempDir(), "log-level": "error", "database": database}, nil)
	must(t, err)
	h, err := openHouse(ctx, cfg, nil, openOptions{cheapHash: true})
	must(t, err)
	t.Cleanup(h.Close)
	h.limits = unlimited{}
	w := &world{t: t, h: h}
	w.handler, err = h.handler(8480)
	must(t, err)
	h.ready.Store(true)
	before := w.contents()
	if rec := w.do(nil, "GET", "/gpg.asc", ""); rec.Code != 404 {
		t.Errorf("without a host: %d", rec.Code)
	}
	must(t, h.beginSeal(ctx))
	if w.contents() != before {
		t.Error("reading wrote something")
	}
	setup := ident.SystemPart("setup")
	_, err = h.Registry.Add(ctx, setup, registry.Draft{Name: "CERT A", Kind: "cert"})
	must(t, err)
	before = w.contents()
	rec := w.do(nil, "GET", "/gpg.asc", "")
	c, err := openpgp.Read(rec.Body.String())
	if rec.Code != 200 || err != nil || !strings.HasPrefix(c.Names[0], "CERT A <") {
		t.Fatalf("%d %+v %v", rec.Code, c, err)
	}
	must(t, h.beginSeal(ctx))
	if w.contents() != before {
		t.Error("reading wrote something")
	}
	must(t, h.DB.Update(ctx, func(tx *store.Tx) error { _, err := tx.Exec(ctx, "DELETE FROM seal_key"); return err }))
	must(t, h.wire(ctx))
	if keys, err := h.Seal.Keys(ctx, setup); err != nil || len(keys) != 1 || keys[0].Fingerprint == c.Fingerprint {
		t.Errorf("after a start: %+v %v", keys, err)
	}
}
