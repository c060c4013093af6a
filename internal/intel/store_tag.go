package intel

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	tagCols   = `t.id, t.name, t.colour, t.exportable, t.hidden, t.local_only, t.org_id, t.user_id, t.numerical_value`
	insertTag = `INSERT INTO intel_tag (id, name, name_fold, colour, exportable, hidden, local_only, org_id, user_id, made_by, numerical_value)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11) ON CONFLICT (name) DO NOTHING`
	tagByName = `SELECT ` + tagCols + ` FROM intel_tag t WHERE t.name = $1`
	tagNamed  = `SELECT id FROM intel_tag WHERE name = $1`
	tagByFold = `SELECT ` + tagCols + ` FROM intel_tag t WHERE t.name_fold = $1`
	tagByID   = `SELECT ` + tagCols + ` FROM intel_tag t WHERE t.id = $1`
	attachTag = `INSERT INTO intel_tagging (id, tag_id, event_id, attribute_id, local, relationship) VALUES ($1,$2,$3,$4,$5,$6)
		ON CONFLICT (event_id, attribute_id, tag_id) DO NOTHING`
	detachTag = `DELETE FROM intel_tagging WHERE event_id = $1 AND attribute_id = $2 AND tag_id = $3`
	tagUsed   = `SELECT COUNT(*) FROM intel_tagging WHERE tag_id = $1`
	// by others than an organisation
	tagUsedElsewhere = `SELECT COUNT(*) FROM intel_tagging g JOIN intel_event e ON e.id = g.event_id WHERE g.tag_id = $1 AND e.org_id <> $2`

	eventTagList = `SELECT t.name FROM intel_tagging g JOIN intel_tag t ON t.id = g.tag_id WHERE g.event_id = $1 AND g.attribute_id = 0`
)

func scanTag(s store.Scanner) (t Tag, err error) {
	err = s.Scan(&t.ID, &t.Name, &t.Colour, &t.Exportable, &t.Hidden, &t.LocalOnly, &t.Org, &t.User, &t.Numerical)
	return t, err
}

// tagColour derives a colour from the name, as MISP does.
func tagColour(name string) string {
	if isCluster(name) {
		return "#0088cc"
	}
	sum := md5.Sum([]byte(name))
	return "#" + hex.EncodeToString(sum[:3])
}

// writeTag adds a tag under a new id, or gives the one that somebody made meanwhile.
func writeTag(ctx context.Context, tx *store.Tx, t Tag) (out Tag, made bool, err error) {
	t.ID = tx.DB().NewID()
	if !validColour(t.Colour) {
		t.Colour = tagColour(t.Name)
	}
	n, err := tx.Exec(ctx, insertTag, t.ID, t.Name, strings.ToLower(t.Name), t.Colour, t.Exportable, t.Hidden, t.LocalOnly, t.Org, t.User,
		t.madeBy, null(t.Numerical))
	if err != nil || n > 0 {
		return t, n > 0, err
	}
	out, _, err = store.First(ctx, tx, scanTag, tagByName, t.Name)
	return out, false, err
}

// ownTag adds a tag to the common vocabulary; made is false when who sees that it is there.
func ownTag(ctx context.Context, tx *store.Tx, who ident.Actor, t Tag) (out Tag, made bool, err error) {
	out, made, err = writeTag(ctx, tx, t)
	if err != nil || made || out.Org != 0 || out.User != 0 {
		return out, made, err
	}
	if _, seen, err := store.First(ctx, tx, scanTag, tagByName+" AND "+tagSeen(who), t.Name); err != nil || seen {
		return out, false, err
	}
	t.ID = out.ID
	if _, err := tx.Exec(ctx, "UPDATE intel_tag SET made_by = 0 WHERE id = $1", t.ID); err != nil {
		return out, false, err
	}
	if err := rewriteTag(ctx, tx, t); err != nil {
		return out, false, err
	}
	out, _, err = store.First(ctx, tx, scanTag, tagByID, t.ID)
	return out, true, err
}

