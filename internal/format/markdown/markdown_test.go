package markdown

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestHTML(t *testing.T) {
	t.Parallel()
	named := func(kind, ref string) (string, bool) { return kind + "=" + strings.ToUpper(ref), ref != "gone" }
	for _, c := range []struct{ in, want string }{
		{"# Упад\n\nТекст **јако**.", "<h1>Упад</h1>\n<p>Текст <strong>јако</strong>.</p>\n"},
		{"види [овде](http://los.example/x)", "<p>види овде <code translate=\"no\">http://los.example/x</code></p>\n"},
		{"<http://los.example/>", "<p><code translate=\"no\">http://los.example/</code></p>\n"},
		{"![слика](http://los.example/p.png)", "<p>слика <code translate=\"no\">http://los.example/p.png</code></p>\n"},
		{"[клик](javascript:alert(1))", "<p>клик <code translate=\"no\">javascript:alert(1)</code></p>\n"},
		{"веза @[attribute](abc-1) и @[tag](gone)", "<p>веза <code translate=\"no\">attribute=ABC-1</code> и <code translate=\"no\">@[tag](gone)</code></p>\n"},
		{"a <b onclick=x>b</b>", "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n"},
		{"<script>alert(1)</script>", "<pre><code>&lt;script&gt;alert(1)&lt;/script&gt;</code></pre>\n"},
		{"| а | б |\n|---|---|\n| 1 | 2 |", "<table>\n<thead>\n<tr>\n<th>а</th>\n<th>б</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n"},
	} {
		got, err := HTML(c.in, named)
		if err != nil || got != c.want {
			t.Errorf("%q gives %q, want %q (%v)", c.in, got, c.want, err)
		}
	}
	if got, err := HTML(strings.Repeat("ж", Most), nil); err != nil || len(got) > Most+100 {
		t.Errorf("%d bytes of a long text, %v", len(got), err)
	}
}

// plain are the elements a report may become, plainAttr the attributes.
var plain = map[string]bool{"html": true, "head": true, "body": true, "p": true, "h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true, "em": true, "strong": true, "del": true,
	"code": true, "pre": true, "blockquote": true, "ul": true, "ol": true, "li": true, "hr": true, "br": true, "table": true, "thead": true, "tbody": true, "tr": true, "th": true, "td": true}

var plainAttr = map[string]bool{"translate": true, "class": true, "start": true, "align": true}

// FuzzHTML: whatever comes in, nothing goes out that runs, leads away or fetches.
func FuzzHTML(f *testing.F) {
	for _, s := range []string{"[a](javascript:x)", "<img src=x onerror=y>", "@[attribute](x)", "<a\nhref='x'>", "&lt;script&gt;", "``` html\n<x>", "[x]: http://y\n[x]", "<!-- -->", "| a |\n|:-:|\n| <b> |", "<?php", "<![CDATA[x]]>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out, err := HTML(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		z := html.NewTokenizer(strings.NewReader(out))
		for z.Next() != html.ErrorToken {
			tok := z.Token()
			switch tok.Type {
			case html.StartTagToken, html.SelfClosingTagToken:
				for _, a := range tok.Attr {
					if !plainAttr[a.Key] {
						t.Errorf("%q gives attribute %s=%q", s, a.Key, a.Val)
					}
				}
				if !plain[tok.Data] {
					t.Errorf("%q gives <%s>", s, tok.Data)
				}
			case html.CommentToken, html.DoctypeToken:
				t.Errorf("%q gives %v", s, tok)
			}
		}
	})
}
