package app

import (
	"context"
	"crypto/tls"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/unseal"
)

// found writes one finding of `straza doctor`.
type found func(check string, ok bool, format string, args ...any)

func (c *call) doctorMachine(add found) {
	now := time.Now()
	add("clock", now.Year() >= 2025, "the machine says %s", now.Format(time.RFC3339))
	dir := c.cfg.data()
	at := dir
	for _, err := os.Stat(at); err != nil && at != filepath.Dir(at); _, err = os.Stat(at) {
		at = filepath.Dir(at) // a folder that serve will make lies on its parent's disk
	}
	if free, ok := freeBytes(at); ok {
		add("disk", free > 1<<30, "%d MB free in %s (1,024 at least)", free>>20, at)
	} else {
		add("disk", false, "%s cannot be looked at", at)
	}
	if info, err := os.Stat(dir); err == nil {
		add("folder", info.Mode().Perm()&0o077 == 0, "%s has mode %04o (0700 keeps others out)", dir, info.Mode().Perm())
	}
	c.doctorCertificate(now, add)
}

// doctorCertificate: the pair fits, is for the origin's name, and lasts two weeks more.
func (c *call) doctorCertificate(now time.Time, add found) {
	cert := c.cfg.get("tls-cert")
	if cert == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(cert, c.cfg.get("tls-key"))
	if err != nil {
		add("certificate", false, "%v", err)
		return
	}
	until := pair.Leaf.NotAfter
	add("certificate", now.Add(14*24*time.Hour).Before(until) && now.After(pair.Leaf.NotBefore), "valid until %s (renew it two weeks before)", until.Format(time.RFC3339))
	if u, err := url.Parse(c.cfg.origin()); err == nil {
		err := pair.Leaf.VerifyHostname(u.Hostname())
		add("certificate", err == nil, "for %s: %t", u.Hostname(), err == nil)
	}
}

// doctorNames asks for the names that others must find, and for the mail server.
func (c *call) doctorNames(ctx context.Context, add found) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if u, err := url.Parse(c.cfg.get("origin")); err == nil && u.Hostname() != "" && !loopback(u.Hostname()) {
		err := outbound.Known(ctx, u.Hostname())
		add("dns", err == nil, "the origin's name %s is known: %t", u.Hostname(), err == nil)
	}
	if _, domain, ok := strings.Cut(c.cfg.get("mail-from"), "@"); ok {
		err := outbound.TakesMail(ctx, strings.TrimRight(domain, "> "))
		add("dns", err == nil, "answers to %s reach a mail server: %t", domain, err == nil)
	}
	if c.cfg.get("mail") == "" {
		add("mail", true, "no --mail: letters are caught in the database")
		return
	}
	s, err := mail.ParseSMTP(c.cfg.get("mail"))
	if err == nil {
		err = s.Probe(ctx)
	}
	if err != nil {
		add("mail", false, "the mail server does not take letters: %v", err)
		return
	}
	add("mail", true, "the mail server answers and lets us in")
}

// doctorUnsealing asks the process that opens sealed reports, when one runs.
func (c *call) doctorUnsealing(ctx context.Context, add found) {
	addr, token := c.cfg.get("unseal"), ""
	if addr == "" {
		abs, _ := filepath.Abs(filepath.Join(c.unsealDir(), "socket"))
		if _, err := os.Stat(abs); err != nil {
			return // serve starts it
		}
		addr = "unix://" + abs
	}
	if b, err := os.ReadFile(filepath.Join(c.cfg.keysDir(c.proc.Environ), "unseal.token")); err == nil {
		token = string(b)
	}
	door, err := unseal.Dial(addr, token)
	if err != nil {
		add("unsealing", false, "%v", err)
		return
	}
	defer door.Close()
	st, err := door.Status(ctx)
	switch {
	case err != nil:
		// A socket that a stopped server left is no fault; a process named in the settings is.
		add("unsealing", c.cfg.get("unseal") == "", "the unsealing process does not answer")
	case st.RecoveryOnDisk:
		add("unsealing", true, "%d people may ask; print recovery.txt, put it in a safe and delete the file", st.People)
	default:
		add("unsealing", true, "%d people may ask", st.People)
	}
}

func (c *call) doctorDatabase(ctx context.Context, add func(string, bool, string, ...any)) {
	if _, err := os.Stat(filepath.Join(c.cfg.data(), "straza.db")); err != nil && c.cfg.get("database") == "" {
		add("database", true, "none yet: straza serve makes it")
		return
	}
	db, err := store.Open(ctx, store.Config{Folder: c.cfg.data(), URL: c.cfg.get("database")})
	if err != nil {
		add("database", false, "%v", err)
		return
	}
	defer db.Close()
	add("database", true, "%s %s", db.Engine, db.Version(ctx))
	var made string
	err = db.View(ctx, func(tx *store.Tx) (err error) { made, err = store.Fact(ctx, tx, keyFact); return err })
	dir := c.cfg.keysDir(c.proc.Environ)
	switch _, gone := os.Stat(dir); {
	case err != nil || made == "":
		add("keys", true, "none needed yet: the first start makes them in %s", dir)
	case gone != nil:
		add("keys", false, "the web node's keys are not in %s: restore them (straza restore --keys FILE)", dir)
	default:
		v, err := vault.Open(dir, vault.Options{})
		if err == nil {
			err = v.Check(made)
		}
		add("keys", err == nil, "the keys in %s fit this database: %t", dir, err == nil)
	}
	var there int64
	if err := db.View(ctx, func(tx *store.Tx) (err error) { there, err = store.Now(ctx, tx); return err }); err == nil {
		apart := time.Since(clock.FromMicros(there)).Abs()
		add("clocks", apart < 5*time.Second, "this machine and the database are %s apart (5 s at most: deadlines run by the database's)", apart.Round(time.Millisecond))
	}
	st, err := db.Status(ctx)
	add("schema", err == nil && len(st.Pending) == 0, "%d of %d (straza migrate brings it up to date)", st.Current, st.Target)
	err = db.Check(ctx)
	add("integrity", err == nil, "the database file is whole: %t", err == nil)
}