func validColour(c string) bool {
	if len(c) != 7 || c[0] != '#' {
		return false
	}
	return strings.Trim(c[1:], "0123456789abcdefABCDEF") == ""
}

// findTag looks for the exact name, then for one that differs in case only. Who
// may not make tags finds those that he may know of.
func findTag(ctx context.Context, tx *store.Tx, who ident.Actor, name string) (Tag, bool, error) {
	seen := " AND " + tagSeen(who)
	if mayMakeTags(who) {
		seen = ""
	}
	t, found, err := findExactTag(ctx, tx, who, name)
	if err != nil || found {
		return t, found, err
	}
	return store.First(ctx, tx, scanTag, tagByFold+seen+" ORDER BY t.id LIMIT 1", strings.ToLower(name))
}

func findExactTag(ctx context.Context, tx *store.Tx, who ident.Actor, name string) (Tag, bool, error) {
	if mayMakeTags(who) {
		return store.First(ctx, tx, scanTag, tagByName, name)
	}
	return store.First(ctx, tx, scanTag, tagByName+" AND "+tagSeen(who), name)
}

// findAnyTag is findTag for names whose use tells nothing of who used them.
func findAnyTag(ctx context.Context, tx *store.Tx, _ ident.Actor, name string) (Tag, bool, error) {
	return store.First(ctx, tx, scanTag, tagByFold+" ORDER BY t.id LIMIT 1", strings.ToLower(name))
}

// tagging is one attachment to be written.
type tagging struct {
	tag, event, attribute int64
	local                 bool
	relationship          string
}

func copyTaggings(ctx context.Context, tx *store.Tx, list []tagging) error {
	_, err := tx.CopyIn(ctx, "intel_tagging", taggingColumns, func(yield func([]any, error) bool) {
		for _, g := range list {
			if !yield([]any{tx.DB().NewID(), g.tag, g.event, g.attribute, g.local, g.relationship}, nil) {
				return
			}
		}
	})
	return err
}

// carrying tells which attributes of an event a tag stands on.
func carrying(ctx context.Context, tx *store.Tx, event, tag int64, ids []int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	for part := range slices.Chunk(ids, batch) {
		list, err := store.All(ctx, tx, store.ScanInt64, "SELECT attribute_id FROM intel_tagging WHERE event_id = $1 AND tag_id = $2 AND attribute_id IN "+store.In(part), event, tag)
		if err != nil {
			return nil, err
		}
		for _, id := range list {
			out[id] = true
		}
	}
	return out, nil
}

// dropTaggings takes a tag off attributes of an event.
func dropTaggings(ctx context.Context, tx *store.Tx, event, tag int64, ids []int64) error {
	for part := range slices.Chunk(ids, batch) {
		if _, err := tx.Exec(ctx, "DELETE FROM intel_tagging WHERE event_id = $1 AND tag_id = $2 AND attribute_id IN "+store.In(part), event, tag); err != nil {
			return err
		}
	}
	return nil
}

// useOf is a TagUse with what it hangs on.
type useOf struct {
	TagUse
	attribute int64
}

func scanUse(s store.Scanner) (u useOf, err error) {
	err = s.Scan(&u.ID, &u.Name, &u.Colour, &u.Exportable, &u.Hidden, &u.LocalOnly, &u.Org, &u.User, &u.Numerical,
		&u.Use, &u.Local, &u.Relationship, &u.attribute)
	return u, err
}

const useFrom = `SELECT ` + tagCols + `, g.id, g.local, g.relationship, g.attribute_id FROM intel_tagging g JOIN intel_tag t ON t.id = g.tag_id `

// usesSeen leaves local tags out for who speaks for a peer: they are notes of this
// installation and travel nowhere. The team's people hold the right to synchronise too,
// and read for themselves.
func usesSeen(who ident.Actor) string {
	if seesLocal(who) {
		return "1 = 1"
	}
	return "NOT g.local"
}

func seesLocal(who ident.Actor) bool {
	return who.Kind != ident.Person || !access.Allowed(who, "misp.sync") || access.Allowed(who, "misp.site_admin") || who.OnTeam()
}

