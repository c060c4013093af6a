package unseal

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/totp"
)

// Five wrong proofs close a person's door for a quarter of an hour: 20 guesses an
// hour at three valid codes in a million.
const (
	maxFailures = 5
	lockTime    = 15 * time.Minute
	maxPeople   = 500
	maxFactors  = 10
)

// person may ask for sealed reports. Everything here is on disk before it counts.
type person struct {
	Email    string    `json:"email"`
	Enrolled time.Time `json:"enrolled"`
	By       string    `json:"by,omitempty"` // who vouched; empty for the first
	TOTP     []seed    `json:"totp,omitempty"`
	Passkeys []Passkey `json:"passkeys,omitempty"`
	Failures int       `json:"failures,omitempty"`
	Failed   time.Time `json:"failed,omitzero"`
}

type seed struct {
	Secret []byte `json:"secret"`
	Last   int64  `json:"last"` // highest step accepted: this code and earlier ones are used up
}

// roster is the folder's list of people, written whole after each change.
type roster struct {
	mu     sync.Mutex
	path   string
	people []*person
}

func openRoster(path string) (*roster, error) {
	r := &roster{path: path}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("unseal: people: %w", err)
	}
	if err := json.Unmarshal(data, &r.people); err != nil {
		return nil, fmt.Errorf("unseal: %s is damaged", rosterFile)
	}
	return r, nil
}

func (r *roster) save() error {
	data, err := json.MarshalIndent(r.people, "", " ")
	if err != nil {
		return fmt.Errorf("unseal: people: %w", err)
	}
	return vault.ReplaceFile(r.path, append(data, '\n'))
}

func (r *roster) find(email string) *person {
	for _, p := range r.people {
		if p.Email == email {
			return p
		}
	}
	return nil
}

func (r *roster) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.people)
}

// gone tells whether a person was removed; a session of theirs ends with it.
func (r *roster) gone(email string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.find(email) == nil
}

// list gives the addresses of the people and what they prove with.
func (r *roster) list() []Person {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []Person{}
	for _, p := range r.people {
		out = append(out, Person{p.Email, p.Enrolled, p.By, len(p.TOTP), len(p.Passkeys)})
	}
	return out
}

// Person is an enrolled person as others may see them.
type Person struct {
	Email    string    `json:"email"`
	Enrolled time.Time `json:"enrolled"`
	By       string    `json:"by"` // who vouched; empty for the first
	Codes    int       `json:"codes"`
	Passkeys int       `json:"passkeys"`
}

// passkeys gives a person's credentials, none for a stranger.
func (r *roster) passkeys(email string) []Passkey {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.find(email); p != nil {
		return slices.Clone(p.Passkeys)
	}
	return nil
}

var errProof = fault.New(fault.Denied, "unseal: proof refused").WithKey("unseal.proof_wrong")

// admit looks up a person who may try now; the caller holds the lock.
func (r *roster) admit(email string, now time.Time) (*person, error) {
	p := r.find(email)
	if p == nil {
		return nil, errProof
	}
	if p.Failures >= maxFailures {
		if wait := p.Failed.Add(lockTime).Sub(now); wait > 0 {
			return nil, fault.New(fault.Limited, "unseal: too many wrong proofs").WithKey("unseal.locked").After(wait)
		}
		p.Failures = 0
	}
	return p, nil
}

// fail counts a wrong proof; the count is on disk before the answer leaves, so
// that a restart gives no new guesses.
func (r *roster) fail(p *person, now time.Time) error {
	p.Failures++
	p.Failed = now
	return errors.Join(errProof, r.save())
}

