// Package indicator is what detection content is made of: one attribute with the
// little of its event that a rule quotes, taken apart into things a sensor can look
// for (addresses, names, hashes …), each checked.
//
// A Part's value has passed the test of its kind: an address is an address, a name
// has only letters that a name may have, a hash only hexadecimal digits. What fails
// is no Part, so that no encoder can be made to write a foreign sentence where it
// meant a name. Free text (Info, Comment, Tags, a file name) is not checked here:
// every encoder quotes it by the rules of its own language.
package indicator
