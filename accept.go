package pushwire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// defaultAccept is shared by all connections that were accepted with nil.
var defaultAccept AcceptOptions

// Accept answers the opening handshake in r and takes its connection over. w
// may be wrapped by middleware that implements http.Hijacker or Unwrap. Fields
// that were set in w.Header(), cookies for instance, go out with the answer,
// and so does o.Header. Bytes that arrived with the request are not lost.
//
// On an error the HTTP answer is already written, with a status that fits:
// 400, 403 (Origin), 405, 426, 429 and 503 (the Gate), 431, 503 (the Group is
// shut down), 500, or what AcceptOptions.Check says. The error is a [*handshake.Error] for a fault of the
// request.
//
// The handler should not stay: as long as it runs, net/http keeps request and
// buffers in memory. [Handler] sees to that. r.Context() ends when the handler
// returns; the connection has its own ([Conn.Context]).
func Accept(w http.ResponseWriter, r *http.Request, o *AcceptOptions) (*Conn, error) {
	req, err := handshake.FromHTTP(r)
	return acceptHTTP(w, r, &req, err, o, nil)
}

// acceptHTTP is Accept for a request that FromHTTP has read. It does not retain
// req, which may be on the stack.
func acceptHTTP(w http.ResponseWriter, r *http.Request, req *handshake.Request, err error, o *AcceptOptions, k *keepalive) (*Conn, error) {
	if o == nil {
		o = &defaultAccept
	}
	buf := writeBuffers.get()
	defer buf.free()
	var a agreed
	defer func() { a.ticket.leave() }() // at a panic in a method of w, which net/http survives: else it is gone by then
	if err == nil {
		buf.b, a, err = o.answer(buf.b, req, w.Header())
	}
	if err == nil {
		a.ticket, err = o.gate().enter(r.RemoteAddr, nil)
	}
	if err == nil && o.Check != nil {
		ctx, cancel := context.WithTimeout(r.Context(), handshakeTimeout)
		shown := *req
		err = o.check(ctx, r.RemoteAddr, &shown)
		*req = shown
		cancel()
	}
	if err != nil {
		a.leaveGate()
		o.refused(r.RemoteAddr, err)
		writeRefusal(w, r, err)
		return nil, err
	}
	nc, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		a.leaveGate()
		err = fmt.Errorf("pushwire: accept: the connection can't be taken over: %w (the ResponseWriter must be net/http's HTTP/1.1 one, or wrap it with an Unwrap method)", err)
		http.Error(w, "this server can't serve WebSocket here", http.StatusInternalServerError)
		return nil, err
	}
	// RFC 6455, 4.2.2, allows the client to send only after our answer, but
	// nothing keeps it from doing so at once.
	var unread []byte
	if n := brw.Reader.Buffered(); n > 0 {
		unread = make([]byte, n)
		io.ReadFull(brw.Reader, unread)
	}
	given := a
	a.ticket = nil // start takes that over
	return o.start(r.Context(), nc, buf, given, unread, k)
}

// AcceptConn reads an opening handshake from nc, answers it and makes a Conn.
// ctx bounds the handshake, which has 10 s in any case, and gives its values
// to the connection's context. nc may be a [*tls.Conn], whose handshake is
// done here too. On an error the HTTP answer was written and nc is closed.
func AcceptConn(ctx context.Context, nc net.Conn, o *AcceptOptions) (*Conn, *handshake.Request, error) {
	if o == nil {
		o = &defaultAccept
	}
	entered, err := o.gate().enter("", nc)
	if err != nil {
		o.refused(nc.RemoteAddr().String(), err)
		if tell := o.gate().turnAway(nc, err); tell != nil {
			tell()
		}
		return nil, nil, err
	}
	return acceptConn(ctx, nc, o, nil, entered)
}

// acceptConn is AcceptConn for a connection that has entered the gate.
func acceptConn(ctx context.Context, nc net.Conn, o *AcceptOptions, k *keepalive, entered *ticket) (*Conn, *handshake.Request, error) {
	deadline := time.Now().Add(handshakeTimeout)
	nc.SetDeadline(deadline)
	stop := func() bool { return true }
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() { nc.SetDeadline(past) })
	}
	req, unread, err := readRequest(ctx, nc)
	if err == nil {
		buf := writeBuffers.get()
		defer buf.free()
		var a agreed
		buf.b, a, err = o.answer(buf.b, &req, nil)
		a.ticket = entered
		if err == nil && o.Check != nil {
			within, cancel := context.WithDeadline(ctx, deadline)
			err = o.check(within, nc.RemoteAddr().String(), &req)
			cancel()
		}
		if err == nil {
			if !stop() { // the deadline in the past comes, or has come
				nc.Close()
				entered.leave()
				return nil, nil, fmt.Errorf("pushwire: accept: %w", ctx.Err())
			}
			c, err := o.start(ctx, nc, buf, a, unread, k)
			return c, &req, err
		}
	}
	if !stop() {
		err = fmt.Errorf("pushwire: accept: %w", ctx.Err())
	}
	o.refused(nc.RemoteAddr().String(), err)
	refuseConn(nc, &req, err)
	entered.leave()
	return nil, nil, err
}

