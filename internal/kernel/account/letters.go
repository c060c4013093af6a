package account

import (
	"context"
	"embed"
	"time"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// Messages holds the sentences of this package's faults and letters.
//
//go:embed messages/*.json
var Messages embed.FS

// Post queues letters; *mail.Post fills it.
type Post interface {
	QueueTx(ctx context.Context, tx *store.Tx, l mail.Letter) (int64, error)
}

// Mail writes account letters in the person's language and queues them.
type Mail struct {
	Post    Post
	Catalog *i18n.Catalog
	House   string // name of the installation
}

// LetterTx queues one letter: what happened, one link, what to do when it was
// not you. User text in it (the name) is an argument, never a template.
func (m Mail) LetterTx(ctx context.Context, tx *store.Tx, l Letter) error {
	lang, err := i18n.Parse(l.Lang)
	if err != nil {
		lang = i18n.Default
	}
	args := []any{"name", l.Name, "link", l.Link, "house", m.House}
	_, err = m.Post.QueueTx(ctx, tx, mail.Letter{Purpose: "account." + l.Kind, To: l.To, Lang: string(lang),
		Subject: m.Catalog.T(lang, "account.letter."+l.Kind+".subject", args...),
		Body:    m.Catalog.T(lang, "account.letter."+l.Kind+".body", args...)})
	return err
}

// Jobs are the letters that somebody asked for, and once an hour forgetting what
// has lost its meaning.
func (s *Service) Jobs() []jobs.Def {
	return []jobs.Def{{Kind: jobForgot, Run: s.forgot}, {Kind: "account.sweep", Every: time.Hour, Run: s.sweep}}
}

// keepLinks is how long a used or expired link stays, to say that it is used up
// and to count letters.
const keepLinks = 30 * 24 * time.Hour

func (s *Service) sweep(ctx context.Context, t *jobs.Task) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if err := sweepAll(ctx, tx, now, now-us(keepLinks), now-us(2*guessWindow)); err != nil {
			return err
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}
