package webpushtest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/pushservice"
)

// line is a connection to the service. A goroutine reads it until it ends.
type line struct {
	c       *pushwire.Conn
	replies chan reply // to register and unregister
	read    chan struct{}
}

// reply is a message of the service.
type reply struct {
	Type      string `json:"messageType"`
	UAID      string `json:"uaid"`
	Status    int    `json:"status"`
	ChannelID string `json:"channelID"`
	Endpoint  string `json:"pushEndpoint"`
	Version   string `json:"version"`
	Data      string `json:"data"`
}

// Connect puts the user agent on the network; it is there from the start, and
// again after Disconnect, or after the service ended the connection. What was
// sent meanwhile arrives now.
func (u *UserAgent) Connect() {
	u.t.Helper()
	u.mu.Lock()
	uaid, connected := u.uaid, u.line != nil && u.line.c.Err() == nil
	u.mu.Unlock()
	if connected {
		return
	}
	u.Disconnect() // of a connection that the service ended
	ctx, cancel := context.WithTimeout(context.Background(), u.timeout())
	defer cancel()
	o := *u.dial
	o.Protocols = []string{pushservice.Subprotocol}
	c, _, err := pushwire.Dial(ctx, u.url+"/", &o)
	if err != nil {
		u.t.Fatalf("webpushtest: the push service can't be reached: %v", err)
	}
	hello := map[string]any{"messageType": "hello", "use_webpush": true, "uaid": uaid}
	var r reply
	if err = pushwire.WriteJSON(ctx, c, hello); err == nil {
		r, err = pushwire.ReadJSON[reply](ctx, c)
	}
	if err != nil || r.Type != "hello" || r.Status != 200 || uaid != "" && r.UAID != uaid {
		c.CloseNow()
		u.t.Fatalf("webpushtest: the push service answered hello with %+v, %v", r, err)
	}
	l := &line{c: c, replies: make(chan reply, 1), read: make(chan struct{})}
	u.mu.Lock()
	u.uaid, u.line = r.UAID, l
	u.mu.Unlock()
	go u.listen(l)
}

// Disconnect takes the user agent off the network. What is sent then waits in
// the service.
func (u *UserAgent) Disconnect() {
	u.mu.Lock()
	l := u.line
	u.line = nil
	u.mu.Unlock()
	if l != nil {
		l.c.CloseNow()
		<-l.read
	}
}

// listen reads what the service sends.
func (u *UserAgent) listen(l *line) {
	defer close(l.read)
	for m, err := range l.c.Messages(context.Background()) {
		if err != nil {
			return
		}
		var r reply
		if err := json.Unmarshal(m.Data, &r); err != nil {
			u.t.Errorf("webpushtest: the push service sent what is no JSON: %v", err)
			return
		}
		switch r.Type {
		case "notification":
			if !u.take(l, r) {
				return
			}
		case "register", "unregister":
			select {
			case l.replies <- r:
			case <-l.c.Done():
				return
			}
		}
	}
}

// take decrypts a message, keeps it for Next and acknowledges it.
func (u *UserAgent) take(l *line, r reply) bool {
	u.mu.Lock()
	ch := u.channels[r.ChannelID]
	m := Message{Header: u.headers[r.Version]}
	delete(u.headers, r.Version)
	again := u.seen[r.Version] // the acknowledgement was lost with a connection
	u.mu.Unlock()
	code := pushservice.AckDelivered
	body, err := base64.RawURLEncoding.DecodeString(r.Data)
	switch {
	case ch == nil: // unsubscribed meanwhile
		code = pushservice.AckNotDelivered
	case err != nil:
		m.Err = err
	case len(body) > 0:
		m.Data, m.Err = ch.keys.Decrypt(body)
	}
	if m.Err != nil {
		code = pushservice.AckUndecryptable
	}
	if ch != nil && !again {
		m.Subscription = ch.sub
		select {
		case u.messages <- m:
		case <-l.c.Done():
			return false // the service sends it again
		}
		u.mu.Lock()
		if len(u.seen) >= maxSeen {
			clear(u.seen)
		}
		u.seen[r.Version] = true
		u.mu.Unlock()
	}
	ack := map[string]any{"messageType": "ack", "updates": []any{map[string]any{
		"channelID": r.ChannelID, "version": r.Version, "code": code,
	}}}
	return pushwire.WriteJSON(context.Background(), l.c, ack) == nil
}

// ask sends a request and waits for its reply.
func (u *UserAgent) ask(kind string, fields map[string]any) (reply, error) {
	u.mu.Lock()
	l := u.line
	u.mu.Unlock()
	if l == nil {
		return reply{}, fmt.Errorf("the user agent is disconnected")
	}
	ctx, cancel := context.WithTimeout(context.Background(), u.timeout())
	defer cancel()
	fields["messageType"] = kind
	if err := pushwire.WriteJSON(ctx, l.c, fields); err != nil {
		return reply{}, err
	}
	select {
	case r := <-l.replies:
		if r.Type != kind || r.Status != 200 {
			return r, fmt.Errorf("the push service answered %s with status %d", r.Type, r.Status)
		}
		return r, nil
	case <-l.c.Done():
		return reply{}, l.c.Err()
	case <-ctx.Done():
		return reply{}, ctx.Err()
	}
}

// Subscribe makes another subscription. Only who holds the key of publicKey
// (as [webpush.Key.PublicKey] gives it, and pages call it applicationServerKey)
// may send to it; with "" anyone may.
func (u *UserAgent) Subscribe(publicKey string) *webpush.Subscription {
	u.t.Helper()
	keys, err := webpush.NewUserKeys()
	if err != nil {
		u.t.Fatalf("webpushtest: %v", err)
	}
	ch := &channel{id: newUUID(), keys: keys}
	fields := map[string]any{"channelID": ch.id}
	if publicKey != "" {
		fields["key"] = publicKey
	}
	r, err := u.ask("register", fields)
	if err != nil {
		u.t.Fatalf("webpushtest: subscribing: %v", err)
	}
	ch.sub = keys.Subscription(r.Endpoint)
	u.mu.Lock()
	u.channels[ch.id] = ch
	u.mu.Unlock()
	s := *ch.sub
	return &s
}

// Unsubscribe removes a subscription: who sends to it is told 410.
func (u *UserAgent) Unsubscribe(s *webpush.Subscription) {
	u.t.Helper()
	u.mu.Lock()
	var id string
	for _, ch := range u.channels {
		if ch.sub.Endpoint == s.Endpoint {
			id = ch.id
		}
	}
	u.mu.Unlock()
	if id == "" {
		u.t.Fatalf("webpushtest: this user agent has no such subscription")
	}
	if _, err := u.ask("unregister", map[string]any{"channelID": id}); err != nil {
		u.t.Fatalf("webpushtest: unsubscribing: %v", err)
	}
	u.mu.Lock()
	delete(u.channels, id)
	u.mu.Unlock()
}

// newUUID makes a random one (RFC 9562, 5.4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
