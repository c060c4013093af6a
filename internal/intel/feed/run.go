package feed

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/registry"
)

// Jobs are fetching and caching, and the round that asks for both: feeds that are
// switched on every six hours, caches once a day; what fails waits longer.
func (s *Service) Jobs() []jobs.Def {
	run := func(do func(context.Context, int64) error) func(context.Context, *jobs.Task) error {
		return func(ctx context.Context, t *jobs.Task) error {
			var x task
			if err := t.Decode(&x); err != nil {
				return err
			}
			return do(ctx, x.Feed)
		}
	}
	return []jobs.Def{
		{Kind: jobFetch, Timeout: time.Hour, Tries: 1, Run: run(s.fetch)},
		{Kind: jobCache, Timeout: time.Hour, Tries: 1, Run: run(s.cache)},
		{Kind: jobRound, Every: time.Hour, Run: func(ctx context.Context, _ *jobs.Task) error { return s.round(ctx) }},
	}
}

const (
	fetchEvery = 6 * int64(time.Hour/time.Microsecond)
	cacheEvery = 24 * int64(time.Hour/time.Microsecond)
)

func (s *Service) round(ctx context.Context) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		all, err := readFeeds(ctx, tx, 0)
		for i := range all {
			f := &all[i]
			if f.Enabled && now-f.Fetched >= fetchEvery<<min(f.Failures, 5) {
				err = errors.Join(err, enqueue(ctx, tx, false, f.ID))
			}
			if f.Caching && now-f.Cached >= cacheEvery {
				err = errors.Join(err, enqueue(ctx, tx, true, f.ID))
			}
		}
		return err
	})
}

// begin reads a feed and who it runs for, with their rights now.
func (s *Service) begin(ctx context.Context, id int64) (f Feed, who ident.Actor, err error) {
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if f, err = oneFeed(ctx, tx, id); err != nil {
			return err
		}
		who, err = s.d.People.ResolveTx(ctx, tx, f.Person, ident.MISP)
		return err
	})
	if err == nil {
		err = intel.MayWrite(who)
	}
	return f, who, err
}

// fetch runs a feed and keeps how it went, whatever that is: a feed that fails is
// shown so, and tried again later.
func (s *Service) fetch(ctx context.Context, id int64) error {
	f, who, err := s.begin(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return nil // deleted meanwhile
	}
	f.Report = Report{}
	if err != nil { // whose feed it is may no longer write; the line says that it was tried
		who = ident.SystemPart("importer")
	} else {
		if f.Format == FormatMISP {
			err = s.fetchEvents(ctx, who, &f)
		} else {
			err = s.fetchList(ctx, who, &f)
		}
	}
	f.Fault = words(err)
	return s.d.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if err := saveRun(ctx, tx, &f, now); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "feed.fetch", thing(&f), map[string]any{"fault": f.Fault, "read": f.Report.Read, "created": f.Report.Created,
			"updated": f.Report.Updated, "removed": f.Report.Removed, "refused": f.Report.Refused, "stopped": f.Report.Stopped, "held": f.Report.Held})
	})
}

// words is the message key of what went wrong.
func words(err error) string {
	f := fault.Of(err)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errTooMuch):
		return "intel.fault.feed-large"
	case f == nil:
		return "intel.fault.feed-broken"
	case f.Key != "":
		return f.Key
	case f.Kind == fault.Denied:
		return "fault.denied"
	case f.Kind == fault.Unavailable:
		return "intel.fault.feed-silent"
	case f.Kind == fault.Limited:
		return "intel.fault.feed-large"
	case f.Kind == fault.Invalid:
		return "intel.fault.feed-url"
	}
	return "intel.fault.feed-broken"
}

// weigh judges one attribute for detection.
func (s *Service) weigh(ctx context.Context, who ident.Actor, typ, value string) (Reason, bool, error) {
	var hits []intel.Hit
	var owner string
	var err error
	if s.d.Lists != nil {
		if hits, err = s.d.Lists.Hits(ctx, who, typ, value); err != nil {
			return Reason{}, false, err
		}
	}
	for _, part := range halves(typ, value) {
		clue := registry.Clue{}
		if a, err := netip.ParseAddr(part); err == nil {
			clue.Address = a
		} else if typ == "domain" || typ == "hostname" || typ == "url" || typ == "hostname|port" || typ == "domain|ip" {
			clue.Domain = hostOf(part)
		}
		if owner != "" || clue == (registry.Clue{}) {
			continue
		}
		m, found, err := s.d.Registry.Recognise(ctx, ident.SystemPart("feeds"), clue)
		if err != nil && !fault.Is(err, fault.Denied) {
			return Reason{}, false, err
		}
		if found {
			owner = m.Organisation.Name
		}
	}
	r, ok := judge(typ, value, hits, owner)
	return r, ok, nil
}

