package pushservice

import (
	"log/slog"
	"net/http"
	"time"
)

// Defaults of [Options]; a zero field means them, a negative one none.
const (
	DefaultMaxTTL           = 28 * 24 * time.Hour // that a message is kept
	DefaultMaxPayload       = 4096                // bytes of one body; RFC 8030, 7.2, allows no less
	DefaultMaxAgents        = 100_000             // user agents, connected or not
	DefaultMaxSubscriptions = 200                 // of one user agent
	DefaultMaxMessages      = 1_000               // that wait in one subscription
	DefaultMaxAgentBytes    = 4 << 20             // of messages that wait for one user agent
	DefaultMaxBytes         = 256 << 20           // of messages that wait in all
	DefaultMaxReceiptSets   = 10_000              // receipt subscriptions
	DefaultClientRate       = 1.0                 // new subscriptions a second for one client, and as many receipt subscriptions
	DefaultClientBurst      = 500                 // new subscriptions at once for one client, and as many receipt subscriptions
	DefaultRate             = 10.0                // messages a second to one subscription
	DefaultBurst            = 200                 // messages at once to one subscription
	DefaultAckTimeout       = 5 * time.Minute     // for an acknowledgement on an open connection
	DefaultMaxAttempts      = 10                  // deliveries of one message
	DefaultAgentIdle        = 90 * 24 * time.Hour // until a user agent that nobody saw is forgotten
)

// Bounds that no option changes.
const (
	helloTimeout   = 10 * time.Second // from the opening handshake to the hello
	closeTimeout   = time.Second      // for a user agent to answer our close frame
	window         = 64               // messages on one connection that wait for their acknowledgement
	maxGone        = 100_000          // removed subscriptions that are answered with 410; older ones with 404
	maxReceipts    = 1_024            // kept in one receipt subscription
	maxBroadcasts  = 1_000            // broadcast IDs that have a version
	maxField       = 512              // bytes of a Content-Type, Content-Encoding, Encryption or DH key that is stored
	maxOptionsBody = 4096             // bytes of the body of a request to subscribe
	seenEvery      = 24 * time.Hour   // between two writes of the time a user agent was seen
	sweepEvery     = time.Hour        // between two looks for user agents that are idle too long
	storeRetry     = 5 * time.Second  // that a client is asked to wait for when the store fails or is full
	maxPending     = 16 << 20         // bytes that may wait for a store that fails
	maxBatch       = 4 << 20          // bytes that a store is given at once, unless one change is larger
	mostPayload    = 16 << 20         // bytes of the largest body that MaxPayload can allow
	maxReaders     = 64               // requests that wait for the messages of one user agent, or for one set of receipts
	attemptTime    = 10 * time.Second // that a connection has a message before it counts as an attempt to deliver it
)

// Options are what a [Service] can be told. nil means the defaults. Options
// must not be changed once a service uses them.
type Options struct {
	// URL is where the service is reached from outside, as
	// "https://push.example.net" or "https://example.net/push-service". All
	// URLs that are handed out begin with it, its path is cut from those that
	// come in, and its origin is the audience that VAPID tokens have to name.
	// When it is "", scheme and Host of each request take its place: fine on
	// loopback, but whoever can choose the Host field chooses the audience.
	URL string

	// Store keeps what must survive the process; nil keeps nothing. The
	// service is its only user and closes it.
	Store Store

	// RequireVAPID refuses messages without valid VAPID identification also
	// where the subscription is not restricted to a key.
	RequireVAPID bool

	// MaxTTL is the longest time that a message is kept; a longer TTL is cut,
	// and the answer says so. Default 28 days.
	MaxTTL time.Duration

	// MaxPayload is the longest body in bytes; a longer one is answered with
	// 413. Default, and least, 4,096; at most 16 MiB.
	MaxPayload int

	// MaxAgents bounds the user agents, MaxSubscriptions the subscriptions of
	// each, MaxMessages the messages that wait in one subscription, and
	// MaxAgentBytes and MaxBytes the memory of those that wait for one user
	// agent and in all: their bodies, and 512 bytes for each. MaxReceiptSets
	// bounds the receipt subscriptions.
	//
	// A new user agent beyond MaxAgents takes the place of one that was never
	// used, if there is any, by chance: nobody sent to it, it never came back,
	// and it is not connected. Receipt subscriptions do the same with those
	// that nobody ever read. Where there is none, the answer is 429.
	MaxAgents, MaxSubscriptions, MaxMessages int
	MaxAgentBytes, MaxBytes                  int64
	MaxReceiptSets                           int

	// ClientRate is how many new subscriptions a second the service makes for
	// one client, and how many receipt subscriptions, once ClientBurst came at
	// once; more are answered with 429 and Retry-After. What a user agent has
	// already it may register again at any time. Defaults 1 and 500.
	ClientRate  float64
	ClientBurst int

	// Client names the client that a request comes from, for ClientRate; nil
	// takes the address that is connected. Of an IPv6 address the first 64 bits
	// count. Behind a proxy all clients would be one: take then what the proxy
	// says, from the field that it sets itself, and of several addresses in
	// X-Forwarded-For the last. "" is not limited. It is called from the
	// goroutines that serve.
	Client func(r *http.Request) string

	// Rate is how many messages a second one subscription takes, once Burst
	// came at once; more are answered with 429 and Retry-After. Defaults 10
	// and 200.
	Rate  float64
	Burst int

	// AckTimeout ends a WebSocket connection on which a message is not
	// acknowledged in that time. The message is sent again on the next one;
	// once MaxAttempts connections had it for 10 s or more it is given up.
	AckTimeout  time.Duration
	MaxAttempts int

	// AgentIdle is how long a user agent that does not come back is
	// remembered, with its subscriptions and messages.
	AgentIdle time.Duration

	// Logger gets what goes wrong with the store at level Error and refused
	// requests at level Debug; nil is silent. No push URL is ever logged.
	Logger *slog.Logger

	// Trace gets single steps; nil is silent.
	Trace *Trace
}

