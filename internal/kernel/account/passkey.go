package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Passkey is a WebAuthn credential as the account page lists it.
type Passkey struct {
	UUID     string
	Name     string
	Created  int64
	LastUsed int64 // 0 = never
	Synced   bool  // backed up by its maker, so that it survives the device
}

// passkeyRow is a row with its credential record. The record keeps the backup
// flags: later verifications compare them (WebAuthn §7.2 step 21).
type passkeyRow struct {
	id, person        int64
	uuid, name        string
	created, lastUsed int64
	record            webauthn.Credential
}

// Purposes of a ceremony.
const (
	PasskeyRegister = "register"
	PasskeyLogIn    = "log-in"
	PasskeyStepUp   = "step-up"
)

const (
	challengeLife = 5 * time.Minute
	maxPasskeys   = 20
	maxAnswer     = 64 << 10 // bytes of a browser's answer
)

// Ceremony is what the browser gets: options for navigator.credentials, and the
// ticket that it sends back with its answer.
type Ceremony struct {
	Options json.RawMessage `json:"options"`
	Ticket  string          `json:"ticket"`
}

type relyingParty = *webauthn.WebAuthn

// PasskeysWork tells whether the origin's host can have passkeys: browsers refuse
// an IP address as their domain, and plain HTTP anywhere but on localhost.
func (s *Service) PasskeysWork() bool { _, err := s.party(); return err == nil }

// party is the relying party of the origin in force; its id is the origin's host.
func (s *Service) party() (relyingParty, error) {
	s.passkey.Lock()
	defer s.passkey.Unlock()
	origin := s.cfg.Origin()
	if s.passkey.rp != nil && s.passkey.origin == origin {
		return s.passkey.rp, nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("account: origin %q has no host", origin)
	}
	if _, ip := netip.ParseAddr(u.Hostname()); ip == nil || u.Scheme != "https" && u.Hostname() != "localhost" {
		return nil, fault.New(fault.Unavailable, "passkeys need a domain and TLS").WithKey("account.passkey-host")
	}
	rp, err := webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: s.cfg.Name, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired}})
	if err != nil {
		return nil, fmt.Errorf("account: passkeys for %q: %w", origin, err)
	}
	s.passkey.rp, s.passkey.origin = rp, origin
	return rp, nil
}

// webUser is a person as the WebAuthn library wants them; the handle is the UUID.
type webUser struct {
	p    Person
	keys []passkeyRow
}

func (u webUser) WebAuthnID() []byte          { return []byte(u.p.UUID) }
func (u webUser) WebAuthnName() string        { return u.p.Email }
func (u webUser) WebAuthnDisplayName() string { return u.p.Name }
func (u webUser) WebAuthnCredentials() []webauthn.Credential {
	out := make([]webauthn.Credential, len(u.keys))
	for i, k := range u.keys {
		out[i] = k.record
	}
	return out
}

func (s *Service) webUserTx(ctx context.Context, tx *store.Tx, p Person) (webUser, error) {
	keys, err := listPasskeys(ctx, tx, p.ID)
	return webUser{p, keys}, err
}

// StartPasskey begins a ceremony. Logging in names nobody: the browser offers the
// passkeys it has for this origin, so that no account can be probed. Registering
// needs a fresh proof. Faults: Unauthenticated, Denied, Limited, Unavailable.
func (s *Service) StartPasskey(ctx context.Context, who ident.Actor, purpose string) (c Ceremony, err error) {
	rp, err := s.party()
	if err != nil {
		return c, err
	}
	var options any
	var data *webauthn.SessionData
	person := int64(0)
	build := func(tx *store.Tx, p Person) error {
		u, err := s.webUserTx(ctx, tx, p)
		if err != nil {
			return err
		}
		person = p.ID
		if purpose == PasskeyStepUp {
			options, data, err = rp.BeginLogin(u, webauthn.WithUserVerification(protocol.VerificationRequired))
			if err != nil {
				return fault.New(fault.Conflict, "no passkey").WithKey("account.no-second").Because(err)
			}
			return nil
		}
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return err
		}
		if len(u.keys) >= maxPasskeys {
			return fault.New(fault.Limited, "%d passkeys", len(u.keys)).WithKey("account.passkey-many")
		}
		options, data, err = rp.BeginRegistration(u, webauthn.WithExclusions(webauthn.Credentials(u.WebAuthnCredentials()).CredentialDescriptors()))
		return err
	}
	save := func(tx *store.Tx) error { c, err = s.challengeTx(ctx, tx, person, purpose, options, data); return err }
	switch purpose {
	case PasskeyLogIn:
		if options, data, err = rp.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired)); err != nil {
			return c, err
		}
		return c, s.db.Update(ctx, save)
	case PasskeyRegister, PasskeyStepUp:
		err = s.own(ctx, who, func(tx *store.Tx, p Person) error {
			if err := build(tx, p); err != nil {
				return err
			}
			return save(tx)
		})
		return c, err
	}
	return c, fault.New(fault.Invalid, "no such ceremony")
}

