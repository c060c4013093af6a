// Package pack loads data packs and holds the one condition language they share.
//
// A pack is a YAML file with a head and a body: what it is called, which version,
// from when (and until when) it is in force, and where its content comes from.
// Law, taxonomies, forms, terms and routing are packs, never constants in code
// (house §6): a room embeds its own, an installation may lay newer ones beside
// them, and Shelf.At gives the one in force on a day. Faults name file and line.
//
// The condition language (Cond) is for forms, regimes, routing, playbooks and
// indices alike. It knows numbers with units of time, texts, yes and no, lists,
// comparison, and/or/not, and a third truth value: a fact that nobody has given is
// unknown, and unknown spreads (Kleene) until something known decides. It has no
// loops, no assignment and no calls into the program, so that a pack cannot do
// harm; length and depth are capped.
package pack