// use adds a tag that hangs on the attribute. A local one is not shown to who does not see
// them, its label binds all the same.
func (a *Attribute) use(u TagUse, local bool) {
	if l, ok := tlp.FromTag(u.Name); ok {
		a.label = max(a.label, l)
	}
	if local || !u.Local {
		a.Tags = append(a.Tags, u)
	}
}

// eventTags lists the tags on an event itself, as who sees them.
func eventTags(ctx context.Context, tx *store.Tx, who ident.Actor, event int64) ([]TagUse, error) {
	uses, err := store.All(ctx, tx, scanUse, useFrom+"WHERE g.event_id = $1 AND g.attribute_id = 0 AND "+usesSeen(who)+" ORDER BY g.id", event)
	out := make([]TagUse, len(uses))
	for i, u := range uses {
		out[i] = u.TagUse
	}
	return out, err
}

// CROSS JOIN keeps SQLite from beginning at the tags: the places lead.
const useAt = `SELECT ` + tagCols + `, g.id, g.local, g.relationship, g.attribute_id FROM (VALUES %s) AS place
	CROSS JOIN intel_tagging g CROSS JOIN intel_tag t WHERE g.event_id = place.column1 AND g.attribute_id = place.column2 AND t.id = g.tag_id ORDER BY g.id`

// useWithin is useAt for whole stretches of events: (event, first, last attribute).
var useWithin = strings.Replace(useAt, "g.attribute_id = place.column2", "g.attribute_id BETWEEN place.column2 AND place.column3", 1)

// attachTagsWithin is attachTags for a list that holds nearly all attributes of its
// events: one stretch of the index for each event instead of one look for each
// attribute. Tags of attributes that are not in the list are passed over.
func attachTagsWithin(ctx context.Context, tx *store.Tx, who ident.Actor, list []*Attribute) error {
	at, local := make(map[int64]*Attribute, len(list)), seesLocal(who)
	ends := map[int64][2]int64{}
	var events []int64
	for _, a := range list {
		at[a.ID] = a
		e, known := ends[a.EventID]
		if !known {
			events, e = append(events, a.EventID), [2]int64{a.ID, a.ID}
		}
		ends[a.EventID] = [2]int64{min(e[0], a.ID), max(e[1], a.ID)}
	}
	for part := range slices.Chunk(events, batch) {
		var b strings.Builder
		args := make([]any, 0, 3*len(part))
		for i, id := range part {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "(CAST($%d AS BIGINT),CAST($%d AS BIGINT),CAST($%d AS BIGINT))", 3*i+1, 3*i+2, 3*i+3)
			args = append(args, id, ends[id][0], ends[id][1])
		}
		for u, err := range store.Each(ctx, tx, scanUse, fmt.Sprintf(useWithin, b.String()), args...) {
			if err != nil {
				return err
			}
			if a := at[u.attribute]; a != nil {
				a.use(u.TagUse, local)
			}
		}
	}
	return nil
}

// attachTags fills in the tags of a batch of attributes, of however many events, as who
// sees them.
func attachTags(ctx context.Context, tx *store.Tx, who ident.Actor, list []*Attribute) error {
	at, local := make(map[int64]*Attribute, len(list)), seesLocal(who)
	for _, a := range list {
		at[a.ID] = a
	}
	for part := range slices.Chunk(list, batch) {
		places, args := placesOf(part)
		for u, err := range store.Each(ctx, tx, scanUse, fmt.Sprintf(useAt, places), args...) {
			if err != nil {
				return err
			}
			at[u.attribute].use(u.TagUse, local)
		}
	}
	return nil
}

// placesOf writes (event, attribute) of attributes as rows of parameters, filled up
// like few, with places where nothing stands.
func placesOf(list []*Attribute) (rows string, args []any) {
	var b strings.Builder
	b.WriteString("(CAST($1 AS BIGINT),CAST($2 AS BIGINT))") // tells PostgreSQL what all of them are
	for i := range max(filled(len(list)), len(list)) {
		if i > 0 {
			fmt.Fprintf(&b, ",($%d,$%d)", 2*i+1, 2*i+2)
		}
		if i < len(list) {
			args = append(args, list[i].EventID, list[i].ID)
		} else {
			args = append(args, int64(0), int64(0))
		}
	}
	return b.String(), args
}

