package httpstream

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/topic"
)

// Socket answers with a WebSocket connection (RFC 6455): each item as a message
// as soon as it is there. Text is the JSON that the other transports have;
// binary items are binary messages. The first message says where the connection
// is.
//
// With ?after=message the client says in its first message, {"after":cursor},
// where to begin, which keeps cursors out of the logs of proxies. Any other
// message of the client ends the connection with 1008: it publishes with POST.
//
// A client that waits costs the connection and no goroutine, on plain sockets; on
// others, as with TLS, it has one that reads. The handler returns at once;
// http.Server.Shutdown does not know of these connections, and Options.Group
// does.
func Socket(src topic.Source, o *Options) http.Handler { return newEndpoint(src, o, socket) }

const (
	// afterMessage is the cursor in the query of who sends it in a message.
	afterMessage = "message"

	// firstMessageTime is how long that message may take.
	firstMessageTime = 10 * time.Second

	// maxMessage is the size of the largest message that a client has reason
	// to send, in bytes, and a margin.
	maxMessage = 4 << 10
)

// Reasons for a close.
const (
	reasonMessage    = "nothing is read here: publish with POST"
	reasonFirst      = `the first message is {"after":cursor}`
	reasonFirstLate  = "the first message did not come in time"
	reasonNoCursor   = "that is not a cursor"
	reasonGoingAway  = "the server is shutting down"
	reasonEnded      = "this topic has ended"
	reasonUnreadable = "the items can't be read at the moment"
)

// sockets is how an endpoint accepts WebSocket connections.
type sockets struct {
	once   sync.Once
	accept pushwire.AcceptOptions
	own    socketGroup  // where Options.Group is nil
	group  *socketGroup // set by acceptOptions
}

// socketGroup is what sockets share.
type socketGroup struct {
	conns  pushwire.Group // for its timer for pings
	once   sync.Once
	poller *pushwire.Poller // reads what clients say; set by get
}

func (g *socketGroup) get() *pushwire.Poller {
	g.once.Do(func() { g.poller = pushwire.NewPoller(nil) })
	return g.poller
}

// options makes of Options.Socket what pushwire wants. Origins were checked, and
// so were those of HTTP.
func (e *endpoint) acceptOptions() *pushwire.AcceptOptions {
	e.sockets.once.Do(func() {
		a := &e.sockets.accept
		if e.o.Socket != nil {
			*a = *e.o.Socket
		}
		a.Origins = handshake.Origins{Any: true}
		e.sockets.group = &e.sockets.own
		if e.o.Group != nil {
			e.sockets.group = &e.o.Group.sockets
		}
		a.Group = &e.sockets.group.conns
		if a.MaxMessage == 0 {
			a.MaxMessage = maxMessage
		}
		if a.WriteTimeout == 0 {
			a.WriteTimeout = e.o.WriteTimeout
			if a.WriteTimeout == 0 { // resolved: none
				a.WriteTimeout = -1
			}
		}
	})
	return &e.sockets.accept
}

// socket accepts a connection and lets it go.
func (e *endpoint) socket(w http.ResponseWriter, r *http.Request, q *query) *RefusedError {
	if err := checkHandshake(r); err != nil {
		return err
	}
	later := q.after == afterMessage
	var after topic.Cursor
	var gone *topic.GoneError
	if !later {
		var err *RefusedError
		if after, gone, err = e.start(r.Context(), q.after); err != nil {
			return err
		}
	}
	o := e.acceptOptions()
	if o.Check == nil {
		r = withoutContext(r)
	}
	c, err := pushwire.Accept(w, r, o)
	if err != nil {
		return nil // it was answered
	}
	s := &socketReader{conn: c, poller: e.sockets.group.get()}
	s.init(e.src, s, e.o.Logger)
	if !e.o.Group.add(&s.member, s.shutdown) {
		go c.Close(frame.CodeGoingAway, reasonGoingAway)
		return nil
	}
	if later {
		go s.serveLater(e)
	} else {
		go s.serve(after, gone)
	}
	return nil
}

// withoutContext is r without what its context holds. The context of a
// connection that was taken over keeps the values of the request's, and with
// them 700 bytes of net/http's own contexts; nobody asks for them here.
func withoutContext(r *http.Request) *http.Request { return r.WithContext(context.Background()) }

// checkHandshake refuses what is no opening handshake, in the shape that all
// refusals have here.
func checkHandshake(r *http.Request) *RefusedError {
	req, err := handshake.FromHTTP(r)
	if err == nil {
		err = req.Check()
	}
	if err == nil {
		return nil
	}
	var he *handshake.Error
	if !errors.As(err, &he) {
		he = &handshake.Error{Status: http.StatusBadRequest, Token: tokenBadRequest, Reason: "this is no opening handshake"}
	}
	e := refused(he.Status, he.Token, he.Reason)
	e.Header, e.cause = he.Header, err
	return e
}

