package app

import (
	"context"

	"straza/internal/intel/intelmisp"
	"straza/internal/kernel/jobs"
)

// machine tells MISP's surface what runs here and how the database stands.
type machine struct{ h *House }

// Waiting counts background jobs by state.
func (m machine) Waiting(ctx context.Context) (map[string]int64, bool, error) {
	states, err := m.h.runner.Counts(ctx)
	if err != nil {
		return nil, false, err
	}
	return map[string]int64{"waiting": states[jobs.Waiting], "running": states[jobs.Running]}, m.h.ready.Load(), nil
}

// Schema compares the database with the migrations of this program.
func (m machine) Schema(ctx context.Context) (intelmisp.Schema, error) {
	st, err := m.h.DB.Status(ctx)
	if err != nil {
		return intelmisp.Schema{}, err
	}
	out := intelmisp.Schema{Engine: string(m.h.DB.Engine), Have: st.Current, Want: st.Target, Missing: st.Pending, TablesColumns: map[string][]string{}}
	tables, err := m.h.DB.Tables()
	if err != nil {
		return out, err
	}
	for _, t := range tables {
		columns, err := m.h.DB.Columns(ctx, t)
		if err != nil {
			return out, err
		}
		out.TablesColumns[t] = columns
	}
	return out, nil
}