// proveCode accepts a one-time code once. Of many parallel uses one wins: the
// step is raised and on disk while the lock is held.
func (r *roster) proveCode(email, code string, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.admit(email, now)
	if err != nil {
		return err
	}
	used := false
	for i := range p.TOTP {
		s := &p.TOTP[i]
		if step, ok := totp.Verify(s.Secret, code, now, s.Last); ok {
			old, failures := s.Last, p.Failures
			s.Last, p.Failures = step, 0
			if err := r.save(); err != nil {
				s.Last, p.Failures = old, failures
				return err
			}
			return nil
		}
		if _, ok := totp.Verify(s.Secret, code, now, 0); ok {
			used = true
		}
	}
	if used { // right but spent: a double click, or somebody who looked over a shoulder; no guess
		return fault.New(fault.Denied, "unseal: this code was used already").WithKey("unseal.code_used")
	}
	return r.fail(p, now)
}

// provePasskey accepts an assertion that check found right for one of the
// person's passkeys; check gives the new signature counter.
func (r *roster) provePasskey(email string, id []byte, now time.Time, check func(Passkey) (uint32, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := r.admit(email, now)
	if err != nil {
		return err
	}
	for i := range p.Passkeys {
		k := &p.Passkeys[i]
		if !bytes.Equal(k.ID, id) {
			continue
		}
		count, err := check(*k)
		// a counter that does not rise means a copied authenticator (WebAuthn §7.2 step 22); 0 means it has none
		if err != nil || (count != 0 || k.SignCount != 0) && count <= k.SignCount {
			return r.fail(p, now)
		}
		k.SignCount, p.Failures = count, 0
		return r.save()
	}
	return r.fail(p, now)
}

// enrol adds a person or a factor. by is empty only for the very first person:
// the lock makes sure that there is one first.
func (r *roster) enrol(email, by string, s []byte, k *Passkey, now time.Time) (first bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first = len(r.people) == 0
	if !first && (by == "" || r.find(by) == nil) {
		return false, fault.New(fault.Denied, "unseal: enrolling needs the proof of an enrolled person").WithKey("unseal.second_person")
	}
	if len(r.people) >= maxPeople {
		return false, fault.New(fault.Limited, "unseal: too many people")
	}
	old := r.people
	p := r.find(email)
	if p == nil {
		p = &person{Email: email, Enrolled: now.UTC(), By: by}
	} else {
		if by != email {
			return false, fault.New(fault.Conflict, "unseal: already enrolled; only they themselves may add a factor").WithKey("unseal.enrolled")
		}
		c := *p
		p = &c
	}
	if len(p.TOTP)+len(p.Passkeys) >= maxFactors {
		return false, fault.New(fault.Limited, "unseal: too many factors")
	}
	if k != nil {
		if slices.ContainsFunc(p.Passkeys, func(o Passkey) bool { return bytes.Equal(o.ID, k.ID) }) {
			return false, fault.New(fault.Conflict, "unseal: this passkey is enrolled").WithKey("unseal.enrolled")
		}
		p.Passkeys = append(slices.Clone(p.Passkeys), *k)
	} else {
		p.TOTP = append(slices.Clone(p.TOTP), seed{Secret: s})
	}
	r.people = append(slices.DeleteFunc(slices.Clone(old), func(o *person) bool { return o.Email == email }), p)
	if err := r.save(); err != nil {
		r.people = old
		return false, err
	}
	return first, nil
}

// remove takes a person off; the last one stays, or nobody could let others in.
func (r *roster) remove(email string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.find(email) == nil {
		return fault.New(fault.NotFound, "unseal: not enrolled")
	}
	if len(r.people) == 1 {
		return fault.New(fault.Conflict, "unseal: the last person stays").WithKey("unseal.last_person")
	}
	old := r.people
	r.people = slices.DeleteFunc(slices.Clone(old), func(p *person) bool { return p.Email == email })
	if err := r.save(); err != nil {
		r.people = old
		return err
	}
	return nil
}

// tokenKey is how tokens are kept in memory: a dump of it shows no usable one.
func tokenKey(s string) [32]byte { return sha256.Sum256([]byte(strings.TrimSpace(s))) }
