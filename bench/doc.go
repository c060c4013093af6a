// Package bench holds the named benchmarks: each prints its figure beside its
// limit in the same run and fails when the limit is broken. Sizes are the full ones
// by default; STRAZA_BENCH_SCALE divides them (100 = one hundredth) for a quick look.
package bench
