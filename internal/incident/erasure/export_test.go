package erasure

// DueByClass is open to tests.
var DueByClass = dueByClass
