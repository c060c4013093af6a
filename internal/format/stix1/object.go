package stix1

import (
	"strings"

	"straza/internal/format/indicator"
)

const idsSays = "Derived from MISP's IDS flag. If an attribute is marked for IDS exports, the confidence will be high, otherwise none"

// indicator writes one indicator with its observable.
func (x *Writer) indicator(it *indicator.Item) {
	title := it.Category + ": " + it.Value + " (MISP Attribute)"
	text := it.Comment
	if text == "" {
		text = title
	}
	confidence := "None"
	if it.ToIDS {
		confidence = "High"
	}
	objects := objectsOf(it)
	if x.o.JSON {
		obs := x.jsonObservable(it, objects)
		ind := map[string]any{"id": x.id("Indicator", it.UUID), "title": title, "description": text, "timestamp": stamp(it.Timestamp), "observable": obs,
			"indicator_types": []any{map[string]string{"value": watchlist(it), "xsi:type": "stixVocabs:IndicatorTypeVocab-1.1"}},
			"producer":        map[string]any{"identity": map[string]string{"name": it.Org}},
			"confidence": map[string]string{"timestamp": stamp(it.Timestamp), "timestamp_precision": "second", "value": confidence,
				"description": idsSays}}
		if x.o.Events {
			x.buf.WriteString(js(map[string]any{"relationship": it.Category, "indicator": ind}))
			return
		}
		x.buf.WriteString(js(ind))
		return
	}
	tag, open := "stix:Indicator", ""
	if x.o.Events {
		tag, open = "stixCommon:Indicator", "<incident:Related_Indicator><stixCommon:Relationship>"+esc(it.Category)+"</stixCommon:Relationship>"
	}
	x.buf.WriteString(open + "<" + tag + ` id="` + x.id("Indicator", esc(it.UUID)) + `" timestamp="` + stamp(it.Timestamp) + `" xsi:type="indicator:IndicatorType"><indicator:Title>` + esc(title) +
		`</indicator:Title><indicator:Type xsi:type="stixVocabs:IndicatorTypeVocab-1.1">` + watchlist(it) + `</indicator:Type><indicator:Description>` + esc(text) + "</indicator:Description>")
	x.xmlObservable(it, objects)
	x.buf.WriteString(`<indicator:Confidence timestamp="` + stamp(it.Timestamp) + `"><stixCommon:Value>` + confidence + "</stixCommon:Value><stixCommon:Description>" + esc(idsSays) +
		"</stixCommon:Description></indicator:Confidence><indicator:Producer><stixCommon:Identity><stixCommon:Name>" + esc(it.Org) +
		"</stixCommon:Name></stixCommon:Identity></indicator:Producer></" + tag + ">")
	if x.o.Events {
		x.buf.WriteString("</incident:Related_Indicator>")
	}
	x.buf.WriteByte('\n')
}

// watchlist is the word of STIX's vocabulary for the type.
func watchlist(it *indicator.Item) string {
	for _, p := range it.Parts() {
		switch p.Kind {
		case indicator.IP, indicator.Network:
			return "IP Watchlist"
		case indicator.Domain:
			return "Domain Watchlist"
		case indicator.URL:
			return "URL Watchlist"
		case indicator.Hash, indicator.Filename:
			return "File Hash Watchlist"
		case indicator.Email, indicator.Subject, indicator.Attachment:
			return "Malicious E-mail"
		}
	}
	return "Malware Artifacts"
}

// object is a CybOX object in both forms.
type object struct {
	name, kind string // "Address", "AddressObj:AddressObjectType"
	attrs      string // of the Properties element
	xml        string
	json       map[string]any
}

func equals(v string) map[string]any { return map[string]any{"value": v, "condition": "Equals"} }

func element(name, value string) string {
	return "<" + name + ` condition="Equals">` + esc(value) + "</" + name + ">"
}

// objectsOf makes the item's objects: a file name with its hash is one file.
func objectsOf(it *indicator.Item) (out []object) {
	var name, hash, algorithm string
	for _, p := range it.Parts() {
		switch p.Kind {
		case indicator.Filename:
			name = p.Value
		case indicator.Hash:
			hash, algorithm = p.Value, strings.ToUpper(p.Sub)
		default:
			out = append(out, objectOf(it, p))
		}
	}
	if name != "" || hash != "" {
		out = append(out, file(name, hash, algorithm))
	}
	if len(out) == 0 {
		return []object{custom(it)}
	}
	return out
}

func custom(it *indicator.Item) object {
	return object{"Custom", "CustomObj:CustomObjectType", "", `<cyboxCommon:Custom_Properties><cyboxCommon:Property name="` + esc(it.Type) + `">` + esc(it.Value) + "</cyboxCommon:Property></cyboxCommon:Custom_Properties>",
		map[string]any{"custom_properties": []any{map[string]string{"name": it.Type, "value": it.Value}}}}
}

