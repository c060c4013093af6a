package ui

import (
	"strings"
	"testing"

	"straza/internal/kernel/i18n"
)

func TestProse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"<h1>Упад</h1>\n<p>a <strong>b</strong></p>":     "<h1>Упад</h1>\n<p>a <strong>b</strong></p>",
		`<a href="http://x">x</a>`:                       `&lt;a href=&#34;http://x&#34;&gt;x`,
		`<p onclick="x">y</p>`:                           `<p>y</p>`,
		`<td align="right" style="x">1</td>`:             `<td align="right">1</td>`,
		`</div></main><p>x`:                              `<p>x</p>`,
		`<script>alert(1)</script>`:                      `&lt;script&gt;alert(1)`,
		`<!-- x --><img src=x onerror=y>&lt;b&gt;`:       `&lt;!-- x --&gt;&lt;img src=&#34;x&#34; onerror=&#34;y&#34;&gt;&lt;b&gt;`,
		`<ol start="3"><li>a<br>b</li></ol><hr><p>c</p>`: `<ol start="3"><li>a<br>b</li></ol><hr><p>c</p>`,
	} {
		var b strings.Builder
		if err := Prose(in).draw(nil, i18n.En, &b); err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSuffix(strings.TrimPrefix(b.String(), `<div class="sz-prose" translate="no">`), "</div>")
		if got != want {
			t.Errorf("%s gives %s, want %s", in, got, want)
		}
	}
}
