package mask

import (
	crand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
	"sync"
)

// reseedAfter is how many keys a generator gives before it takes fresh
// entropy: 64 Ki keys, which spreads the cost of a seed (a system call at
// worst) to well below a nanosecond a key.
const reseedAfter = 1 << 16

// NewKey returns a fresh masking key. It may be called by many goroutines at
// once.
//
// RFC 6455, 5.3: "The masking key needs to be unpredictable; thus, the
// masking key MUST be derived from a strong source of entropy, and the
// masking key for a given frame MUST NOT make it simple for a server/proxy to
// predict the masking key for a subsequent frame." See key.go for why that
// holds.
func NewKey() [4]byte {
	g := generators.Get().(*generator)
	key := g.next()
	generators.Put(g)
	return key
}

// A generator is one stream of keys. ChaCha8 is documented as
// cryptographically strong: whoever sees any number of keys, which all travel
// in clear, cannot tell the next one without the seed, and the seed is 256
// bits of the operating system's randomness that leave this struct nowhere.
// ChaCha8 also replaces its own key as it goes, so that a look into the
// memory of today does not give the keys of yesterday; the reseeding does the
// same for those of tomorrow.
//
// A generator is used by one goroutine at a time: the pool hands it out and
// keeps about one for each processor. The garbage collector may drop some;
// then new ones are made and seeded.
type generator struct {
	rng  rand.ChaCha8
	left int    // keys until the next seed
	half uint32 // the second key of the last 64 bits, when have
	have bool
}

var generators = sync.Pool{New: func() any { return new(generator) }}

func (g *generator) next() (key [4]byte) {
	if g.have {
		g.have = false
		binary.LittleEndian.PutUint32(key[:], g.half)
		g.half = 0 // it is used up: do not keep it in memory
		return key
	}
	if g.left == 0 {
		g.seed()
	}
	g.left -= 2
	v := g.rng.Uint64()
	g.half, g.have = uint32(v>>32), true
	binary.LittleEndian.PutUint32(key[:], uint32(v))
	return key
}

func (g *generator) seed() {
	var seed [32]byte
	crand.Read(seed[:]) // never fails: it ends the process instead
	g.rng.Seed(seed)
	g.left = reseedAfter
}
