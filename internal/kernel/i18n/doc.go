// Package i18n owns the three languages of Straža: Serbian in Cyrillic, Serbian
// in Latin, English. It knows no room and no page.
//
// Messages are JSON files that each room embeds beside its pages
// (messages/sr-Cyrl.json and messages/en.json); app joins them at start with
// NewCatalog. Serbian Latin is derived from Cyrillic by rule; a file
// messages/sr-Latn.json only overrides. A plain "sr" names no script and is
// refused everywhere.
//
// Invariants: every key stands in both languages with the same placeholders and
// the plural forms that the language has (CLDR: one, few, other in Serbian; one,
// other in English), which Catalog.Check proves; what a person wrote is never
// transliterated, only messages are; text between `backticks` in a message is a
// foreign word or code, left as it is in both scripts and marked on the page;
// Fold gives the same text for both scripts, so that search finds either.
//
// Dates, times and numbers follow the Serbian orthography (22. novembar 2026,
// 8.36, 1.208, 80,52 %) and plain English (22 Nov 2026, 08:36, 1,208), always in
// the zone Europe/Belgrade, which is embedded.
package i18n
