-- The log is read newest first by when things were done. Ids do not say that for all lines:
-- those of anonymous reports are drawn, so that they do not tell when somebody wrote.
CREATE INDEX audit_line_at ON audit_line (at, id);
CREATE INDEX audit_line_verb ON audit_line (verb, at, id);
CREATE INDEX audit_line_whose ON audit_line (person, at, id);
DROP INDEX audit_line_person;
