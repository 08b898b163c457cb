package webpush

import (
	"net/http"
	"testing"
)

// Allocations are exact, so they are asserted: doc.go names that of Send, and
// bench/ compares it with those of other packages.
func TestAllocations(t *testing.T) {
	if raceOn {
		return // which allocates by itself
	}
	sub := newUserKeys(t).Subscription(sampleEndpoint)
	payload := make([]byte, 300)
	header := http.Header{"Location": {"/m/1"}}
	c := newClient(t, func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 201, Header: header, Body: http.NoBody}, nil
	})
	m := &Message{Payload: payload}
	for _, tt := range []struct {
		name string
		most float64
		do   func() error
	}{
		{"Encrypt", 20, func() error { _, err := Encrypt(sub, payload, nil); return err }},
		{"Send", 45, func() error { _, err := c.Send(t.Context(), sub, m); return err }},
	} {
		n := testing.AllocsPerRun(200, func() {
			if err := tt.do(); err != nil {
				t.Error(err)
			}
		})
		if n > tt.most {
			t.Errorf("%s: %v allocations, at most %v are expected", tt.name, n, tt.most)
		}
	}
}