// tagSeen: a tag kept for one organisation or person is nobody else's business,
// and one that came with an event is known to those who see it used.
func tagSeen(who ident.Actor) string {
	if seesAll(who) || who.Kind == ident.System {
		return "1 = 1"
	}
	org := strconv.FormatInt(who.Org, 10)
	return "t.org_id IN (0," + org + ") AND t.user_id IN (0," + strconv.FormatInt(who.Person, 10) + ") AND (t.made_by IN (0," + org + ") OR EXISTS (" +
		"SELECT 1 FROM intel_tagging g JOIN intel_event e ON e.id = g.event_id WHERE g.tag_id = t.id AND " + usesSeen(who) + " AND " + eventSeen(who, "e") +
		" AND (g.attribute_id = 0 OR EXISTS (SELECT 1 FROM intel_attribute a WHERE a.id = g.attribute_id AND " + childSeen(who, "a", false) + "))))"
}

// tagNamesAll lists ids and names of all tags: for searches, whose rows are
// filtered themselves, so that a hidden tag and an unknown one give the same.
func tagNamesAll(ctx context.Context, tx *store.Tx) ([]Tag, error) {
	return store.All(ctx, tx, func(s store.Scanner) (t Tag, err error) { err = s.Scan(&t.ID, &t.Name); return },
		"SELECT t.id, t.name FROM intel_tag t")
}

func listTags(ctx context.Context, tx *store.Tx, who ident.Actor, after int64, n int) ([]Tag, error) {
	return store.All(ctx, tx, scanTag, "SELECT "+tagCols+" FROM intel_tag t WHERE t.id > $1 AND "+tagSeen(who)+" ORDER BY t.id LIMIT $2", after, n)
}

// readTag finds a tag by id or exact name.
func readTag(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Tag, error) {
	missing := fault.New(fault.NotFound, "no such tag").WithKey("intel.fault.no-tag")
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil {
		t, found, err := store.First(ctx, tx, scanTag, tagByID+" AND "+tagSeen(who), id)
		if err != nil || found {
			return t, err
		}
	}
	t, found, err := store.First(ctx, tx, scanTag, tagByName+" AND "+tagSeen(who), ref)
	if err != nil || !found {
		return t, orNot(err, missing)
	}
	return t, nil
}

// tagKeepers are the organisation and the person that a tag of exactly this name is kept for.
func tagKeepers(ctx context.Context, tx *store.Tx, name string) (org, person int64, err error) {
	_, err = tx.Row(ctx, "SELECT org_id, user_id FROM intel_tag WHERE name = $1", []any{name}, &org, &person)
	return org, person, err
}

func rewriteTag(ctx context.Context, tx *store.Tx, t Tag) error {
	if !validColour(t.Colour) {
		t.Colour = tagColour(t.Name)
	}
	_, err := tx.Exec(ctx, `UPDATE intel_tag SET name = $2, name_fold = $3, colour = $4, exportable = $5, hidden = $6, local_only = $7,
		org_id = $8, user_id = $9, numerical_value = $10 WHERE id = $1`, t.ID, t.Name, strings.ToLower(t.Name), t.Colour, t.Exportable,
		t.Hidden, t.LocalOnly, t.Org, t.User, null(t.Numerical))
	return err
}

