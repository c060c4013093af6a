// Package form is a form as data: pages, questions, conditions, hints and advice in
// three languages come from a pack; reporting, statistics and counters use the same
// engine.
//
// A page is one question to the person, of one or several fields. Pages, fields and
// options appear under a condition in pack's language; whether a field is needed is a
// condition, too. Check gives what is wrong with a page in the order of its fields;
// Clean takes out answers whose question is not asked any more.
//
// Drafts keep unfinished answers on the server, encrypted under a secret that only
// the person's browser holds (decisions §3), for seven days; all times of a draft are
// rounded down to the hour, so that it says little about when somebody wrote.
package form
