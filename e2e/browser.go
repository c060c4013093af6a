package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Viewport is the size of a screen in CSS pixels.
type Viewport struct {
	Name          string
	Width, Height int64
	Mobile        bool
}

// The three screens: small is the narrowest that pages must fit (WCAG 1.4.10).
var (
	Small   = Viewport{"small", 320, 640, true}
	Phone   = Viewport{"phone", 390, 844, true}
	Desktop = Viewport{"desktop", 1440, 900, false}
)

// Colour schemes and languages of the product.
var (
	Schemes   = []string{"light", "dark"}
	Languages = []string{"sr-Cyrl", "sr-Latn", "en"}
)

// Look is how somebody looks at a page.
type Look struct {
	Viewport Viewport // zero: Desktop
	Scheme   string   // "light" (default) or "dark"
	Lang     string   // preferred language, "sr-Cyrl" by default
	NoScript bool     // scripts are off
}

// String names the look in test output and file names.
func (l Look) String() string {
	s := l.Viewport.Name + "-" + l.Scheme + "-" + l.Lang
	if l.NoScript {
		s += "-noscript"
	}
	return s
}

func (l Look) filled() Look {
	if l.Viewport.Width == 0 {
		l.Viewport = Desktop
	}
	if l.Scheme == "" {
		l.Scheme = "light"
	}
	if l.Lang == "" {
		l.Lang = "sr-Cyrl"
	}
	return l
}

// chrome is the one browser process of the run; every Page has a profile of its own in it.
var chrome struct {
	once   sync.Once
	ctx    context.Context
	cancel []context.CancelFunc
	dir    string
	err    error
}

func startChrome() {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		chrome.err = fmt.Errorf("no Chromium on this machine (scripts/setup.sh installs it)")
		return
	}
	if chrome.dir, chrome.err = os.MkdirTemp("", "straza-chrome."); chrome.err != nil {
		return
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(chrome.dir), chromedp.NoSandbox, chromedp.DisableGPU,
		// Without these Chromium looks for its maker's hosts at every start.
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-pings", true), chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1"),
		chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("hide-scrollbars", true),
	)
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(alloc)
	chrome.cancel = []context.CancelFunc{cancel, cancelAlloc}
	chrome.ctx = ctx
	chrome.err = chromedp.Do(ctx) // starts the process
}

func stopChrome() {
	for _, c := range chrome.cancel {
		c()
	}
	if chrome.dir != "" {
		os.RemoveAll(chrome.dir)
	}
}

// Page is one tab with its own cookies, seen in one Look.
type Page struct {
	Look   Look
	Origin string

	t      testing.TB
	ctx    context.Context
	status int64
	mu     sync.Mutex
	noise  []string
}

// step is how long one action may take before the page counts as stuck.
const step = 20 * time.Second

// Open makes a tab with an empty profile; it closes with the test.
func Open(t testing.TB, origin string, look Look) *Page {
	t.Helper()
	chrome.once.Do(startChrome)
	needTool(t, chrome.err == nil, "no browser: %v", chrome.err)
	ctx, cancel := chromedp.NewContext(chrome.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &Page{Look: look.filled(), Origin: origin, t: t, ctx: ctx}
	p.do(chromedp.EmulateViewport(p.Look.Viewport.Width, p.Look.Viewport.Height, func(m *emulation.SetDeviceMetricsOverrideParams, touch *emulation.SetTouchEmulationEnabledParams) {
		m.Mobile, touch.Enabled = p.Look.Viewport.Mobile, p.Look.Viewport.Mobile
	}))
	p.listen()
	p.appear()
	return p
}

// appear makes the tab look as Look says.
func (p *Page) appear() {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: p.Look.Scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}})
	p.check(err)
	_, err = chromedp.Call(p.ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
		Headers: network.Headers{"Accept-Language": p.Look.Lang}})
	p.check(err)
	if p.Look.NoScript {
		p.scripts(false)
	}
}

// scripts switches the page's scripts on or off. Switching them on later does not run what was skipped.
func (p *Page) scripts(on bool) {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	p.check(err)
}

// listen notes everything the browser complains of: script errors, refused scripts and styles, missing files.
func (p *Page) listen() {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, log.Enable, struct{}{})
	p.check(err)
	p.check(chromedp.Listen(p.ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			p.note("script error: " + ev.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if ev.Entry.Level == log.EntryLevelError {
				p.note("browser: " + ev.Entry.Text)
			}
		}
	}))
}

func (p *Page) note(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noise = append(p.noise, s)
}

// Complaints gives what the browser complained of since the last call.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.noise
	p.noise = nil
	return out
}

func (p *Page) check(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%s at %s: %v", p.Look, p.where(), err)
	}
}

// where gives the address for messages, without ending the test.
func (p *Page) where() string {
	ctx, cancel := context.WithTimeout(p.ctx, 2*time.Second)
	defer cancel()
	u, _ := chromedp.Run(ctx, chromedp.Location())
	return u
}

func (p *Page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if chromedp.FromContext(p.ctx).Target == nil {
		p.check(chromedp.Do(p.ctx, steps...)) // the first call makes the tab and must not carry a limit
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, step)
	defer cancel()
	p.check(chromedp.Do(ctx, steps...))
}

// Visit opens a path of the origin (or a whole address) and gives the status of the answer.
func (p *Page) Visit(path string) int {
	p.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = p.Origin + path
	}
	ctx, cancel := context.WithTimeout(p.ctx, step)
	defer cancel()
	r, err := chromedp.Run(ctx, chromedp.NavigateResponse(path))
	if err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED") { // a file to save: the page stays where it was
		p.status = http.StatusNoContent
		return http.StatusNoContent
	}
	p.check(err)
	p.status = r.Status
	return int(r.Status)
}

