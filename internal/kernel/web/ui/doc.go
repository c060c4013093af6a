// Package ui is how Straža looks: tokens, style sheets, fonts, icons, scripts,
// the four shells and the components, all embedded and served under addresses
// that carry a hash of their content.
//
// A component is a struct that a page fills in Go (ui.Field, ui.Clock, ui.Table);
// a template shows it with {{ui .Field}}. Texts in components are already in the
// person's language; words in the other script are marked by the template. No
// component and no page carries an inline style or script, so the strict content
// security policy of kernel/web holds without nonces.
//
// What things look like is decided in the design's look and feel: one action
// colour, one lamp colour for time, every mark a word with a shape first. The
// sheet at /dev/ui shows every component in every state.
package ui
