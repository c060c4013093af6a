package unseal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"straza/internal/kernel/vault"
)

// Files of the unsealing process's folder.
const (
	teamFile     = "team.key"
	postmanFile  = "postman.key"
	recoveryFile = "recovery.txt" // private half, to be printed and removed
	recoveryPub  = "recovery.pub"
	rosterFile   = "roster.json"
	tokenFile    = "token"
	tlsFile      = "tls.pem"
	logFile      = "unseal.log"
	lockFile     = "lock"
	socketFile   = "socket"
)

// keys are the private halves. team has several after a change of keys: the
// first is the newest, older ones still open what was sealed to them.
type keys struct {
	team, postman []age.Identity
	public        vault.Recipients
}

// loadKeys reads the keys of folder dir and makes what is missing. A folder with
// a team key but without another one is damaged, not new: it is refused.
func loadKeys(dir string, now time.Time) (k keys, made bool, err error) {
	_, err = os.Stat(filepath.Join(dir, teamFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := makeKeys(dir, now); err != nil {
			return k, false, err
		}
		made = true
	case err != nil:
		return k, false, fmt.Errorf("unseal: keys: %w", err)
	}
	if k.team, k.public.Team, err = readIdentities(filepath.Join(dir, teamFile)); err != nil {
		return k, false, err
	}
	if k.postman, k.public.Postman, err = readIdentities(filepath.Join(dir, postmanFile)); err != nil {
		return k, false, err
	}
	pub, err := os.ReadFile(filepath.Join(dir, recoveryPub))
	if err != nil {
		return k, false, fmt.Errorf("unseal: keys: %w", err)
	}
	k.public.Recovery = string(bytes.TrimSpace(pub))
	return k, made, nil
}

const recoveryText = `Кључ за опоравак • Recovery key • %s

Одштампајте овај лист, ставите га у сеф и обришите датотеку. Њиме се читају
запечаћене пријаве ако се изгуби кључ тима: ред који почиње са AGE-SECRET-KEY
додајте на крај датотеке team.key.

Print this sheet, put it in a safe and delete the file. It reads sealed reports
when the team's key is lost: append the line AGE-SECRET-KEY to team.key.

# public key: %s
%s
`

// makeKeys draws all keys. The team's file comes last: its presence says that
// the others are on disk.
func makeKeys(dir string, now time.Time) error {
	if err := vault.MakeDir(dir); err != nil {
		return err
	}
	var id [3]*age.X25519Identity
	for i := range id {
		var err error
		if id[i], err = age.GenerateX25519Identity(); err != nil {
			return fmt.Errorf("unseal: draw keys: %w", err)
		}
	}
	day := now.UTC().Format(time.DateOnly)
	key := func(i int) []byte {
		return fmt.Appendf(nil, "# created %s\n# public key: %s\n%s\n", day, id[i].Recipient(), id[i])
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{recoveryFile, fmt.Appendf(nil, recoveryText, day, id[2].Recipient(), id[2])},
		{recoveryPub, []byte(id[2].Recipient().String() + "\n")},
		{postmanFile, key(1)},
		{teamFile, key(0)},
	} {
		// a start that was cut short left some of these: none has been used, they may be replaced
		if err := vault.ReplaceFile(filepath.Join(dir, f.name), f.data); err != nil {
			return err
		}
	}
	return nil
}

func readIdentities(path string) (ids []age.Identity, public string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("unseal: keys: %w", err)
	}
	defer f.Close()
	if ids, err = age.ParseIdentities(f); err != nil {
		return nil, "", fmt.Errorf("unseal: %s is damaged", filepath.Base(path)) // age's error may quote the line
	}
	first, ok := ids[0].(*age.X25519Identity)
	if !ok {
		return nil, "", fmt.Errorf("unseal: %s: not an X25519 key", filepath.Base(path))
	}
	return ids, first.Recipient().String(), nil
}
