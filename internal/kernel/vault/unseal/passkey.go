package unseal

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/vault"
)

// challengeTime is how long a nonce waits for its assertion.
const challengeTime = 5 * time.Minute

// maxChallenges bounds the memory that nonces take: anyone at the socket may ask.
const maxChallenges = 10_000

type challenge struct {
	email, nonce string
	until        time.Time
}

var b64 = base64.RawURLEncoding

// Challenge draws a nonce. People who are not enrolled get one as well, with no
// credentials: whether somebody is enrolled is told by Prove alone.
func (s *Server) Challenge(_ context.Context, email string) (Challenge, error) {
	email = vault.NormalEmail(email)
	raw := make([]byte, 48)
	if _, err := io.ReadFull(s.cfg.Rand, raw); err != nil {
		return Challenge{}, fmt.Errorf("unseal: nonce: %w", err)
	}
	now := s.cfg.Now()
	c := Challenge{ID: b64.EncodeToString(raw[:16]), Nonce: b64.EncodeToString(raw[16:]), RPID: s.origin.Hostname(),
		Credentials: []string{}, Until: now.Add(challengeTime).UTC()}
	for _, k := range s.roster.passkeys(email) {
		c.Credentials = append(c.Credentials, b64.EncodeToString(k.ID))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.challenges) >= maxChallenges {
		for id, x := range s.challenges {
			if !now.Before(x.until) {
				delete(s.challenges, id)
			}
		}
		if len(s.challenges) >= maxChallenges {
			return Challenge{}, fault.New(fault.Limited, "unseal: too many open challenges").After(challengeTime)
		}
	}
	s.challenges[c.ID] = challenge{email, c.Nonce, c.Until}
	return c, nil
}

// take gives a challenge once.
func (s *Server) take(id, email string, now time.Time) (challenge, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.challenges[id]
	delete(s.challenges, id)
	return c, ok && c.email == email && now.Before(c.until)
}

// checkAssertion verifies an assertion as WebAuthn Level 3 §7.2 says: our nonce,
// our origin, user present and verified, signature, counter.
func (s *Server) checkAssertion(email string, p Proof, now time.Time) error {
	c, ok := s.take(p.Challenge, email, now)
	if !ok {
		return fault.New(fault.Denied, "unseal: this challenge is used, old or another person's").WithKey("unseal.challenge")
	}
	if len(p.Assertion) > 64<<10 {
		return errProof
	}
	a, err := protocol.ParseCredentialRequestResponseBytes(p.Assertion)
	if err != nil {
		return errProof
	}
	return s.roster.provePasskey(email, a.RawID, now, func(k Passkey) (uint32, error) {
		origin := s.acceptedOrigin(a.Response.CollectedClientData.Origin)
		err := a.Verify(c.nonce, s.origin.Hostname(), "", []string{origin}, nil, nil, protocol.TopOriginExplicitVerificationMode,
			false, true, true, k.PublicKey, protocol.SignaturePolicy{})
		return a.Response.AuthenticatorData.Counter, err
	})
}

// acceptedOrigin is the configured origin; on localhost the port is free, because
// a demo server takes the next one when its own is in use.
func (s *Server) acceptedOrigin(claimed string) string {
	if s.origin.Hostname() == "localhost" {
		if u, err := url.Parse(claimed); err == nil && u.Scheme == s.origin.Scheme && u.Hostname() == "localhost" && u.User == nil && u.Path == "" {
			return claimed
		}
	}
	return s.origin.Scheme + "://" + s.origin.Host
}

// knownKey tells whether a public key is one that assertions can be checked with.
func knownKey(cose []byte) bool {
	if len(cose) == 0 || len(cose) > 2048 {
		return false
	}
	_, err := webauthncose.ParsePublicKey(cose)
	return err == nil
}
