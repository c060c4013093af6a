package vault

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"straza/internal/kernel/fault"
)

// recipientsFile holds public keys only.
const recipientsFile = "recipients"

// Recipients are the public keys that sealed content is written to. Their
// private halves are with the unsealing process; the web node never has them.
type Recipients struct {
	Team     string `json:"team"`     // reads reports, identities, files, evidence
	Recovery string `json:"recovery"` // the same, from paper, when the team's key is lost
	Postman  string `json:"postman"`  // reads addresses, and nothing else
}

// Complete tells whether all three are there.
func (r Recipients) Complete() bool { return r.Team != "" && r.Recovery != "" && r.Postman != "" }

// Recipients gives the known public keys; before the first meeting with an
// unsealing process they are empty and SealTo refuses.
func (v *Vault) Recipients() Recipients {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.known
}

// Trust takes over an unsealing process's public keys at the first meeting and
// writes them down. Different keys later are a Conflict: whoever could swap them
// would read everything sealed from then on. An operator's Retrust changes them.
func (v *Vault) Trust(r Recipients) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known == r && r.Complete() {
		return nil
	}
	if v.known != (Recipients{}) {
		return fault.New(fault.Conflict, "the unsealing process has other public keys than those in %s", recipientsFile)
	}
	return v.store(r)
}

// Retrust replaces the known public keys: an operator's deliberate act after the
// unsealing process got new ones. What was sealed before stays with the old keys.
func (v *Vault) Retrust(r Recipients) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.store(r)
}

func (v *Vault) store(r Recipients) error {
	for _, k := range []string{r.Team, r.Recovery, r.Postman} {
		if _, err := age.ParseX25519Recipient(k); err != nil {
			return fault.New(fault.Invalid, "not an age public key").Because(err)
		}
	}
	text := "# Public keys that reports are sealed to; the private halves are with `straza unseal`.\n" +
		"team " + r.Team + "\nrecovery " + r.Recovery + "\npostman " + r.Postman + "\n"
	if v.public != v.dir { // the keys' own folder is there and may be read-only
		if err := MakeDir(v.public); err != nil {
			return err
		}
	}
	if err := ReplaceFile(filepath.Join(v.public, recipientsFile), []byte(text)); err != nil {
		return err
	}
	v.known = r
	return nil
}

func loadRecipients(path string) (r Recipients, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("vault: read recipients: %w", err)
	}
	sc := bufio.NewScanner(bytes.NewReader(data))
	for sc.Scan() {
		name, key, _ := strings.Cut(strings.TrimSpace(sc.Text()), " ")
		switch name {
		case "team":
			r.Team = key
		case "recovery":
			r.Recovery = key
		case "postman":
			r.Postman = key
		}
	}
	if !r.Complete() {
		return r, fmt.Errorf("vault: %s: incomplete", recipientsFile)
	}
	return r, sc.Err()
}
