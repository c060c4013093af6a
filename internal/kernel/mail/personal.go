package mail

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// PersonalData lists the letters to an address. Needs privacy.use.
func (p *Post) PersonalData(ctx context.Context, who ident.Actor, subject access.Subject) (out []access.Held, err error) {
	if err := access.MaySearch(who); err != nil {
		return nil, err
	}
	err = p.db.View(ctx, func(tx *store.Tx) error { out, err = lettersTo(ctx, tx, subject.Email); return err })
	return out, err
}

// Retention: letters that left, or never will, go after the class's length.
func (p *Post) Retention() []access.Term {
	return []access.Term{{Class: "letter", Erase: func(ctx context.Context, who ident.Actor, w access.Sweep) (n int64, err error) {
		err = p.db.Update(ctx, func(tx *store.Tx) error { n, err = eraseLetters(ctx, tx, w); return err })
		return n, err
	}}}
}
