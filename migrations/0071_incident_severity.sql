-- Lists sorted by severity page by (rank, id).
CREATE INDEX incident_case_rank ON incident_case (severity_rank, id);
