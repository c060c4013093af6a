package intelmisp

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"

	"straza/internal/craft/seal"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// signatureHeader carries a detached OpenPGP signature in base64 over a document without
// its white space; written in lower case, as the other side looks for it.
const signatureHeader = "x-pgp-signature"

// What MISP says of versions that prove nothing.
const (
	msgNoSignature  = "Protected event failed signature validation as no key was provided."
	msgBadSignature = "Protected event failed signature validation."
)

// protectedFault is MISP's answer to a version of a protected event that proves nothing.
func protectedFault(key string) error {
	switch key {
	case intel.KeyUnsigned, intel.KeyProtected:
		return notAllowed(msgNoSignature)
	case intel.KeyForged, intel.KeyStranger, intel.KeyUnfit:
		return notAllowed(msgBadSignature)
	}
	return nil
}

// signedDocument reads the event of a request, and the signature beside it.
func (a *api) signedDocument(c *call, src io.Reader) (intel.Source, intel.AddOptions) {
	proof := intel.NewProof(c.r.Header.Get(signatureHeader))
	return a.grouped(c, proof.Source(src, misp.Limits{Bytes: eventBytes})), intel.AddOptions{Narrow: true, Proof: proof, Server: server(c)}
}

// keysOf are the keys of a protected event; others show none.
func (a *api) keysOf(c *call, e *intel.Event) ([]misp.CryptographicKey, error) {
	out := []misp.CryptographicKey{}
	if !e.IsProtected() {
		return out, nil
	}
	list, err := a.Intel.EventKeys(c.ctx(), c.who, e.Ref())
	for i := range list {
		out = append(out, list[i].Wire())
	}
	return out, err
}

// unproven tells that a protected event stays here, because the other side would refuse
// it: none of our keys is on its list, or that side knows no protected events yet.
func (a *api) unproven(c *call, e *intel.Event) bool {
	if !e.IsProtected() || !synchronises(c) && !server(c) || c.action == "add" || c.action == "edit" { // the answer to what it has just brought
		return false
	}
	if old(c.r) || a.Seal == nil {
		return true
	}
	list, err := a.Intel.EventKeys(c.ctx(), c.who, e.Ref())
	if err != nil {
		return true
	}
	ours, err := a.Seal.Has(c.ctx(), c.who, intel.Listed(list))
	return err != nil || !ours
}

// old tells that a server says it is one that knows no protected events.
func old(r *http.Request) bool {
	v := r.Header.Get("misp-version")
	if rest, ok := strings.CutPrefix(r.Header.Get("User-Agent"), "MISP "); ok && v == "" {
		v, _, _ = strings.Cut(rest, " ")
	}
	return !misp.KnowsProtected(v)
}

// signs tells whether an answer is signed: the JSON of a protected event that is viewed.
func (a *api) signs(c *call, e *intel.Event) bool {
	return a.Seal != nil && c.action == "view" && e.IsProtected() && c.r.Method != http.MethodHead && !c.wantsXML()
}

// signedAnswer gives the signature in the header, before the first byte.
func (a *api) signedAnswer(c *call, e *intel.Event, s show) error {
	keys, err := a.Intel.EventKeys(c.ctx(), c.who, e.Ref())
	if err != nil {
		return err
	}
	d, err := a.Seal.Document(c.ctx(), intel.Listed(keys), func(w io.Writer) error {
		c.groups = nil // what was told once is told again
		return a.pass(c, e, s, w)
	})
	if err != nil {
		return err
	}
	c.w.Header()[signatureHeader] = []string{d.Signature}
	o := c.begin(http.StatusOK)
	if err := d.Send(o); err != nil {
		return o.broken(err)
	}
	return o.Close()
}

// pass writes the whole document once.
func (a *api) pass(c *call, e *intel.Event, s show, w io.Writer) error {
	x := misp.NewEncoder(w)
	if err := a.writeEvent(c, x, e, s); err != nil {
		return err
	}
	return x.Flush()
}

