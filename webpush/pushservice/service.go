package pushservice

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/httpstream"
)

// The paths below the service's URL. The last segment of each but the first
// two is a capability.
const (
	pathRoot         = "/"                      // WebSocket connections of Mozilla's protocol
	pathSubscribe    = "/subscribe"             // RFC 8030, 4
	pathSubscription = "/subscription/"         // read and delete a subscription
	pathSet          = "/subscription-set/"     // read and delete all of a user agent
	pathPush         = "/push/"                 // send
	pathMessage      = "/message/"              // read and acknowledge
	pathReceipts     = "/receipt-subscription/" // read and delete receipts
)

// Service is a push service: an http.Handler towards application servers and
// user agents. All methods may be called from any goroutine.
type Service struct {
	st     *state
	public *url.URL     // Options.URL; nil to go by each request
	prefix string       // path of Options.URL
	logger *slog.Logger // Options.Logger, nil for the layers below to do as they do without

	socket     http.Handler
	group      pushwire.Group
	monitors   httpstream.Group
	broadcasts broadcasts
	verified   tokenCache
	pages      http.CrossOriginProtection // of what a page could ask for without a word of ours
}

// New makes a service and reads what the store has; o may be nil. End it with
// [Service.Shutdown].
func New(o *Options) (*Service, error) {
	s := &Service{st: newState(o.withDefaults())}
	if o != nil {
		s.logger = o.Logger
	}
	if u := s.st.o.URL; u != "" {
		p, err := url.Parse(u)
		if err != nil || p.Host == "" || p.Scheme != "https" && p.Scheme != "http" || p.RawQuery != "" || p.Fragment != "" || p.User != nil {
			return nil, fmt.Errorf("pushservice: %q is not the http or https URL of a service", u)
		}
		if port := p.Port(); p.Scheme == "https" && port == "443" || p.Scheme == "http" && port == "80" {
			p.Host = strings.TrimSuffix(p.Host, ":"+port) // RFC 6454, 6.2: an origin does not name it
		}
		s.prefix = strings.TrimSuffix(p.EscapedPath(), "/")
		s.public = p
	}
	if err := s.st.load(context.Background()); err != nil {
		return nil, fmt.Errorf("pushservice: the store can't be read: %w", err)
	}
	s.socket = pushwire.Handler(s.serveAgent, &pushwire.AcceptOptions{
		Config: pushwire.Config{
			MaxMessage: maxAgentMessage,
			// Firefox's push client does not answer a close frame (seen in
			// 153): whoever waits for it waits in vain.
			CloseTimeout: closeTimeout,
			Queue:        pushwire.Queue{Policy: pushwire.DropNewest}, // of broadcasts, which must not wait for one
			Logger:       s.logger,
		},
		Protocols: []string{Subprotocol},
		Group:     &s.group,
		// Firefox sends its own URL of the service as Origin, with a slash
		// behind it, which is no origin at all.
		Origins: handshake.Origins{Any: true},
		Check:   notFromPage,
	})
	s.st.start()
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = timeBody(w, r)
	if s.public == nil && r.Host == "" { // there would be no host in the URLs that are handed out
		s.refuse(w, r, badRequest("no_host", "the request does not say which host it is for"))
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, s.prefix)
	if !ok {
		s.refuse(w, r, errNotFound)
		return
	}
	switch path {
	case pathRoot, "":
		s.root(w, r)
		return
	case pathSubscribe, pathSubscribe + "/":
		if s.allow(w, r, http.MethodPost) {
			s.subscribe(w, r)
		}
		return
	}
	for _, route := range [...]struct {
		prefix  string
		methods string
		serve   func(w http.ResponseWriter, r *http.Request, id string)
	}{
		{pathPush, "POST", s.send},
		{pathMessage, "GET, HEAD, DELETE", s.message},
		{pathSubscription, "GET, DELETE", s.subscription},
		{pathSet, "GET, DELETE", s.set},
		{pathReceipts, "GET, DELETE", s.receipts},
	} {
		id, ok := strings.CutPrefix(path, route.prefix)
		if !ok || id == "" || strings.Contains(id, "/") {
			continue
		}
		if s.allow(w, r, route.methods) {
			route.serve(w, r, id)
		}
		return
	}
	s.refuse(w, r, errNotFound)
}

