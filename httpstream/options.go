package httpstream

import (
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/handshake"
)

// Defaults of [Options].
const (
	// RFC 6202, 5.5: "Several experiments have shown success with timeouts as
	// high as 120 seconds, but generally 30 seconds is a safer value."
	DefaultMaxWait      = 30 * time.Second
	DefaultHeartbeat    = 15 * time.Second
	DefaultWriteTimeout = 10 * time.Second
	DefaultMaxBytes     = 1 << 20  // 1 MiB
	DefaultMaxItems     = 1_000    // of one answer
	DefaultMaxPublish   = 64 << 10 // 64 KiB
)

// Options says who may read and publish, and what one client may cost. nil and
// the zero value are the defaults. It is copied by the functions that take it;
// what it points to is not.
type Options struct {
	// Origins says which web pages may read, and publish where Allow lets
	// them: those of the server's own origin by default. Others get 403
	// (forbidden_origin), on every transport. Behind a proxy that ends TLS,
	// set Origins.Host to the public origin, as "https://example.com".
	//
	// Pages of origins that are listed in Origins.Allow, and the server's
	// own, may send cookies along. Origins.Any lets all others in too, but
	// without cookies where that can be helped: their pages can't read a poll
	// or a stream that was asked for with them, and publishing with them is
	// refused. A WebSocket always has its cookies. Other credentials that a
	// browser adds by itself, as a client certificate or the password of
	// Basic, can't be told from the page's own: where these count, list the
	// origins.
	Origins handshake.Origins

	// Headers are request fields that pages of other origins may set beside
	// Authorization and those of the protocol.
	Headers []string

	// Check, if set, is asked before anything is done for a request of
	// whichever transport and method, but a preflight, which has no
	// credentials. Its error refuses the request: a [*RefusedError] says
	// how, any other gets 403 (forbidden) and its text stays here.
	Check func(*http.Request) error

	// Allow says who may publish with POST, after Check. nil lets nobody:
	// 405. Its error is treated as that of Check. All who may publish to a
	// topic share its keys: who guesses another's key can have that item taken
	// for a repetition.
	Allow func(*http.Request) error

	// MaxWait is the longest wait of a long poll, whatever the client asks
	// for; 0 is 30 s.
	MaxWait time.Duration

	// Heartbeat is the silence after which a stream says where it is, so
	// that proxies keep the connection and a client that went without a word
	// is noticed; 0 is 15 s, negative is none.
	Heartbeat time.Duration

	// WriteTimeout is how long a client may take for an answer of a poll or
	// for one write of a stream before the connection is given up, and how
	// long the body of a POST may take to arrive; 0 is 10 s, negative is no
	// limit. It takes the place of http.Server's timeouts.
	WriteTimeout time.Duration

	// MaxBytes is how large the items of one answer of a poll may be
	// together, as JSON. An item that alone is larger is sent alone. 0 is
	// 1 MiB.
	MaxBytes int

	// MaxItems is how many items one answer of a poll has at most, whatever
	// the client asks for; 0 is 1,000.
	MaxItems int

	// MaxReplay is how many items a stream or socket sends at its start at
	// most. A client that is further behind gets a reset, and the newest
	// MaxReplay. 0 is no limit: all that the source keeps. It needs a Source
	// that is a [topic.Bounder].
	MaxReplay int

	// MaxPublish is how large the body of a POST may be; 0 is 64 KiB. A
	// larger one gets 413.
	MaxPublish int64

	// Group ends what runs when it is shut down, and has new requests
	// refused with 503.
	Group *Group

	// Socket says how WebSocket connections are accepted. Its Origins and
	// its Group are not used: those of Options are.
	Socket *pushwire.AcceptOptions

	// Logger is told of errors of the source, and of what Check and Allow
	// refuse. nil is nobody.
	Logger *slog.Logger
}

// resolved is a copy of o in which what was left out has its default.
func (o *Options) resolved() Options {
	var r Options
	if o != nil {
		r = *o
	}
	if r.MaxWait <= 0 {
		r.MaxWait = DefaultMaxWait
	}
	r.Heartbeat = orDefault(r.Heartbeat, DefaultHeartbeat)
	r.WriteTimeout = orDefault(r.WriteTimeout, DefaultWriteTimeout)
	if r.MaxBytes <= 0 {
		r.MaxBytes = DefaultMaxBytes
	}
	if r.MaxItems <= 0 {
		r.MaxItems = DefaultMaxItems
	}
	if r.MaxReplay < 0 {
		r.MaxReplay = 0
	}
	if r.MaxPublish <= 0 {
		r.MaxPublish = DefaultMaxPublish
	}
	r.MaxPublish = min(r.MaxPublish, math.MaxInt64-1) // one more is read
	return r
}

// orDefault is d, or the default for 0, or 0 for "none".
func orDefault(d, standard time.Duration) time.Duration {
	switch {
	case d == 0:
		return standard
	case d < 0:
		return 0
	}
	return d
}
