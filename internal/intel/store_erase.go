package intel

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/store"
)

// personTypes are the types of MISP that are about a person: addresses, telephones, names,
// papers, accounts. The index intel_attribute_person has the same list, letter by letter,
// or it is not used.
const personTypes = `
	'email', 'email-src', 'email-dst', 'email-reply-to', 'email-src-display-name', 'email-dst-display-name',
	'email-header', 'email-body', 'phone-number', 'prtn', 'whois-registrant-name', 'whois-registrant-email',
	'whois-registrant-phone', 'dns-soa-email', 'target-user', 'target-email', 'first-name', 'middle-name',
	'last-name', 'full-name', 'date-of-birth', 'place-of-birth', 'gender', 'nationality', 'passport-number',
	'passport-country', 'passport-expiration', 'redress-number', 'visa-number', 'issue-date-of-the-visa',
	'primary-residence', 'country-of-residence', 'special-service-request', 'frequent-flyer-number',
	'travel-details', 'payment-details', 'passenger-name-record-locator-number', 'identity-card-number',
	'jabber-id', 'twitter-id', 'github-username', 'bank-account-nr', 'iban', 'cc-number'`

// Events that nobody changed and nobody saw anything of since $1 (seconds), with what they
// hold about persons; $2 = one of them, 0 = all.
const (
	personEvents = `SELECT e.id, e.uuid, e.timestamp * 1000000, COUNT(*) FROM intel_attribute a JOIN intel_event e ON e.id = a.event_id
		WHERE a.type IN (` + personTypes + `) AND e.loading = 0 AND e.timestamp < $1 AND e.sighting_timestamp < $1
		AND (CAST($2 AS BIGINT) = 0 OR e.id = $2) GROUP BY e.id, e.uuid, e.timestamp ORDER BY e.timestamp, e.id`
	personRows = `SELECT a.id, CASE WHEN a.deleted THEN 0 ELSE 1 END, CASE WHEN a.audience_id IS NULL THEN 0 ELSE 1 END FROM intel_attribute a
		WHERE a.type IN (` + personTypes + `) AND a.event_id = $1 ORDER BY a.id LIMIT $2`
	personProposals = `DELETE FROM intel_proposal WHERE event_id = $1 AND type IN (` + personTypes + `)`
	// lessAttributes leaves timestamp and published alone: nothing new is said to peers.
	lessAttributes = `UPDATE intel_event SET attributes = attributes - $2, own_audiences = own_audiences - $3, changed = $4 WHERE id = $1`
)

// stixOf is what TAXII made of an event; it is made again from what is left.
var stixOf = []string{`DELETE FROM intel_stix WHERE event_id = $1`, `DELETE FROM intel_stix_batch WHERE event_id = $1`, `DELETE FROM intel_stix_event WHERE event_id = $1`,
	`DELETE FROM intel_expiry WHERE event_id = $1`, `DELETE FROM intel_expiry_event WHERE event_id = $1`}

// withAttribute are the tables whose rows go with an attribute, itself the last.
var withAttribute = []string{"intel_tagging", "intel_data", "intel_sighting", "intel_proposal", "intel_origin"}

// personEvent is an event with how much of it is about persons.
type personEvent struct {
	access.Held
	n int64
}

func scanPersonEvent(s store.Scanner) (e personEvent, err error) {
	e.Table = "intel_attribute"
	err = s.Scan(&e.ID, &e.Label, &e.At, &e.n)
	return
}

type personRow struct{ id, live, own int64 }

func scanPersonRow(s store.Scanner) (r personRow, err error) {
	err = s.Scan(&r.id, &r.live, &r.own)
	return
}

// removePersons takes at most a batch of an event's attributes about persons out for good
// and gives how many went.
func removePersons(ctx context.Context, tx *store.Tx, event, now int64) (n int64, err error) {
	rows, err := store.All(ctx, tx, scanPersonRow, personRows, event, batch)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	var ids []int64
	var live, own int64
	for _, r := range rows {
		ids, live, own = append(ids, r.id), live+r.live, own+r.own
	}
	in := store.In(ids)
	for _, table := range withAttribute {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE event_id = $1 AND attribute_id IN "+in, event); err != nil {
			return 0, err
		}
	}
	if _, err := tx.Exec(ctx, "DELETE FROM intel_attribute WHERE event_id = $1 AND id IN "+in, event); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM intel_change WHERE event_id = $1 AND kind = $2 AND thing IN "+in, event, int64(ChangedAttribute)); err != nil {
		return 0, err
	}
	for _, text := range append([]string{personProposals}, stixOf...) {
		if _, err := tx.Exec(ctx, text, event); err != nil {
			return 0, err
		}
	}
	_, err = tx.Exec(ctx, lessAttributes, event, live, own, now)
	return int64(len(rows)), err
}