// hold decides whether a run publishes: not when networks, governments or our own
// stood in it, nor when more than every twentieth value was on a warning list.
func (r *Report) hold() bool {
	serious := slices.ContainsFunc(r.Reasons, func(x Reason) bool { return x.Why != "intel.feed.why.list" })
	r.Held = serious || r.Stopped*20 > r.Read
	return r.Held
}

func (f *Feed) ids(typ string) bool {
	def, _ := misp.DefaultOf(typ)
	return (def.ToIDS || f.Force) && !f.Override
}

// fetchList stores a list in one event, or in a new one each time.
func (s *Service) fetchList(ctx context.Context, who ident.Actor, f *Feed) error {
	src, err := s.open(ctx, f, "")
	if err != nil {
		return err
	}
	defer src.Close()
	list, err := parseList(f.Format, f.Settings, src)
	if err != nil {
		return err
	}
	f.Report.Read = int64(len(list))
	good := list[:0]
	for _, at := range list {
		at.ToIDS = misp.B(f.ids(at.Type.V))
		if at.ToIDS.V {
			why, ok, err := s.weigh(ctx, who, at.Type.V, at.Value.V)
			if err != nil {
				return err
			}
			if !ok {
				f.Report.stop(why)
				continue
			}
		}
		at.Distribution = misp.N(int64(intel.Inherit))
		good = append(good, at)
	}
	held := f.Report.hold()
	if len(good) == 0 && f.Report.Read > 0 {
		return nil // nothing to keep; the reasons are told
	}
	event, err := s.target(ctx, who, f)
	if err != nil {
		return err
	}
	if event == "" {
		return s.newEvent(ctx, who, f, good, f.Publish && !held)
	}
	if err := s.merge(ctx, who, f, event, good); err != nil {
		return err
	}
	if changed := f.Report.Created + f.Report.Removed; changed == 0 || !f.Publish || held {
		return nil
	}
	return s.d.Intel.Publish(ctx, who, event)
}

// target is the event that a fixed feed writes to, "" when one has to be made.
func (s *Service) target(ctx context.Context, who ident.Actor, f *Feed) (string, error) {
	if !f.Fixed || f.Event == 0 {
		return "", nil
	}
	e, err := s.d.Intel.Event(ctx, who, itoa(f.Event))
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return e.Ref(), err
}

func (s *Service) newEvent(ctx context.Context, who ident.Actor, f *Feed, list []misp.Attribute, publish bool) error {
	w := &misp.Event{Info: misp.T(f.Name + " feed"), Distribution: misp.N(int64(f.Distribution)), SharingGroupID: misp.N(f.Group), Attribute: list,
		Published: misp.B(publish), Analysis: misp.N(2), ThreatLevelID: misp.N(4)}
	if f.Tag != "" {
		w.Tag = []misp.Tag{{Name: misp.T(f.Tag)}}
	}
	saved, err := s.d.Intel.AddEvent(ctx, who, intel.FromEvent(w), intel.AddOptions{})
	if err != nil {
		return err
	}
	if f.Fixed {
		f.Event = saved.ID
	}
	f.Report.Created, f.Report.Refused = saved.Attributes.Created, saved.Attributes.Refused
	return nil
}

