package intake

import (
	"context"
	"io"
	"strings"

	"straza/internal/craft/deadline"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

func mayRead(who ident.Actor) error {
	if who.Kind == ident.Operator || who.Kind == ident.Person && who.Org != 0 {
		return nil // audiences decide: the portal shows what one's own organisation reported
	}
	return access.Check(who, "intake.read")
}

// seenTx loads a report by UUID or number as who may see it. Faults: NotFound.
func (s *Service) seenTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Report, error) {
	if err := mayRead(who); err != nil {
		return Report{}, err
	}
	return s.refTx(ctx, tx, who, ref)
}

func (s *Service) refTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (r Report, err error) {
	var found bool
	ref = strings.TrimSpace(tidy(ref))
	if uuid, ok := store.ParseUUID(ref); ok {
		r, found, err = reportByUUID(ctx, tx, who, uuid)
	} else if len(ref) <= 40 {
		r, found, err = reportByNumber(ctx, tx, who, strings.ToUpper(ref))
	}
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no report %q", cut(ref, 40))
	}
	return r, err
}

// blank takes the content off what an operator of the command line may see.
func blank(who ident.Actor, r Report) Report {
	if who.Kind == ident.Operator {
		r.Title, r.What, r.OrgName, r.Org, r.Sector, r.Reason, r.SeverityReason, r.AssigneeName = "", "", "", 0, "", "", "", ""
		r.RSIT, r.National, r.Facts = nil, nil, nil
	}
	if who.Kind == ident.Person && who.CERT != r.CERT { // the sender's own organisation: not what the team thinks of it
		r.Similar, r.Assignee, r.AssigneeName, r.SeverityReason, r.Facts, r.Computed = 0, 0, "", "", nil, ""
		r.Case, r.CaseNumber, r.DuplicateOf, r.HandedReport, r.Unread = 0, "", 0, 0, 0
	}
	return r
}

// Get reads a report by UUID or number. Needs intake.read, or that one's own
// organisation sent it. Faults: NotFound.
func (s *Service) Get(ctx context.Context, who ident.Actor, ref string) (r Report, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if r, err = s.seenTx(ctx, tx, who, ref); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		r.LateSince = r.late(at(now))
		return err
	})
	return blank(who, r), err
}

// Details is a report with what its page shows.
type Details struct {
	Report
	Submission Submission
	Body       *Body  // nil while sealed
	Files      []File // of the report and of later messages; names blank while sealed
	Messages   []Message
	Clocks     []deadline.Clock
	Reporter   *ReporterNote // nil when anonymous, or not to be known
	Duplicate  *Report       // what it is a duplicate of
	Copies     []Report      // its duplicates that who may see
	CanUndo    bool
}

// ReporterNote says that somebody is behind the report, not who.
type ReporterNote struct{ Email, Phone bool }

// Read gives a report with its content; the look is audited first. Needs
// intake.read or that one's own organisation sent it. Faults: NotFound.
func (s *Service) Read(ctx context.Context, who ident.Actor, ref string) (d Details, err error) {
	if who.Kind == ident.Operator {
		return d, access.Check(who, "intake.read")
	}
	err = s.DB.ViewLogged(ctx, func(tx *store.Tx) error {
		r, err := s.seenTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, who, "report.read", audit.Thing{Kind: "report", ID: r.ID, Label: r.Number}, nil)
	}, func(tx *store.Tx) error {
		if d.Report, err = s.seenTx(ctx, tx, who, ref); err != nil {
			return err
		}
		return s.fillDetails(ctx, tx, who, &d)
	})
	d.Report = blank(who, d.Report)
	return d, err
}

func (s *Service) fillDetails(ctx context.Context, tx *store.Tx, who ident.Actor, d *Details) error {
	m, _, err := submissionOf(ctx, tx, d.submission)
	if err != nil {
		return err
	}
	d.Submission = Submission{Channel: Channel(m.channel), Lang: m.lang, Received: at(m.received), ReceivedBy: m.receivedBy, Form: m.form, Version: m.version}
	if !m.sealed {
		d.Body = &Body{}
		if err := decodeBody(m.body, d.Body); err != nil {
			return err
		}
	}
	files, err := filesOf(ctx, tx, d.ID)
	if err != nil {
		return err
	}
	for _, f := range files {
		d.Files = append(d.Files, f.shown())
	}
	if d.Messages, err = messagesOf(ctx, tx, d.ID, files); err != nil {
		return err
	}
	if d.Clocks, err = deadline.OfTx(ctx, tx, "report", d.ID); err != nil {
		return err
	}
	if who.CERT != d.CERT {
		return nil
	}
	return s.fillRelations(ctx, tx, who, d)
}

func (s *Service) fillRelations(ctx context.Context, tx *store.Tx, who ident.Actor, d *Details) error {
	if access.Allowed(who, "reporter.read") {
		p, found, err := reporterFor(ctx, tx, who, d.ID)
		if err != nil {
			return err
		}
		if found && len(p.sealed) > 0 { // else erased by term
			d.Reporter = &ReporterNote{Email: p.hasEmail, Phone: p.hasPhone}
		}
	}
	if d.DuplicateOf != 0 {
		o, found, err := seenByID(ctx, tx, who, d.DuplicateOf)
		if err != nil {
			return err
		}
		if found {
			d.Duplicate = &o
		}
	}
	var err error
	if d.Copies, err = duplicatesOf(ctx, tx, who, d.ID); err != nil {
		return err
	}
	_, d.CanUndo, err = lastAct(ctx, tx, d.ID)
	return err
}

func (f fileRow) shown() File {
	return File{ID: f.uuid, Name: f.name, Type: f.typ, Size: f.size, SHA256: f.sha256}
}

// OpenFile gives a plain attachment; the look is audited first. Sealed ones go
// through Unseal. Callers never serve it inline: it leaves inside an archive.
func (s *Service) OpenFile(ctx context.Context, who ident.Actor, ref, file string) (f File, body io.ReadCloser, err error) {
	var row fileRow
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := s.seenTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		if row, err = s.fileTx(ctx, tx, r.ID, file); err != nil {
			return err
		}
		if row.sealed {
			return fault.New(fault.Denied, "file %s is sealed", row.uuid).WithKey("intake.fault.sealed")
		}
		return s.Audit.Record(ctx, tx, who, "report.file", audit.Thing{Kind: "report", ID: r.ID, Label: r.Number}, map[string]any{"file": row.uuid})
	})
	if err != nil {
		return f, nil, err
	}
	body, _, err = s.Blobs.Open(ctx, row.blob)
	return row.shown(), body, err
}

func (s *Service) fileTx(ctx context.Context, tx *store.Tx, report int64, file string) (fileRow, error) {
	id, ok := store.ParseUUID(file)
	if !ok {
		return fileRow{}, fault.New(fault.NotFound, "no such file")
	}
	f, found, err := fileOf(ctx, tx, report, id)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no such file")
	}
	return f, err
}
