// Package jobs runs what nobody waits for: rows written in the act's own
// transaction (so the act and its consequences commit together), claimed under a
// lease with a fencing number, tried up to five times, then put into quarantine
// with the reason, where an operator looks at them.
//
// A handler may run more than once and must be idempotent; Task.FinishTx ends the
// job inside the handler's own transaction and fails when the lease has moved to
// another node, so that a zombie's write never lands. Rights are resolved again
// when a job runs: payloads carry ids, never an Actor.
//
// Events are jobs too: Publish writes one row, the runner turns it into one job a
// subscriber. Periodic work is elected by the database: whoever moves next_run
// runs it.
package jobs