// Trace is a set of hooks for metrics and tests. Each may be nil. They are
// called from the goroutines that serve, without locks, and must be quick. A
// panic in one ends the request or connection that it is called for; in
// Delivered, which nobody waits for, the process.
type Trace struct {
	// Hello is called once a user agent's hello was answered.
	Hello func(agent string)

	// Subscribed is called for each new subscription, with its push URL.
	Subscribed func(agent, endpoint string)

	// Received is called for each request to send that is well formed and may
	// be sent, before the message that it becomes is delivered; a limit may
	// still keep it from that. r must not be kept, and its body was read.
	Received func(message string, r *http.Request)

	// Delivered is called for each message that was written to a user agent.
	Delivered func(agent, message string)

	// Acked is called for each acknowledgement of a message that was waiting.
	Acked func(Ack)

	// Nacked is called for each failure over a message that a user agent
	// reports. That is no acknowledgement: Firefox acknowledges the message
	// first, and a message that was not acknowledged still waits. Which one
	// it is, only the user agent says.
	Nacked func(Ack)
}

// Ack is a user agent's word on one message.
type Ack struct {
	Agent, Message string
	Code           AckCode
}

// AckCode is what a user agent says became of a message, in Mozilla's
// protocol; a DELETE of the message counts as AckDelivered.
type AckCode int

const (
	AckDelivered     AckCode = 100 // the application has it
	AckUndecryptable AckCode = 101 // it could not be decrypted
	AckNotDelivered  AckCode = 102 // the application failed, or may not be woken
)

// What a user agent reports with a nack in Mozilla's protocol; 0 for any other
// reason. Firefox sends it when a service worker fails over a message that
// it has acknowledged.
const (
	NackException AckCode = 301 // the application's handler threw
	NackRejection AckCode = 302 // what the handler waited for failed
	NackInternal  AckCode = 303 // the user agent itself failed
)

func or[T int | int64 | float64 | time.Duration](v, def, none T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return none
	}
	return v
}

const forever = time.Duration(1<<63 - 1)

// withDefaults returns a copy in which every limit is a plain number.
func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	const many = 1 << 30
	d.MaxTTL = or(d.MaxTTL, DefaultMaxTTL, maxTTL*time.Second)
	// RFC 8030, 7.2: "Push services MUST NOT return a 413 status code in
	// responses to an entity body that is 4096 bytes or less in size."
	d.MaxPayload = min(max(or(d.MaxPayload, DefaultMaxPayload, mostPayload), DefaultMaxPayload), mostPayload)
	d.MaxAgents = or(d.MaxAgents, DefaultMaxAgents, many)
	d.MaxSubscriptions = or(d.MaxSubscriptions, DefaultMaxSubscriptions, many)
	d.MaxMessages = or(d.MaxMessages, DefaultMaxMessages, many)
	d.MaxAgentBytes = or(d.MaxAgentBytes, DefaultMaxAgentBytes, 1<<60)
	d.MaxBytes = or(d.MaxBytes, DefaultMaxBytes, 1<<60)
	d.MaxReceiptSets = or(d.MaxReceiptSets, DefaultMaxReceiptSets, many)
	d.ClientRate = or(d.ClientRate, DefaultClientRate, 1e12)
	d.ClientBurst = or(d.ClientBurst, DefaultClientBurst, many)
	d.Rate = or(d.Rate, DefaultRate, 1e12)
	d.Burst = or(d.Burst, DefaultBurst, many)
	d.AckTimeout = or(d.AckTimeout, DefaultAckTimeout, forever)
	d.MaxAttempts = or(d.MaxAttempts, DefaultMaxAttempts, many)
	d.AgentIdle = or(d.AgentIdle, DefaultAgentIdle, forever)
	if d.Trace == nil {
		d.Trace = &Trace{}
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}
