package deflate

// A finder is one of the ways to look for matches.
type finder uint8

const (
	findFast    finder = iota // one place: compress_fast.go
	findDouble                // three places: compress_double.go
	findChained               // chains of places: compress_chain.go
)

// effort is what a level spends.
type effort struct {
	find   finder
	step   int // one position in so many of the history is entered
	far    int // the same, far back in the history of a short message
	inside int // the same, of the bytes that a match covers
	lazy   int // a shorter match waits for a better one at the next position
	depth  int // places in a chain to look at
	nice   int // a match of this length ends the search in a chain
	passes int // so often a block may be divided again: compress_best.go
}

var efforts = [compressMaxLevel + 1]effort{
	1: {find: findFast, far: 8, lazy: 32},
	2: {find: findDouble, step: 2, far: 8, inside: 3, lazy: 32},
	3: {find: findDouble, step: 1, far: 4, inside: 1, lazy: 128},
	4: {find: findChained, far: 4, depth: 5, nice: 32, lazy: 16},
	5: {find: findChained, far: 2, depth: 10, nice: 64, lazy: 32},
	6: {find: findChained, far: 1, depth: 24, nice: 128, lazy: 64},
	7: {find: findChained, far: 1, depth: 64, nice: 192, lazy: 128},
	8: {find: findChained, far: 1, depth: 32, nice: 64, lazy: 64, passes: 1},
	9: {find: findChained, far: 1, depth: 64, nice: 128, lazy: 128, passes: 2},
}

const (
	// nearHistory is the part of the history (bytes) that is always entered
	// densely. Most of what a message repeats was in those just before it,
	// and to enter all of 32 KiB would cost several times as much as to
	// compress a message of 512 bytes.
	nearHistory = 8 << 10

	// farRatio is how many times longer than the message a history must be to
	// be entered thinly at its far end.
	farRatio = 2
)

// farHistory returns where the dense part of the history begins.
func (m *matcher) farHistory() int {
	if m.pos < farRatio*(m.end-m.pos) {
		return 0
	}
	return max(m.pos-nearHistory, 0)
}
