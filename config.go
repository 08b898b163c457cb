package pushwire

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// Defaults of [Config]; a zero field means them.
const (
	DefaultMaxMessage   = 1 << 20          // bytes of one message, after inflating
	DefaultMaxFragments = 4096             // frames of one message, empty ones counted
	DefaultPing         = 30 * time.Second // between two pings
	DefaultPongTimeout  = 20 * time.Second // for the answer to a ping
	DefaultWriteTimeout = 10 * time.Second // for one write to the socket
	DefaultCloseTimeout = 5 * time.Second  // for the whole closing handshake
	DefaultQueueBytes   = 64 << 10         // payload bytes that Send may queue
	handshakeTimeout    = 10 * time.Second // for a whole opening handshake
)

// Config is what both ends of a connection can set. The zero value of each
// field is the documented default; a negative limit or time means none. A
// Config must not be changed once a connection uses it.
type Config struct {
	// MaxMessage bounds the bytes of one received message, after inflating,
	// all fragments together. A longer one ends the connection with close
	// code 1009. Default 1 MiB.
	MaxMessage int64

	// MaxFragments bounds the frames of one received message, empty ones
	// counted. Default 4,096.
	MaxFragments int

	// Deflate asks for permessage-deflate (RFC 7692); nil leaves it off. It
	// must not be changed either.
	Deflate *Deflate

	// Ping is the time between two keepalive pings, PongTimeout the time
	// within which the peer has to be heard of after one. Any byte from the
	// peer counts. While nobody reads the connection the peer can't be heard,
	// and the time does not run. Defaults 30 s and 20 s; a negative Ping
	// switches keepalive off.
	Ping, PongTimeout time.Duration

	// WriteTimeout is the time within which one write to the socket has to
	// get done; past it the connection breaks. A write gets at least this
	// time and at most a quarter more. Default 10 s.
	WriteTimeout time.Duration

	// CloseTimeout is the budget of the whole closing handshake: to flush
	// what is queued, to send our close frame, to receive the peer's.
	// Default 5 s.
	CloseTimeout time.Duration

	// Queue bounds what [Conn.Send] and [Group.Broadcast] may leave waiting
	// for a slow peer.
	Queue Queue

	// SkipUTF8 turns off the check that received text is valid UTF-8, which
	// RFC 6455, 8.1, demands of a receiver.
	SkipUTF8 bool

	// OnPing is called with the payload of each ping, from within the call
	// that reads; the pong is sent by itself. The payload is valid until
	// OnPing returns. It must not read from c, call its Ping or Detach, close
	// it with Close, or have a [Poller] add or remove it: these would wait for
	// the call that it is in. A panic in it goes on through the call that
	// reads, and closes the connection with 1011.
	OnPing func(c *Conn, payload []byte)

	// Logger gets refused handshakes and connections that ended badly, at
	// level Debug; nil is silent.
	Logger *slog.Logger

	// Trace gets single frames and the end; nil is silent.
	Trace *Trace
}

// Policy says what happens to a message for which the queue has no room.
type Policy byte

const (
	Block      Policy = iota // Send waits for room; Broadcast drops the message
	DropNewest               // the new message is dropped
	DropOldest               // the oldest queued ones are dropped until there is room
	Evict                    // the peer is closed with 1008: it is too slow
)

// Queue bounds the messages that wait for a slow peer.
type Queue struct {
	// Bytes of payload that may wait; default 64 KiB. A message counts for 64
	// bytes at least. A single one that is longer than Bytes is taken when
	// nothing else waits.
	Bytes int

	// Policy when there is no room. Default Block.
	Policy Policy
}

// Trace is a set of hooks for metrics and debugging. Each may be nil. They
// are called from within the calls that read and write, and from goroutines of
// ours, so they must be quick and must not call methods of the Conn other than
// its addresses and Protocol.
//
// A panic in one goes no further: it is logged, no frames are shown of that
// connection any more, and it is closed with 1011. A hook must not end its
// goroutine (runtime.Goexit, which a test's FailNow calls): with it may go what
// others of the connection wait for, Close too.
type Trace struct {
	// FrameRead is called for each frame whose header was accepted; control
	// frames once they are whole.
	FrameRead func(c *Conn, h frame.Header)

	// FrameWritten is called for each frame handed to the connection's
	// output.
	FrameWritten func(c *Conn, h frame.Header)

	// Ended is called once, with the error that all later calls return.
	Ended func(c *Conn, err error)
}

