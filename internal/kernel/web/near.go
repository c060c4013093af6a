package web

import (
	"net/http"
	"net/url"
	"strings"

	"straza/internal/kernel/web/ui"
)

// listParam carries the query of the list that somebody came from in the address of
// one of its rows: its page then knows the way on and the way back.
const listParam = "list"

// Address is the list as it stands, from its first row.
func (f *Filters) Address() string { return f.With("cursor", "") }

// Item gives the address of one of the list's rows, which says where it was opened from.
func (f *Filters) Item(href string) string {
	_, query, _ := strings.Cut(f.Address(), "?")
	return withList(href, query)
}

// Around puts the neighbours of a thing in the list (names below base, "" where it ends)
// into its header, for a room that finds them by a query of its own (else: nearby).
func (f *Filters) Around(h *ui.Header, base, prev, next string) {
	h.InList = true
	if prev != "" {
		h.Prev = f.Item(base + "/" + prev)
	}
	if next != "" {
		h.Next = f.Item(base + "/" + next)
	}
}

func withList(href, query string) string {
	if query == "" {
		return href
	}
	href, part, found := strings.Cut(href, "#")
	sep := "?"
	if strings.Contains(href, "?") {
		sep = "&"
	}
	if href += sep + listParam + "=" + url.QueryEscape(query); found {
		href += "#" + part
	}
	return href
}

// FromList is the request of the list at path that the page of r was opened from, for
// ReadFilters; opened from elsewhere, it is the list as it opens by itself.
func FromList(r *http.Request, path string) *http.Request {
	from := r.Clone(r.Context())
	from.URL = &url.URL{Path: path}
	if !FromElsewhere(r) {
		from.URL.RawQuery = cleanQuery(r.URL.Query().Get(listParam))
	}
	from.RequestURI = from.URL.RequestURI()
	return from
}

// FromElsewhere tells that the page of r was opened from a list that is not its own: the
// ways through that one are found by themselves (nearby).
func FromElsewhere(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Query().Get(listParam), "/")
}

// InList puts the list that r was opened from behind href, for further pages of the same thing.
func InList(r *http.Request, href string) string {
	return withList(href, cleanList(r.URL.Query().Get(listParam)))
}

// mostList bounds what of a list's query is carried on.
const mostList = 4000

func cleanQuery(s string) string {
	v, err := url.ParseQuery(s)
	if err != nil || len(s) > mostList {
		return ""
	}
	v.Del("cursor")
	v.Del("format")
	return v.Encode()
}

// cleanList is what is carried on of a list: its address where it is another's, its
// filters, and the row from which on it was seen.
func cleanList(s string) string {
	at, query, _ := strings.Cut(s, "?")
	if !strings.HasPrefix(at, "/") {
		at, query = "", s
	}
	v, err := url.ParseQuery(query)
	if err != nil || len(s) > mostList {
		return ""
	}
	v.Del("format")
	if query = v.Encode(); at == "" || query == "" {
		return at + query
	}
	return at + "?" + query
}

// keepList gives a redirect back to the page that an act was pressed on, or to the one
// above it, the list that this page was opened from.
func keepList(r *http.Request, to string) string {
	from, err := url.Parse(r.Referer())
	u, bad := url.Parse(to)
	if err != nil || bad != nil || from.Host != r.Host || u.Query().Has(listParam) {
		return to
	}
	query := cleanList(from.Query().Get(listParam))
	if from.Path != u.Path && !strings.HasPrefix(from.Path, u.Path+"/") {
		return to
	}
	return withList(to, query)
}
