package app

import (
	"context"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// rings knows recipients' OpenPGP keys: who has an account has entered their own; for the
// rest the teams keep them, and a community's stands in the list of communities.
type rings struct{ h *House }

func (r rings) MailKeyTx(ctx context.Context, tx *store.Tx, cert int64, address string) (mail.Key, bool, error) {
	k, found, err := r.h.Accounts.MailKeyTx(ctx, tx, address)
	if err != nil || found {
		return k, found, err
	}
	k, found, err = r.h.Registry.LetterKeyTx(ctx, tx, ident.SystemPart("postman"), cert, address)
	if err != nil || found {
		return k, found, err
	}
	return r.h.Remarks.CommunityKeyTx(ctx, tx, ident.SystemPart("postman"), address)
}

// SenderKeysTx gives the keys that letters from an address are held against: the one that
// its owner has entered here, and those that the CERT of the correspondence keeps.
func (r rings) SenderKeysTx(ctx context.Context, tx *store.Tx, audience int64, address string) (out []mail.Key, err error) {
	k, found, err := r.h.Accounts.MailKeyTx(ctx, tx, address)
	if err != nil {
		return nil, err
	}
	if found {
		out = append(out, k)
	}
	a, err := access.AudienceTx(ctx, tx, audience)
	if err != nil {
		return nil, err
	}
	kept, err := r.h.Registry.SenderKeysTx(ctx, tx, ident.SystemPart("mailbox"), a.CERT, address)
	return append(out, kept...), err
}

// Secrets are the installation's own keys.
func (r rings) Secrets(ctx context.Context, who ident.Actor) ([]*openpgp.Secret, error) {
	return r.h.Seal.Secrets(ctx, who)
}
