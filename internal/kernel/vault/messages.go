package vault

import "embed"

// Messages are the sentences of this package's faults and of vault/unseal's;
// app joins them into the catalogue.
//
//go:embed messages/*.json
var Messages embed.FS
