// Package arch holds no code of the product: its tests are the laws of the house.
//
// Each law is a function over a file tree that returns breaches. Every law runs on
// the real tree, and on fixture trees under testdata/<law>/*.txtar that break it and
// must be caught, breach by breach; a law without a fixture fails. A breach that is
// right all the same stands in exceptions.txt with its reason; a line there that no
// longer matches anything fails too. Modules that the binary links stand in allow.txt.
//
// Sources are parsed in-process: a test that shells out to `go list` would be answered
// from the test cache after a breach.
//
// Laws that cannot be read off the source are tested where they live: routes and their
// policies in internal/app, visibility in testkit.NoLeak, templates and messages in
// kernel/web and kernel/i18n, classified columns in internal/app, one transaction in the
// kill tests. docs/architecture.md lists them all.
package arch
