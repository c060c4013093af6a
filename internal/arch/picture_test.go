package arch

import (
	"path"
	"regexp"
)

// picture is what people are shown of the rooms.
const picture = "docs/architecture.md"

// lawPicture: every room of kernel, craft, hearts and fronts, and every chamber, is named in the
// picture. Adapters are drawn as families and formats as one layer.
func lawPicture(tr *tree) (out []breach) {
	text := tr.texts[picture]
	seen := map[string]bool{}
	for _, f := range tr.files {
		if seen[f.dir] || f.test {
			continue
		}
		seen[f.dir] = true
		r := roomOf(f.dir)
		switch r.kind {
		case kCraft, kHeart, kFront:
		case kKernel:
			if path.Base(f.dir) != r.name {
				continue // a part of the one that is drawn
			}
		default:
			continue
		}
		if !regexp.MustCompile(`\b` + path.Base(f.dir) + `\b`).Match(text) {
			out = append(out, breach{f.dir, "stands in the tree and not in " + picture})
		}
	}
	return out
}