// challengeTx keeps what the answer will be checked against.
func (s *Service) challengeTx(ctx context.Context, tx *store.Tx, person int64, purpose string, options any, data *webauthn.SessionData) (c Ceremony, err error) {
	if c.Options, err = json.Marshal(options); err != nil {
		return c, err
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return c, err
	}
	if c.Ticket, err = s.token(); err != nil {
		return c, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return c, err
	}
	if err := dropChallenges(ctx, tx, now); err != nil {
		return c, err
	}
	return c, insertChallenge(ctx, tx, s.db.NewID(), s.keys.TokenHash(kindChallenge, c.Ticket), person, purpose, string(raw), now+us(challengeLife))
}

// takeChallenge uses a ceremony up before its answer is looked at: one answer, one try.
func (s *Service) takeChallenge(ctx context.Context, ticket, purpose string, person int64) (data webauthn.SessionData, err error) {
	if !tokenShape(ticket) {
		return data, refused()
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		raw, err := takeChallenge(ctx, tx, s.keys.TokenHash(kindChallenge, ticket), purpose, person, now)
		if err != nil {
			return err
		}
		if raw == "" {
			return refused()
		}
		return json.Unmarshal([]byte(raw), &data)
	})
	return data, err
}

// AddPasskey finishes registering: answer is the browser's, name the person's own
// word for the device. The session gets a new token; the first second factor of a
// person brings ten recovery codes. Faults: Denied "account.refused", Conflict.
func (s *Service) AddPasskey(ctx context.Context, who ident.Actor, ticket, name string, answer []byte) (e Entered, codes []string, err error) {
	rp, err := s.party()
	if err != nil {
		return e, nil, err
	}
	data, err := s.takeChallenge(ctx, ticket, PasskeyRegister, who.Person)
	if err != nil {
		return e, nil, err
	}
	if len(answer) > maxAnswer {
		return e, nil, refused()
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return e, nil, refused()
	}
	if !nameOK(name) {
		name = "–"
	}
	err = s.own(ctx, who, func(tx *store.Tx, p Person) error {
		u, err := s.webUserTx(ctx, tx, p)
		if err != nil {
			return err
		}
		cred, err := rp.CreateCredential(u, data, parsed)
		if err != nil {
			return refused()
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		row := passkeyRow{id: s.db.NewID(), uuid: s.db.NewUUID(), person: p.ID, name: name, created: now, record: *cred}
		if err := insertPasskey(ctx, tx, row); err != nil {
			if store.IsUnique(err) {
				return fault.New(fault.Conflict, "the passkey is registered").WithKey("account.passkey-there").Because(err)
			}
			return err
		}
		left, err := countRecovery(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if codes = nil; left == 0 {
			if codes, err = s.newCodesTx(ctx, tx, p); err != nil {
				return err
			}
		}
		if e, err = s.renewTx(ctx, tx, who, true); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "passkey.add", thing(p), map[string]string{"passkey": row.uuid})
	})
	return e, codes, err
}

// Passkeys lists the asker's own.
func (s *Service) Passkeys(ctx context.Context, who ident.Actor) (out []Passkey, err error) {
	if !who.LoggedIn() {
		return nil, Unauthenticated()
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		rows, err := listPasskeys(ctx, tx, who.Person)
		for _, r := range rows {
			out = append(out, Passkey{UUID: r.uuid, Name: r.name, Created: r.created, LastUsed: r.lastUsed, Synced: r.record.Flags.BackupState})
		}
		return err
	})
	return out, err
}

// PublicKey is the public half of a passkey: whoever has it can check assertions.
type PublicKey struct {
	ID, COSE []byte
	Count    uint32
}

