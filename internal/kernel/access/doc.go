// Package access decides who may see a row and who may do what.
//
// Visibility is one predicate: rows of every room carry an audience_id, an
// audience is an interned set of principals (its reach), an actor is named by a
// handful of principals, and Visible gives the SQL fragment that every list,
// count, correlation and export embeds before it aggregates. Reach alone
// decides; an audience's other columns intern, filter and explain.
//
// What somebody may do is a permission, held through roles (bundles of
// permissions kept as data, MISP's six among them). A change of membership or
// role bumps the rights epoch and counts from the next statement on.
//
// Reading what one may not see is NotFound, everywhere.
package access
