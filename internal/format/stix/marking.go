package stix

import (
	"strings"

	"straza/internal/format/tlp"
)

// tlpExtension is the property extension that carries TLP 2.0.
const tlpExtension = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

type marking struct{ id, json string }

func tlp1(uuid, word, tag string) marking {
	id := "marking-definition--" + uuid
	return marking{id, `{"type":"marking-definition","spec_version":"2.1","id":"` + id + `","created":"2017-01-20T00:00:00.000Z","definition_type":"tlp","name":"TLP:` + word + `","definition":{"tlp":"` + tag + `"}}`}
}

func tlp2(uuid, word, tag string) marking {
	id := "marking-definition--" + uuid
	return marking{id, `{"type":"marking-definition","spec_version":"2.1","id":"` + id + `","created":"2022-10-01T00:00:00.000Z","name":"TLP:` + word + `","extensions":{"` + tlpExtension + `":{"extension_type":"property-extension","tlp_2_0":"` + tag + `"}}}`}
}

// The fixed markings of both generations.
var (
	white  = tlp1("613f2e26-407d-48c7-9eca-b8e91df99dc9", "WHITE", "white")
	green1 = tlp1("34098fce-860f-48ae-8e50-ebd3cc5e41da", "GREEN", "green")
	amber1 = tlp1("f88d31f6-486f-44da-b317-01333bde0b82", "AMBER", "amber")
	red1   = tlp1("5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "RED", "red")
	clear2 = tlp2("94868c89-83c2-464b-929b-a1a8aa3c8487", "CLEAR", "clear")
	green2 = tlp2("bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "GREEN", "green")
	amber2 = tlp2("55d920b0-5e8b-4f79-9ee9-91f868d9b421", "AMBER", "amber")
	strict = tlp2("939a9414-2ddd-4d32-a0cd-375ea402b003", "AMBER+STRICT", "amber+strict")
	red2   = tlp2("e828b379-4e03-4974-9ac4-e53a884c97c1", "RED", "red")
)

// markingOf returns the marking for a label. In compatible mode the labels that
// TLP 1 knew keep their old ids, which every consumer recognises.
func markingOf(l tlp.Level, asWhite bool, m Mode) (marking, bool) {
	if m == Compatible {
		switch {
		case l == tlp.Clear && asWhite:
			return white, true
		case l == tlp.Green:
			return green1, true
		case l == tlp.Amber:
			return amber1, true
		case l == tlp.Red:
			return red1, true
		}
	}
	switch l {
	case tlp.Clear:
		return clear2, true
	case tlp.Green:
		return green2, true
	case tlp.Amber:
		return amber2, true
	case tlp.AmberStrict:
		return strict, true
	case tlp.Red:
		return red2, true
	}
	return marking{}, false
}

// LevelOf returns the TLP level of a marking definition's id, of either
// generation; None for any other id.
func LevelOf(id string) tlp.Level {
	switch id {
	case white.id, clear2.id:
		return tlp.Clear
	case green1.id, green2.id:
		return tlp.Green
	case amber1.id, amber2.id:
		return tlp.Amber
	case strict.id:
		return tlp.AmberStrict
	case red1.id, red2.id:
		return tlp.Red
	}
	return tlp.None
}

// confidences are the values of the MISP taxonomy; of several the lowest counts.
var confidences = map[string]int64{
	"completely-confident": 100, "usually-confident": 75, "fairly-confident": 50, "rarely-confident": 25, "unconfident": 0,
}

func confidence(tag string) (int64, bool) {
	v, ok := strings.CutPrefix(tag, "misp:confidence-level=")
	if !ok {
		return 0, false
	}
	n, ok := confidences[strings.Trim(v, `"`)]
	return n, ok
}
