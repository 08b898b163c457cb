package peers

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
)

// deflatePeer is one foreign package with the values of bits that it takes.
type deflatePeer struct {
	make           func() *foreign
	client, server [2][]any // in that role: for serverBits and for clientBits

	// jetty: its client takes client_no_context_takeover for what it reads and
	// server_no_context_takeover for what it sends, so both or none will do,
	// and keeps its context where the server demands without being asked that
	// it does not (RFC 7692, 7.1.1.2, has that as a MUST). It inflates and
	// compresses with 15 bits whatever was agreed on, and does not offer to be
	// limited.
	jetty bool
}

var (
	anyBits      = []any{nil, 8, 9, 15}
	orFalse      = []any{nil, 8, 9, 15, false}
	deflatePeers = map[string]deflatePeer{
		"ws":         {make: npmWS, client: [2][]any{anyBits, orFalse}, server: [2][]any{orFalse, orFalse}},
		"jetty":      {make: javaJetty, client: [2][]any{anyBits, {nil}}, jetty: true},
		"websockets": {make: pyWebsockets, client: [2][]any{anyBits, {nil, false, 9, 15}}, server: [2][]any{{nil, 9, 15}, anyBits}},
	}
)

// TestDeflateClients has the foreign clients talk to our servers, compressed,
// with every combination of their options.
func TestDeflateClients(t *testing.T) {
	t.Parallel()
	for name, peer := range deflatePeers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := peer.make()
			f.start(t)
			all := combinations(peer.client[0], peer.client[1])
			if peer.jetty {
				all = slices.DeleteFunc(all, func(d peerDeflate) bool { return d.ServerNoContext != d.ClientNoContext })
			}
			certificate, tried := newSecure(t), halves{}
			testClients(t, f, tried, "ws Handler default", false, settings[0], nil, all)
			testClients(t, f, tried, "ws Serve default", true, settings[0], nil, all[:1])
			for i := range settings[1:] {
				o := settings[1+i]
				part := every(all, len(settings)-1, i)
				if peer.jetty && o.ClientNoContext {
					part = slices.DeleteFunc(part, func(d peerDeflate) bool { return d.ClientNoContext == nil })
				}
				testClients(t, f, tried, "ws Serve "+o.name, true, o, nil, part)
			}
			few := []peerDeflate{{}, {ServerNoContext: true, ClientNoContext: true, ServerBits: 9, ClientBits: 9}}
			testClients(t, f, tried, "ws Serve off", true, setting{}, nil, all[:1])
			testClients(t, f, tried, "ws Handler default off", false, settings[0], nil, []peerDeflate{{off: true}})
			if !peer.jetty {
				testClients(t, f, tried, "ws Handler no context cnc=false", false, settings[3], nil, []peerDeflate{{ClientNoContext: false}})
			}
			testClients(t, f, halves{}, "wss Handler default", false, settings[0], certificate, few)
			testClients(t, f, halves{}, "wss Serve best", true, best, certificate, few)
		})
	}
}

// halves are the parameters of one direction with which a mebibyte was sent.
// The directions have nothing to do with each other: to try each is enough.
type halves map[half]bool

type half struct {
	server, noContext bool
	bits              int
}

// add reports whether there is something new in p.
func (h halves) add(p deflate.Params) bool {
	n := len(h)
	h[half{true, p.ServerNoContext, p.ServerBits}] = true
	h[half{false, p.ClientNoContext, p.ClientBits}] = true
	return len(h) > n
}

// every returns the elements of all whose index is i, modulo n.
func every[T any](all []T, n, i int) (part []T) {
	for ; i < len(all); i += n {
		part = append(part, all[i])
	}
	return part
}

func testClients(t *testing.T, f *foreign, tried halves, name string, raw bool, o setting, s *secure, list []peerDeflate) {
	if t.Failed() {
		return // after a failure the script may be anywhere
	}
	t.Run(name, func(t *testing.T) {
		seen := &frames{}
		server := &ourServer{raw: raw, config: pushwire.Config{Deflate: o.Deflate, Trace: seen.trace()}}
		url := server.listen(t, nil, s)
		for _, d := range list {
			t.Run(d.String(), func(t *testing.T) {
				want := o.wantAnswer(f.name, d)
				e, refused := f.dial(t, url, dialing{secure: s, deflate: &d, echo: true})
				us := server.accept(t).(*ourEnd)
				converse(t, us, e, refused, seen, want, o.long() && tried.add(want.params))
			})
			if t.Failed() {
				return
			}
		}
	})
}

