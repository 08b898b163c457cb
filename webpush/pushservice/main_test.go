package pushservice

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const testOrigin = "http://push.test"

// newService makes a service that ends with the test.
func newService(t *testing.T, o *Options) *Service {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, s) })
	return s
}

func shutdown(t *testing.T, s *Service) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if left, err := s.Shutdown(ctx); left != 0 || err != nil {
		t.Errorf("Shutdown: %d left, %v", left, err)
	}
}

// do sends a request to the service and returns its answer. Fields are names
// and values in turn; a value "-" takes a field away.
func do(t *testing.T, s http.Handler, method, url, body string, fields ...string) *http.Response {
	t.Helper()
	if !strings.HasPrefix(url, "http") {
		url = testOrigin + url
	}
	r := httptest.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if method == http.MethodPost && strings.Contains(url, pathPush) {
		r.Header.Set("TTL", "60")
	}
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] == "-" {
			r.Header.Del(fields[i])
		} else {
			r.Header.Add(fields[i], fields[i+1])
		}
	}
	if strings.Contains(strings.Join(fields, " "), "TTL ") { // in place of the default
		if v := r.Header["Ttl"]; len(v) > 1 {
			r.Header["Ttl"] = v[1:]
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

// want does what do does and fails unless the status is the one wanted.
func want(t *testing.T, s http.Handler, status int, method, url, body string, fields ...string) *http.Response {
	t.Helper()
	res := do(t, s, method, url, body, fields...)
	if res.StatusCode != status {
		t.Fatalf("%s %s %q: %s %s, want %d", method, url, fields, res.Status, text(res), status)
	}
	return res
}

func text(res *http.Response) string {
	b, _ := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(b))
	return string(b)
}

// subscribed makes a subscription over HTTP, and returns the URLs of the
// subscription, its push resource and its set.
func subscribed(t *testing.T, s http.Handler, fields ...string) (subscription, push, set string) {
	t.Helper()
	return links(t, want(t, s, 201, "POST", pathSubscribe, "", fields...))
}

func links(t *testing.T, res *http.Response) (subscription, push, set string) {
	t.Helper()
	subscription = res.Header.Get("Location")
	push, ok1 := link(res.Header, relPush)
	set, ok2 := link(res.Header, relSet)
	if subscription == "" || !ok1 || !ok2 {
		t.Fatalf("the answer lacks Location or Link: %v", res.Header)
	}
	return subscription, push, set
}
