package intel

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// TagCount is how often a tag hangs on events, and on attributes within them.
type TagCount struct {
	Name               string
	Events, Attributes int64
}

// taggingsMost bounds how many marks on attributes one question counts.
const taggingsMost = 100_000

// TagCounts counts the tags that begin with prefix (in any case) on events and on
// their attributes, as far as who sees each: most used first, then by name. Events
// that who does not see count as if they were not named. complete is false when
// there were more than taggingsMost marks on attributes.
func (s *Service) TagCounts(ctx context.Context, who ident.Actor, events []int64, prefix string) (out []TagCount, complete bool, err error) {
	if err := mayRead(who); err != nil || len(events) == 0 {
		return nil, true, err
	}
	by, all := map[string]*TagCount{}, int64(0)
	at := func(name string) *TagCount {
		if by[name] == nil {
			by[name] = &TagCount{Name: name}
		}
		return by[name]
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		for _, onEvent := range []bool{true, false} {
			list, err := countTags(ctx, tx, who, events, strings.ToLower(prefix), onEvent)
			if err != nil {
				return err
			}
			for _, c := range list {
				if t := at(c.name); onEvent {
					t.Events += c.n
				} else {
					t.Attributes, all = t.Attributes+c.n, all+c.n
				}
			}
		}
		return nil
	})
	for _, t := range by {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b TagCount) int {
		return cmp.Or(cmp.Compare(b.Events+b.Attributes, a.Events+a.Attributes), cmp.Compare(a.Name, b.Name))
	})
	return out, all <= taggingsMost, err
}
