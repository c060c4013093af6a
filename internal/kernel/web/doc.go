// Package web is the door through which every HTTP request comes in, and the way
// every page goes out.
//
// It owns the chain (request id, recover, log, host, locale, session or key,
// cross-origin check, limits, security headers, compression), the table of routes
// with the policy of each, the four shells around pages, forms, flash messages,
// errors in the caller's format and language, and the small contracts of our JSON
// interface (lists, cursors, entity tags, problem details per RFC 9457).
//
// It knows no room. Rooms declare their doors as Routes(m *web.Mux, s *Service);
// app fills in who stands behind a cookie or key (Gate), the navigation, the
// limiter. A route without policy, or one that changes something by GET, is
// refused at start; the table is listable, and the authorisation matrix is
// generated from it.
//
// Invariants: no inline script or style leaves this package (strict CSP, no
// nonces); no page changes anything by GET; a request with a cookie that carries
// neither Sec-Fetch-Site nor Origin changes nothing; logs hold no query strings,
// no addresses of people, no content; what a person may not see answers 404.
//
// How to add a page: docs/pages.md.
package web
