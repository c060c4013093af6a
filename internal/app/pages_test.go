package app

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"straza/internal/catalog"
	"straza/internal/format/tlp"
	"straza/internal/kernel/account"
	"straza/internal/peer"
)

var packVersion = regexp.MustCompile(`(?m)^version:.*$`)

var nextLink = regexp.MustCompile(`<a [^>]*href="([^"]+cursor=[^"]+)"`)

// Lists that are short in the demo page, too: every row stands on exactly one page, the
// pages follow each other, and none is longer than it may be.
func TestShortListsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	admin, keeper := w.person("admin", "CERT A"), w.person("org-admin", "Banka")
	for _, x := range []struct {
		path, row string
		by        *persona
		size      int
		add       func(i int, name string) error
	}{
		{"/portal/people", `row-people-(\d+)@`, keeper, 100, func(_ int, name string) error {
			_, _, err := w.h.Accounts.Add(ctx, operator(), account.NewPerson{Email: name + "@banka.example", Name: name, Roles: []string{"member"}, Org: keeper.who.Org})
			return err
		}},
		{"/administration/packs", `data-href="/administration/packs/registry\.kinds/(1\d{3})[?"]`, admin, 50, func(i int, _ string) error {
			it, err := w.h.Packs.Get(ctx, admin.who, "registry.kinds", 1)
			if err != nil {
				return err
			}
			_, err = w.h.Packs.Add(ctx, admin.who, "kinds.yaml", []byte(packVersion.ReplaceAllString(it.Text, fmt.Sprintf("version: %d", 1001+i))))
			return err
		}},
		{"/administration/peers", `>row-peers-(\d+)<`, admin, 50, func(i int, name string) error {
			_, err := w.h.Peers.Add(ctx, admin.who, peer.Peer{Name: name, URL: fmt.Sprintf("https://peer%d.example", i), Ceiling: tlp.Green}, "key", peer.Remote{Ref: keeper.who.OrgUUID})
			return err
		}},
		{"/console/catalog/galaxies", `row-galaxies-(\d+)<`, w.person("lead", "CERT A"), 50, func(i int, name string) error {
			text := fmt.Sprintf(`{"name":%q,"type":%q,"uuid":"7e000000-0000-4000-8000-%012d","description":"x","namespace":"misp","version":1,"icon":"map"}`, name, name, i)
			_, err := w.h.Lists.Import(ctx, admin.who, func(yield func(catalog.File, error) bool) {
				yield(catalog.File{Name: "galaxies/" + name + ".json", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(text))), nil }}, nil)
			})
			return err
		}},
	} {
		t.Run(x.path[1:], func(t *testing.T) {
			room := x.path[strings.LastIndex(x.path, "/")+1:]
			const rows = 130
			for i := range rows {
				if err := x.add(i, fmt.Sprintf("row-%s-%03d", room, i)); err != nil {
					t.Fatal(err)
				}
			}
			var seen []string
			pages, row := 0, regexp.MustCompile(x.row)
			for at := x.path; at != ""; pages++ {
				rec := w.do(x.by, "GET", at, "")
				if rec.Code != 200 || pages > 9 {
					t.Fatalf("%s: %d on page %d", at, rec.Code, pages)
				}
				page := rec.Body.String()
				here := row.FindAllStringSubmatch(page, -1)
				if len(here) > x.size {
					t.Errorf("%s shows %d rows", at, len(here))
				}
				for _, m := range here {
					seen = append(seen, m[1])
				}
				at = ""
				if m := nextLink.FindStringSubmatch(page); m != nil {
					at = html.UnescapeString(m[1])
				}
			}
			once := slices.Compact(slices.Sorted(slices.Values(seen)))
			if len(seen) != rows || len(once) != rows || pages < 2 {
				t.Errorf("%d rows, %d of them different, on %d pages; want %d", len(seen), len(once), pages, rows)
			}
		})
	}
}
