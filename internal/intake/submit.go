package intake

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/craft/deadline"
	"straza/internal/craft/form"
	"straza/internal/kernel/access"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/registry"
)

// Input is a report on its way in. Secret makes the receipt code: a draft's secret,
// or a client's Idempotency-Key; "" draws one (then a retry makes a second report).
type Input struct {
	Secret     string
	Asked      string // what a client sent under its Idempotency-Key, but its files: the same key with another is refused; "" = not compared
	Replay     bool   // a report under this secret is here already: files are only compared
	Channel    Channel
	Lang       string
	Type       Type   // "" = what the choice suggests
	What       string // the choice on the form's first page
	Anonymous  bool
	Sealed     bool // the reporter's choice; vulnerability and anonymous are sealed anyway
	Contact    Contact
	Body       Body
	ReceivedBy string // ByPhone: who took the call
	CERT       int64  // 0 = by the organisation, else the host's

	files  []form.File
	code   vault.Code
	sub    vault.Submission
	keep   []blob.Ref
	org    Org
	orgBy  string
	prefix string
	limits limits
	placed bool
}

// Caps of what one report may carry beside its files.
const (
	maxDescription = 20000
	maxShort       = 500
)

func (in *Input) check() error {
	var c fault.Collector
	short := func(field, v string, n int) { c.Require(utf8.RuneCountInString(v) <= n, field, "form.long") }
	c.Require(strings.TrimSpace(in.Body.Description) != "", "description", "form.needed.text")
	short("description", in.Body.Description, maxDescription)
	short("where", in.Body.Where, maxShort)
	short("when", in.Body.When, 60)
	short("organisation", in.Body.OrgName, 200)
	short("contact.name", in.Contact.Name, 120)
	short("contact.email", in.Contact.Email, 254)
	short("contact.phone", in.Contact.Phone, 40)
	if in.Type.Validate() != nil {
		c.Add("type", "intake.fault.type")
	}
	if in.Contact.Email != "" && !strings.Contains(in.Contact.Email, "@") {
		c.Add("contact.email", "form.email")
	}
	return c.Err("report")
}

// moments are the ways in which the doors hand over when something happened: the JSON
// interface and the two forms; whatever else a person wrote is kept as words.
var moments = []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly}

// happened refuses a moment that cannot be: before there was an Internet, or later than
// tomorrow (a reporter's clock and zone may be a little off).
func (s *Service) happened(in *Input) error {
	for _, f := range moments {
		at, err := time.Parse(f, strings.TrimSpace(in.Body.When))
		if err == nil && (at.Year() < 1980 || at.After(s.DB.Clock.Now().Add(24*time.Hour))) {
			return fault.Field("when", "intake.fault.when", "when: %s cannot be", in.Body.When)
		}
	}
	return nil
}

// prepare fills what follows from the rest: type, code, keys, which CERT it goes to
// and whether that one seals. Files are stored after it, never before.
func (s *Service) prepare(ctx context.Context, who ident.Actor, in *Input) error {
	if err := s.prepareKeys(in); err != nil || in.placed {
		return err
	}
	return s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if in.org, in.orgBy, err = s.recognise(ctx, tx, who, in); err != nil {
			return err
		}
		if in.CERT == 0 && in.org.CERT == 0 && in.Channel == ByPhone && who.OnTeam() {
			in.CERT = who.CERT // a call stays with the CERT that took it, not with the host of the installation
		}
		if in.CERT, in.prefix, err = s.place(ctx, tx, in.CERT, in.org); err != nil {
			return err
		}
		set, err := settingsTx(ctx, tx, in.CERT)
		in.limits, in.placed = set.limits(), true
		in.Sealed = in.Sealed || set.yes(SealIncidents)
		return err
	})
}

func (s *Service) prepareKeys(in *Input) error {
	for _, v := range []*string{&in.What, &in.ReceivedBy, &in.Contact.Name, &in.Contact.Email, &in.Contact.Phone, &in.Contact.Org,
		&in.Body.Description, &in.Body.Where, &in.Body.When, &in.Body.For, &in.Body.OrgName} {
		*v = tidy(*v)
	}
	in.What = cut(in.What, 60)
	if in.Type == "" {
		in.Type = s.Book().Suggest(in.What).Type
	}
	if in.Lang == "" {
		in.Lang = "sr-Cyrl"
	}
	if in.Anonymous {
		in.Contact = Contact{}
	}
	in.Sealed = in.Sealed || in.Anonymous || in.Type == Vulnerability
	if in.code != "" {
		return nil
	}
	var err error
	if in.Secret == "" {
		if in.Secret, err = s.Vault.NewDraftSecret(); err != nil {
			return err
		}
	} else if err := vault.CheckSecret(in.Secret); err != nil {
		return err
	}
	if in.code, err = s.Vault.DeriveCode(in.Secret); err != nil {
		return err
	}
	if in.sub.Public == "" {
		in.sub, err = s.Vault.NewSubmission(in.code)
	}
	return err
}

