package intake

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// reportCols in the order of scanReport; r is the row.
const reportCols = `r.id, r.uuid, r.number, r.cert, r.submission_id, r.channel, r.lang, r.sealed, r.anonymous, r.what, r.title,
	r.triage, r.received, r.acked, r.triaged, r.answered, r.triage_due, r.answer_due, r.files, r.messages, r.unread, r.similar_count,
	r.from_report, r.updated, r.version, r.audience_id, r.erased, r.acked_version`

func scanReport(sc store.Scanner) (r Report, err error) {
	var triage string
	var received, acked, triaged, answered, triageDue, answerDue, updated, erased int64
	err = sc.Scan(&r.ID, &r.UUID, &r.Number, &r.CERT, &r.submission, &r.Channel, &r.Lang, &r.Sealed, &r.Anonymous, &r.What, &r.Title,
		&triage, &received, &acked, &triaged, &answered, &triageDue, &answerDue, &r.Files, &r.Messages, &r.Unread, &r.Similar,
		&r.From, &updated, &r.Version, &r.audience, &erased, &r.ackedVersion)
	if err != nil {
		return r, err
	}
	r.Received, r.Acked, r.Triaged, r.Answered = at(received), at(acked), at(triaged), at(answered)
	r.TriageDue, r.AnswerDue, r.Updated = at(triageDue), at(answerDue), at(updated)
	r.Erased = at(erased)
	return r, json.Unmarshal([]byte(triage), &r.Triage)
}

// dueColumn is the due moment of the nearest running clock; what has none sorts last.
func (r *Report) dueColumn() int64 {
	t, _ := r.Due()
	if t.IsZero() {
		return 1<<62 - 1
	}
	return us(t)
}

// openDue is the same while somebody has to decide, 0 after: the open queue's order.
func (r *Report) openDue() int64 {
	if r.State.Open() {
		return r.dueColumn()
	}
	return 0
}