// AcceptOptions is what a server sets for [Accept], [AcceptConn], [Handler]
// and [Serve]. nil means the defaults.
type AcceptOptions struct {
	Config

	// Protocols are the subprotocols in the server's order; the first one that
	// the client offered too is taken. None in common is no error: the
	// connection then has no subprotocol. Connections share the slice, so it
	// must not be changed, as the Config.
	Protocols []string

	// Origins says which pages may connect; the zero value is the same
	// origin, scheme included.
	Origins handshake.Origins

	// Header holds extra fields of the 101 answer. They are checked, never
	// rewritten.
	Header http.Header

	// Check decides whether a request is answered with 101; nil lets every one
	// in. It is called on all paths, net/http's too, for a request that has
	// passed all checks of ours, Origins among them, and before the answer goes
	// out. Target, Host, Header (with cookies), Secure and the rest of r can be
	// read; the connection can't. The ServeFunc gets the same r, so a field
	// that Check sets in r.Header, on every request lest the client send it,
	// hands on what it found. It must not keep r. It may be called from many
	// goroutines at a time.
	//
	// A [*handshake.Error] is the answer: 404 for a resource that is not there,
	// 401 with WWW-Authenticate, 403, a redirect with Location; its Reason is
	// sent as the sentence. Any other error is no decision but a failure, as of
	// a database, and so is a panic, which is logged: the answer is 500, and
	// the text stays here. ctx ends with the time of the handshake, which is
	// what Check may take: 10 s for reading the request and Check together,
	// over net/http for Check alone. After that a yes, or a failure, is 503. ctx
	// ends early when that of Serve, AcceptConn or the *http.Request does.
	Check func(ctx context.Context, r *handshake.Request) error

	// Group gets each accepted connection; once it is shut down, new ones
	// are refused with 503.
	Group *Group

	// Gate bounds how many connections there are at a time, in all and from
	// one address. nil is one that all of the process share and that leaves
	// an eighth of its descriptors free; see [Gate.MaxConns].
	Gate *Gate
}

// DialOptions is what a client sets for [Dial]. nil means the defaults.
type DialOptions struct {
	Config

	// Protocols are the subprotocols to offer, best first. An answer with
	// one that is not among them is an error, one with none is not.
	Protocols []string

	// Header holds extra fields of the request, as Authorization or Origin.
	Header http.Header

	// Jar gives and takes cookies; ws and wss count as http and https.
	Jar http.CookieJar

	// TLS is cloned for each connection; nil is the default configuration.
	TLS *tls.Config

	// Proxy returns the proxy for a request (http, https, socks5 or socks5h
	// URL), nil for none. A nil Proxy means the environment's HTTP_PROXY,
	// HTTPS_PROXY, ALL_PROXY and NO_PROXY.
	Proxy func(*http.Request) (*url.URL, error)

	// NetDial opens the connection to the server or to its proxy; nil is a
	// net.Dialer.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)

	// MaxRedirects is how many redirects are followed; 0 follows none.
	MaxRedirects int
}

func (c *Config) limits() frame.Limits {
	return frame.Limits{Message: c.maxMessage(), Fragments: c.maxFragments()}
}

func (c *Config) maxMessage() int64 {
	switch {
	case c.MaxMessage == 0:
		return DefaultMaxMessage
	case c.MaxMessage < 0:
		return math.MaxInt64
	}
	return c.MaxMessage
}

func (c *Config) maxFragments() int {
	switch {
	case c.MaxFragments == 0:
		return DefaultMaxFragments
	case c.MaxFragments < 0:
		return math.MaxInt
	}
	return c.MaxFragments
}

// never is longer than any time that is waited for.
const never time.Duration = math.MaxInt64

// span returns d, or its default when d is zero; negative means never, which
// is the longest time there is.
func span(d, def time.Duration) time.Duration {
	switch {
	case d == 0:
		return def
	case d < 0:
		return never
	}
	return d
}

func (c *Config) pingEvery() time.Duration   { return span(c.Ping, DefaultPing) }
func (c *Config) pongWithin() time.Duration  { return span(c.PongTimeout, DefaultPongTimeout) }
func (c *Config) writeWithin() time.Duration { return span(c.WriteTimeout, DefaultWriteTimeout) }
func (c *Config) closeWithin() time.Duration { return span(c.CloseTimeout, DefaultCloseTimeout) }

func (q Queue) bytes() int {
	switch {
	case q.Bytes == 0:
		return DefaultQueueBytes
	case q.Bytes < 0:
		return math.MaxInt
	}
	return q.Bytes
}
