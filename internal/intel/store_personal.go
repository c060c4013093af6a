package intel

// attributesOf finds by key; the second key is that of a pair's other half.
const attributesOf = `SELECT a.id, e.uuid, a.timestamp * 1000000 FROM intel_attribute a JOIN intel_event e ON e.id = a.event_id
	WHERE (a.key1 = $1 OR a.key2 = $1) AND NOT a.deleted ORDER BY a.id`
