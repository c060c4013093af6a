package admin

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"straza/internal/kernel/i18n"
)

// recorded finds the codes that the program writes into its log with a text of its own.
var recorded = regexp.MustCompile(`(?:Record|RecordAt|record|changeGroup|changeReport|tagging|exporting|change|changeTx)\((?:a\.)?ctx[^"\n]*"([a-z][a-z-]*\.[a-z._-]*[a-z])"`)

// computed are codes that are put together where they are written.
var computed = strings.Fields(`case.answer case.assess case.assign case.classify case.describe case.edit case.entry.add case.entry.drop case.entry.edit case.evidence case.label
	case.link case.measure.ask case.measure.move case.merge case.move case.note.add case.note.drop case.note.edit case.org case.party.add case.party.set case.share case.split
	case.tag case.task.add case.task.again case.task.done case.task.drop case.task.edit case.undo case.unlink case.withdraw case.write evidence.opened evidence.moved
	report.accept report.acknowledge report.classify report.duplicate report.hand_over report.reject report.release report.take report.undo report.withdraw
	registry.add registry.edit registry.asset.add registry.asset.change registry.asset.restore registry.asset.withdraw registry.contact.add registry.contact.ask
	registry.contact.bounce registry.contact.change registry.contact.confirm registry.contact.refute registry.contact.remove registry.constituency registry.merge registry.unmerge
	registry.restore registry.withdraw registry.resource.add registry.resource.change registry.resource.check registry.resource.restore registry.resource.withdraw
	request.accepted request.discarded shift.line shift.taken thread.in thread.note thread.out thread.quarantine peer.pull peer.push person.accept person.reset event.enrich event.enrich.undo module.add module.change module.drop module.setup module.test enrich.ask enrich.held intel.networks event.edit event.publish event.unpublish`)

// TestEveryActHasWords: what the program writes into the log is read in words, in every
// language, and found by them.
func TestEveryActHasWords(t *testing.T) {
	t.Parallel()
	words, err := i18n.NewCatalog(Files)
	if err != nil {
		t.Fatal(err)
	}
	p := &pages{words: words}
	codes := slices.Clone(computed)
	err = fs.WalkDir(os.DirFS(".."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
			return err
		}
		b, err := os.ReadFile("../" + path)
		for _, m := range recorded.FindAllSubmatch(b, -1) {
			codes = append(codes, string(m[1]))
		}
		return err
	})
	if err != nil || len(codes) < len(computed)+100 {
		t.Fatalf("only %d codes found in the program: %v", len(codes), err)
	}
	slices.Sort(codes)
	for _, c := range slices.Compact(codes) {
		for _, l := range i18n.Langs {
			w := p.actWords(l, c)
			if w == "" { // the room of cases writes its own name before it
				w = p.actWords(l, "case."+c)
			}
			if w == "" || strings.Contains(w, "admin.") {
				t.Errorf("%s has no words in %s: give admin/messages admin.audit.thing.… or admin.audit.did.…", c, l)
			}
		}
	}
}

func TestActsAreFoundByWordsAndCode(t *testing.T) {
	t.Parallel()
	words, err := i18n.NewCatalog(Files)
	if err != nil {
		t.Fatal(err)
	}
	p := &pages{words: words}
	known := []string{"case.read", "case.task.done", "report.reject", "report.take", "thread.read", "zz.unknown"}
	for said, want := range map[string]string{"report.": "report.reject report.take", "report.take": "report.take", "пријава": "report.reject report.take", "prijava preuz": "report.take",
		"читање": "case.read thread.read", "CITANJE slučaj": "case.read", "Преписка: читање": "thread.read", "zz": "zz.unknown", "%": "", "S-2026-000114": "", "ништа": ""} {
		if got := strings.Join(p.actsLike(i18n.SrCyrl, said, known), " "); got != want {
			t.Errorf("%q finds %q, want %q", said, got, want)
		}
	}
	if got := strings.Join(p.actsLike(i18n.En, "report taken", known), " "); got != "report.take" {
		t.Errorf("English finds %q", got)
	}
	if p.actWords(i18n.En, "zz.unknown") != "" {
		t.Error("an unknown code got words")
	}
}
