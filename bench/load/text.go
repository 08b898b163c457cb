package load

import (
	"fmt"
	"math/rand/v2"
)

var (
	textKinds  = []string{"quote", "trade", "order", "status", "chat", "position"}
	textPlaces = []string{"Frankfurt", "Singapore", "New York", "London", "Tokyo", "S\u00e3o Paulo", "Z\u00fcrich"}
	textWords  = []string{"the", "price", "was", "changed", "by", "a", "market", "maker", "after", "close", "and", "no", "volume", "remains", "at", "this", "level"}
)

// Text returns n different texts of size bytes each, the same in each run.
// They look like the JSON of an application that pushes lists of events, and
// deflate makes about a fifth of them.
func Text(n, size int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		r := rand.New(rand.NewPCG(uint64(i), 7))
		p := fmt.Appendf(nil, `{"channel":"room-%d","sequence":%d,"events":[`, r.IntN(64), 40_000+i)
		for len(p) < size {
			p = appendEvent(p, r)
			p = append(p, ',')
		}
		p = p[:size]
		for j := size - 1; j >= 0 && p[j] >= 0x80; j-- { // no half of a letter at the end
			p[j] = ' '
		}
		all[i] = p
	}
	return all
}

func appendEvent(p []byte, r *rand.Rand) []byte {
	p = fmt.Appendf(p, `{"id":"%08x-%04x","type":%q,"time":"2026-03-%02dT%02d:%02d:%02d.%03dZ","user":{"id":%d,"place":%q},`,
		r.Uint32(), r.IntN(1<<16), pick(r, textKinds), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000), r.IntN(1_000_000), pick(r, textPlaces))
	p = fmt.Appendf(p, `"price":%d.%02d,"amount":%d,"active":%t,"note":"`, r.IntN(2000), r.IntN(100), r.IntN(500), r.IntN(2) == 0)
	for i := range 3 + r.IntN(8) {
		if i > 0 {
			p = append(p, ' ')
		}
		p = append(p, pick(r, textWords)...)
	}
	return append(p, `"}`...)
}

func pick(r *rand.Rand, of []string) string { return of[r.IntN(len(of))] }
