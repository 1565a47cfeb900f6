package widget

// Rows are kept in chunks: growing never copies what is there, so a long crawl
// leaves no garbage behind and its peak is its end.
const (
	chunkBits = 10
	chunkRows = 1 << chunkBits
	chunkMask = chunkRows - 1
)

// store is a list that grows at its end.
type store[T any] struct {
	chunks [][]T
	n      int
}

func (s *store[T]) at(i int32) *T { return &s.chunks[i>>chunkBits][i&chunkMask] }

// add appends one item and gives its number.
func (s *store[T]) add(item T) int32 {
	if s.n&chunkMask == 0 {
		// The first chunk starts small: most lists are short.
		size := chunkRows
		if s.n == 0 {
			size = 16
		}
		s.chunks = append(s.chunks, make([]T, 0, size))
	}
	last := len(s.chunks) - 1
	s.chunks[last] = append(s.chunks[last], item)
	s.n++
	return int32(s.n - 1)
}

// bits is a set of row numbers.
type bits []uint64

func newBits(n int) bits { return make(bits, (n+63)/64) }

func (b bits) has(i int32) bool { return int(i>>6) < len(b) && b[i>>6]&(1<<(i&63)) != 0 }
func (b bits) set(i int32)      { b[i>>6] |= 1 << (i & 63) }

// grow makes room for n numbers.
func (b bits) grow(n int) bits {
	for len(b)*64 < n {
		b = append(b, 0)
	}
	return b
}