func insertReport(ctx context.Context, tx *store.Tx, r *Report) error {
	triage, err := json.Marshal(r.Triage)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO intake_report (id, uuid, number, cert, submission_id, channel, lang, sealed, anonymous, what, title,
		type, state, org, sector, severity, tlp, assignee, duplicate_of, case_id, triage, received, acked, triaged, answered, triage_due, answer_due,
		due, open_due, files, messages, unread, similar_count, from_report, updated, version, audience_id)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,$29,$30,0,0,$31,$32,$33,$34,$35)`,
		r.ID, r.UUID, r.Number, r.CERT, r.submission, string(r.Channel), r.Lang, r.Sealed, r.Anonymous, r.What, r.Title,
		string(r.Type), string(r.State), r.Org, r.Sector, severityRank(r.Severity), r.TLP, r.Assignee, r.DuplicateOf, r.Case, string(triage),
		us(r.Received), us(r.Acked), us(r.Triaged), us(r.Answered), us(r.TriageDue), us(r.AnswerDue),
		r.dueColumn(), r.openDue(), r.Files, r.Similar, r.From, us(r.Updated), r.Version, r.audience)
	return err
}

// updateReport writes what may change; it touches no row when the version has moved.
func updateReport(ctx context.Context, tx *store.Tx, r *Report) (int64, error) {
	triage, err := json.Marshal(r.Triage)
	if err != nil {
		return 0, err
	}
	return tx.Exec(ctx, `UPDATE intake_report SET type = $3, state = $4, org = $5, sector = $6, severity = $7, tlp = $8, assignee = $9,
		duplicate_of = $10, case_id = $11, triage = $12, acked = $13, triaged = $14, answered = $15, due = $16, messages = $17, unread = $18,
		updated = $19, title = $20, open_due = $21, acked_version = $22, version = version + 1 WHERE id = $1 AND version = $2`,
		r.ID, r.Version, string(r.Type), string(r.State), r.Org, r.Sector, severityRank(r.Severity), r.TLP, r.Assignee,
		r.DuplicateOf, r.Case, string(triage), us(r.Acked), us(r.Triaged), us(r.Answered), r.dueColumn(), r.Messages, r.Unread,
		us(r.Updated), r.Title, r.openDue(), r.ackedVersion)
}

const selectReport = `SELECT ` + reportCols + ` FROM intake_report r WHERE `

func reportByUUID(ctx context.Context, tx *store.Tx, who ident.Actor, uuid string) (Report, bool, error) {
	return store.First(ctx, tx, scanReport, selectReport+`r.uuid = $1 AND `+access.Visible(who, "r.audience_id"), uuid)
}

func reportByNumber(ctx context.Context, tx *store.Tx, who ident.Actor, number string) (Report, bool, error) {
	return store.First(ctx, tx, scanReport, selectReport+`r.number = $1 AND `+access.Visible(who, "r.audience_id"), number)
}

func reportByID(ctx context.Context, tx *store.Tx, id int64) (Report, bool, error) {
	return store.First(ctx, tx, scanReport, selectReport+`r.id = $1`, id)
}

// seenByID is reportByID for somebody.
func seenByID(ctx context.Context, tx *store.Tx, who ident.Actor, id int64) (Report, bool, error) {
	return store.First(ctx, tx, scanReport, selectReport+`r.id = $1 AND `+access.Visible(who, "r.audience_id"), id)
}

func reportByCode(ctx context.Context, tx *store.Tx, codeHash string) (Report, bool, error) {
	return store.First(ctx, tx, scanReport, `SELECT `+reportCols+` FROM intake_submission m JOIN intake_report r ON r.submission_id = m.id
		WHERE m.code_hash = $1 AND r.from_report = 0`, codeHash)
}

// submissionRow is a row of intake_submission.
type submissionRow struct {
	id, cert, received, audience                                 int64
	uuid, channel, lang, receivedBy, form, codeHash, body, asked string
	public                                                       string
	wrapped, sealedBody                                          []byte
	version                                                      int
	sealed                                                       bool
}

func insertSubmission(ctx context.Context, tx *store.Tx, m submissionRow) error {
	_, err := tx.Exec(ctx, `INSERT INTO intake_submission (id, uuid, cert, channel, lang, received, received_by, form, form_version, code_hash,
		public_key, wrapped_key, sealed, body, sealed_body, audience_id, asked) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)`,
		m.id, m.uuid, m.cert, m.channel, m.lang, m.received, m.receivedBy, m.form, m.version, m.codeHash, m.public, m.wrapped, m.sealed,
		m.body, m.sealedBody, m.audience, m.asked)
	return err
}

// askedBefore gives what was sent under a code, as Input.asked makes it.
func askedBefore(ctx context.Context, tx *store.Tx, lookup string) (asked string, err error) {
	_, err = tx.Row(ctx, `SELECT asked FROM intake_submission WHERE code_hash = $1`, []any{lookup}, &asked)
	return asked, err
}

func submissionOf(ctx context.Context, tx *store.Tx, id int64) (submissionRow, bool, error) {
	return store.First(ctx, tx, func(sc store.Scanner) (m submissionRow, err error) {
		err = sc.Scan(&m.id, &m.uuid, &m.cert, &m.channel, &m.lang, &m.received, &m.receivedBy, &m.form, &m.version, &m.public, &m.wrapped,
			&m.sealed, &m.body, &m.sealedBody)
		return
	}, `SELECT id, uuid, cert, channel, lang, received, received_by, form, form_version, public_key, wrapped_key, sealed, body, sealed_body
		FROM intake_submission WHERE id = $1`, id)
}

// reporterRow is a row of intake_reporter.
type reporterRow struct {
	id, report, cert, audience, person int64
	uuid                               string
	sealed, postman                    []byte
	hasEmail, hasPhone                 bool
}

func insertReporter(ctx context.Context, tx *store.Tx, p reporterRow) error {
	_, err := tx.Exec(ctx, `INSERT INTO intake_reporter (id, uuid, report_id, cert, audience_id, sealed, postman, person, has_email, has_phone)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`, p.id, p.uuid, p.report, p.cert, p.audience, p.sealed, p.postman, p.person, p.hasEmail, p.hasPhone)
	return err
}

func scanReporter(sc store.Scanner) (p reporterRow, err error) {
	err = sc.Scan(&p.id, &p.uuid, &p.report, &p.cert, &p.audience, &p.sealed, &p.postman, &p.person, &p.hasEmail, &p.hasPhone)
	return
}

const selectReporter = `SELECT p.id, p.uuid, p.report_id, p.cert, p.audience_id, p.sealed, p.postman, p.person, p.has_email, p.has_phone
	FROM intake_reporter p WHERE p.report_id = $1`

// reporterFor is the reporter's row for somebody: its own audience decides.
func reporterFor(ctx context.Context, tx *store.Tx, who ident.Actor, report int64) (reporterRow, bool, error) {
	return store.First(ctx, tx, scanReporter, selectReporter+` AND `+access.Visible(who, "p.audience_id"), report)
}

// fileRow is a row of intake_file.
type fileRow struct {
	id, report, message, size     int64
	uuid, name, typ, sha256, blob string
	sealed                        bool
}

func insertFile(ctx context.Context, tx *store.Tx, f fileRow) error {
	_, err := tx.Exec(ctx, `INSERT INTO intake_file (id, uuid, report_id, message_id, name, type, size, sha256, sealed, blob)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`, f.id, f.uuid, f.report, f.message, f.name, f.typ, f.size, f.sha256, f.sealed, f.blob)
	return err
}

func scanFile(sc store.Scanner) (f fileRow, err error) {
	err = sc.Scan(&f.id, &f.uuid, &f.report, &f.message, &f.name, &f.typ, &f.size, &f.sha256, &f.sealed, &f.blob)
	return
}

const selectFile = `SELECT id, uuid, report_id, message_id, name, type, size, sha256, sealed, blob FROM intake_file WHERE report_id = $1`

func filesOf(ctx context.Context, tx *store.Tx, report int64) ([]fileRow, error) {
	return store.All(ctx, tx, scanFile, selectFile+` ORDER BY id`, report)
}

func fileOf(ctx context.Context, tx *store.Tx, report int64, uuid string) (fileRow, bool, error) {
	return store.First(ctx, tx, scanFile, selectFile+` AND uuid = $2`, report, uuid)
}

func insertMarks(ctx context.Context, tx *store.Tx, report int64, marks []mark, ids []int64) error {
	rows := make([][]any, len(marks))
	for i, m := range marks {
		rows[i] = []any{ids[i], report, m.kind, m.mark}
	}
	return tx.InsertRows(ctx, "intake_mark", []string{"id", "report_id", "kind", "mark"}, rows)
}

// countMarked counts the reports of a CERT that share a mark, up to 99: the number
// stands on the report's row, so that the queue does not count again.
func countMarked(ctx context.Context, tx *store.Tx, cert int64, marks []mark) (int64, error) {
	if len(marks) == 0 {
		return 0, nil
	}
	args := []any{cert}
	for _, m := range marks {
		args = append(args, m.mark)
	}
	return store.Int64(ctx, tx, `SELECT COUNT(*) FROM (SELECT DISTINCT k.report_id FROM intake_mark k JOIN intake_report r ON r.id = k.report_id
		WHERE r.cert = $1 AND k.mark IN (`+store.Marks(2, len(marks))+`) LIMIT 99) x`, args...)
}

// hit is a report that shares something, and how often.
type hit struct {
	report, n int64
	kind      string
}

func scanHit(sc store.Scanner) (h hit, err error) { err = sc.Scan(&h.report, &h.kind, &h.n); return }

// sharedMarks: a mark that 500 reports carry says nothing, hence the cap.
func sharedMarks(ctx context.Context, tx *store.Tx, who ident.Actor, report int64) ([]hit, error) {
	return store.All(ctx, tx, scanHit, `SELECT k.report_id, k.kind, COUNT(*) FROM intake_mark m JOIN intake_mark k ON k.mark = m.mark
		JOIN intake_report r ON r.id = k.report_id
		WHERE m.report_id = $1 AND k.report_id <> $1 AND `+access.Visible(who, "r.audience_id")+`
		GROUP BY k.report_id, k.kind ORDER BY COUNT(*) DESC LIMIT 500`, report)
}

func sameOrg(ctx context.Context, tx *store.Tx, who ident.Actor, r *Report) ([]hit, error) {
	const month = 30 * 24 * 3600 * int64(1e6)
	return store.All(ctx, tx, scanHit, `SELECT r.id, 'organisation', 1 FROM intake_report r WHERE r.org = $1 AND r.id <> $2
		AND r.received BETWEEN $3 AND $4 AND `+access.Visible(who, "r.audience_id")+` ORDER BY r.received DESC LIMIT 20`,
		r.Org, r.ID, us(r.Received)-month, us(r.Received)+month)
}

func deleteWords(ctx context.Context, tx *store.Tx, report int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM intake_word WHERE report_id = $1`, report)
	return err
}

