package reflex

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"straza/internal/craft/rule"
	"straza/internal/intel"
	"straza/internal/intel/enrich"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// Enrich asks what is known of values; *enrich.Service does.
type Enrich interface {
	Enrich(ctx context.Context, who ident.Actor, w enrich.Wish) (enrich.Enriched, error)
	Modules(ctx context.Context, who ident.Actor) ([]string, error)
}

// targets bounds to how many indicators one act is done.
const targets = 200

// What an act is done to.
const (
	onEvent      = "event"
	onIndicators = "indicators"
)

// Actions are what can be done to an event.
func Actions(d Deps) []rule.Action {
	r := room{d}
	all := Names()
	return []rule.Action{
		{Name: "tag", For: all, Perm: "intel.write", Do: r.tag,
			Params: []rule.Param{{Name: "tag"}, {Name: "scope", Choices: []string{"local", "global"}}, {Name: "on", Choices: []string{onEvent, onIndicators}, Optional: true}}},
		{Name: "enrich", For: all, Perm: "intel.write", Check: r.mayEnrich, Do: r.enrich,
			Params: []rule.Param{{Name: "modules", Long: true, Optional: true}, {Name: "keep", Choices: []string{"all", "notes"}}}},
		{Name: "collect", For: all, Perm: "peer.manage", Params: []rule.Param{{Name: "collection"}}, Check: r.mayCollect, Do: r.collect},
	}
}

func ref(id int64) string { return strconv.FormatInt(id, 10) }

// indicators are what an act on indicators is done to: those that ran out, else those of
// the event that are for detection, at most targets.
func (r room) indicators(ctx context.Context, who ident.Actor, o *rule.Order) (out []string, err error) {
	if o.Trigger == Lapsed {
		h, err := r.Expiry.Happening(ctx, who, o.Subject.ID)
		seen := map[int64]bool{}
		for _, x := range h.List {
			if !seen[x.Attribute] && len(out) < targets {
				out = append(out, ref(x.Attribute))
			}
			seen[x.Attribute] = true
		}
		return out, err
	}
	yes := true
	err = r.Intel.SearchAttributes(ctx, who, intel.Query{Events: []string{ref(o.Subject.Thing())}, ToIDS: &yes, Limit: targets}, func(a *intel.Attribute) error {
		if out = append(out, ref(a.ID)); len(out) == targets {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

// mayCollect wants a collection that is defined.
func (r room) mayCollect(ctx context.Context, who ident.Actor, with map[string]string) error {
	_, err := r.Intel.Definition(ctx, who, with["collection"])
	if fault.Is(err, fault.NotFound) {
		return fault.Field("collection", "intel.fault.no-collection", "no such collection")
	}
	return err
}

// collect puts the event into a defined collection, where label and age still decide.
func (r room) collect(ctx context.Context, who ident.Actor, o rule.Order) (string, error) {
	return o.With["collection"], r.Intel.Pick(ctx, who, o.With["collection"], ref(o.Subject.Thing()), true)
}

// tag attaches a tag: a local one stays here and leaves the event as it was.
func (r room) tag(ctx context.Context, who ident.Actor, o rule.Order) (string, error) {
	event, local := ref(o.Subject.Thing()), o.With["scope"] == "local"
	if o.With["on"] != onIndicators {
		_, err := r.Intel.Attach(ctx, who, intel.Target{Event: event}, []string{o.With["tag"]}, local)
		return o.With["tag"], err
	}
	list, err := r.indicators(ctx, who, &o)
	for _, a := range list {
		if err == nil {
			_, err = r.Intel.Attach(ctx, who, intel.Target{Attribute: a}, []string{o.With["tag"]}, local)
		}
	}
	return o.With["tag"] + " ×" + strconv.Itoa(len(list)), err
}

func modules(with map[string]string) []string {
	return strings.FieldsFunc(with["modules"], func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
}

// mayEnrich wants modules that are on, and somebody who may ask.
func (r room) mayEnrich(ctx context.Context, who ident.Actor, with map[string]string) error {
	wanted := modules(with)
	if len(wanted) == 0 {
		return nil
	}
	there, err := r.Enrich.Modules(ctx, who)
	if fault.Is(err, fault.Denied) {
		return fault.Field("modules", "rules.fault.perm", "%s asks no modules", who)
	}
	for _, m := range wanted {
		if err == nil && !slices.Contains(there, m) {
			err = fault.Field("modules", "intel.fault.no-module", "no module %q that is on", m)
		}
	}
	return err
}

// enrich takes over what is known of the indicators without asking anybody, and what the
// modules named answer; the guard decides about each value.
func (r room) enrich(ctx context.Context, who ident.Actor, o rule.Order) (string, error) {
	list, err := r.indicators(ctx, who, &o)
	if err != nil || len(list) == 0 {
		return "0", err
	}
	got, err := r.Enrich.Enrich(ctx, who, enrich.Wish{Event: ref(o.Subject.Thing()), Attributes: list, Modules: modules(o.With), Known: true, Notes: o.With["keep"] == "notes"})
	said := "+" + strconv.Itoa(got.Done)
	if n := got.Held + got.Failed; n > 0 {
		said += " −" + strconv.Itoa(n)
	}
	return said, err
}
