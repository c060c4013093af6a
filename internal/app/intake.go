package app

import (
	"context"

	"straza/internal/craft/pack"
	"straza/internal/incident"
	"straza/internal/intake"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/vault/unseal"
	"straza/internal/site"
)

// wireIntake makes the room for reports. The unsealing process is asked for each
// time: serve meets it later, and it may come and go.
func (h *House) wireIntake() error {
	var book pack.Held[intake.Book]
	var cases pack.Held[incident.Book]
	var texts pack.Held[site.Texts]
	for _, r := range []pack.Reader{
		pack.Read(&book, intake.OpenBook),
		pack.Read(&cases, func(s *pack.Shelf, day string) (*incident.Book, error) {
			b, err := intake.OpenBook(s, day)
			if err != nil {
				return nil, err
			}
			return caseBook(b), nil
		}),
		pack.Read(&texts, site.OpenTexts),
	} {
		if err := h.Packs.Follow(r); err != nil {
			return err
		}
	}
	h.texts = texts.Now
	h.wireIncident(cases.Now)
	h.Intake = intake.New(intake.Deps{Cases: casesOf{h}, DB: h.DB, Vault: h.Vault, Blobs: h.Blobs, Audit: h.Audit, Registry: intake.FromRegistry(h.Registry), Book: book.Now,
		Origin:   func() string { return h.origin },
		Passkeys: h.ownPasskeys,
		Readers:  h.sealedReaders,
		Opener: func() intake.Opener {
			switch {
			case h.door != nil: // in this process, while the demo country is filled
				return h.door
			case h.unsealing != nil:
				return h.unsealing
			}
			return nil
		}})
	return nil
}

// ownPasskeys are the public halves of a person's passkeys, for the unsealing process.
func (h *House) ownPasskeys(ctx context.Context, who ident.Actor) (out []unseal.Passkey, err error) {
	keys, err := h.Accounts.PublicKeys(ctx, who)
	for _, k := range keys {
		out = append(out, unseal.Passkey{ID: k.ID, PublicKey: k.COSE, SignCount: k.Count})
	}
	return out, err
}

// sealedReaders are the people of a team whose role may read what is sealed.
func (h *House) sealedReaders(ctx context.Context, who ident.Actor) (out []intake.Colleague, err error) {
	team, err := h.team(ctx, who)
	for _, p := range team {
		if p.Can("sealed.read") {
			out = append(out, intake.Colleague{Name: p.Name, Email: p.Email})
		}
	}
	return out, err
}