// socketReader is a client on a WebSocket connection.
type socketReader struct {
	pump
	conn   *pushwire.Conn
	poller *pushwire.Poller
}

// serve begins, and leaves the connection to the Poller.
func (s *socketReader) serve(after topic.Cursor, gone *topic.GoneError) {
	if s.poller.Add(s.conn, s.heard) != nil { // the connection has ended, or nothing can wait for it
		s.conn.CloseNow()
		s.end()
		return
	}
	s.begin(after, gone)
}

// heard is called with the end of the connection, and ends it for a client that
// sends messages.
func (s *socketReader) heard(_ context.Context, _ *pushwire.Conn, _ pushwire.Message, err error) {
	if err != nil {
		s.end()
	} else if s.poller.Remove(s.conn) {
		go s.refuse()
	}
}

// refuse ends the connection; its closing handshake may take a while.
func (s *socketReader) refuse() {
	s.conn.Close(frame.CodePolicy, reasonMessage)
	s.end()
}

// serveLater is serve for a client that says in a message where to begin.
func (s *socketReader) serveLater(e *endpoint) {
	after, gone, reason := s.firstMessage(e)
	if reason == "" {
		s.serve(after, gone)
		return
	}
	s.conn.Close(frame.CodePolicy, reason)
	s.end()
}

func (s *socketReader) firstMessage(e *endpoint) (after topic.Cursor, gone *topic.GoneError, reason string) {
	ctx, cancel := context.WithTimeout(s.conn.Context(), firstMessageTime)
	defer cancel()
	t, p, err := s.conn.Read(ctx)
	if err != nil {
		return "", nil, reasonFirstLate // or the connection has ended
	}
	var m struct {
		After *topic.Cursor `json:"after"`
	}
	if t != frame.Text || json.Unmarshal(p, &m) != nil || m.After == nil {
		return "", nil, reasonFirst
	}
	after, gone, refusal := e.start(ctx, *m.After)
	switch {
	case refusal == nil:
		return after, gone, ""
	case refusal.Token == tokenBadCursor:
		return "", nil, reasonNoCursor
	}
	return "", nil, reasonUnreadable
}

// shutdown is called by the Group.
func (s *socketReader) shutdown(now bool) {
	if now {
		go s.conn.CloseNow()
	} else {
		// RFC 6455, 7.4.1: "1001 indicates that an endpoint is "going away",
		// such as a server going down"
		go s.conn.Close(frame.CodeGoingAway, reasonGoingAway)
	}
}

func (s *socketReader) touch() { s.conn.Touch() }

func (s *socketReader) context() context.Context { return s.conn.Context() }

func (s *socketReader) finish(err error) {
	if errors.Is(err, topic.ErrClosed) {
		s.conn.Close(frame.CodeGoingAway, reasonEnded)
	} else {
		s.conn.Close(frame.CodeInternal, reasonUnreadable)
	}
}

func (s *socketReader) position(c topic.Cursor) error {
	return s.conn.Write(s.context(), frame.Text, appendPosition(nil, c))
}

func (s *socketReader) reset(gone *topic.GoneError) error {
	return s.conn.Write(s.context(), frame.Text, appendReset(nil, gone, gone.Oldest))
}

// frames is room for the prepared messages of a batch.
type frames [readSize]*pushwire.Prepared

var frameBuffers = sync.Pool{New: func() any { return new(frames) }}

func borrowFrames(items []topic.Item) (*frames, []*pushwire.Prepared) {
	f := frameBuffers.Get().(*frames)
	for i := range items {
		f[i] = asFrame(&items[i])
	}
	return f, f[:len(items)]
}

func returnFrames(f *frames, n int) {
	clear(f[:n])
	frameBuffers.Put(f)
}

func (s *socketReader) try(items []topic.Item) (n int, err error) {
	f, ms := borrowFrames(items)
	defer returnFrames(f, len(ms))
	return s.conn.TrySend(ms...)
}

func (s *socketReader) write(items []topic.Item) (n int, err error) {
	f, ms := borrowFrames(items)
	defer returnFrames(f, len(ms))
	return s.conn.WritePrepared(s.context(), ms...)
}

// asFrame is the item as a message, encoded once for all readers: text as JSON;
// binary as
//
//	cursor LF type LF data
func asFrame(it *topic.Item) *pushwire.Prepared {
	return it.Form(topic.FormFrame, makeFrame).(*pushwire.Prepared)
}

func makeFrame(it *topic.Item) any {
	b := make([]byte, 0, len(it.Data)+len(it.Cursor)+len(it.Type)+48)
	if !it.Binary {
		return pushwire.Prepare(frame.Text, appendItem(b, it))
	}
	typ := it.Type
	if typ == "" {
		typ = defaultType
	}
	b = append(append(b, it.Cursor...), '\n')
	b = append(append(b, typ...), '\n')
	return pushwire.Prepare(frame.Binary, append(b, it.Data...))
}
