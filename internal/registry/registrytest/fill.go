package registrytest

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/store"
	"straza/internal/registry"
)

var (
	fillPlaces = []string{"Београд", "Нови Сад", "Ниш", "Крагујевац", "Суботица", "Зрењанин", "Панчево", "Чачак", "Лесковац", "Ваљево", "Шабац", "Ужице", "Врање", "Пирот", "Кикинда", "Сомбор"}
	fillWhat   = []string{"Дом здравља", "Водовод", "Пошта", "Топлана", "Основна школа", "Библиотека", "Електродистрибуција", "Градска управа", "Апотека", "Фабрика", "Превозник", "Штедионица"}
	fillKinds  = []string{"operator", "public-body", "municipality", "company", "academic", "civil", "other"}
	fillSector = []string{"energy", "transport", "finance", "health", "water", "digital", "communications", "public", "postal", "food", "industry", "research"}
)

// Fill enters n further organisations straight into the tables, with their words,
// for measurements at size, not for rules. The rows have the audiences and the
// CERT of like, which must be an active organisation.
func Fill(t testing.TB, db *store.DB, like registry.Organisation, n int) {
	t.Helper()
	ctx := context.Background()
	const batch = 5000
	for from := 0; from < n; from += batch {
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			var card, detail int64
			if _, err := tx.Row(ctx, `SELECT audience_id, detail_audience_id FROM registry_organisation WHERE id = $1`, []any{like.ID}, &card, &detail); err != nil {
				return err
			}
			ids := make([]int64, min(batch, n-from))
			for i := range ids {
				ids[i] = db.NewID()
			}
			cols := strings.Fields("id uuid name name_key sort_key names aliases kind sector country registration_no tax_no seat website note host local state resolved_id cert_id disclosure audience_id detail_audience_id contacts contacts_verified contacts_bounced created updated version")
			if _, err := tx.CopyIn(ctx, "registry_organisation", cols, fillRows(db, ids, from, like.CERT, card, detail)); err != nil {
				return err
			}
			_, err := tx.CopyIn(ctx, "registry_word", []string{"id", "org_id", "word"}, fillWords(db, ids, from))
			return err
		}))
	}
	must(t, db.Analyze(ctx))
}

// FillName is the name of the i-th organisation that Fill enters.
func FillName(i int) string {
	return fmt.Sprintf("%s %s %d", fillWhat[i%len(fillWhat)], fillPlaces[i/len(fillWhat)%len(fillPlaces)], i)
}

func fillRows(db *store.DB, ids []int64, from int, cert, card, detail int64) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i, id := range ids {
			k := from + i
			name, now := FillName(k), db.Clock.Now().UnixMicro()
			key := i18n.Fold(name)
			row := []any{id, db.NewUUID(), name, key, []byte(key), "{}", "[]", fillKinds[k%len(fillKinds)], fillSector[k%len(fillSector)],
				"RS", fmt.Sprintf("%08d", 10000000+k), "", "", "", "", false, true, "active", id, cert, "members", card, detail, 0, 0, 0, now, now, 1}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func fillWords(db *store.DB, ids []int64, from int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i, id := range ids {
			words := append(strings.Fields(i18n.Fold(FillName(from+i))), fmt.Sprintf("%08d", 10000000+from+i))
			for _, w := range words {
				if !yield([]any{db.NewID(), id, []byte(w)}, nil) {
					return
				}
			}
		}
	}
}
