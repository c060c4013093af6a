//go:build plantedfaults

package fault

import "os"

var planted = os.Getenv("STRAZA_FAULT")

// Planted tells whether STRAZA_FAULT names this fault. docs/threats.md lists them
// with the tests that must catch them; e2e.TestPlantedFaults holds that to be true.
func Planted(name string) bool { return planted == name }