func dropTag(ctx context.Context, tx *store.Tx, id int64) (int64, error) {
	n, err := tx.Exec(ctx, "DELETE FROM intel_tagging WHERE tag_id = $1", id)
	if err != nil {
		return 0, err
	}
	for _, q := range []string{"DELETE FROM intel_favourite WHERE tag_id = $1", "DELETE FROM intel_tag WHERE id = $1"} {
		if _, err := tx.Exec(ctx, q, id); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func countTag(ctx context.Context, tx *store.Tx, who ident.Actor, tag int64) (events, attributes int64, err error) {
	events, err = store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_tagging g JOIN intel_event e ON e.id = g.event_id WHERE g.tag_id = $1 AND g.attribute_id = 0 AND "+
		eventScan(who, "e"), tag)
	if err != nil {
		return 0, 0, err
	}
	attributes, err = store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_tagging g JOIN intel_event e ON e.id = g.event_id JOIN intel_attribute a ON a.id = g.attribute_id WHERE g.tag_id = $1 AND NOT a.deleted AND "+
		eventScan(who, "e")+" AND "+childSeen(who, "a", true), tag)
	return events, attributes, err
}

// usesAt lists the tags on one event (attribute 0) or attribute.
func usesAt(ctx context.Context, tx *store.Tx, event, attribute int64) ([]useOf, error) {
	return store.All(ctx, tx, scanUse, useFrom+"WHERE g.event_id = $1 AND g.attribute_id = $2 ORDER BY g.id", event, attribute)
}

type tagged struct {
	name string
	n    int64
}

// countTags counts marks on events, or on their attributes, whose tag begins with a
// lower-case prefix; of attributes at most one more than taggingsMost. What who does
// not see is passed over before it is counted.
func countTags(ctx context.Context, tx *store.Tx, who ident.Actor, events []int64, prefix string, onEvent bool) ([]tagged, error) {
	from := "SELECT t.name FROM intel_tagging g CROSS JOIN intel_tag t CROSS JOIN intel_event e WHERE g.attribute_id = 0 AND "
	if !onEvent {
		from = "SELECT t.name FROM intel_tagging g CROSS JOIN intel_tag t CROSS JOIN intel_event e CROSS JOIN intel_attribute a WHERE a.id = g.attribute_id AND NOT a.deleted AND " +
			childSeen(who, "a", true) + " AND "
	}
	return store.All(ctx, tx, func(s store.Scanner) (c tagged, err error) { err = s.Scan(&c.name, &c.n); return },
		"SELECT name, COUNT(*) FROM ("+from+"t.id = g.tag_id AND e.id = g.event_id AND g.event_id IN "+store.In(events)+
			" AND SUBSTR(t.name_fold, 1, "+strconv.Itoa(len(prefix))+") = $1 AND "+eventSeen(who, "e")+" LIMIT "+strconv.Itoa(taggingsMost+1)+") used GROUP BY name", prefix)
}

// countUses is countTag for many tags: one query for events, one for attributes.
func countUses(ctx context.Context, tx *store.Tx, who ident.Actor, tags []int64) (map[int64][2]int64, error) {
	out := map[int64][2]int64{}
	if len(tags) == 0 {
		return out, nil
	}
	in := store.In(tags)
	for i, text := range []string{
		"SELECT g.tag_id, COUNT(*) FROM intel_tagging g JOIN intel_event e ON e.id = g.event_id WHERE g.tag_id IN " + in + " AND g.attribute_id = 0 AND " +
			eventScan(who, "e") + " GROUP BY g.tag_id",
		"SELECT g.tag_id, COUNT(*) FROM intel_tagging g JOIN intel_event e ON e.id = g.event_id JOIN intel_attribute a ON a.id = g.attribute_id WHERE g.tag_id IN " + in +
			" AND NOT a.deleted AND " + eventScan(who, "e") + " AND " + childSeen(who, "a", true) + " GROUP BY g.tag_id",
	} {
		list, err := store.All(ctx, tx, func(s store.Scanner) (v [2]int64, err error) { err = s.Scan(&v[0], &v[1]); return }, text)
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			n := out[v[0]]
			n[i] = v[1]
			out[v[0]] = n
		}
	}
	return out, nil
}

// labelTags are the tags of the taxonomy tlp that are here.
func labelTags(ctx context.Context, tx *store.Tx) ([]Tag, error) {
	return store.All(ctx, tx, func(s store.Scanner) (t Tag, err error) { err = s.Scan(&t.ID, &t.Name); return },
		"SELECT id, name FROM intel_tag WHERE name_fold >= 'tlp:' AND name_fold < 'tlp;'")
}
