//go:build !plantedfaults

package fault

// Planted tells whether a fault of that name was planted on purpose. In every
// binary but the one built with the tag plantedfaults it is false, and what it
// guards is compiled away.
func Planted(string) bool { return false }
