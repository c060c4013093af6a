package misp

import (
	"bytes"
	"unicode/utf8"
)

// AppendXML writes JSON as MISP's XML: a list is its elements one after another
// under the same name, nothing is an empty element, a flag is 1 or 0. The name is
// the element's; fault is an *Error when json is not JSON.
func AppendXML(dst []byte, name string, json []byte) ([]byte, error) {
	r := newReader(bytes.NewReader(json), Limits{})
	dst, err := r.xml(dst, xmlName(name))
	if err == nil {
		err = r.end()
	}
	return dst, err
}

// notInXML are fields of an event that MISP leaves out of its XML (measured).
var notInXML = map[string]bool{"attribute_count": true, "proposal_email_lock": true, "locked": true}

func (r *reader) xml(dst []byte, name string) ([]byte, error) {
	c, err := r.peek()
	if err != nil {
		return dst, err
	}
	if c == '[' {
		return r.xmlList(dst, name)
	}
	start := len(dst)
	dst = append(append(append(dst, '<'), name...), '>')
	body := len(dst)
	switch c {
	case '{':
		_, err = r.object(func(key string) (err error) {
			if name == "Event" && notInXML[key] {
				return r.skip()
			}
			dst, err = r.xml(dst, xmlName(key))
			return err
		})
	case '"':
		var b []byte
		if b, err = r.text(); err == nil {
			dst = appendXMLText(dst, b)
		}
	default:
		var b []byte
		b, err = r.literal()
		switch string(b) {
		case "null":
		case "true":
			dst = append(dst, '1')
		case "false":
			dst = append(dst, '0')
		default:
			dst = append(dst, b...)
		}
	}
	if len(dst) == body {
		return append(append(append(dst[:start], '<'), name...), "/>"...), err
	}
	return append(append(append(dst, "</"...), name...), '>'), err
}

func (r *reader) xmlList(dst []byte, name string) ([]byte, error) {
	if err := r.enter(); err != nil {
		return dst, err
	}
	for n := 0; ; n++ {
		ok, err := r.more()
		if err == nil && !ok && n == 0 {
			return append(append(append(dst, '<'), name...), "/>"...), nil
		}
		if err != nil || !ok {
			return dst, err
		}
		if dst, err = r.xml(dst, name); err != nil {
			return dst, err
		}
	}
}

// xmlName makes a key fit to name an element: keys are foreign text.
func xmlName(key string) string {
	b := []byte(key)
	for i, c := range b {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			b[i] = '_'
		}
	}
	if len(b) == 0 {
		return "_"
	}
	return string(b)
}

// appendXMLText escapes what XML 1.0 reserves and replaces what it forbids.
func appendXMLText(dst, text []byte) []byte {
	for len(text) > 0 {
		u, n := utf8.DecodeRune(text)
		switch {
		case u == '<':
			dst = append(dst, "&lt;"...)
		case u == '>':
			dst = append(dst, "&gt;"...)
		case u == '&':
			dst = append(dst, "&amp;"...)
		case u == '\r':
			dst = append(dst, "&#13;"...)
		case u < 0x20 && u != '\t' && u != '\n', u == 0xfffe, u == 0xffff:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			dst = utf8.AppendRune(dst, u)
		}
		text = text[n:]
	}
	return dst
}
