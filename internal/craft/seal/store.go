package seal

import (
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

const (
	keyCols   = `SELECT id, fingerprint, armored, secret, created, retired FROM seal_key `
	allKeys   = keyCols + `ORDER BY created DESC, id DESC`
	insertKey = `INSERT INTO seal_key (id, fingerprint, armored, secret, created, retired) VALUES ($1,$2,$3,$4,$5,0)`
	retireKey = `UPDATE seal_key SET retired = $1 WHERE retired = 0`
)

// cell is where a secret half stands sealed.
func cell(id int64) vault.Field { return vault.Field{Table: "seal_key", Column: "secret", Row: id} }

type row struct {
	Key
	secret []byte
}

func scanKey(s store.Scanner) (r row, err error) {
	err = s.Scan(&r.ID, &r.Fingerprint, &r.Armored, &r.secret, &r.Created, &r.Retired)
	return r, err
}
