package registryapi

import (
	"net/http"
	"strconv"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/registry"
)

func (a *api) contacts(w http.ResponseWriter, r *http.Request) error {
	list, err := a.s.Contacts(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, web.NewList(records(list), ""))
}

// contactBody is what a client may write of a contact.
type contactBody struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Job   string `json:"job"`
	Phone string `json:"phone"`
	Email string `json:"email"`
	Hours string `json:"hours"`
	Lang  string `json:"lang"`
}

func (a *api) addContact(w http.ResponseWriter, r *http.Request) error {
	v, err := version(r)
	if err != nil {
		return err
	}
	var b contactBody
	if err := web.ReadJSON(r, &b); err != nil {
		return err
	}
	c, err := a.s.AddContact(r.Context(), web.Actor(r), r.PathValue("id"), v, registry.ContactInput(b))
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, c.Record())
}

func (a *api) changeContact(w http.ResponseWriter, r *http.Request) error {
	v, err := version(r)
	if err != nil {
		return err
	}
	var b contactBody
	if err := web.ReadJSON(r, &b); err != nil {
		return err
	}
	c, err := a.s.ChangeContact(r.Context(), web.Actor(r), r.PathValue("id"), v, r.PathValue("part"), registry.ContactInput(b))
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, c.Record())
}

func (a *api) confirmContact(w http.ResponseWriter, r *http.Request) error {
	v, err := version(r)
	if err != nil {
		return err
	}
	c, err := a.s.ConfirmContact(r.Context(), web.Actor(r), r.PathValue("id"), v, r.PathValue("part"))
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, c.Record())
}

func (a *api) removeContact(w http.ResponseWriter, r *http.Request) error {
	v, err := version(r)
	if err != nil {
		return err
	}
	if err := a.s.RemoveContact(r.Context(), web.Actor(r), r.PathValue("id"), v, r.PathValue("part")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// resources lists networks, domains and AS numbers together, ?kind= narrows.
func (a *api) resources(w http.ResponseWriter, r *http.Request) error { return a.listKind("")(w, r) }

func (a *api) addResource(w http.ResponseWriter, r *http.Request) error {
	v, err := version(r)
	if err != nil {
		return err
	}
	var b struct {
		Kind  string `json:"kind"`
		Value string `json:"value"`
		Note  string `json:"note"`
	}
	if err := web.ReadJSON(r, &b); err != nil {
		return err
	}
	x, err := a.s.AddResource(r.Context(), web.Actor(r), r.PathValue("id"), v, b.Kind, b.Value, b.Note)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, x.Record())
}

func (a *api) removeResource(w http.ResponseWriter, r *http.Request) error {
	v, err := version(r)
	if err != nil {
		return err
	}
	if _, err := a.s.WithdrawResource(r.Context(), web.Actor(r), r.PathValue("id"), v, r.PathValue("part")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// change is one row of the history.
type change struct {
	Version int64         `json:"version"`
	At      time.Time     `json:"at"`
	By      string        `json:"by"`
	Act     string        `json:"act"`
	Fields  []changeField `json:"fields"`
}

type changeField struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

const historyPage = 100

func (a *api) history(w http.ResponseWriter, r *http.Request) error {
	var before int64
	if err := web.DecodeCursor(r.URL.Query().Get("cursor"), &before); err != nil {
		return err
	}
	list, err := a.s.History(r.Context(), web.Actor(r), r.PathValue("id"), before, historyPage)
	if err != nil {
		return err
	}
	items := make([]change, len(list))
	for i, c := range list {
		items[i] = change{Version: c.Version, At: c.At, By: c.Actor, Act: c.Act, Fields: []changeField{}}
		for _, f := range c.Fields {
			items[i].Fields = append(items[i].Fields, changeField{f.Name, f.From, f.To})
		}
	}
	next := ""
	if len(list) == historyPage {
		next = web.EncodeCursor(list[len(list)-1].ID)
	}
	return web.JSON(w, http.StatusOK, web.NewList(items, next))
}

// merging is one merge.
type merging struct {
	ID     string     `json:"id"`
	At     time.Time  `json:"at"`
	Until  time.Time  `json:"undo_until"`
	Undone *time.Time `json:"undone"`
	From   []string   `json:"from"` // ids of organisations
}

func mergingOf(m registry.Merging) merging {
	out := merging{ID: m.UUID, At: m.At, Until: m.Until, From: []string{}}
	if !m.Undone.IsZero() {
		out.Undone = &m.Undone
	}
	for _, o := range m.From {
		out.From = append(out.From, o.UUID)
	}
	return out
}

func (a *api) merges(w http.ResponseWriter, r *http.Request) error {
	list, err := a.s.Merges(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	items := make([]merging, len(list))
	for i, m := range list {
		items[i] = mergingOf(m)
	}
	return web.JSON(w, http.StatusOK, web.NewList(items, ""))
}

const mergeMost = 100

func (a *api) merge(w http.ResponseWriter, r *http.Request) error {
	var b struct {
		From []string `json:"from"`
	}
	if err := web.ReadJSON(r, &b); err != nil {
		return err
	}
	if len(b.From) > mergeMost {
		return fault.New(fault.Limited, "at most %s at once", strconv.Itoa(mergeMost))
	}
	m, err := a.s.Merge(r.Context(), web.Actor(r), r.PathValue("id"), b.From)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, mergingOf(m))
}

func (a *api) undoMerge(w http.ResponseWriter, r *http.Request) error {
	if err := a.s.UndoMerge(r.Context(), web.Actor(r), r.PathValue("id"), r.PathValue("part")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