// PublicKeys are those of the asker's own passkeys.
func (s *Service) PublicKeys(ctx context.Context, who ident.Actor) (out []PublicKey, err error) {
	if !who.LoggedIn() {
		return nil, Unauthenticated()
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		rows, err := listPasskeys(ctx, tx, who.Person)
		for _, r := range rows {
			out = append(out, PublicKey{r.record.ID, r.record.PublicKey, r.record.Authenticator.SignCount})
		}
		return err
	})
	return out, err
}

// RemovePasskey takes one of the asker's own away; needs a fresh proof. Faults: NotFound.
func (s *Service) RemovePasskey(ctx context.Context, who ident.Actor, uuid string) error {
	return s.own(ctx, who, func(tx *store.Tx, p Person) error {
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return err
		}
		id, ok := store.ParseUUID(uuid)
		n := int64(0)
		if ok {
			var err error
			if n, err = dropPasskey(ctx, tx, p.ID, id); err != nil {
				return err
			}
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no such passkey")
		}
		if err := s.tellTx(ctx, tx, p, "changed", "/account"); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "passkey.remove", thing(p), map[string]string{"passkey": id})
	})
}

// LogInPasskey finishes a log-in by passkey: both factors in one. Faults: Denied
// "account.refused" for anything wrong, closed accounts among them.
func (s *Service) LogInPasskey(ctx context.Context, from From, ticket string, answer []byte) (e Entered, err error) {
	rp, err := s.party()
	if err != nil {
		return e, err
	}
	data, err := s.takeChallenge(ctx, ticket, PasskeyLogIn, 0)
	if err != nil {
		return e, err
	}
	if len(answer) > maxAnswer {
		return e, refused()
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return e, refused()
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		var u webUser
		find := func(_, handle []byte) (webauthn.User, error) {
			id, ok := store.ParseUUID(string(handle))
			if !ok {
				return nil, refused()
			}
			p, found, err := findByUUID(ctx, tx, id)
			if err != nil {
				return nil, err
			}
			if !found || p.State != Active {
				return nil, refused()
			}
			u, err = s.webUserTx(ctx, tx, p)
			return u, err
		}
		_, cred, err := rp.ValidatePasskeyLogin(find, data, parsed)
		if err != nil {
			return refused()
		}
		now, err := s.usedPasskeyTx(ctx, tx, u, cred)
		if err != nil {
			return err
		}
		e, err = s.beginTx(ctx, tx, from, u.p, session{stage: stageFull, secondAt: now, proved: now, label: label(from.Label)})
		return err
	})
	return e, err
}

// stepUpPasskey is StepUp with a passkey.
func (s *Service) stepUpPasskey(ctx context.Context, who ident.Actor, _ From, proof Proof) (e Entered, err error) {
	rp, err := s.party()
	if err != nil {
		return e, err
	}
	data, err := s.takeChallenge(ctx, proof.Ticket, PasskeyStepUp, who.Person)
	if err != nil {
		return e, err
	}
	if len(proof.Passkey) > maxAnswer {
		return e, refused()
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(proof.Passkey)
	if err != nil {
		return e, refused()
	}
	err = s.own(ctx, who, func(tx *store.Tx, p Person) error {
		u, err := s.webUserTx(ctx, tx, p)
		if err != nil {
			return err
		}
		cred, err := rp.ValidateLogin(u, data, parsed)
		if err != nil {
			return refused()
		}
		if _, err := s.usedPasskeyTx(ctx, tx, u, cred); err != nil {
			return err
		}
		if e, err = s.renewTx(ctx, tx, who, true); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "session.step-up", thing(p), map[string]bool{"passkey": true})
	})
	return e, err
}

// usedPasskeyTx writes the counter and flags back. A counter that went backwards
// means a copied authenticator: refused.
func (s *Service) usedPasskeyTx(ctx context.Context, tx *store.Tx, u webUser, cred *webauthn.Credential) (now int64, err error) {
	if cred.Authenticator.CloneWarning {
		return 0, refused()
	}
	if now, err = store.Now(ctx, tx); err != nil {
		return 0, err
	}
	for _, k := range u.keys {
		if credentialText(k.record.ID) == credentialText(cred.ID) {
			return now, savePasskey(ctx, tx, k.id, *cred, now)
		}
	}
	return 0, refused()
}

func credentialText(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }
