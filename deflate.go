package pushwire

import (
	"fmt"
	"strings"

	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// Defaults of [Deflate].
const (
	DefaultDeflateThreshold = 512 // bytes of a message from which on it is compressed
	DefaultDeflateBits      = 12  // of a window: 4 KiB give nearly all that 32 KiB give
)

// Deflate sets permessage-deflate (RFC 7692). Both ends have to want it. A
// zero field is its default. With what a client sets for the server's
// direction it insists: a server that declines it gets no compression, and
// Dial fails where one answers less.
//
// A connection that takes over context keeps a window of 2^bits bytes for
// that direction, from its first compressed message on; without takeover it
// keeps nothing. Compressors and decompressors are shared by all connections,
// and belong to one only while a message is under way.
//
// [NewConn] and [Pipe] have no handshake: there the fields are what was agreed
// on, the same at both ends.
type Deflate struct {
	// Level is 1, the fastest, to 9, the smallest result. Default 1.
	Level int

	// Threshold: messages of fewer bytes go out plain. Default 512; a
	// negative one compresses all. A message that compression would not make
	// smaller goes out plain as well.
	Threshold int

	// ServerNoContext and ClientNoContext give up context takeover in the
	// direction of that end's messages: each is compressed on its own.
	ServerNoContext, ClientNoContext bool

	// ServerBits and ClientBits, 8 to 15, bound how far that end's compressor
	// may look back, and so the peer's window: 2^bits bytes. Default 12. A
	// peer that knows no smaller window, and was not told to use one by name,
	// may use 15. A server with ClientBits of 8 shuts clients out that offer to
	// be limited and then can't be to that, as those with zlib.
	ServerBits, ClientBits int
}

// check reports a field that has no meaning.
func (d *Deflate) check() error {
	if d == nil {
		return nil
	}
	if d.Level < 0 || d.Level > 9 {
		return fmt.Errorf("pushwire: Deflate.Level is %d (1 to 9, or 0 for the default)", d.Level)
	}
	if err := d.options().Validate(); err != nil {
		return fmt.Errorf("pushwire: Deflate.ServerBits or ClientBits: %w", err)
	}
	return nil
}

func (d *Deflate) options() deflate.Options {
	bits := func(n int) int {
		if n == 0 {
			return DefaultDeflateBits
		}
		return n
	}
	return deflate.Options{
		ServerNoContext: d.ServerNoContext, ClientNoContext: d.ClientNoContext,
		ServerBits: bits(d.ServerBits), ClientBits: bits(d.ClientBits),
	}
}

func (d *Deflate) threshold() int64 {
	if d.Threshold == 0 {
		return DefaultDeflateThreshold
	}
	return int64(d.Threshold)
}

// agreed is what an opening handshake came to.
type agreed struct {
	protocol *string         // nil for none; not changed
	deflate  *deflate.Params // nil without compression
	ticket   *ticket         // of a server's Gate; nil at a client
}

// accept chooses among the client's offers and returns the server's answer, the
// value of Sec-WebSocket-Extensions.
func (a *agreed) accept(d *Deflate, offers []string) (answer string, err error) {
	if d == nil {
		return "", nil
	}
	if err := d.check(); err != nil {
		return "", err
	}
	p, answer, ok := d.options().Accept(offers)
	if ok {
		a.deflate = &p
	}
	return answer, nil
}

// dialDeflate is what a client wants. It insists on what its program has set,
// not on what is our default: many servers know no window but the largest.
func (o *DialOptions) dialDeflate() deflate.Options {
	want := o.Deflate.options()
	want.ClientBits = o.Deflate.ClientBits // no hint of our default: some decline what is less than theirs
	want.Fallback = o.Deflate.ServerBits == 0 && !o.Deflate.ServerNoContext
	return want
}

// offer is what Dial asks for.
func (o *DialOptions) offer() []string {
	if o.Deflate == nil {
		return nil
	}
	return strings.Split(string(o.dialDeflate().AppendOffer(nil)), ", ")
}

// agree is what the server took of that.
func (o *DialOptions) agree(r *handshake.Response) (a agreed, err error) {
	if p := r.Protocol; p != "" {
		a.protocol = &p
	}
	if o.Deflate == nil {
		return a, nil // whatever it took, Response.Check has refused
	}
	p, ok, err := o.dialDeflate().Check(r.Extensions)
	if ok {
		a.deflate = &p
	}
	return a, err
}

// assumed is what a Conn without a handshake has. It panics on a [Deflate]
// that has no meaning.
func assumed(cfg *Config) agreed {
	if cfg.Deflate == nil {
		return agreed{}
	}
	if err := cfg.Deflate.check(); err != nil {
		panic(err.Error())
	}
	o := cfg.Deflate.options()
	return agreed{deflate: &deflate.Params{
		ServerNoContext: o.ServerNoContext, ClientNoContext: o.ClientNoContext,
		ServerBits: o.ServerBits, ClientBits: o.ClientBits,
	}}
}

// startDeflate sets up both directions. What was agreed on binds the sender;
// to look back less than that, or not at all, is up to it. Nobody else knows
// of c yet.
func (c *Conn) startDeflate(p *deflate.Params) {
	if p == nil {
		return
	}
	own := c.cfg.Deflate.options()
	in := inflation{bits: uint8(p.ClientBits), takeover: !p.ClientNoContext}
	out := compression{bits: uint8(min(p.ServerBits, own.ServerBits)), takeover: !p.ServerNoContext && !own.ServerNoContext}
	if c.wire.role == frame.Client {
		in = inflation{bits: uint8(p.ServerBits), takeover: !p.ServerNoContext}
		out = compression{bits: uint8(min(p.ClientBits, own.ClientBits)), takeover: !p.ClientNoContext && !own.ClientNoContext}
	}
	out.level, out.threshold = uint8(max(1, c.cfg.Deflate.Level)), c.cfg.Deflate.threshold()
	in.limit = c.cfg.maxMessage()
	in.skipUTF8 = c.cfg.SkipUTF8
	c.in.inflation, c.out.compression = &in, &out
}

// Deflate returns the parameters of permessage-deflate in use: what was agreed
// on or, for the direction that is ours to send, less where [Deflate] wants
// less. ok is false where messages are not compressed.
func (c *Conn) Deflate() (p deflate.Params, ok bool) {
	in, out := c.in.inflation, c.out.compression
	if in == nil {
		return deflate.Params{}, false
	}
	p = deflate.Params{ServerBits: int(out.bits), ServerNoContext: !out.takeover, ClientBits: int(in.bits), ClientNoContext: !in.takeover}
	if c.wire.role == frame.Client {
		p.ServerBits, p.ClientBits = p.ClientBits, p.ServerBits
		p.ServerNoContext, p.ClientNoContext = p.ClientNoContext, p.ServerNoContext
	}
	return p, true
}
