package pushservice

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
)

// Nothing comes before the answer to hello, be it a message or a broadcast:
// user agents drop what they do not expect.
func TestNothingBeforeHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		u, uaid := hello(t, s, "")
		push := u.register(channel1, "")
		u.gone()
		want(t, s, 201, "POST", push, "1")
		client, server := pushwire.Pipe(&pushwire.Config{Ping: -1})
		u = &ua{t, s, client}
		sess := &session{s: s, c: server, agent: nil, inflight: make(map[string]time.Time)}
		if err := sess.enter(uaid); err != nil {
			t.Fatal(err)
		}
		want(t, s, 201, "POST", push, "2")
		sess.wake()
		if err := s.Broadcast("a", "1"); err != nil {
			t.Fatal(err)
		}
		u.silence("the hello is not answered yet", time.Second)
		if sess.greet(t.Context(), map[string]string{"a": "0"}) != nil {
			t.Fatal("hello was not answered")
		}
		if m := u.want(typeHello); m.Broadcasts["a"] != "1" {
			t.Errorf("hello was answered with %+v", m)
		}
		u.want(typeOfMessage)
		u.want(typeOfMessage)
		sess.end()
		client.CloseNow()
		server.CloseNow()
	})
}

// Whoever does not keep to the protocol is closed with 1008 and a reason.
func TestBreaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, nil)
		for _, row := range []struct{ first, then, reason string }{
			{`{"messageType":"register","channelID":"` + channel1 + `"}`, "", "hello"},
			{`{}`, "", "hello"},
			{`[]`, "", "JSON"},
			{`{"messageType":1}`, "", "messageType"},
			{"", `{"messageType":"hello"}`, "once"},
			{"", `{"messageType":"what"}`, "what"},
			{"", `{"messageType":"register"}`, "channelID"},
			{"", `{"messageType":"register","channelID":"x"}`, "UUID"},
			{"", `{"messageType":"register","channelID":"` + channel1 + `","key":"AAAA"}`, "P-256"},
			{"", `{"messageType":"ack"}`, "updates"},
			{"", `{"messageType":"ack","updates":[{"version":"x"}]}`, "update"},
			{"", `{"messageType":"nack","code":301}`, "version"},
			{"", `{"messageType":"nack","version":"` + strings.Repeat("v", 65) + `"}`, "version"},
			{"", `{"broadcasts":{"` + strings.Repeat("b", 257) + `":"1"}}`, "broadcast"},
			{"", strings.Repeat("é", 1) + `{}`, "JSON"},
		} {
			var u *ua
			if row.first != "" {
				u = connect(t, s)
				u.send(row.first)
			} else {
				u, _ = hello(t, s, "")
				u.send(row.then)
			}
			u.wantClose(frame.CodePolicy, row.reason)
		}
		u := connect(t, s)
		begin := time.Now()
		u.wantClose(frame.CodePolicy, "hello")
		if d := time.Since(begin); d != helloTimeout {
			t.Errorf("without a hello it took %v", d)
		}
	})
}

// The opening handshake, over a socket: pages are refused, the subprotocol is
// agreed, and Shutdown closes with 1001.
func TestAgentHandshake(t *testing.T) {
	s := newService(t, nil)
	srv := serveOn(t, s)
	url := "ws" + strings.TrimPrefix(srv, "http") + "/"
	for origin, status := range map[string]int{
		"": 101, "ws://127.0.0.1": 101, "http://127.0.0.1": 403, "https://evil.example": 403, "null": 403, "HTTP://a": 403,
	} {
		o := &pushwire.DialOptions{Protocols: []string{Subprotocol}}
		if origin != "" {
			o.Header = map[string][]string{"Origin": {origin}}
		}
		c, res, err := pushwire.Dial(t.Context(), url, o)
		if res == nil || res.StatusCode != status {
			t.Errorf("Origin %q: %v, want %d", origin, err, status)
		}
		if c != nil {
			if c.Protocol() != Subprotocol {
				t.Errorf("Origin %q: subprotocol %q", origin, c.Protocol())
			}
			c.CloseNow()
		}
	}
	c, _, err := pushwire.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(t.Context(), frame.Text, []byte(`{"messageType":"hello"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	go shutdown(t, s)
	if _, _, err := c.Read(t.Context()); pushwire.CodeOf(err) != frame.CodeGoingAway {
		t.Errorf("at the shutdown: %v", err)
	}
}
