package arch

import (
	"slices"
	"strings"
)

// The picture of docs/architecture.md as tables. Whoever adds a room adds it here first.
var (
	kernelOrder = []string{"fault", "clock", "store", "blob", "ident", "vault", "access", "audit",
		"i18n", "jobs", "outbound", "mail", "cli", "account", "web"}
	// Values without behaviour that every kernel package may name, whatever its place.
	kernelLeaves = []string{"fault", "ident"}

	crafts = []string{"pack", "form", "deadline", "search", "thread", "rule", "approval", "seal", "document", "export"}
	// A craft that is made for another: forms, deadlines and rules are written in pack's
	// condition language, correspondence is searched.
	craftNeeds = map[string][]string{"form": {"pack"}, "deadline": {"pack"}, "rule": {"pack"}, "thread": {"search"}}

	fronts = []string{"site", "entry", "desk", "portal", "admin", "find"}

	hearts = []string{"registry", "intake", "incident", "regime", "catalog", "intel", "peer", "watch", "advisory",
		"readiness", "oversight", "crisis", "academy", "eservice", "privacy", "insight"}
	// Beside catalog and registry, which every heart but those two may call.
	heartNeeds = map[string][]string{
		"advisory": {"incident", "watch"},
		"intake":   {"incident"},
		"incident": {"regime", "intel"},
		"watch":    {"intel"},
		"peer":     {"intel"},
	}

	// Chambers are second packages of a heart: the same room, tables and neighbours, told apart so that
	// no package becomes a heap. A chamber knows its heart's first package; never the other way round.
	chambers = map[string][]string{"intel": {"remark", "feed", "reflex", "enrich", "dossier", "expiry", "upload", "bulk"}, "peer": {"poll"}, "incident": {"erasure"}}

	adapterKernel = []string{"cli", "web", "i18n", "ident", "fault", "access", "clock"}
	frontForbids  = []string{"store", "vault", "blob"}
)

// kind is what sort of room a directory is.
type kind string

const (
	kCmd       kind = "cmd"
	kApp       kind = "app"
	kDemo      kind = "demo"
	kKernel    kind = "kernel"
	kCraft     kind = "craft"
	kCraftWeb  kind = "craft page"
	kFormat    kind = "format"
	kHeart     kind = "heart"
	kAdapter   kind = "adapter"
	kHeartTest kind = "heart's test builders"
	kFront     kind = "front room"
	kTestkit   kind = "testkit"
	kOutside   kind = "outside the binary" // migrations, bench, internal/arch
	kUnknown   kind = "no room of the house"
)

// room is where a package stands; name is the kernel package, craft, format, heart or front it belongs to.
type room struct {
	kind kind
	name string
}

// roomOf places a directory of the tree.
func roomOf(dir string) room {
	seg := strings.Split(dir, "/")
	switch seg[0] {
	case "cmd":
		return room{kCmd, ""}
	case "migrations", "bench":
		return room{kOutside, seg[0]}
	case "internal":
	default:
		return room{kUnknown, dir}
	}
	if len(seg) < 2 {
		return room{kUnknown, dir}
	}
	switch s := seg[1]; {
	case s == "app":
		return room{kApp, ""}
	case s == "demo":
		return room{kDemo, ""}
	case s == "arch":
		return room{kOutside, s}
	case s == "testkit":
		return room{kTestkit, ""}
	case s == "kernel" || s == "craft" || s == "format":
		return layerRoom(s, seg[2:], dir)
	case slices.Contains(fronts, s):
		return room{kFront, s}
	case slices.Contains(hearts, s):
		switch {
		case len(seg) == 2, len(seg) == 3 && slices.Contains(chambers[s], seg[2]):
			return room{kHeart, s}
		case seg[2] == s+"test" || seg[2] == "source" && len(seg) > 3 && seg[3] == "sourcetest":
			return room{kHeartTest, s}
		}
		return room{kAdapter, s}
	}
	return room{kUnknown, dir}
}

func layerRoom(layer string, rest []string, dir string) room {
	if len(rest) == 0 {
		return room{kUnknown, dir}
	}
	name := rest[0]
	switch layer {
	case "kernel":
		if slices.Contains(kernelOrder, name) {
			return room{kKernel, name}
		}
	case "format":
		return room{kFormat, name}
	case "craft":
		if base, web := strings.CutSuffix(rest[len(rest)-1], "web"); web && slices.Contains(crafts, base) {
			return room{kCraftWeb, base}
		}
		if slices.Contains(crafts, name) {
			return room{kCraft, name}
		}
	}
	return room{kUnknown, dir}
}

// heartMayCall tells whether a heart (or its adapters) may know another heart.
func heartMayCall(from, to string) bool {
	if from == to {
		return true
	}
	if from == "catalog" || from == "registry" || from == "insight" {
		return false // insight gets everybody's Stats handed in by app
	}
	return to == "catalog" || to == "registry" || slices.Contains(heartNeeds[from], to)
}

// kernelMayImport tells whether one kernel package stands after another.
func kernelMayImport(from, to string) bool {
	return from == to || slices.Contains(kernelLeaves, to) ||
		slices.Index(kernelOrder, to) < slices.Index(kernelOrder, from)
}
