// Package markdown turns the Markdown of threat reports into HTML that is safe to show.
//
// A report tells of places that nobody should visit by a slip of the hand, and it may
// come from a stranger: raw HTML is shown as text, nothing is fetched (a picture is its
// words and address), and no link can be clicked: its address stands beside the words.
// Marks as MISP writes them, @[attribute](uuid) and @[object](uuid) and @[tag](name),
// are given to the caller, who knows what they stand for.
package markdown

import (
	"bytes"
	"html"
	"io"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// Most is how many bytes of a text are shown; the rest is cut off.
const Most = 1 << 20

// Named tells what a mark stands for; ok false leaves the mark as it was written.
type Named func(kind, ref string) (text string, ok bool)

// mark is a reference as MISP writes it; ! asks for a picture of it, which is words here.
var mark = regexp.MustCompile(`@!?\[(attribute|object|tag|galaxymatrix|suggestion)\]\(([^()\s]{1,300})\)`)

// HTML gives the text as HTML without a link, picture or script. named may be nil.
func HTML(text string, named Named) (string, error) {
	if len(text) > Most {
		text = strings.ToValidUTF8(text[:Most], "") + " …"
	}
	md := goldmark.New(goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), extension.Strikethrough),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(&quiet{named}, 1))))
	var b bytes.Buffer
	err := md.Convert([]byte(mark.ReplaceAllString(text, "[$1](<$2> \"@\")")), &b)
	return b.String(), err
}

// quiet renders what could lead away, or bring something in, as words.
type quiet struct{ named Named }

func (q *quiet) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindLink, q.link)
	r.Register(ast.KindImage, q.image)
	r.Register(ast.KindAutoLink, q.autoLink)
	r.Register(ast.KindHTMLBlock, q.htmlBlock)
	r.Register(ast.KindRawHTML, q.rawHTML)
}

func (q *quiet) link(w util.BufWriter, src []byte, n ast.Node, in bool) (ast.WalkStatus, error) {
	l := n.(*ast.Link)
	if string(l.Title) == "@" && in {
		kind, ref := words(n, src), string(l.Destination)
		text, ok := ref, false
		if q.named != nil {
			text, ok = q.named(kind, ref)
		}
		if !ok {
			text = "@[" + kind + "](" + ref + ")"
		}
		code(w, text)
		return ast.WalkSkipChildren, nil
	}
	if !in && string(l.Title) != "@" {
		address(w, words(n, src), string(l.Destination))
	}
	return ast.WalkContinue, nil
}

func (q *quiet) image(w util.BufWriter, src []byte, n ast.Node, in bool) (ast.WalkStatus, error) {
	if !in {
		address(w, words(n, src), string(n.(*ast.Image).Destination))
	}
	return ast.WalkContinue, nil
}

func (q *quiet) autoLink(w util.BufWriter, src []byte, n ast.Node, in bool) (ast.WalkStatus, error) {
	if in {
		code(w, string(n.(*ast.AutoLink).URL(src)))
	}
	return ast.WalkContinue, nil
}

func (q *quiet) htmlBlock(w util.BufWriter, src []byte, n ast.Node, in bool) (ast.WalkStatus, error) {
	if in {
		lines := n.Lines()
		_, _ = w.WriteString("<pre><code>")
		for i := range lines.Len() {
			at := lines.At(i)
			_, _ = w.WriteString(html.EscapeString(string(at.Value(src))))
		}
		if end := n.(*ast.HTMLBlock).ClosureLine; end.Start >= 0 && end.Stop > end.Start {
			_, _ = w.WriteString(html.EscapeString(string(end.Value(src))))
		}
		_, _ = w.WriteString("</code></pre>\n")
	}
	return ast.WalkContinue, nil
}

func (q *quiet) rawHTML(w util.BufWriter, src []byte, n ast.Node, in bool) (ast.WalkStatus, error) {
	if in {
		parts := n.(*ast.RawHTML).Segments
		for i := range parts.Len() {
			at := parts.At(i)
			_, _ = w.WriteString(html.EscapeString(string(at.Value(src))))
		}
	}
	return ast.WalkSkipChildren, nil
}

// words is the text below a node.
func words(n ast.Node, src []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(c ast.Node, in bool) (ast.WalkStatus, error) {
		if t, ok := c.(*ast.Text); ok && in {
			b.Write(t.Segment.Value(src))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// address stands beside its words, unless it is them.
func address(w io.Writer, words, at string) {
	if at != "" && at != words {
		_, _ = io.WriteString(w, " ")
		code(w, at)
	}
}

func code(w io.Writer, s string) {
	_, _ = io.WriteString(w, `<code translate="no">`+html.EscapeString(s)+`</code>`)
}
