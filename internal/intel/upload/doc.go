// Package upload is the chamber of the room of threat data that takes in files which
// somebody brings to a page: a STIX 2.1 bundle, or events as MISP writes them. A file is
// looked through first (what is in it, what has no place and why, how far it may go, what
// is here already) and imported only when its person says so, as a job, event by event,
// each whole or not at all; the import can be taken back while nobody has changed what
// it brought. It owns intel_upload and intel_upload_event.
//
// Invariants: a file and what was found in it are its person's alone. Nothing is stored
// wider than it came: of the reach that was chosen and the one that the file gives, what
// both allow (Reach). What was imported is a draft unless its person publishes it and its
// label allows the readers. The file is sealed as it arrives, in parts, and never lies
// plain; a file of MISP's is read part by part, of STIX, whose objects refer to each other
// in any order, the objects are held, packed, while it is read. Rights are those of the person when
// the job runs. Run again, a job goes on: what it stored is remembered with the event.
//
// Standards: STIX 2.1; the JSON of MISP 2.5 (spec misp §4); TLP 2.0.
package upload
