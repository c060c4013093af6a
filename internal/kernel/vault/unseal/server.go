package unseal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"straza/internal/format/zipcrypto"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/totp"
)

// Config of the unsealing process.
type Config struct {
	Dir       string // people, log, lock, socket; also the keys unless Keys is set
	Keys      string // folder of team.key, postman.key, recovery.pub: systemd's credentials, may be read-only
	Listen    string // see Serve
	Origin    string // the installation's origin: domain of the passkeys, and where links in letters may lead
	Name      string // the installation's name in letters and authenticators
	Send      Sender // nil: the postman answers Unavailable
	AllowUIDs []int  // further users of the socket, besides its own and root
	Now       func() time.Time
	Rand      io.Reader
	Ready     func(url string) // called once the process answers
	Say       func(msg string, args ...any)
	Limits    Limits
}

// Limits of one process; zero values mean the defaults.
type Limits struct {
	OpenBytes   int64 // one sealed text: 128 MiB
	OpenSession int   // texts per session: 300
	Parallel    int   // openings at a time: 8
	Letters     int   // letters per minute: 120
	ToOne       int   // letters to one address per hour: 12
}

func (l *Limits) defaults() {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	if l.OpenBytes == 0 {
		l.OpenBytes = 128 << 20
	}
	def(&l.OpenSession, 300)
	def(&l.Parallel, 8)
	def(&l.Letters, 120)
	def(&l.ToOne, 12)
}

// Server holds the private keys. It answers Door directly (command line, tests)
// or over Serve.
type Server struct {
	cfg     Config
	origin  *url.URL
	keys    keys
	roster  *roster
	journal *journal
	lock    io.Closer
	slots   chan struct{}
	post    *postman
	made    bool

	mu         sync.Mutex
	sessions   map[[32]byte]*session
	challenges map[string]challenge
}

type session struct {
	email, proof string
	until        time.Time
	left         int
}

