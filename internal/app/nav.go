package app

import "straza/internal/kernel/web"

// nav is every menu (look.md §7). A room that a person may not enter is not shown.
func (h *House) nav() web.Nav { return web.Nav{} }