func insertWords(ctx context.Context, tx *store.Tx, report int64, words [][]byte, ids []int64) error {
	rows := make([][]any, len(words))
	for i, w := range words {
		rows[i] = []any{ids[i], report, w}
	}
	return tx.InsertRows(ctx, "intake_word", []string{"id", "report_id", "word"}, rows)
}

func readSettings(ctx context.Context, tx *store.Tx, cert int64) (settings, error) {
	out := settings{}
	for kv, err := range store.Each(ctx, tx, func(sc store.Scanner) (kv [2]string, err error) { err = sc.Scan(&kv[0], &kv[1]); return },
		`SELECT name, value FROM intake_setting WHERE cert = $1 ORDER BY id`, cert) {
		if err != nil {
			return nil, err
		}
		out[kv[0]] = kv[1] // the newest row of a name counts
	}
	return out, nil
}

func insertSetting(ctx context.Context, tx *store.Tx, id, cert int64, name, value string, now, person int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO intake_setting (id, cert, name, value, at, person) VALUES ($1,$2,$3,$4,$5,$6)`, id, cert, name, value, now, person)
	return err
}

func changesOfSettings(ctx context.Context, tx *store.Tx, cert int64, most int) ([]SettingChange, error) {
	return store.All(ctx, tx, func(sc store.Scanner) (c SettingChange, err error) {
		var at int64
		err = sc.Scan(&c.Name, &c.Value, &at, &c.Person)
		c.At = clock.FromMicros(at)
		return
	}, `SELECT name, value, at, person FROM intake_setting WHERE cert = $1 ORDER BY id DESC LIMIT $2`, cert, most)
}
