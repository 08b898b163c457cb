package peers

import (
	"fmt"
	"net"
	"strconv"
	"testing"

	"github.com/pushwire/pushwire/deflate"
)

// message is one message, its type as the scripts call it.
type message struct {
	typ  string // "text" or "binary"
	data string
}

// end is one end of an open connection in the hands of the test, whoever
// implements it.
type end interface {
	// send sends one message, a fragment for each part, with a ping between
	// two of them.
	send(t *testing.T, typ string, parts ...string)
	// offer sends a message that the other end refuses, perhaps before all of
	// it is out.
	offer(t *testing.T, typ, data string)
	recv(t *testing.T) message
	ping(t *testing.T, payload string)           // and waits for the pong
	close(t *testing.T, code int, reason string) // code 0: an empty close frame
	drop(t *testing.T)                           // without a closing handshake
	ended(t *testing.T) (code int, reason string)
	protocol() string
}

// client and server are the two roles. The same URL scheme and authority go
// for all of them.
type client interface {
	start(t *testing.T) // the client lives as long as t
	// dial returns the open end, or why the handshake failed.
	dial(t *testing.T, url string, o dialing) (end, string)
}

type dialing struct {
	protocols []string
	secure    *secure
	header    map[string]string
	deflate   *peerDeflate // of a foreign client
	echo      bool         // likewise: it sends back what comes
}

type server interface {
	listen(t *testing.T, protocols []string, s *secure) (url string)
	accept(t *testing.T) end
}

// maxMessage is the limit of all ends, so that one test of it fits all.
const maxMessage = 1 << 20

func target(s *secure, addr string) string {
	if s != nil {
		return "wss://" + addr + "/"
	}
	return "ws://" + addr + "/"
}

// foreign is a peer in either role; each role is a script of its own.
type foreign struct {
	name    string // "ws" or "websockets"
	scripts string // %s is the role
	parts   []part
	child   *child
}

func npmWS() *foreign {
	return &foreign{name: "ws", scripts: "node/%s.mjs", parts: []part{node, nodeModules}}
}

func pyWebsockets() *foreign {
	return &foreign{name: "websockets", scripts: "python/%s.py", parts: []part{python}}
}

func javaJetty() *foreign {
	return &foreign{name: "jetty", scripts: "java/%s.java", parts: []part{jetty}}
}

func (f *foreign) start(t *testing.T) {
	t.Helper()
	f.run(t, "client")
}

func (f *foreign) run(t *testing.T, role string) {
	t.Helper()
	f.child = start(t, f.name+" "+role, fmt.Sprintf(f.scripts, role), f.parts...)
}

func (f *foreign) dial(t *testing.T, url string, o dialing) (end, string) {
	t.Helper()
	cmd := command{"cmd": "connect", "url": url, "max": maxMessage, "headers": o.header}
	if o.header == nil {
		delete(cmd, "headers")
	}
	o.deflate.field(cmd)
	if o.echo {
		cmd["echo"] = true
	}
	if o.protocols != nil {
		cmd["protocols"] = o.protocols
	}
	if o.secure != nil {
		cmd["ca"] = o.secure.ca
	}
	f.child.do(t, cmd)
	switch e := f.child.next(t); e.Event {
	case "open":
		return &foreignEnd{f.child, e.Protocol, e.Deflate}, ""
	case "refused":
		if e.Code != 0 {
			return nil, strconv.Itoa(e.Code)
		}
		return nil, e.Message
	default:
		t.Fatalf("%s: got %s, want open or refused", f.child.name, e.Event)
		return nil, ""
	}
}

func (f *foreign) listen(t *testing.T, protocols []string, s *secure) string {
	t.Helper()
	f.run(t, "server")
	return f.listenOnce(t, command{"protocols": protocols}, s)
}

// listenOnce makes the running server listen at a port more.
func (f *foreign) listenOnce(t *testing.T, cmd command, s *secure) string {
	t.Helper()
	cmd["cmd"], cmd["max"] = "listen", maxMessage
	if s != nil {
		cmd["cert"], cmd["key"] = s.cert, s.key
	}
	f.child.do(t, cmd)
	return target(s, net.JoinHostPort("127.0.0.1", strconv.Itoa(f.child.want(t, "listening").Port)))
}

func (f *foreign) accept(t *testing.T) end {
	t.Helper()
	e := f.child.want(t, "open")
	return &foreignEnd{f.child, e.Protocol, e.Deflate}
}

// foreignEnd is a connection of a child.
type foreignEnd struct {
	child       *child
	subprotocol string
	deflate     *deflate.Params // nil without compression
}

func (e *foreignEnd) protocol() string { return e.subprotocol }

func (e *foreignEnd) send(t *testing.T, typ string, parts ...string) {
	t.Helper()
	var raw [][]byte
	pings := [][]byte{} // null is no list to the scripts
	for i, p := range parts {
		raw = append(raw, []byte(p))
		if i > 0 {
			e.child.sent++ // so that no pong is taken for another's
			pings = append(pings, fmt.Appendf(nil, "between fragments %d", e.child.sent))
		}
	}
	e.child.do(t, command{"cmd": "send", "type": typ, "parts": raw, "pings": pings})
	for _, p := range pings[max(0, len(pings)-1):] { // the last pong may stand for all
		e.child.wantPong(t, string(p))
	}
}

func (e *foreignEnd) offer(t *testing.T, typ, data string) {
	t.Helper()
	e.child.do(t, command{"cmd": "offer", "type": typ, "parts": [][]byte{[]byte(data)}})
}

func (e *foreignEnd) recv(t *testing.T) message {
	t.Helper()
	ev := e.child.want(t, "message")
	return message{ev.Type, string(ev.Data)}
}

func (e *foreignEnd) ping(t *testing.T, payload string) {
	t.Helper()
	e.child.do(t, command{"cmd": "ping", "data": []byte(payload)})
	e.child.wantPong(t, payload)
}

func (e *foreignEnd) close(t *testing.T, code int, reason string) {
	t.Helper()
	cmd := command{"cmd": "close"}
	if code != 0 {
		cmd["code"], cmd["reason"] = code, reason
	}
	e.child.do(t, cmd)
}

func (e *foreignEnd) drop(t *testing.T) {
	t.Helper()
	e.child.do(t, command{"cmd": "drop"})
}

// ended returns what the peer reports as the close. ws tells of a breach of
// the protocol by an error first.
func (e *foreignEnd) ended(t *testing.T) (int, string) {
	t.Helper()
	ev := e.child.next(t)
	if ev.Event == "error" {
		ev = e.child.next(t)
	}
	if ev.Event != "close" {
		t.Fatalf("%s: got %s, want close", e.child.name, ev.Event)
	}
	clear(e.child.pongs)
	return ev.Code, ev.Reason
}
