package rule

import (
	"encoding/base64"
	"strings"

	"straza/internal/craft/pack"
)

// DecodeSecret is the receiver's reading of a webhook's secret.
func DecodeSecret(s string) []byte {
	b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, secretPrefix))
	return b
}

// Compile lets the fuzz target at conditions.
func Compile(c Cond, t *Trigger) (pack.Cond, error) { return c.compile(t) }