// Leave does something that loads another page (a click, a key) and waits until it is there; it gives the status.
func (p *Page) Leave(act chromedp.Action[chromedp.Void]) int {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, step)
	defer cancel()
	r, err := chromedp.RunResponse(ctx, act)
	p.check(err)
	if r == nil {
		return 0
	}
	p.status = r.Status
	return int(r.Status)
}

// Follow clicks what the CSS selector finds first and waits for the next page.
func (p *Page) Follow(css string) int {
	p.t.Helper()
	return p.Leave(chromedp.Click(chromedp.CSS(css)))
}

// Click clicks without leaving the page.
func (p *Page) Click(css string) { p.t.Helper(); p.do(chromedp.Click(chromedp.CSS(css))) }

// Fill replaces what stands in a field, as pasted text does: one input event, any script of the world.
func (p *Page) Fill(css, text string) {
	p.t.Helper()
	p.do(chromedp.Focus(chromedp.CSS(css)))
	Eval[any](p, "document.activeElement.select && document.activeElement.select()")
	if text == "" {
		p.Press(kb.Delete)
		return
	}
	_, err := chromedp.Call(p.ctx, input.InsertText, input.InsertTextParams{Text: text})
	p.check(err)
}

// Pick chooses an option of a select by its value, or checks a radio button or box.
func (p *Page) Pick(css, value string) {
	p.t.Helper()
	if Eval[string](p, fmt.Sprintf("document.querySelector(%q).tagName", css)) == "SELECT" {
		p.do(chromedp.SetValue(chromedp.CSS(css), value))
		return
	}
	p.Click(fmt.Sprintf("%s[value=%q]", css, value))
}

// Upload puts files into a file field.
func (p *Page) Upload(css string, files ...string) {
	p.t.Helper()
	for i, f := range files {
		abs, err := filepath.Abs(f)
		p.check(err)
		files[i] = abs
	}
	p.do(chromedp.SetUploadFiles(chromedp.CSS(css), files))
}

// Press sends keys to whatever has the focus; see package kb for Tab, Enter, arrows.
func (p *Page) Press(keys string) { p.t.Helper(); p.do(chromedp.KeyEvent(keys)) }

// Tab moves the focus n times and says what has it then, as "tag#id name".
func (p *Page) Tab(n int) string {
	p.t.Helper()
	for range n {
		p.Press(kb.Tab)
	}
	return p.Focus()
}

// Focus says what has the focus, as "tag#id.name", "body" when nothing has.
func (p *Page) Focus() string {
	p.t.Helper()
	return Eval[string](p, `(() => { const e = document.activeElement; if (!e) return "";
		return e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.name ? "." + e.name : ""); })()`)
}

// Eval computes an expression in the page; it works with scripts off too (the
// debugger runs it), but then a promise never ends. A promise is awaited.
func Eval[T any](p *Page, js string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 3*step)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	p.check(err)
	return v
}

// Has tells whether the selector finds anything.
func (p *Page) Has(css string) bool {
	p.t.Helper()
	return Eval[bool](p, fmt.Sprintf("document.querySelector(%q) !== null", css))
}

// Text gives the visible text of the first match.
func (p *Page) Text(css string) string {
	p.t.Helper()
	return Eval[string](p, fmt.Sprintf("(document.querySelector(%q) || {innerText: ''}).innerText", css))
}

// Where gives path and query of the address.
func (p *Page) Where() string {
	p.t.Helper()
	return strings.TrimPrefix(Eval[string](p, "location.href"), p.Origin)
}

// Sideways gives by how many pixels the page is wider than the screen; 0 is right.
func (p *Page) Sideways() int {
	p.t.Helper()
	return max(0, Eval[int](p, "document.documentElement.scrollWidth")-int(p.Look.Viewport.Width))
}

// SmallTargets lists buttons, fields and lone links smaller than px in either direction (44 on public pages).
func (p *Page) SmallTargets(px int) []string {
	p.t.Helper()
	return Eval[[]string](p, fmt.Sprintf(`[...document.querySelectorAll("button, input:not([type=hidden]), select, textarea, summary, a.button, [role=button]")]
		.filter(e => { const s = getComputedStyle(e); const l = e.closest("label"); const r = (l || e).getBoundingClientRect();
			const x = e.getBoundingClientRect(); return s.visibility !== "hidden" && x.width > 1 && x.height > 1 && (r.width < %d || r.height < %d); })
		.map(e => e.outerHTML.slice(0, 120))`, px, px))
}

// Shot takes a picture of the whole page into STRAZA_SHOTS, or the test's own folder; it gives the file.
func (p *Page) Shot(name string) string {
	p.t.Helper()
	dir := os.Getenv("STRAZA_SHOTS")
	if dir == "" {
		dir = filepath.Join(root, ".cache", "shots")
	}
	p.check(os.MkdirAll(dir, 0o755))
	ctx, cancel := context.WithTimeout(p.ctx, 3*step)
	defer cancel()
	b, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	p.check(err)
	file := filepath.Join(dir, name+"-"+p.Look.String()+".png")
	p.check(os.WriteFile(file, b, 0o644))
	return file
}

// press is the action behind Press, for Leave.
func press(keys string) chromedp.Action[chromedp.Void] { return chromedp.KeyEvent(keys) }
