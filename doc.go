// Package pushwire is server push for Go: the WebSocket protocol (RFC 6455) on
// raw connections, server and client.
//
// The smallest server and the smallest client:
//
//	echo := func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
//		for m, err := range c.Messages(ctx) {
//			if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
//				return // c.Err() tells how the connection ended
//			}
//		}
//	}
//	http.Handle("/echo", pushwire.Handler(echo, nil))
//
//	c, _, err := pushwire.Dial(ctx, "wss://example.com/echo", nil)
//	if err != nil {
//		return err
//	}
//	defer c.CloseNow()
//	err = c.Write(ctx, frame.Text, []byte("hello"))
//
// # Terms
//
// A connection begins with the opening handshake, an HTTP request and its
// answer 101. Then both ends send messages, text or binary, each in one frame
// or in several, its fragments. Control frames (ping, pong, close) may stand
// between fragments. It ends with the closing handshake, a close frame from
// each end, of which the first has a close code and a reason that count. The
// transport is the net.Conn below. What the bytes of messages mean is the
// subprotocol, if one was agreed on.
//
// [Handler] and [Accept] take connections over from net/http; [Serve] and
// [AcceptConn] do without it; [Dial] and [Redial] are the client's side;
// [NewConn] is for connections whose opening handshake somebody else has done.
// A [Poller] reads many of them with few goroutines.
// All of them give a [Conn]. The packages handshake, frame, mask and deflate
// hold the protocol without any input or output, and can be used alone.
//
// # Contexts
//
// A context that ends while a call waits leaves the connection usable: Read
// goes on in the next call where it stopped, in the middle of a message too,
// and of a message that Write could not begin nothing is sent. Only a context
// that ends when a part of a message is out, and the rest can't follow, breaks
// the connection; [Conn.Write] and [Conn.Writer] say when that is.
//
// [Dial] and [AcceptConn] are bounded by their context as far as the opening
// handshake goes. The connection has one of its own ([Conn.Context]), which
// has the values of that and ends with the connection.
//
// # Reading is a duty
//
// Pings are answered, pongs and the peer's close frame are seen, only while
// somebody reads. A connection that is there to send has [Conn.Discard] for
// it, or a [Poller], which takes no goroutine.
//
// # Errors
//
// The end of a connection is a [*CloseError], the same one in every later
// call; it matches [net.ErrClosed]. [CodeOf] gives the close code of any error,
// 1006 for a connection that was lost. The end of a context is that context's
// error, wrapped, and ends nothing. Dial has [*DialError], and a request that
// was refused a [*handshake.Error] with the status and a stable token.
//
// # Limits and defaults
//
//	a received message                    1 MiB, then 1009 (Config.MaxMessage)
//	its frames, empty ones counted        4,096, then 1009 (Config.MaxFragments)
//	opening handshake, read here:
//	    a line, fields, the whole head    8 KiB, 100, 32 KiB
//	    time of AcceptConn and Serve      10 s
//	    time of Dial                      10 s, or the deadline of its context
//	opening handshake, read by net/http   http.Server's (MaxHeaderBytes, ReadHeaderTimeout)
//	connections at a time                 7/8 of the descriptors, then 503 (Gate.MaxConns)
//	    from one address                  no limit (Gate.MaxPerAddress, then 429)
//	a ping every                          30 s (Config.Ping)
//	the peer is heard of within           20 s of it (Config.PongTimeout)
//	a write to the socket                 10 s for each 256 KiB (Config.WriteTimeout)
//	the closing handshake                 5 s in all (Config.CloseTimeout)
//	messages queued by Send               64 KiB, then the policy (Config.Queue)
//	messages that Close keeps for Read    64 KiB, more while the application reads
//	pongs that the peer does not take     4 KiB, then the last one only
//	compression                           off (Config.Deflate)
//	    messages that are compressed      from 512 bytes on (Deflate.Threshold)
//	    window of each direction          4 KiB (Deflate.ServerBits, ClientBits)
//	    a message that is inflated        the same MaxMessage, for what comes out
//	calls that a Poller makes at a time   256 (PollerOptions.Workers)
//	    for one connection, while others wait, 64 messages or 256 KiB
//	redirects that Dial follows           0 (DialOptions.MaxRedirects)
//	body of a refusal that Dial keeps     1 KiB
//	pause of Redial between attempts      100 ms at most, doubling to 30 s
//
// A negative limit or time in Config means none.
//
// # Concurrency
//
// All methods of a Conn may be called from any goroutine. Messages of
// concurrent writers go out whole, and each of concurrent readers gets
// messages of its own. One [Group] or [Prepared] serves any number of
// goroutines. A Config must not change while a connection has it.
//
// # Memory of an idle connection
//
// An idle Conn is the struct itself, the transport, and the goroutine in which
// the application waits, if it does. There is no goroutine of the library's,
// no buffered reader or writer, and no payload buffer: on a plain TCP or Unix
// socket a wait for bytes borrows a buffer once they are there; under TLS,
// which can't be asked whether bytes are there, it holds one of 256 bytes. The
// timer for pings is shared by all connections of a server. Compressors and
// inflaters are borrowed for a message; with context takeover a connection
// keeps a window for each direction from its first compressed message on.
//
// A Conn that a [Poller] has needs no goroutine in which the application waits,
// and gives back in between what reading and writing need of the struct. What
// there is of a message in part stays, in memory that grows with it.
// bench/ measures what that comes to.
//
// # Specifications
//
//	RFC 6455  all sections; docs/RFC6455.md maps each MUST to its test
//	RFC 7692  all sections   permessage-deflate, see package deflate
//	RFC 3629  4              UTF-8
//	RFC 9110, RFC 9112       HTTP in the opening handshake, see package handshake
//	RFC 6454  4, 6.1, 6.2    origins
//	RFC 3986, RFC 3987       URLs; RFC 5890 names beyond ASCII
//	RFC 1928, RFC 1929       SOCKS5; RFC 9110, 9.3.6: CONNECT
//
// Section 4.1 (2) of RFC 6455, one opening handshake at a time for each
// address, is left to the program; see [Dial].
//
// # Security
//
// By default a browser's page may connect from the same origin only, scheme
// included; all that comes in is held against the limits before it costs
// memory; text is checked to be UTF-8; masking keys are unpredictable; fields
// of the caller's are checked and never rewritten; credentials do not follow a
// redirect to another origin. Requests without Origin, which no browser sends,
// are let in: they need another proof of who they are. docs/SECURITY.md lists
// what a program has to decide.
package pushwire
