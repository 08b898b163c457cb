package webpushtest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/webpush"
	"github.com/pushwire/pushwire/webpush/pushservice"
)

const (
	defaultTimeout = 10 * time.Second
	maxUnread      = 1_024
	maxSeen        = 16_384 // messages that are told from ones that come again
)

// Message is a push message that arrived.
type Message struct {
	// Data is what was sent, decrypted; nil for a message without a body.
	Data []byte

	// Err says why the body could not be decrypted. A browser shows nothing
	// to the application then.
	Err error

	// Header is that of the request that sent the message, as the service got
	// it: TTL, Urgency, Topic and the rest, which a browser does not see.
	Header http.Header

	// Subscription is the one that the message was sent to.
	Subscription *webpush.Subscription
}

// UserAgent stands for a browser, its push service included.
type UserAgent struct {
	// Timeout is how long Next waits and everything else may take; 10 s if it
	// is zero. Set it before the first call.
	Timeout time.Duration

	t        testing.TB
	service  *pushservice.Service // nil: somebody else's
	server   *httptest.Server     // nil: somebody else's
	url      string               // of the service, without a slash at its end
	dial     *pushwire.DialOptions
	messages chan Message
	first    *webpush.Subscription

	mu       sync.Mutex
	uaid     string
	line     *line // nil while disconnected
	channels map[string]*channel
	answers  []answer
	headers  map[string]http.Header // of requests, by message
	seen     map[string]bool        // messages that were kept for Next
}

// channel is one subscription.
type channel struct {
	id   string
	keys *webpush.UserKeys
	sub  *webpush.Subscription
}

// NewUserAgent returns a user agent with a push service of its own. It is
// connected and has one subscription that anyone may send to.
func NewUserAgent(t testing.TB) *UserAgent {
	t.Helper()
	u := newUserAgent(t)
	var err error
	u.service, err = pushservice.New(&pushservice.Options{
		Rate: -1, Burst: -1, ClientRate: -1,
		Trace: &pushservice.Trace{Received: u.note},
	})
	if err != nil {
		t.Fatalf("webpushtest: %v", err)
	}
	u.server = httptest.NewServer(http.HandlerFunc(u.serve))
	u.url = u.server.URL
	t.Cleanup(func() {
		u.Disconnect()
		ctx, cancel := context.WithTimeout(context.Background(), u.timeout())
		defer cancel()
		u.service.Shutdown(ctx)
		u.server.Close()
	})
	u.Connect()
	u.first = u.Subscribe("")
	return u
}

// NewUserAgentAt returns a user agent that has the service at an http or https
// URL for its push service, which has to speak Mozilla's protocol there; o says
// how to connect to it and may be nil. It is connected and has one subscription
// that anyone may send to. Messages have no Header, and there is neither Answer
// nor Service.
func NewUserAgentAt(t testing.TB, url string, o *pushwire.DialOptions) *UserAgent {
	t.Helper()
	u := newUserAgent(t)
	u.url = strings.TrimSuffix(url, "/")
	if o != nil {
		u.dial = new(*o)
	}
	t.Cleanup(u.Disconnect)
	u.Connect()
	u.first = u.Subscribe("")
	return u
}

func newUserAgent(t testing.TB) *UserAgent {
	u := &UserAgent{
		t: t, messages: make(chan Message, maxUnread), dial: &pushwire.DialOptions{},
		channels: make(map[string]*channel), headers: make(map[string]http.Header),
		seen: make(map[string]bool),
	}
	return u
}

func (u *UserAgent) timeout() time.Duration {
	if u.Timeout > 0 {
		return u.Timeout
	}
	return defaultTimeout
}

// Subscription is what the page of an application gets when it subscribes;
// encoding/json makes of it what the page sends to its server. Anyone may send
// to this one.
func (u *UserAgent) Subscription() *webpush.Subscription {
	s := *u.first
	return &s
}

// Service is the user agent's own push service, for its Stats and Broadcast.
func (u *UserAgent) Service() *pushservice.Service { return u.service }

// URL is where the push service is.
func (u *UserAgent) URL() string { return u.url }

// Next returns the next message, and fails the test if none comes.
func (u *UserAgent) Next() Message {
	u.t.Helper()
	m, ok := u.Within(u.timeout())
	if !ok {
		u.t.Fatalf("webpushtest: no push message came within %v", u.timeout())
	}
	return m
}

// Within returns the next message if it comes within d. With zero it takes
// only what has come already.
func (u *UserAgent) Within(d time.Duration) (Message, bool) {
	select {
	case m := <-u.messages:
		return m, true
	default:
	}
	if d <= 0 {
		return Message{}, false
	}
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case m := <-u.messages:
		return m, true
	case <-wait.C:
		return Message{}, false
	}
}

// note keeps the fields of a request for the message that it becomes.
func (u *UserAgent) note(message string, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.headers[message] = r.Header.Clone()
}

// answer is one that the service gives in place of its own.
type answer struct {
	status int
	header http.Header
	body   string
}

// Answer has the service answer the next request to send with this status,
// these fields (nil for none) and this body, and not take the message. Several
// calls queue up. Status 0 breaks the connection without an answer.
func (u *UserAgent) Answer(status int, header http.Header, body string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answers = append(u.answers, answer{status, header.Clone(), body})
}

// serve is the service with the answers of Answer before it.
func (u *UserAgent) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/push/") {
		u.service.ServeHTTP(w, r)
		return
	}
	u.mu.Lock()
	var a *answer
	if len(u.answers) > 0 {
		a = &u.answers[0]
		u.answers = u.answers[1:]
	}
	u.mu.Unlock()
	if a == nil {
		u.service.ServeHTTP(w, r)
		return
	}
	if a.status == 0 {
		panic(http.ErrAbortHandler)
	}
	for name, v := range a.header {
		w.Header()[name] = v
	}
	w.WriteHeader(a.status)
	w.Write([]byte(a.body))
}