// merge adds what is new and, with a delta merge, takes out what is gone. Both are
// acts on the event: its timestamp rises, so that peers get them.
func (s *Service) merge(ctx context.Context, who ident.Actor, f *Feed, event string, list []misp.Attribute) error {
	have := map[string]int64{}
	err := s.d.Intel.SearchAttributes(ctx, who, intel.Query{Events: []string{event}}, func(a *intel.Attribute) error {
		have[a.Type+"|"+a.Value] = a.ID
		return nil
	})
	if err != nil {
		return err
	}
	var news []misp.Attribute
	for _, at := range list {
		key := at.Type.V + "|" + at.Value.V
		if _, here := have[key]; here {
			f.Report.Same++
			delete(have, key)
			continue
		}
		news = append(news, at)
	}
	for part := range slices.Chunk(news, 1000) {
		out, _, err := s.d.Intel.AddAttributes(ctx, who, event, part, false)
		if err != nil {
			return err
		}
		for _, a := range out {
			if a.ID != 0 {
				f.Report.Created++
			} else {
				f.Report.Refused++
			}
		}
	}
	if !f.Delta {
		return nil
	}
	for _, id := range have {
		if _, err := s.d.Intel.DeleteAttribute(ctx, who, itoa(id), false); err != nil {
			return err
		}
		f.Report.Removed++
	}
	return nil
}

// fetchEvents takes the events of a MISP feed that are new or newer than here.
// What breaks one event does not end the run.
func (s *Service) fetchEvents(ctx context.Context, who ident.Actor, f *Feed) error {
	src, err := s.open(ctx, f, "manifest.json")
	if err != nil {
		return err
	}
	list, err := parseManifest(src)
	_ = src.Close()
	if err != nil {
		return err
	}
	wanted := readRules(f.Rules)
	for _, x := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		f.Report.Read++
		if !wanted.wants(x) {
			f.Report.Same++
			continue
		}
		here, err := s.d.Intel.Event(ctx, who, x.UUID)
		if err == nil && here.Timestamp >= x.Timestamp {
			f.Report.Same++
			continue
		}
		if err == nil && !here.Locked { // made here: nobody's feed changes it
			f.Report.Refused++
			continue
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		switch state, err := s.takeEvent(ctx, who, f, x); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			f.Report.Refused++
		case state == "created":
			f.Report.Created++
		case state == "updated":
			f.Report.Updated++
		default:
			f.Report.Same++
		}
	}
	return nil
}

func (s *Service) takeEvent(ctx context.Context, who ident.Actor, f *Feed, x entry) (state string, err error) {
	src, err := s.open(ctx, f, x.UUID+".json")
	if err != nil {
		return "", err
	}
	defer src.Close()
	n := 0
	err = misp.DecodeEvents(src, misp.Limits{Bytes: maxFile}, func(e *misp.Event) error {
		if n++; n > 1 || e.UUID.Or("") != x.UUID {
			return fault.New(fault.Invalid, "a file that holds another event than its name says")
		}
		if err := s.fit(ctx, who, f, e); err != nil {
			return err
		}
		saved, err := s.d.Intel.AddEvent(ctx, who, intel.FromEvent(e), intel.AddOptions{Upsert: true})
		state = saved.State
		return err
	})
	return state, err
}

// fit makes a foreign event ours to keep: from elsewhere, as far as the feed goes,
// nothing in it used for detection that must not be.
func (s *Service) fit(ctx context.Context, who ident.Actor, f *Feed, e *misp.Event) error {
	e.Locked, e.Distribution, e.SharingGroupID, e.SharingGroup = misp.B(true), misp.N(int64(f.Distribution)), misp.N(f.Group), nil
	e.Protected = misp.Flag{}
	var own Report
	attrs := make([]*misp.Attribute, 0, len(e.Attribute))
	for i := range e.Attribute {
		attrs = append(attrs, &e.Attribute[i])
	}
	for i := range e.Object {
		for j := range e.Object[i].Attribute {
			attrs = append(attrs, &e.Object[i].Attribute[j])
		}
	}
	for _, at := range attrs {
		own.Read++
		on := at.ToIDS.Or(f.ids(at.Type.V)) || f.Force
		at.ToIDS = misp.B(on && !f.Override)
		if !at.ToIDS.V {
			continue
		}
		why, ok, err := s.weigh(ctx, who, at.Type.V, at.Value.V)
		if err != nil {
			return err
		}
		if !ok {
			own.stop(why)
			f.Report.stop(why)
			at.ToIDS = misp.B(false)
		}
	}
	held := own.hold()
	f.Report.Held = f.Report.Held || held
	e.Published = misp.B(f.Publish && !held)
	if f.Tag != "" {
		e.Tag = append(e.Tag, misp.Tag{Name: misp.T(f.Tag)})
	}
	return nil
}
