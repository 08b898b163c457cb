package pushservice

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"
)

// refusal is an answer to a request that is not done: a status, a stable token
// and a sentence.
type refusal struct {
	status         int
	token, message string
	retry          time.Duration // Retry-After; 0 for none
}

func (r *refusal) Error() string { return "pushservice: " + r.message }

func badRequest(token, message string) *refusal {
	return &refusal{status: http.StatusBadRequest, token: token, message: message}
}

// refusalOf finds the answer for any error.
func refusalOf(err error) *refusal {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, errNotFound):
		return &refusal{status: http.StatusNotFound, token: "not_found", message: "there is no such resource"}
	case errors.Is(err, errGone):
		return &refusal{status: http.StatusGone, token: "gone", message: "the user agent removed this subscription; forget it"}
	case errors.Is(err, errConflict):
		return &refusal{status: http.StatusConflict, token: "conflict", message: "the channel has a subscription with another key"}
	case errors.Is(err, errTooManySubs):
		// RFC 8030, 4.1: "A push service MAY return a 429 (Too Many
		// Requests) status code [RFC6585] to reject requests".
		return &refusal{http.StatusTooManyRequests, "too_many_subscriptions", "the user agent has too many subscriptions", time.Hour}
	case errors.Is(err, errTooManyAgents):
		return &refusal{http.StatusTooManyRequests, "too_many_agents", "the service has too many user agents", time.Hour}
	case errors.Is(err, errTooManyReads):
		return &refusal{http.StatusTooManyRequests, "too_many_readers", "too many requests wait here already", time.Minute}
	case errors.Is(err, errTooManySets):
		return &refusal{http.StatusTooManyRequests, "too_many_receipts", "there are too many receipt subscriptions; name one that you have", time.Hour}
	case errors.Is(err, errNoRoom):
		return &refusal{http.StatusServiceUnavailable, "no_room", "the service has no room for more messages", time.Minute}
	case errors.Is(err, errClosed):
		return &refusal{http.StatusServiceUnavailable, "shutting_down", "the service shuts down", storeRetry}
	}
	return &refusal{http.StatusServiceUnavailable, "unavailable", "the message could not be kept", storeRetry}
}

// refuse writes the answer for err.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := refusalOf(err)
	h := w.Header()
	if f.retry > 0 {
		// RFC 8030, 8.4: "The push service SHOULD also include a Retry-After
		// header [RFC7231] to indicate how long the application server is
		// requested to wait".
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.retry.Seconds()))))
	}
	if f.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "vapid") // RFC 8292, 3
	}
	// No URL: RFC 8030, 8.5, warns of logs that tell them.
	s.st.o.Logger.Debug("pushservice: refused", "method", r.Method, "status", f.status, "token", f.token, "remote", r.RemoteAddr)
	writeJSON(w, f.status, map[string]string{"error": f.token, "message": f.message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("pushservice: " + err.Error()) // plain structs of ours
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	w.Write(b)
}
