package registry

import (
	"strconv"
)

func changesOf(org, before int64, limit int) (string, []any) {
	text, args := `SELECT id, version, at, actor_name, act, fields FROM registry_change WHERE org_id = $1`, []any{org}
	if before != 0 {
		text, args = text+` AND id < $2`, append(args, before)
	}
	return text + ` ORDER BY id DESC LIMIT ` + strconv.Itoa(limit), args
}