// allow answers a request whose method is not among methods.
func (s *Service) allow(w http.ResponseWriter, r *http.Request, methods string) bool {
	for m := range strings.SplitSeq(methods, ", ") {
		if r.Method == m {
			return true
		}
	}
	w.Header().Set("Allow", methods)
	s.refuse(w, r, &refusal{status: http.StatusMethodNotAllowed, token: "method_not_allowed", message: "this resource takes " + methods})
	return false
}

// root is where user agents connect.
func (s *Service) root(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		w.Header().Set("Upgrade", "websocket")
		s.refuse(w, r, &refusal{status: http.StatusUpgradeRequired, token: "upgrade_required",
			message: "user agents connect here by WebSocket; subscriptions are made with POST " + pathSubscribe})
		return
	}
	s.socket.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), clientKey{}, s.clientOf(r))))
}

// notFromPage refuses connections that a page opens. It could do no more than
// be a user agent of its own, but that would be at the cost of its visitors.
func notFromPage(_ context.Context, r *handshake.Request) error {
	for _, scheme := range [...]string{"http:", "https:", "null"} {
		if strings.HasPrefix(strings.ToLower(r.Origin), scheme) {
			return &handshake.Error{Status: http.StatusForbidden, Token: "pushservice_page", Reason: "user agents connect here, not pages"}
		}
	}
	return nil
}

// base is the URL of the service as the client of r sees it, without a slash
// at its end.
func (s *Service) base(r *http.Request) string {
	if s.public != nil {
		return s.origin(r) + s.prefix
	}
	return s.origin(r)
}

// origin is that of all URLs that are handed out, and the audience of tokens.
func (s *Service) origin(r *http.Request) string {
	if s.public != nil {
		return s.public.Scheme + "://" + s.public.Host
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// linkTo is the value of a field Link to one of our resources.
func (s *Service) linkTo(r *http.Request, path, rel string) string {
	return "<" + s.base(r) + path + `>; rel="` + rel + `"`
}

// resource takes the ID out of a URI, absolute or relative to the service's
// origin, that names a resource below the path.
func (s *Service) resource(r *http.Request, uri, below string) (id string, ok bool) {
	if rest, ok := strings.CutPrefix(uri, s.origin(r)); ok {
		uri = rest
	}
	id, ok = strings.CutPrefix(uri, s.prefix+below)
	return id, ok && id != "" && !strings.Contains(id, "/")
}

// Stats are numbers of now.
type Stats struct {
	Agents, Connected, Subscriptions, Messages, ReceiptSubscriptions int
	Bytes                                                            int64 // that the messages count for
}

// Stats returns what the service holds.
func (s *Service) Stats() Stats {
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	return Stats{
		Agents: len(s.st.agents), Connected: s.group.Len(), Subscriptions: len(s.st.subs),
		Messages: len(s.st.messages), ReceiptSubscriptions: len(s.st.sets), Bytes: s.st.bytes,
	}
}

// Shutdown takes nothing new, closes the connections of user agents with 1001
// and ends requests that wait, brings out what the store does not have yet and
// closes it. What waits in a store is delivered by the next service on it. The
// number is that of the connections that had not ended with ctx. A store has a
// second more; one that has not ended by then ends in the background, if ever,
// and the error says so.
func (s *Service) Shutdown(ctx context.Context) (left int, err error) {
	s.st.stop()
	left, err = s.group.Shutdown(ctx, frame.CodeGoingAway, "the service shuts down")
	more, merr := s.monitors.Shutdown(ctx)
	left += more
	if err == nil {
		err = merr
	}
	if cerr := s.st.commit.close(ctx); err == nil {
		err = cerr
	}
	return left, err
}
