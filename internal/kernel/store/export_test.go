package store

import (
	"context"
	"time"
)

// RestReading is what the pause of a Reading ends in.
func RestReading(ctx context.Context, db *DB) { readingOf(ctx, db).idle() }

// SetReadingRest says how long a pause may last.
func SetReadingRest(db *DB, d time.Duration) { db.readingRest = d }

// InUse counts the connections that somebody reads with.
func InUse(db *DB) int { return db.read.Stats().InUse }