// answer checks a request and appends the 101 answer to it to dst.
func (o *AcceptOptions) answer(dst []byte, req *handshake.Request, set http.Header) (_ []byte, a agreed, err error) {
	if err := req.Check(); err != nil {
		return dst, a, err
	}
	if err := o.Origins.Check(req); err != nil {
		return dst, a, err
	}
	if o.Group.closed() {
		return dst, a, &handshake.Error{
			Status: http.StatusServiceUnavailable, Token: "handshake_shutting_down",
			Reason: "the server is shutting down (try again in a moment)",
			Header: http.Header{"Retry-After": {"1"}},
		}
	}
	protocol := handshake.SelectProtocol(o.Protocols, req.Protocols)
	if i := slices.Index(o.Protocols, protocol); i >= 0 {
		a.protocol = &o.Protocols[i] // shared: 16 bytes of every connection else
	}
	extensions, err := a.accept(o.Deflate, req.Extensions)
	if err != nil {
		return dst, a, err
	}
	extra := o.Header
	if len(set) > 0 {
		extra = set.Clone()
		for _, name := range []string{"Connection", "Upgrade", "Content-Type", "Content-Length"} {
			extra.Del(name) // meant for an ordinary answer
		}
		for name, values := range o.Header {
			extra[name] = append(extra[name], values...)
		}
	}
	dst, err = handshake.AppendResponse(dst, req, protocol, extensions, extra)
	return dst, a, err
}

// start sends the answer and makes the Conn, which takes a's ticket over. The
// deadlines that nc has, of the handshake or of an http.Server, end here. The
// caller frees answer.
func (o *AcceptOptions) start(base context.Context, nc net.Conn, answer *buffer, a agreed, unread []byte, k *keepalive) (*Conn, error) {
	var end time.Time
	if d := o.writeWithin(); d != never {
		end = time.Now().Add(d)
	}
	nc.SetWriteDeadline(end)
	if _, err := nc.Write(answer.b); err != nil {
		answer.strand()
		nc.Close()
		a.ticket.leave()
		return nil, fmt.Errorf("pushwire: accept: the answer could not be sent: %w", err)
	}
	nc.SetDeadline(time.Time{})
	if k == nil && o.Group != nil {
		k = &o.Group.keep
	}
	c := newConn(base, nc, frame.Server, &o.Config, a, unread, k)
	if o.Group != nil {
		if err := o.Group.Add(c); err != nil { // it was shut down meanwhile
			c.Close(frame.CodeGoingAway, goingAway)
			return nil, fmt.Errorf("pushwire: accept: %w", err)
		}
	}
	return c, nil
}

func (o *AcceptOptions) refused(remote string, err error) {
	if o.Logger != nil {
		o.Logger.Debug("pushwire: handshake refused", "remote", remote, "error", err)
	}
}

// readRequest reads one request head.
func readRequest(ctx context.Context, nc net.Conn) (req handshake.Request, unread []byte, err error) {
	tc, isTLS := nc.(*tls.Conn)
	if isTLS {
		if err := tc.HandshakeContext(ctx); err != nil {
			if isPlainHTTP(err) {
				return req, nil, &handshake.Error{Status: http.StatusBadRequest, Token: "handshake_plain_on_tls",
					Reason: "the request came without TLS to a port that wants it (use wss or https)"}
			}
			return req, nil, fmt.Errorf("pushwire: accept: TLS: %w", err)
		}
	}
	buf := writeBuffers.get() // what nearly all requests fit in, and who drips one holds no more
	defer buf.free()
	for scanned := 0; ; {
		if len(buf.b) == cap(buf.b) {
			bigger := append(buf.b, make([]byte, len(buf.b))...)[:len(buf.b)]
			buf.b = bigger
		}
		n, err := nc.Read(buf.b[len(buf.b):cap(buf.b)])
		buf.b = buf.b[:len(buf.b)+n]
		if n == 0 {
			if isTimeout(err) && ctx.Err() == nil {
				err = &handshake.Error{Status: http.StatusRequestTimeout, Token: "handshake_timeout",
					Reason: "the request was not complete within " + handshakeTimeout.String()}
			} else {
				err = fmt.Errorf("pushwire: accept: the request head did not come: %w", err)
			}
			return req, nil, err
		}
		var size int
		req, size, scanned, err = handshake.ParseRequest(buf.b, scanned, handshake.Limits{})
		if err != nil {
			return req, nil, err
		}
		if size > 0 {
			req.Secure = isTLS
			if rest := buf.b[size:]; len(rest) > 0 {
				unread = append([]byte(nil), rest...)
			}
			return req, unread, nil
		}
	}
}

