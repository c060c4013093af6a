// Package migrations embeds the schema's history: one global order, the room in
// the file name, never changed once released (store keeps checksums).
//
// NNNN_room_what.sql serves both engines after its macros are expanded
// ($ID $INT $TIME $BOOL $UUID $TEXT $JSON $BLOB $STRICT, see store.expand);
// NNNN_room_what.lite.sql and .pg.sql stand where the engines must differ.
package migrations

import "embed"

// Files holds every migration.
//
//go:embed *.sql
var Files embed.FS
