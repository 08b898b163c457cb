// Package feed makes JSON messages like those that a server pushes, for tests
// and benchmarks of compression: text that is neither constant nor noise.
package feed

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// words are what people in the chat of Messages say.
var words = strings.Fields(`
the of and to in a is that it was for on are with as his they be at one have
this from or had by hot but some what there we can out other were all your
when up use word how said an each she which do their time if will way about
many then them would write like so these her long make thing see him two has
look more day could go come did my sound no most number who over know water
than call first people may down side been now find deploy release meeting
tomorrow please review branch server latency customer ticket invoice shipping
warehouse dashboard incident resolved rollback schedule holiday lunch coffee
thanks great awesome sorry maybe definitely tonight morning screenshot https
design budget quarter metrics graph database migration index query cluster
region failover certificate expired renewed password account onboarding`)

// Messages returns the messages of one connection: events of a chat or of a
// market as a server would push them, JSON, of about size bytes each, the same
// for the same seed.
func Messages(seed uint64, count, size int) [][]byte {
	r := rand.New(rand.NewPCG(seed, 1))
	names := []string{"alice", "bob", "carol.smith", "dmitri", "eve", "farid", "grace.hopper", "heidi", "ivan", "judy"}
	rooms := []string{"general", "random", "ops", "support-eu", "releases"}
	symbols := []string{"BTC-USD", "ETH-USD", "SOL-USD", "EUR-USD", "XAU-USD", "AAPL", "MSFT", "NVDA"}
	at := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	prices := make([]float64, len(symbols))
	for i := range prices {
		prices[i] = 10 + r.Float64()*1000
	}
	item := func(b []byte, market bool) []byte {
		at = at.Add(time.Duration(r.IntN(4000)) * time.Millisecond)
		if market {
			i := r.IntN(len(symbols))
			prices[i] *= 1 + (r.Float64()-0.5)/100
			return fmt.Appendf(b, `{"e":"trade","s":%q,"t":%d,"id":%d,"p":"%.2f","q":"%.4f","side":%q}`,
				symbols[i], at.UnixMilli(), r.IntN(1e9), prices[i], r.ExpFloat64()*3, []string{"buy", "sell"}[r.IntN(2)])
		}
		n := r.IntN(len(names))
		b = fmt.Appendf(b, `{"type":"message","id":"%016x","room":%q,"user":{"id":%d,"name":%q,"admin":%t},"ts":%q,"text":"`,
			r.Uint64(), rooms[r.IntN(len(rooms))], 10000+n*37, names[n], n == 2, at.Format("2006-01-02T15:04:05.000Z07:00"))
		for i := range 4 + r.IntN(20) {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(b, words[r.IntN(len(words))]...)
		}
		return append(b, `"}`...)
	}
	feed := make([][]byte, count)
	for i := range feed {
		market := r.IntN(2) == 0
		b := fmt.Appendf(nil, `{"seq":%d,"channel":%q,"events":[`, 1000+i, map[bool]string{true: "market", false: "chat"}[market])
		b = item(b, market)
		for len(b) < size-60 {
			b = append(b, ',')
			b = item(b, market)
		}
		feed[i] = append(b, "]}"...)
	}
	return feed
}