// New opens the folder, making keys at the first start, and takes its lock: two
// processes on one folder would both believe the same code. Close gives it back.
func New(cfg Config) (s *Server, err error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Say == nil {
		cfg.Say = func(string, ...any) {}
	}
	if cfg.Keys == "" {
		cfg.Keys = cfg.Dir
	}
	if cfg.Name == "" {
		cfg.Name = "Straža"
	}
	cfg.Limits.defaults()
	origin, err := url.Parse(cfg.Origin)
	if err != nil || origin.Hostname() == "" {
		return nil, fmt.Errorf("unseal: origin %q is no http or https address", cfg.Origin)
	}
	if err := vault.MakeDir(cfg.Dir); err != nil {
		return nil, err
	}
	s = &Server{cfg: cfg, origin: origin, slots: make(chan struct{}, cfg.Limits.Parallel),
		sessions: map[[32]byte]*session{}, challenges: map[string]challenge{}}
	if s.lock, err = lockFolder(filepath.Join(cfg.Dir, lockFile)); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

func (s *Server) load() (err error) {
	if s.keys, s.made, err = loadKeys(s.cfg.Keys, s.cfg.Now()); err != nil {
		return err
	}
	if s.roster, err = openRoster(filepath.Join(s.cfg.Dir, rosterFile)); err != nil {
		return err
	}
	var torn bool
	if s.journal, torn, err = openJournal(filepath.Join(s.cfg.Dir, logFile)); err != nil {
		return err
	}
	s.post = newPostman(s.cfg, s.origin, s.keys.postman)
	result := "ready"
	if torn {
		result = "ready; a half-written last line was cut off"
	}
	_, err = s.write(Entry{Act: "start", Result: result})
	return err
}

// Created tells whether New made the keys.
func (s *Server) Created() bool { return s.made }

// Close ends the log and gives the folder back.
func (s *Server) Close() error { return errors.Join(s.journal.close(), s.lock.Close()) }

// Status is what anyone at the door may know.
func (s *Server) Status() Status {
	return Status{Recipients: s.keys.public, People: s.roster.count(), RecoveryOnDisk: exists(filepath.Join(s.cfg.Keys, recoveryFile)),
		Mail: s.cfg.Send != nil, Log: s.journal.head()}
}

func (s *Server) write(e Entry) (Receipt, error) {
	e.Time = s.cfg.Now()
	if e.Act == "post" { // the first letter follows the report at once: its time would be the reporter's
		e.Time = e.Time.Truncate(time.Hour)
	}
	e.Reason = cut(oneLine(e.Reason), 2000)
	r, err := s.journal.add(e)
	if err != nil {
		s.cfg.Say("unseal: log not written, refusing", "error", err)
		return r, fault.New(fault.Unavailable, "unseal: log cannot be written").WithKey("unseal.log").Because(err)
	}
	return r, nil
}

// refuse logs a refusal and gives err back.
func (s *Server) refuse(e Entry, err error) error {
	e.Result = "refused: " + string(fault.KindOf(err))
	_, logged := s.write(e)
	return errors.Join(err, logged)
}

// Prove checks a proof and opens a session of ten minutes.
func (s *Server) Prove(_ context.Context, p Proof) (Session, error) {
	email, now := vault.NormalEmail(p.Email), s.cfg.Now()
	e := Entry{Act: "prove", Who: clip(email), Proof: "totp"}
	var err error
	if len(p.Assertion) > 0 {
		e.Proof = "passkey"
		err = s.checkAssertion(email, p, now)
	} else {
		err = s.roster.proveCode(email, p.Code, now)
	}
	if err != nil {
		return Session{}, s.refuse(e, err)
	}
	token := make([]byte, 32)
	if _, err := io.ReadFull(s.cfg.Rand, token); err != nil {
		return Session{}, fmt.Errorf("unseal: session: %w", err)
	}
	e.Result = "granted"
	if _, err := s.write(e); err != nil {
		return Session{}, err
	}
	out := Session{Token: fmt.Sprintf("%x", token), Until: now.Add(ProofTime).UTC()}
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, x := range s.sessions {
		if !now.Before(x.until) {
			delete(s.sessions, k)
		}
	}
	s.sessions[tokenKey(out.Token)] = &session{email, e.Proof, out.Until, s.cfg.Limits.OpenSession}
	return out, nil
}

// use gives the session of a token and counts an opening when open is set.
func (s *Server) use(token, email string, open bool) (session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.sessions[tokenKey(token)]
	if x == nil || !s.cfg.Now().Before(x.until) || s.roster.gone(x.email) {
		return session{}, fault.New(fault.Denied, "unseal: no fresh proof").WithKey("unseal.proof_needed")
	}
	if email != "" && x.email != vault.NormalEmail(email) {
		return session{}, fault.New(fault.Denied, "unseal: this proof is another person's").WithKey("unseal.proof_needed")
	}
	if open {
		if x.left == 0 {
			return session{}, fault.New(fault.Limited, "unseal: too many openings on one proof").WithKey("unseal.session_used")
		}
		x.left--
	}
	return *x, nil
}

// Open checks the session, writes the log line and streams the content, as an
// archive when asked. It stops with an error in the middle when the sealed text
// turns out damaged: what came so far is authentic but not whole.
func (s *Server) Open(ctx context.Context, r Request, sealed io.Reader, plain io.Writer) (Receipt, error) {
	e := Entry{Act: "open", Who: clip(vault.NormalEmail(r.Email)), Kind: clip(r.Label.Kind), Record: clip(r.Label.Record), Ref: clip(r.Ref), Reason: r.Reason}
	if err := r.check(); err != nil {
		return Receipt{}, s.refuse(e, err)
	}
	x, err := s.use(r.Session, r.Email, true)
	if err != nil {
		return Receipt{}, s.refuse(e, err)
	}
	e.Proof = x.proof
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return Receipt{}, s.refuse(e, fault.New(fault.Unavailable, "unseal: busy").Because(ctx.Err()))
	}
	e.Result = "granted"
	receipt, err := s.write(e)
	if err != nil {
		return receipt, err
	}
	n, err := s.stream(r, sealed, plain)
	e.Result = fmt.Sprintf("done: %d bytes", n)
	if err != nil {
		e.Result = fmt.Sprintf("broken off after %d bytes", n)
		if errors.Is(err, vault.ErrSealBroken) && !fault.Is(err, fault.Limited) {
			err = fault.New(fault.Invalid, "unseal: the sealed text does not open as %s", r.Label.Kind).WithKey("unseal.broken").Because(err)
		}
	}
	_, logged := s.write(e)
	return receipt, errors.Join(err, logged)
}

func (s *Server) stream(r Request, sealed io.Reader, plain io.Writer) (int64, error) {
	body, err := vault.OpenSealed(&capped{sealed, s.cfg.Limits.OpenBytes}, r.Label, s.keys.team...)
	if err != nil {
		return 0, err
	}
	if r.Archive == "" {
		return io.Copy(plain, body)
	}
	z := zipcrypto.NewWriter(plain, zipcrypto.Password, s.cfg.Rand)
	f, err := z.Create(r.Archive, s.cfg.Now().Truncate(time.Hour))
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, body)
	if err != nil {
		return n, err // no directory is written: the archive stays unreadable, as half of one should
	}
	return n, z.Close()
}

