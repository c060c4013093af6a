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
	return []access.Term{access.Erasing(p.db, "letter", eraseLetters)}
}

// DropTx takes letters out whose matter was erased; one that still waits is not sent.
func (p *Post) DropTx(ctx context.Context, tx *store.Tx, ids []int64) error {
	return dropLetters(ctx, tx, ids)
}