// eventProtect switches an event to protected mode or back; MISP unpublishes it by that.
func (a *api) eventProtect(c *call) error {
	on := c.action == "protect"
	e, err := a.Intel.Event(c.ctx(), c.who, c.arg(0))
	if err == nil {
		err = a.Intel.SetProtected(c.ctx(), c.who, e.Ref(), 0, on, "")
	}
	if err != nil {
		return instead(err, notFound(invalidEvent), fault.NotFound, fault.Denied)
	}
	mode := "unprotected"
	if on {
		mode = "protected"
	}
	return c.done(misp.Outcome{Controller: "events", Action: c.action, Message: "Event switched to " + mode + " mode.", ID: itoa(e.ID)})
}

// cryptoAdd puts a key on the list of an event: cryptographicKeys/add/Event/<event>.
func (a *api) cryptoAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if c.arg(0) != "Event" || c.arg(1) == "" {
		return notAllowed("No type and/or parent_id supplied.")
	}
	p := c.params
	if in := p.sub("CryptographicKey"); len(in) > 0 {
		p = in
	}
	refused := func(field, text string) error {
		return unsaved(misp.Outcome{Controller: "CryptographicKeys", Action: "add", Errors: map[string][]string{field: {text}}})
	}
	if t := p.text("type"); t != "" && t != "pgp" {
		return refused("type", "Invalid key type")
	}
	k, err := a.Intel.AddEventKey(c.ctx(), c.who, c.arg(1), p.text("key_data"))
	if f := fault.Of(err); f != nil && f.Fields["key_data"] != "" {
		switch {
		case strings.TrimSpace(p.text("key_data")) == "":
			return refused("key_data", "No key data received.")
		case strings.HasSuffix(f.Fields["key_data"], "key-taken"):
			return refused("key_data", "This key is already assigned to the target.")
		}
		return refused("key_data", "Invalid key.")
	}
	if err != nil {
		return instead(err, notAllowed("Invalid Event."), fault.NotFound, fault.Denied)
	}
	return a.cryptoAnswer(c, &k)
}

func (a *api) cryptoAnswer(c *call, k *intel.EventKey) error {
	return c.value(ordered{{"CryptographicKey", k.Wire()}})
}

func (a *api) cryptoView(c *call) error {
	k, _, err := a.Intel.EventKey(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid CryptographicKey."), fault.NotFound)
	}
	return a.cryptoAnswer(c, &k)
}

// cryptoIndex lists the keys of the events that the caller sees, or of the one named.
func (a *api) cryptoIndex(c *call) error {
	event := c.params.text("parent_id")
	if c.arg(0) == "Event" {
		event = c.arg(1)
	}
	return c.list("", "", func(yield func([]byte) error) error {
		each := func(list []intel.EventKey) error {
			for i := range list {
				b, err := marshal(ordered{{"CryptographicKey", list[i].Wire()}})
				if err == nil {
					err = yield(b)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
		if event != "" {
			list, err := a.Intel.EventKeys(c.ctx(), c.who, event)
			if err != nil {
				return instead(err, notFound(invalidEvent), fault.NotFound)
			}
			return each(list)
		}
		for after := int64(0); ; {
			list, err := a.Intel.AllEventKeys(c.ctx(), c.who, after, 500)
			if err != nil || len(list) == 0 {
				return err
			}
			if err := each(list); err != nil {
				return err
			}
			after = list[len(list)-1].ID
		}
	})
}

func (a *api) cryptoDelete(c *call) error {
	k, err := a.Intel.DropEventKey(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid CryptographicKey."), fault.NotFound, fault.Denied)
	}
	return c.done(misp.Outcome{Controller: "CryptographicKeys", Action: "delete", Message: "CryptographicKey deleted.", ID: itoa(k.ID)})
}

// serverSign signs what is posted, without its white space as MISP does, for who holds
// perm_server_sign: the signature in base64, nothing around it.
func (a *api) serverSign(c *call) error {
	if a.Seal == nil {
		return forbidden(notHere)
	}
	r, err := c.open(seal.SignBytes)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return readFault(err)
	}
	var bare strings.Builder
	_, _ = misp.Bare(&bare).Write(b)
	out, err := a.Seal.Sign(c.ctx(), c.who, []byte(bare.String()))
	if err != nil {
		return instead(err, forbidden(misp.MsgNoFunction), fault.Denied)
	}
	o := c.text("text/plain")
	if _, err := io.WriteString(o, base64.StdEncoding.EncodeToString(out)); err != nil {
		return err
	}
	return o.Close()
}