func (r Request) check() error {
	var c fault.Collector
	n := utf8.RuneCountInString(strings.TrimSpace(r.Reason))
	c.Require(n >= 1 && n <= 500 && utf8.ValidString(r.Reason), "reason", "unseal.reason")
	c.Require(r.Label.Valid() && r.Label.Kind != vault.KindAddress, "label", "unseal.label")
	c.Require(len(r.Ref) <= 100 && len(r.Archive) <= 1000, "ref", "unseal.label")
	return c.Err("unseal: request")
}

// Enrol adds a person or a factor and logs who vouched.
func (s *Server) Enrol(ctx context.Context, n Enrolment) (Enrolled, error) {
	email := vault.NormalEmail(n.Email)
	e := Entry{Act: "enrol", Record: clip(email), Kind: "totp"}
	if n.Passkey != nil {
		e.Kind = "passkey"
	}
	secret, drawn, err := s.factor(email, n)
	if err != nil {
		return Enrolled{}, s.refuse(e, err)
	}
	if n.Session != "" {
		x, err := s.use(n.Session, "", false)
		if err != nil {
			return Enrolled{}, s.refuse(e, err)
		}
		e.Who, e.Proof = x.email, x.proof
	}
	if e.Who == "" && fromAfar(ctx) {
		// only on the host itself may the first person come in unvouched
		return Enrolled{}, s.refuse(e, fault.New(fault.Denied, "unseal: enrol the first person on the unsealing host").WithKey("unseal.second_person"))
	}
	first, err := s.roster.enrol(email, e.Who, secret, n.Passkey, s.cfg.Now())
	if err != nil {
		return Enrolled{}, s.refuse(e, err)
	}
	e.Result = "done"
	if first {
		e.Result = "done: first person, nobody vouched"
	}
	out := Enrolled{Email: email, First: first}
	if drawn {
		out.Secret, out.URI = totp.Text(secret), totp.URI(s.cfg.Name+" unseal", email, secret)
	}
	_, err = s.write(e)
	return out, err
}

func (s *Server) factor(email string, n Enrolment) (secret []byte, drawn bool, err error) {
	var c fault.Collector
	at := strings.IndexByte(email, '@')
	c.Require(at > 0 && at < len(email)-1 && len(email) <= 254 && email == oneLine(email), "email", "unseal.email")
	switch {
	case n.Passkey != nil:
		c.Require(n.Secret == "" && len(n.Passkey.ID) >= 16 && len(n.Passkey.ID) <= 1023 && knownKey(n.Passkey.PublicKey), "passkey", "unseal.passkey")
	case n.Secret != "":
		secret, err = totp.ParseSecret(n.Secret)
		c.Require(err == nil, "secret", "unseal.secret")
	default:
		if secret, err = totp.NewSecret(s.cfg.Rand); err != nil {
			return nil, false, err
		}
		drawn = true
	}
	return secret, drawn, c.Err("unseal: enrolment")
}

// People lists who is enrolled.
func (s *Server) People(context.Context) ([]Person, error) { return s.roster.list(), nil }

// Remove takes a person off; token is a session of an enrolled person.
func (s *Server) Remove(_ context.Context, email, token string) error {
	e := Entry{Act: "remove", Record: clip(vault.NormalEmail(email))}
	x, err := s.use(token, "", false)
	if err != nil {
		return s.refuse(e, err)
	}
	e.Who, e.Proof = x.email, x.proof
	if err := s.roster.remove(vault.NormalEmail(email)); err != nil {
		return s.refuse(e, err)
	}
	e.Result = "done"
	_, err = s.write(e)
	return err
}

// Post sends one letter; the log line stands before the address is opened.
func (s *Server) Post(ctx context.Context, l Letter) (Receipt, error) {
	e := Entry{Act: "post", Kind: clip(l.Template), Record: clip(l.Record), Ref: clip(l.ID)}
	again, err := s.post.admit(l, s.cfg.Now())
	if err != nil {
		return Receipt{}, s.refuse(e, err)
	}
	if again {
		return s.journal.head(), nil
	}
	e.Result = "granted"
	receipt, err := s.write(e)
	if err != nil {
		s.post.forget(l.ID)
		return receipt, err
	}
	err = s.post.send(ctx, l, s.cfg.Now())
	e.Result = "done"
	if err != nil {
		s.post.forget(l.ID)
		e.Result = "not sent: " + string(fault.KindOf(err))
	}
	_, logged := s.write(e)
	return receipt, errors.Join(err, logged)
}

func clip(s string) string { return cut(oneLine(s), 254) }

func cut(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// oneLine keeps control characters out of the log; JSON would escape them, a
// terminal that shows the log with other tools would not.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// capped ends a stream that is longer than allowed with an error.
type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, fault.New(fault.Limited, "unseal: sealed text is too long").WithKey("unseal.too_long")
	}
	return n, err
}