func file(name, hash, algorithm string) object {
	o := object{name: "File", kind: "FileObj:FileObjectType", json: map[string]any{}}
	if name != "" {
		o.xml, o.json["file_name"] = element("FileObj:File_Name", name), equals(name)
	}
	if hash != "" {
		o.xml += `<FileObj:Hashes><cyboxCommon:Hash><cyboxCommon:Type condition="Equals" xsi:type="cyboxVocabs:HashNameVocab-1.0">` + esc(algorithm) + "</cyboxCommon:Type>" +
			element("cyboxCommon:Simple_Hash_Value", hash) + "</cyboxCommon:Hash></FileObj:Hashes>"
		t := equals(algorithm)
		t["xsi:type"] = "cyboxVocabs:HashNameVocab-1.0"
		o.json["hashes"] = []any{map[string]any{"type": t, "simple_hash_value": equals(hash)}}
	}
	return o
}

func objectOf(it *indicator.Item, p indicator.Part) object {
	switch p.Kind {
	case indicator.IP, indicator.Network:
		return address(p)
	case indicator.Domain:
		if p.Host {
			return object{"Hostname", "HostnameObj:HostnameObjectType", "", element("HostnameObj:Hostname_Value", p.Value), map[string]any{"hostname_value": equals(p.Value)}}
		}
		return object{"DomainName", "DomainNameObj:DomainNameObjectType", "", element("DomainNameObj:Value", p.Value), map[string]any{"value": equals(p.Value)}}
	case indicator.URL:
		return object{"URI", "URIObj:URIObjectType", ` type="URL"`, element("URIObj:Value", p.Value), map[string]any{"type": "URL", "value": equals(p.Value)}}
	case indicator.Email:
		a := map[string]any{"address_value": equals(p.Value), "category": "e-mail", "xsi:type": "AddressObjectType"}
		in := ` xsi:type="AddressObj:AddressObjectType" category="e-mail">` + element("AddressObj:Address_Value", p.Value)
		if p.Side == indicator.Destination {
			return letter("<EmailMessageObj:To><EmailMessageObj:Recipient"+in+"</EmailMessageObj:Recipient></EmailMessageObj:To>", map[string]any{"to": []any{a}})
		}
		return letter("<EmailMessageObj:From"+in+"</EmailMessageObj:From>", map[string]any{"from": a})
	case indicator.Subject:
		return letter(element("EmailMessageObj:Subject", p.Value), map[string]any{"subject": equals(p.Value)})
	case indicator.Mutex:
		return object{"Mutex", "MutexObj:MutexObjectType", "", element("MutexObj:Name", p.Value), map[string]any{"name": equals(p.Value)}}
	case indicator.Registry:
		return object{"WinRegistryKey", "WinRegistryKeyObj:WindowsRegistryKeyObjectType", "", element("WinRegistryKeyObj:Key", p.Value), map[string]any{"key": equals(p.Value)}}
	}
	return custom(it)
}

func letter(header string, json map[string]any) object {
	return object{"EmailMessage", "EmailMessageObj:EmailMessageObjectType", "", "<EmailMessageObj:Header>" + header + "</EmailMessageObj:Header>", map[string]any{"header": json}}
}

func address(p indicator.Part) object {
	kind := "ipv4-addr"
	switch {
	case p.Kind == indicator.Network:
		kind = "cidr"
	case strings.Contains(p.Value, ":"):
		kind = "ipv6-addr"
	}
	from, to := p.Side == indicator.Source, p.Side != indicator.Source
	word := map[bool]string{true: "true", false: "false"}
	return object{"Address", "AddressObj:AddressObjectType", ` category="` + kind + `" is_source="` + word[from] + `" is_destination="` + word[to] + `"`, element("AddressObj:Address_Value", p.Value),
		map[string]any{"address_value": equals(p.Value), "category": kind, "is_source": from, "is_destination": to}}
}

// part names the pieces of a composition; the only one has no number.
func part(uuid string, i, n int) string {
	if n == 1 {
		return uuid
	}
	return uuid + "-" + string(rune('1'+i))
}

func (x *Writer) jsonObservable(it *indicator.Item, list []object) map[string]any {
	var all []any
	for i, o := range list {
		uuid := part(it.UUID, i, len(list))
		_, bare, _ := strings.Cut(o.kind, ":")
		o.json["xsi:type"] = bare
		all = append(all, map[string]any{"id": x.id("Observable", uuid), "object": map[string]any{"id": x.id(o.name, uuid), "properties": o.json}})
	}
	if len(all) == 1 {
		return all[0].(map[string]any)
	}
	return map[string]any{"id": x.id("ObservableComposition", it.UUID), "observable_composition": map[string]any{"operator": "AND", "observables": all}}
}

func (x *Writer) xmlObservable(it *indicator.Item, list []object) {
	tag, uuid := "indicator:Observable", esc(it.UUID)
	if len(list) > 1 {
		x.buf.WriteString(`<indicator:Observable id="` + x.id("ObservableComposition", uuid) + `"><cybox:Observable_Composition operator="AND">`)
		tag = "cybox:Observable"
	}
	for i, o := range list {
		n := part(uuid, i, len(list))
		x.buf.WriteString("<" + tag + ` id="` + x.id("Observable", n) + `"><cybox:Object id="` + x.id(o.name, n) + `"><cybox:Properties xsi:type="` + o.kind + `"` + o.attrs + ">" +
			o.xml + "</cybox:Properties></cybox:Object></" + tag + ">")
	}
	if len(list) > 1 {
		x.buf.WriteString("</cybox:Observable_Composition></indicator:Observable>")
	}
}
