package access

import "gatehouse/access/tuple"

// NewWrite is a write of one tuple, for whoever offers changes besides an explanation.
func NewWrite(op Op, t tuple.Tuple) Write { return write(op, t) }
