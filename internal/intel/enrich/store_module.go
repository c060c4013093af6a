package enrich

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	serverCols = `SELECT id, uuid, name, url, enabled, patience, chosen, offered, config, tested, fault FROM intel_module_server ORDER BY name, id`
	putServer  = `INSERT INTO intel_module_server (id, uuid, name, url, enabled, patience, chosen, offered, config, tested, fault) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, url = excluded.url, enabled = excluded.enabled, patience = excluded.patience, chosen = excluded.chosen,
		offered = excluded.offered, config = excluded.config, tested = excluded.tested, fault = excluded.fault`
	deleteServer  = `DELETE FROM intel_module_server WHERE id = $1`
	deleteAnswers = `DELETE FROM intel_enrichment WHERE server_id = $1`

	answerCols = `SELECT x.id, x.server_id, x.module, x.type, x.value, x.asked, x.standard, x.answer FROM intel_enrichment x WHERE `
	ofValue    = `x.key = $1 AND x.type = $2 AND x.value = $3 AND `
	newest     = ` ORDER BY x.asked DESC, x.id DESC LIMIT 50`
	putAnswer  = `INSERT INTO intel_enrichment (id, audience_id, server_id, module, type, key, value, asked, standard, answer) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`
	replaced   = `DELETE FROM intel_enrichment WHERE key = $1 AND type = $2 AND value = $3 AND audience_id = $4 AND server_id = $5 AND module = $6`
	oldAnswers = `DELETE FROM intel_enrichment WHERE asked < $1`

	putTaken  = `INSERT INTO intel_enrichment_taken (id, event_id, person_id, at, was) VALUES ($1,$2,$3,$4,$5)`
	readTaken = `SELECT was FROM intel_enrichment_taken WHERE id = $1 AND event_id = $2 AND person_id = $3`
	dropTaken = `DELETE FROM intel_enrichment_taken WHERE id = $1`
	oldTaken  = `DELETE FROM intel_enrichment_taken WHERE at < $1`
)

func scanServer(r store.Scanner) (v Server, err error) {
	var chosen, offered string
	err = r.Scan(&v.ID, &v.UUID, &v.Name, &v.URL, &v.Enabled, &v.Patience, &chosen, &offered, &v.sealed, &v.Tested, &v.Fault)
	if err == nil {
		err = json.Unmarshal([]byte(chosen), &v.chosen)
	}
	if err == nil {
		err = json.Unmarshal([]byte(offered), &v.offered)
	}
	return v, err
}

func readServers(ctx context.Context, tx *store.Tx) ([]Server, error) {
	return store.All(ctx, tx, scanServer, serverCols)
}

func writeServer(ctx context.Context, tx *store.Tx, v *Server) error {
	chosen, err := json.Marshal(v.chosen)
	if err != nil {
		return err
	}
	offered, err := json.Marshal(v.offered)
	if err != nil {
		return err
	}
	var sealed any
	if len(v.sealed) > 0 {
		sealed = v.sealed
	}
	_, err = tx.Exec(ctx, putServer, v.ID, v.UUID, v.Name, v.URL, v.Enabled, v.Patience, string(chosen), string(offered), sealed, v.Tested, v.Fault)
	return err
}

func dropServer(ctx context.Context, tx *store.Tx, id int64) error {
	if _, err := tx.Exec(ctx, deleteAnswers, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, deleteServer, id)
	return err
}

// kept is an answer as it was kept.
type kept struct {
	id, server int64
	module     string
	typ, value string
	asked      int64
	standard   bool
	answer     []byte
}

func scanKept(r store.Scanner) (k kept, err error) {
	err = r.Scan(&k.id, &k.server, &k.module, &k.typ, &k.value, &k.asked, &k.standard, &k.answer)
	return k, err
}

// readAnswers gives what modules answered about a value to who may see it.
func readAnswers(ctx context.Context, tx *store.Tx, who ident.Actor, key int64, typ, value string) ([]kept, error) {
	return store.All(ctx, tx, scanKept, answerCols+ofValue+access.Visible(who, "x.audience_id")+newest, key, typ, value)
}

func keepAnswer(ctx context.Context, tx *store.Tx, audience, key int64, k kept) error {
	if _, err := tx.Exec(ctx, replaced, key, k.typ, k.value, audience, k.server, k.module); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, putAnswer, k.id, audience, k.server, k.module, k.typ, key, k.value, k.asked, k.standard, k.answer)
	return err
}

// sweep takes away what is too old to be of use.
func sweep(ctx context.Context, tx *store.Tx, answers, taken int64) error {
	if _, err := tx.Exec(ctx, oldAnswers, answers); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, oldTaken, taken)
	return err
}

func saveTaken(ctx context.Context, tx *store.Tx, id, event, person, at int64, was string) error {
	_, err := tx.Exec(ctx, putTaken, id, event, person, at, was)
	return err
}

func findTaken(ctx context.Context, tx *store.Tx, id, event, person int64) (was string, found bool, err error) {
	found, err = tx.Row(ctx, readTaken, []any{id, event, person}, &was)
	return was, found, err
}

func forgetTaken(ctx context.Context, tx *store.Tx, id int64) error {
	_, err := tx.Exec(ctx, dropTaken, id)
	return err
}
