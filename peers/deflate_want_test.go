package peers

import (
	"fmt"
	"strings"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/deflate"
)

// peerDeflate is what a foreign peer is told to want: true or false, and a
// number of bits or false. nil leaves the package's option unset.
type peerDeflate struct {
	ServerNoContext any `json:"serverNoContext,omitempty"`
	ClientNoContext any `json:"clientNoContext,omitempty"`
	ServerBits      any `json:"serverBits,omitempty"`
	ClientBits      any `json:"clientBits,omitempty"`

	off bool // no compression at all
}

// field adds d to a command.
func (d *peerDeflate) field(cmd command) {
	if d != nil && !d.off {
		cmd["deflate"] = d
	}
}

func (d peerDeflate) String() string {
	if d.off {
		return "off"
	}
	var s []string
	add := func(name string, v any) {
		if v != nil {
			s = append(s, fmt.Sprintf("%s=%v", name, v))
		}
	}
	add("snc", d.ServerNoContext)
	add("cnc", d.ClientNoContext)
	add("sb", d.ServerBits)
	add("cb", d.ClientBits)
	if s == nil {
		return "unset"
	}
	return strings.Join(s, ",")
}

// combinations are all with these bits.
func combinations(serverBits, clientBits []any) (all []peerDeflate) {
	for _, snc := range []any{nil, true} {
		for _, cnc := range []any{nil, true} {
			for _, sb := range serverBits {
				for _, cb := range clientBits {
					all = append(all, peerDeflate{ServerNoContext: snc, ClientNoContext: cnc, ServerBits: sb, ClientBits: cb})
				}
			}
		}
	}
	return all
}

// bitsOf is a peer's number of bits, or other where it has none.
func bitsOf(v any, other int) int {
	if n, ok := v.(int); ok {
		return n
	}
	return other
}

// setting is what our end wants in a test; nil is no compression.
type setting struct {
	name string
	*pushwire.Deflate
}

// settings compress all messages. The first is otherwise our default; the
// others take turns.
var settings = []setting{
	{"default", &pushwire.Deflate{Threshold: -1}},
	{"largest", &pushwire.Deflate{Threshold: -1, ServerBits: 15, ClientBits: 15}},
	{"smallest", &pushwire.Deflate{Threshold: -1, ServerBits: 8, ClientBits: 8, Level: 2}},
	{"no context", &pushwire.Deflate{Threshold: -1, ServerBits: 10, ServerNoContext: true, ClientNoContext: true, Level: 5}},
}

// best is what takes longest.
var best = setting{"best", &pushwire.Deflate{Threshold: -1, ServerBits: 15, ClientBits: 15, Level: 9}}

// long reports whether a mebibyte takes less than a second, under the race
// detector.
func (o setting) long() bool { return o.Deflate != nil && o.Level <= 2 }

func ownBits(n int) int {
	if n == 0 {
		return pushwire.DefaultDeflateBits
	}
	return n
}

// settled is what a server and a client have come to.
type settled struct {
	params  deflate.Params // for us
	plain   bool           // no compression, and the connection goes on
	refused string         // the handshake failed, with this in the reason
}

// wantAnswer is what our server has to answer to a client with options d.
func (o setting) wantAnswer(name string, d peerDeflate) settled {
	if o.Deflate == nil || d.off {
		return settled{plain: true}
	}
	p := deflate.Params{
		ServerNoContext: o.ServerNoContext || d.ServerNoContext == true,
		ClientNoContext: o.ClientNoContext || d.ClientNoContext == true,
		ServerBits:      min(ownBits(o.ServerBits), bitsOf(d.ServerBits, 15)),
		ClientBits:      min(ownBits(o.ClientBits), bitsOf(d.ClientBits, 15)),
	}
	if d.ClientBits == false || name == "jetty" { // RFC 7692, 7.1.2.2: a client that does not offer it can't be limited
		p.ClientBits = 15
	}
	switch {
	case name == "websockets" && p.ClientBits == 8: // it offers to be limited, but not to that
		return settled{refused: "Unsupported extension"}
	case name == "ws" && d.ClientNoContext == false && p.ClientNoContext:
		return settled{refused: "Invalid Sec-WebSocket-Extensions"}
	}
	return settled{params: p}
}

// wantAgreed is what our Dial has to get from a server with options d, by what
// the package documents of itself.
func (o setting) wantAgreed(name string, d peerDeflate) settled {
	if o.Deflate == nil || d.off {
		return settled{plain: true}
	}
	offers := []deflate.Params{{
		ServerNoContext: o.ServerNoContext, ClientNoContext: o.ClientNoContext,
		ServerBits: ownBits(o.ServerBits), ClientBits: 15,
	}}
	if o.ClientBits != 0 { // else Dial gives no hint
		offers[0].ClientBits = o.ClientBits
	}
	if o.ServerBits == 0 && !o.ServerNoContext { // RFC 7692, 7.1.3: what it prefers, and what it can do with
		offers = append(offers, deflate.Params{ClientNoContext: o.ClientNoContext, ServerBits: 15, ClientBits: 15})
	}
	for _, p := range offers {
		switch {
		case name == "ws" && ((d.ServerNoContext == false && p.ServerNoContext) ||
			(d.ServerBits == false && p.ServerBits < 15) ||
			bitsOf(d.ServerBits, 0) > p.ServerBits || bitsOf(d.ClientBits, 0) > p.ClientBits):
			continue // it takes no offer of less than it was told to use
		case name == "websockets" && min(p.ServerBits, bitsOf(d.ServerBits, 15)) == 8:
			continue // zlib can't compress for that window
		}
		p.ServerNoContext = p.ServerNoContext || d.ServerNoContext == true
		p.ClientNoContext = p.ClientNoContext || d.ClientNoContext == true
		p.ServerBits = min(p.ServerBits, bitsOf(d.ServerBits, 15))
		p.ClientBits = min(p.ClientBits, bitsOf(d.ClientBits, 15), ownBits(o.ClientBits))
		return settled{params: p}
	}
	if name == "ws" { // it fails the handshake where it could go on without
		return settled{refused: "400 Bad Request"}
	}
	return settled{plain: true}
}