// isPlainHTTP reports whether a TLS handshake failed because the peer began
// with a request: methods are in capital letters, record types are not.
func isPlainHTTP(err error) bool {
	var re tls.RecordHeaderError
	if !errors.As(err, &re) || re.Conn == nil {
		return false
	}
	for _, c := range re.RecordHeader[:3] {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// writeRefusal answers over net/http.
func writeRefusal(w http.ResponseWriter, r *http.Request, err error) {
	e := refusal(err)
	h := w.Header()
	for name, values := range e.Header {
		// As AppendError has it: what would break the answer is left out.
		if !httpguts.ValidHeaderFieldName(name) || framesBody(name) {
			continue
		}
		h[name] = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !httpguts.ValidHeaderFieldValue(v) })
	}
	if r.ContentLength != 0 || e == errGateFull || e == errGateAddress {
		// A connection that the gate turns away must not stay for another
		// request. And with a body announced it has to be closed, because
		// else net/http reads the body first, to keep the connection: a client
		// that announces one and sends none would never get its answer.
		h["Connection"] = append([]string{"close"}, h["Connection"]...)
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(e.Reason)+1))
	w.WriteHeader(e.Status)
	io.WriteString(w, e.Reason+"\n")
}

// framesBody names the fields of an answer that net/http has to set itself.
func framesBody(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Content-Length", "Content-Type", "Transfer-Encoding", "Trailer":
		return true
	}
	return false
}

// refuseConn answers on a bare connection and closes it, once the peer has
// had the chance to read the answer.
func refuseConn(nc net.Conn, req *handshake.Request, err error) {
	defer nc.Close()
	var he *handshake.Error
	if !errors.As(err, &he) && !isServerFault(err) {
		return // the connection broke: nobody is there to read
	}
	if tc, ok := nc.(*tls.Conn); ok && !tc.ConnectionState().HandshakeComplete {
		if he == nil {
			return
		}
		nc = tc.NetConn() // who speaks plain HTTP is told so in plain
	}
	nc.SetDeadline(time.Now().Add(refusalTimeout))
	answer := handshake.AppendError(nil, refusal(err))
	if req.Method == http.MethodHead {
		// RFC 9110, 9.3.2: "the server MUST NOT send content in the response".
		answer = answer[:bytes.Index(answer, []byte("\r\n\r\n"))+4]
	}
	if _, err := nc.Write(answer); err != nil {
		return
	}
	var w wire
	w.nc = nc
	if !w.closeWrite() {
		return
	}
	buf := readBuffers.get()
	for n, total := 1, 0; n > 0 && total < refusalDrain; total += n {
		n, _ = nc.Read(buf.b[:cap(buf.b)])
	}
	buf.free()
}

const (
	refusalTimeout = 2 * time.Second // for a refused peer to take its answer
	refusalDrain   = 1 << 20         // bytes of it that are read and thrown away
)

// isServerFault reports whether err is neither the peer's nor the network's:
// AcceptOptions that can't be obeyed.
func isServerFault(err error) bool {
	return err != nil && !isContext(err) && !isNetwork(err)
}

func isNetwork(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) || isEOF(err) || errors.Is(err, net.ErrClosed)
}

// refusal is the answer to a request that was refused for err. What is not
// the request's fault is ours, and its text stays here.
func refusal(err error) *handshake.Error {
	var he *handshake.Error
	if errors.As(err, &he) {
		// Of a Check it may be anything. AppendError would do the same.
		if e := *he; e.Status < 300 || e.Status > 599 || e.Status == http.StatusNotModified {
			e.Status = http.StatusInternalServerError
			he = &e
		}
		if e := *he; strings.TrimSpace(e.Reason) == "" {
			e.Reason = http.StatusText(e.Status)
			he = &e
		}
		return he
	}
	return &handshake.Error{Status: http.StatusInternalServerError, Token: "handshake_server_fault", Reason: "the server is not set up to answer this request"}
}
