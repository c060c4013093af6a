// Package registry is who is who: organisations, their contact points, what they
// hold on the Internet, their assets, and which CERT looks after whom.
//
// It is the exemplary room; others copy its shape. Nouns with their pure rules
// stand one to a file (organisation, contact, resource, asset, constituency,
// state, pack, search, diff, merge); the acts on them are methods of Service, one file for
// each kind of act; SQL stands in store*.go and nowhere else.
//
// What holds here:
//   - An organisation is the aggregate: a change to any of its parts raises its
//     version and its updated time, writes one row of history (who, when, which
//     fields, from what to what) and one audit line, in one transaction.
//   - Visibility has two rows of rights. The card (names, kind, sector, numbers,
//     website) follows audience_id; contacts, resources, assets, note and history
//     follow detail_audience_id. Both are shared by all organisations of the same
//     disclosure: an audience per organisation would make 100,000 of them, and
//     every scan in the house would pay. An organisation reads its own record
//     because it is its own (visible in store_visible.go), not by an audience.
//   - Nothing is deleted: an organisation is withdrawn or merged away, its UUID
//     resolves for ever. Parts (a contact, a network) are removed; history keeps them.
//   - A CERT is an organisation of kind cert; the first of them is the host. Every
//     organisation of this installation has exactly one CERT, decided by the
//     constituencies and kept in its row.
//   - Organisations that peers' data merely name are kept with local = false: they
//     are no members and see nothing.
//
// Kinds, sectors and kinds of contact are data (packs/), versioned and dated with
// their source. Contact data is office data only, as the record of Special CERTs
// wants it: name, position, office phone, office e-mail (National CERT policy,
// record of Special CERTs). It is not encrypted at rest.
package registry
