// Package feed is the chamber of the threat data room that keeps feeds: lists of
// other people's that are fetched, looked at, compared, and stored as events.
//
// Three forms are read: MISP's (manifest.json, one file an event, hashes.csv), CSV
// and free text; over the network through the one guarded client, or out of one
// folder of this machine, never by any other address. A run is a job in the name
// of whoever set the feed up, with their rights at that moment. Nothing a feed
// says is published by itself when a part of it looks poisoned: values on warning
// lists, whole networks, our own organisations and governments are kept out of
// detection, the event stays unpublished, and the reasons are shown.
//
// A merge adds what is new and takes out what is gone; both raise the event's
// timestamp, so that the change goes on to peers.
//
// Serves: spec misp §5.8, §3 (feeds), §11 (requests to other servers).
package feed