// converse holds what came of a handshake against want, and talks.
func converse(t *testing.T, us *ourEnd, e end, refused string, seen *frames, want settled, long bool) {
	t.Helper()
	if want.refused != "" || refused != "" {
		if want.refused == "" || !strings.Contains(refused, want.refused) {
			t.Fatalf("the handshake ended with %q, want %q", refused, want.refused)
		}
		if us != nil {
			us.ended(t) // the client has left
		}
		return
	}
	them := e.(*foreignEnd)
	k := &talk{us: us, frames: seen, want: want.params, back: them.send, wholeCharacters: strings.HasPrefix(them.child.name, "jetty")}
	if want.plain {
		if them.deflate != nil {
			t.Errorf("the peer goes by %+v", them.deflate)
		}
		k.plain(t)
	} else {
		if them.deflate == nil {
			t.Fatal("the peer does not compress")
		}
		theirs := *them.deflate
		if us.c.Role() == frame.Client {
			theirs.ClientBits = min(theirs.ClientBits, want.params.ClientBits)
		}
		if diff := cmp.Diff(want.params, theirs); diff != "" {
			t.Errorf("what the peer goes by (-want +got):\n%s", diff)
		}
		k.run(t, long)
	}
	finish(t, us, them)
}

// TestDeflateServers has our Dial talk to the foreign servers.
func TestDeflateServers(t *testing.T) {
	t.Parallel()
	for name, peer := range deflatePeers {
		if peer.server[0] == nil {
			continue // only a client
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := peer.make()
			f.run(t, "server")
			all := combinations(peer.server[0], peer.server[1])
			certificate, tried := newSecure(t), halves{}
			testServers(t, f, tried, "ws default", settings[0], nil, all)
			for i := range settings[1:] {
				o := settings[1+i]
				testServers(t, f, tried, "ws "+o.name, o, nil, every(all, len(settings)-1, i))
			}
			few := []peerDeflate{{}, {ServerNoContext: true, ClientNoContext: true, ServerBits: 9, ClientBits: 9}}
			testServers(t, f, tried, "ws off", setting{}, nil, all[:1])
			testServers(t, f, tried, "ws default off", settings[0], nil, []peerDeflate{{off: true}})
			testServers(t, f, tried, "ws insists on a window", setting{Deflate: &pushwire.Deflate{Threshold: -1, ServerBits: 9}}, nil,
				combinations(peer.server[0], []any{nil})[:len(peer.server[0])])
			testServers(t, f, tried, "ws insists on no context", setting{Deflate: &pushwire.Deflate{Threshold: -1, ServerNoContext: true}}, nil,
				[]peerDeflate{{}, {ServerNoContext: false}})
			testServers(t, f, halves{}, "wss default", settings[0], certificate, few)
			testServers(t, f, halves{}, "wss best", best, certificate, few)
		})
	}
}

func testServers(t *testing.T, f *foreign, tried halves, name string, o setting, s *secure, list []peerDeflate) {
	if t.Failed() {
		return
	}
	t.Run(name, func(t *testing.T) {
		seen := &frames{}
		client := ourClient{pushwire.Config{Deflate: o.Deflate, Trace: seen.trace()}}
		for _, d := range list {
			t.Run(d.String(), func(t *testing.T) {
				want := o.wantAgreed(f.name, d)
				cmd := command{"echo": true}
				d.field(cmd)
				url := f.listenOnce(t, cmd, s)
				e, refused := client.dial(t, url, dialing{secure: s})
				if refused != "" {
					converse(t, nil, nil, refused, seen, want, false)
					return
				}
				converse(t, e.(*ourEnd), f.accept(t), "", seen, want, o.long() && tried.add(want.params))
			})
			if t.Failed() {
				return
			}
		}
	})
}
