// Package search is how rooms find their rows by words. A room keeps a table of
// folded words (bytes, so that both engines order them alike), one row per word of
// an object; its list adds the conditions that this package gives to its own
// filters and to its audience test. The room stays the only one that decides what
// may be seen: nothing here reads an object, and a word's number of hits only ever
// chooses between shapes of one and the same question.
//
// There are three shapes, because neither planner knows which one suits:
//
//   - Start: a word that few objects have names them, the other words are probed;
//   - Walk: words that many have are probed along the list's own order, which fills
//     a page soon, for a bounded part of the list;
//   - Set: when that part did not fill the page, the words' sets are intersected:
//     common words that no object has together cost one pass over their entries.
package search
