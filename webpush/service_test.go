package webpush

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// service is a push service in the place of a transport: it answers by itself.
type service func(r *http.Request) (*http.Response, error)

func (s service) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return s(r)
}

func (s service) client() *http.Client { return &http.Client{Transport: s} }

// answer makes a response; fields are name and value in turns.
func answer(status int, body string, fields ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
}

func newKey(t testing.TB) *Key {
	t.Helper()
	k, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const sampleContact = "mailto:push@example.com"

// newClient returns a client whose messages go to s.
func newClient(t testing.TB, s service) *Client {
	t.Helper()
	return &Client{Key: newKey(t), Subject: sampleContact, HTTP: s.client(), Guard: Guard{Any: true}}
}

// read returns the body of a request.
func read(t testing.TB, r *http.Request) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		t.Error(err)
	}
	return b.Bytes()
}