// Again gives the receipt of a report that was sent under this secret already.
func (s *Service) Again(ctx context.Context, _ ident.Actor, secret string) (rc Receipt, found bool, err error) {
	if vault.CheckSecret(secret) != nil {
		return rc, false, nil
	}
	code, err := s.Vault.DeriveCode(secret)
	if err != nil {
		return rc, false, err
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		rc, found, err = s.receiptTx(ctx, tx, code, "")
		return err
	})
	return rc, found, err
}

// asked is what a client sent, files and all, under a key that is not kept: nobody who
// reads the database can try guesses of a sealed report against it.
func (in *Input) asked() string {
	if in.Asked == "" {
		return ""
	}
	h := hmac.New(sha256.New, []byte(in.Secret))
	fmt.Fprintf(h, "%q", in.Asked)
	for _, f := range in.files {
		fmt.Fprintf(h, "%q%q%d%s", f.Name, f.Type, f.Size, f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sameTx gives the receipt of what was sent under the input's secret. Faults: Conflict
// when that was another report.
func (s *Service) sameTx(ctx context.Context, tx *store.Tx, in *Input) (Receipt, bool, error) {
	return s.receiptTx(ctx, tx, in.code, in.asked())
}

func (s *Service) receiptTx(ctx context.Context, tx *store.Tx, code vault.Code, asked string) (Receipt, bool, error) {
	lookup := s.Vault.Lookup(code)
	r, found, err := reportByCode(ctx, tx, lookup)
	if err != nil || !found {
		return Receipt{}, false, err
	}
	if asked != "" {
		was, err := askedBefore(ctx, tx, lookup)
		if err != nil {
			return Receipt{}, false, err
		}
		if was != "" && was != asked {
			return Receipt{}, true, fault.New(fault.Conflict, "this Idempotency-Key was used for another report; take a new one").WithKey("web.fault.otherkey")
		}
	}
	return receiptOf(&r, code, true), true, nil
}

func receiptOf(r *Report, code vault.Code, again bool) Receipt {
	return Receipt{ID: r.UUID, Number: r.Number, Code: string(code), Received: r.Received, TriageBy: r.TriageDue, AnswerBy: r.AnswerDue,
		What: r.What, Again: again}
}

// Attach streams one file of a report that is being sent. All of Input but its files
// must be set before. Faults: Limited beyond the CERT's limits.
func (s *Service) Attach(ctx context.Context, who ident.Actor, in *Input, name, typ string, r io.Reader) error {
	if err := s.prepare(ctx, who, in); err != nil {
		return err
	}
	if len(in.files) >= in.limits.maxFiles {
		return fault.Field("files", "intake.fault.files", "more than %d files", in.limits.maxFiles)
	}
	if in.Replay {
		h := newHashing(form.Cap(r, in.limits.maxFile))
		_, err := io.Copy(io.Discard, h)
		in.files = append(in.files, form.File{Name: cut(name, maxMeta), Type: cut(typ, maxMeta), Size: h.n, SHA256: h.hex()})
		return err
	}
	id := store.NewRandomUUID(s.DB.Clock)
	f, ref, err := s.storeFile(ctx, id, in.Sealed, in.sub.Public, in.limits.maxFile, r)
	if err != nil {
		return err
	}
	f.Name, f.Type = cut(name, maxMeta), cut(typ, maxMeta)
	in.files, in.keep = append(in.files, f), append(in.keep, ref)
	return nil
}

// Submit takes a report in: submission, report, reporter, files, clocks and audit
// line in one transaction. Anyone may call it. Under the same secret it answers the
// same receipt. Faults: Invalid with fields; Denied when policy wants a contact.
func (s *Service) Submit(ctx context.Context, who ident.Actor, in *Input) (rc Receipt, err error) {
	if err := s.prepare(ctx, who, in); err != nil {
		return rc, err
	}
	if in.Replay {
		err = s.DB.View(ctx, func(tx *store.Tx) error {
			var found bool
			if rc, found, err = s.sameTx(ctx, tx, in); err == nil && !found {
				err = fault.New(fault.NotFound, "no report under this secret")
			}
			return err
		})
		return rc, err
	}
	if err := in.check(); err != nil {
		return rc, err
	}
	if err := s.happened(in); err != nil {
		return rc, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		rc, err = s.submitTx(ctx, tx, who, in)
		return err
	})
	if store.IsUnique(err) { // the same secret, a moment ago, on another connection
		err = s.DB.View(ctx, func(tx *store.Tx) (e error) {
			var found bool
			if rc, found, e = s.sameTx(ctx, tx, in); e == nil && !found {
				e = err
			}
			return e
		})
	}
	return rc, err
}

func (s *Service) submitTx(ctx context.Context, tx *store.Tx, who ident.Actor, in *Input) (Receipt, error) {
	if rc, found, err := s.sameTx(ctx, tx, in); err != nil || found {
		return rc, err
	}
	r, err := s.newReport(ctx, tx, who, in)
	if err != nil {
		return Receipt{}, err
	}
	if err := s.mayCome(ctx, tx, who, in, r.CERT); err != nil {
		return Receipt{}, err
	}
	if err := s.writeSubmission(ctx, tx, in, r); err != nil {
		return Receipt{}, err
	}
	marks := s.marks(in)
	if r.Similar, err = countMarked(ctx, tx, r.CERT, marks); err != nil {
		return Receipt{}, err
	}
	if err := insertReport(ctx, tx, r); err != nil {
		return Receipt{}, err
	}
	if err := s.writeParts(ctx, tx, in, r, marks); err != nil {
		return Receipt{}, err
	}
	if err := s.startClocks(ctx, tx, r); err != nil {
		return Receipt{}, err
	}
	detail := map[string]any{"type": r.Type, "channel": r.Channel, "sealed": r.Sealed, "anonymous": r.Anonymous, "files": len(in.files)}
	if err := s.record(ctx, tx, quiet(who, r), "report.receive", r, detail); err != nil {
		return Receipt{}, err
	}
	return receiptOf(r, in.code, false), nil
}

// quiet forgets who sent a report that has no name or is confidential: the audit
// line must not tell what the sealed reporter keeps.
func quiet(who ident.Actor, r *Report) ident.Actor {
	if r.Channel == ByPhone || !r.Sealed || who.Kind != ident.Person {
		return who
	}
	return ident.Nobody(who.Channel)
}

// mayCome holds a report against the CERT's policy: an incident has a name and a way
// to answer (PR-22); anonymous is for vulnerabilities, and for the rest where the
// CERT allows it.
func (s *Service) mayCome(ctx context.Context, tx *store.Tx, who ident.Actor, in *Input, cert int64) error {
	if in.Anonymous {
		set, err := settingsTx(ctx, tx, cert)
		if err == nil && in.Type != Vulnerability && !set.yes(AnonymousIncidents) {
			err = fault.Field("anonymous", "intake.fault.anonymous", "only vulnerabilities may be reported without a contact here")
		}
		return err
	}
	if in.Channel == ByPhone || who.Kind == ident.System {
		return nil
	}
	var c fault.Collector
	c.Require(in.Contact.Reachable(), "contact.email", "intake.fault.contact")
	c.Require(in.Contact.Name != "" || in.Contact.Person != "", "contact.name", "intake.fault.name")
	return c.Err("report without a contact")
}

// newReport places the report: organisation, CERT, number, times, ids, audience.
func (s *Service) newReport(ctx context.Context, tx *store.Tx, who ident.Actor, in *Input) (*Report, error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return nil, err
	}
	if in.Anonymous {
		now = hour(now)
	}
	org, cert := in.org, in.CERT
	sug := s.Book().Suggest(in.What)
	r := &Report{CERT: cert, Channel: in.Channel, Lang: in.Lang, Sealed: in.Sealed, Anonymous: in.Anonymous, What: in.What,
		Received: at(now), Updated: at(now), Version: 1, Files: int64(len(in.files)), UUID: store.NewRandomUUID(s.DB.Clock),
		TriageDue: at(now).Add(s.Book().Terms.Triage), AnswerDue: at(now).Add(s.Book().Terms.Answer),
		Triage: Triage{State: Incoming, Type: in.Type, Org: org.ID, OrgName: org.Name, OrgBy: in.orgBy, Sector: org.Sector, RSIT: sug.RSIT,
			National: sug.National, TLP: "AMBER+STRICT", PAP: "AMBER"}}
	if in.Type != sug.Type {
		r.RSIT, r.National = nil, nil
	}
	if !r.Sealed {
		r.Title = titleOf(in.Body.Description)
	}
	if r.ID, err = s.newID(r.Anonymous); err != nil {
		return nil, err
	}
	if r.submission, err = s.newID(r.Anonymous); err != nil {
		return nil, err
	}
	aud := access.Audience{CERT: cert, Owner: cert, Level: access.LevelTeam}
	if ownDoor(who, in) && !in.Sealed { // the portal shows what one's own organisation reported
		aud.Named = []access.Principal{access.Org(who.Org)}
	}
	if r.audience, err = access.InternTx(ctx, tx, aud); err != nil {
		return nil, err
	}
	r.Number, err = s.number(ctx, tx, in.prefix, r.Received)
	return r, err
}

// number draws the next human number: P-2026-000123, further CERTs with their code.
func (s *Service) number(ctx context.Context, tx *store.Tx, prefix string, t time.Time) (string, error) {
	series := fmt.Sprintf("%sP-%d", prefix, t.Year())
	n, err := s.DB.NextNumber(ctx, tx, series)
	return fmt.Sprintf("%s-%06d", series, n), err
}

// place gives the CERT that a report goes to, and the code before its numbers.
func (s *Service) place(ctx context.Context, tx *store.Tx, wish int64, org Org) (cert int64, prefix string, err error) {
	host, err := s.Registry.HostTx(ctx, tx)
	if fault.Is(err, fault.NotFound) {
		return 0, "", fault.New(fault.Unavailable, "this installation has no CERT yet").WithKey("intake.fault.nocert").Because(err)
	}
	if err != nil {
		return 0, "", err
	}
	cert = wish
	if cert == 0 {
		cert = org.CERT
	}
	if cert == 0 || cert == host.ID {
		return host.ID, "", nil
	}
	code, err := s.codeOf(ctx, tx, cert)
	return cert, code + "-", err
}

// CodeTx is what stands before the numbers of a CERT that is not the host of the
// installation: the one its lead chose, else the first letters of its name.
func (s *Service) CodeTx(ctx context.Context, tx *store.Tx, _ ident.Actor, cert int64) (string, error) {
	return s.codeOf(ctx, tx, cert)
}

func (s *Service) codeOf(ctx context.Context, tx *store.Tx, cert int64) (string, error) {
	set, err := settingsTx(ctx, tx, cert)
	if err != nil || set.get(CodePrefix) != "" {
		return set.get(CodePrefix), err
	}
	c, err := s.Registry.OrgTx(ctx, tx, cert)
	return registry.Code(c.Name), err
}

// recognise finds the affected organisation: the account's own, or by address or name.
func (s *Service) recognise(ctx context.Context, tx *store.Tx, who ident.Actor, in *Input) (Org, string, error) {
	if ownDoor(who, in) {
		o, err := s.Registry.OrgTx(ctx, tx, who.Org)
		return o, "account", err
	}
	if in.Anonymous || in.Contact.Email == "" && in.Body.OrgName == "" {
		return Org{}, "", nil
	}
	o, by, found, err := s.Registry.RecogniseTx(ctx, tx, in.Contact.Email, in.Body.OrgName)
	if err != nil || !found {
		return Org{}, "", err
	}
	return o, by, nil
}

// ownDoor: somebody with an account reports for their own organisation.
func ownDoor(who ident.Actor, in *Input) bool {
	return who.LoggedIn() && who.Org != 0 && !who.OnTeam() && (in.Channel == ByPortal || in.Channel == ByAPI) && !in.Anonymous
}

// titleOf is the first line of a description, cut at a word.
func titleOf(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	rs := []rune(strings.Join(strings.Fields(s), " "))
	if len(rs) <= 90 {
		return string(rs)
	}
	end := 90
	for end > 60 && rs[end] != ' ' {
		end--
	}
	return string(rs[:end]) + "…"
}

func (s *Service) writeSubmission(ctx context.Context, tx *store.Tx, in *Input, r *Report) error {
	row := submissionRow{id: r.submission, uuid: store.NewRandomUUID(s.DB.Clock), cert: r.CERT, channel: string(in.Channel), lang: in.Lang,
		received: us(r.Received), receivedBy: in.ReceivedBy, form: in.Body.Form, version: in.Body.Version,
		codeHash: s.Vault.Lookup(in.code), asked: in.asked(), public: in.sub.Public, wrapped: in.sub.Wrapped, sealed: r.Sealed, audience: r.audience}
	body := in.Body
	for _, f := range in.files {
		body.Files = append(body.Files, File{ID: f.ID, Name: f.Name, Type: f.Type, Size: f.Size, SHA256: f.SHA256})
	}
	if !r.Sealed {
		plain, err := json.Marshal(body)
		if err != nil {
			return err
		}
		row.body = string(plain)
		return insertSubmission(ctx, tx, row)
	}
	var err error
	if row.sealedBody, err = s.sealJSON(vault.Label{Kind: vault.KindReport, Record: r.UUID}, in.sub.Public, body); err != nil {
		return err
	}
	return insertSubmission(ctx, tx, row)
}

// writeParts writes reporter, files, marks and search words.
func (s *Service) writeParts(ctx context.Context, tx *store.Tx, in *Input, r *Report, marks []mark) error {
	if err := s.writeReporter(ctx, tx, in, r); err != nil {
		return err
	}
	for i, f := range in.files {
		id, err := s.newID(r.Anonymous)
		if err != nil {
			return err
		}
		row := fileRow{id: id, uuid: f.ID, report: r.ID, size: f.Size, sha256: f.SHA256, sealed: r.Sealed, blob: f.Blob}
		if r.Sealed {
			row.sha256 = "" // the hash of a known file names it
		} else {
			row.name, row.typ = f.Name, f.Type
		}
		if err := insertFile(ctx, tx, row); err != nil {
			return err
		}
		if i < len(in.keep) { // files of a draft have their row already
			if err := s.Blobs.KeepAtTx(ctx, tx, in.keep[i], s.fileTime(r)); err != nil {
				return err
			}
		}
	}
	ids, err := s.newIDs(r.Anonymous, len(marks))
	if err != nil {
		return err
	}
	if err := insertMarks(ctx, tx, r.ID, marks, ids); err != nil {
		return err
	}
	return s.writeWords(ctx, tx, r)
}

func (s *Service) fileTime(r *Report) time.Time {
	if r.Anonymous {
		return r.Received
	}
	return s.DB.Clock.Now()
}

func (s *Service) writeReporter(ctx context.Context, tx *store.Tx, in *Input, r *Report) error {
	if in.Anonymous {
		return nil
	}
	uuid := store.NewRandomUUID(s.DB.Clock)
	sealed, err := s.sealJSON(vault.Label{Kind: vault.KindIdentity, Record: uuid}, in.sub.Public, in.Contact)
	if err != nil {
		return err
	}
	row := reporterRow{id: s.DB.NewID(), uuid: uuid, report: r.ID, cert: r.CERT, sealed: sealed, hasEmail: in.Contact.Email != "", hasPhone: in.Contact.Phone != ""}
	if in.Contact.Email != "" {
		if row.postman, err = s.Vault.SealAddress(uuid, in.Contact.Email); err != nil {
			return err
		}
	}
	// need to know: an audience of its own, the team of this CERT and nobody else, as
	// a sealed report has already
	if row.audience = r.audience; in.Sealed {
		return insertReporter(ctx, tx, row)
	}
	row.audience, err = access.InternTx(ctx, tx, access.Audience{CERT: r.CERT, Owner: r.CERT, Level: access.LevelTeam})
	if err != nil {
		return err
	}
	return insertReporter(ctx, tx, row)
}

// startClocks starts the triage and the answer clock, at the hour for an anonymous report.
func (s *Service) startClocks(ctx context.Context, tx *store.Tx, r *Report) error {
	for _, c := range []struct {
		name string
		due  time.Time
	}{{"triage", r.TriageDue}, {"answer", r.AnswerDue}} {
		id, err := s.newID(r.Anonymous)
		if err != nil {
			return err
		}
		err = deadline.StartTx(ctx, tx, deadline.Clock{ID: id, Kind: "report", Object: r.ID, Name: c.name, Label: r.Number, CERT: r.CERT,
			Audience: r.audience, Started: us(r.Received), Due: clock.Micros(c.due)}, 0)
		if err != nil {
			return err
		}
	}
	return nil
}
