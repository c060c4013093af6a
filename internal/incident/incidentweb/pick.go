package incidentweb

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"strconv"

	"straza/internal/incident"
	"straza/internal/intel"
	"straza/internal/kernel/web"
)

// packPick makes the value of a tick box of an indicator.
func packPick(p incident.Pick) string {
	raw, _ := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// unpackPick reads what packPick made; it comes from outside, so the intel room
// checks every part of it again.
func unpackPick(s string) (p incident.Pick, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(s) > 100_000 {
		return p, false
	}
	return p, json.Unmarshal(raw, &p) == nil && p.Value != ""
}

func distribution(n int64) intel.Distribution {
	if n < 0 || n > 4 {
		return intel.OwnOrg
	}
	return intel.Distribution(n)
}

// keepSmall holds an answer's attachment, bounded by the upload's own limit, until
// the text after it is known.
func keepSmall(files map[string]io.Reader, u web.Upload) error {
	b, err := io.ReadAll(u)
	if err != nil {
		return err
	}
	name := u.Name
	if _, taken := files[name]; taken {
		name = strconv.Itoa(len(files)+1) + "-" + name
	}
	files[name] = bytes.NewReader(b)
	return nil
}
