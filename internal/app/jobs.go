package app

import (
	"context"
	"slices"
	"time"

	"straza/internal/craft/deadline"
	"straza/internal/incident"
	"straza/internal/intel"
	"straza/internal/intel/expiry"
	"straza/internal/intel/remark"
	"straza/internal/kernel/jobs"
	"straza/internal/peer"
	"straza/internal/registry"
)

// jobDefs is the complete table of clocks and background work.
func (h *House) jobDefs() []jobs.Def {
	defs := []jobs.Def{
		{Kind: "blob.sweep", Every: 6 * time.Hour, Timeout: 10 * time.Minute, Run: func(ctx context.Context, _ *jobs.Task) error {
			_, err := h.Blobs.Sweep(ctx)
			return err
		}},
	}
	defs = append(defs, h.Post.Jobs()...)
	defs = append(defs, h.Accounts.Jobs()...)
	defs = append(defs, deadline.Jobs(h.DB)...)
	defs = append(defs, h.Registry.Jobs()...)
	defs = append(defs, h.Intake.Jobs()...)
	defs = append(defs, h.Threads.Jobs()...)
	defs = append(defs, h.Incident.Jobs()...)
	defs = append(defs, h.Intel.Jobs()...)
	defs = append(defs, h.Remarks.Jobs()...)
	defs = append(defs, h.Expiry.Jobs()...)
	defs = append(defs, h.Feeds.Jobs()...)
	defs = append(defs, h.Uploads.Jobs()...)
	defs = append(defs, h.Bulk.Jobs()...)
	defs = append(defs, h.Peers.Jobs()...)
	defs = append(defs, h.Polls.Jobs()...)
	defs = append(defs, h.Privacy.Jobs()...)
	defs = append(defs, h.Rules.Jobs()...)
	return defs
}

// subscriptions says who hears of which event.
func (h *House) subscriptions() []jobs.Subscription {
	return slices.Concat(intel.Subscriptions(), expiry.Subscriptions(), remark.Subscriptions(), incident.Subscriptions(), registry.Subscriptions(), peer.Subscriptions(), h.Rules.Subscriptions())
}
