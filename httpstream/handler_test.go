package httpstream_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

const acceptEvents = "text/event-stream"

// What a request says decides on the transport, and how the same address
// answers all of them.
func TestHandlerPicksTheTransport(t *testing.T) {
	log, _, _ := filled(t, 3)
	srv := way{}.serve(t, httpstream.Handler(log, nil), nil)
	const lines, events, json, socket = acceptLines, acceptEvents, "application/json", "socket"
	upgrade := []string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
	for _, tt := range []struct {
		query, accept string
		fields        []string
		want          string
	}{
		{"", "", nil, json},
		{"", "*/*", nil, json},
		{"", "application/json", nil, json},
		{"", "application/*", nil, json},
		{"?wait=0", "", nil, json},
		{"", lines, nil, lines},
		{"?wait=0", lines, nil, lines},
		{"", "Application/X-NDJSON", nil, lines},
		{"", "application/json, application/x-ndjson;q=0.5", nil, lines},
		{"", events, nil, events},
		{"", "text/event-stream;charset=utf-8", nil, events},
		{"", "application/x-ndjson, text/event-stream", nil, events},
		{"", "text/event-stream, application/x-ndjson", nil, events},
		{"", "application/x-ndjson, text/event-stream;q=0.9", nil, lines},
		{"", "application/x-ndjson;q=0.9, text/event-stream;q=0.8", nil, lines},
		{"", "text/event-stream;q=0, application/x-ndjson;q=0, */*", nil, json},
		{"", "text/*", nil, "refused"},
		{"", "text/event-streams, */*", nil, json},
		{"", strings.Repeat("a/b, ", 100) + lines, nil, "refused"}, // too many to look at
		{"", "", upgrade, socket},
		{"", events, upgrade, socket},
		{"?wait=0", "", append([]string{"Upgrade", "h2c, WebSocket"}, upgrade[2:]...), socket},
		{"", "", []string{"Upgrade", "h2c", "Connection", "Upgrade"}, json},
	} {
		fields := tt.fields
		if tt.accept != "" {
			fields = append([]string{"Accept", tt.accept}, fields...)
		}
		res := open(t, srv.Client(), "GET "+srv.URL+tt.query, "", fields...)
		res.Body.Close()
		got := res.Header.Get("Content-Type")
		switch res.StatusCode {
		case http.StatusSwitchingProtocols:
			got = socket
		case http.StatusNotAcceptable:
			got = "refused"
		}
		if got != tt.want {
			t.Errorf("%q %q %v: %d %s, want %s", tt.query, tt.accept, tt.fields, res.StatusCode, got, tt.want)
		}
		if got != socket && !strings.Contains(strings.Join(res.Header["Vary"], ", "), "Accept") {
			t.Errorf("%q: Vary %v", tt.accept, res.Header["Vary"])
		}
	}
}

// One transport at an address is that one, whatever the request says.
func TestHandlersOfOneTransport(t *testing.T) {
	log, _, _ := filled(t, 3)
	for _, tt := range []struct {
		h      http.Handler
		accept string
		status int
		want   string
	}{
		{httpstream.ShortPoll(log, nil), "*/*", 200, "application/json"},
		{httpstream.ShortPoll(log, nil), acceptLines, 406, "application/json"},
		{httpstream.LongPoll(log, nil), "*/*", 200, "application/json"},
		{httpstream.LongPoll(log, nil), acceptEvents, 406, "application/json"},
		{httpstream.Stream(log, nil), "*/*", 200, acceptLines},
		{httpstream.Stream(log, nil), acceptEvents, 406, "application/json"},
		{httpstream.Events(log, nil), "*/*", 200, acceptEvents},
		{httpstream.Events(log, nil), acceptLines, 406, "application/json"},
		{httpstream.Socket(log, nil), "*/*", 426, "application/json"},
	} {
		srv := way{}.serve(t, tt.h, nil)
		res := open(t, srv.Client(), "GET "+srv.URL, "", "Accept", tt.accept)
		res.Body.Close()
		if res.StatusCode != tt.status || res.Header.Get("Content-Type") != tt.want {
			t.Errorf("%T %q: %d %v", tt.h, tt.accept, res.StatusCode, res.Header)
		}
	}
}

func TestLoggerIsToldOfFaults(t *testing.T) {
	for _, tt := range []struct {
		o     httpstream.Options
		src   topic.Source
		level string
		text  string
	}{
		{httpstream.Options{}, faulty{errors.New("the broker is down")}, "ERROR", "the broker is down"},
		{httpstream.Options{Check: func(*http.Request) error { return errors.New("banned") }}, &topic.Log{}, "INFO", "banned"},
		{httpstream.Options{}, &topic.Log{}, "", ""},
	} {
		var b bytes.Buffer
		tt.o.Logger = slog.New(slog.NewTextHandler(&b, nil))
		httpstream.Handler(tt.src, &tt.o).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		if tt.level == "" && b.Len() > 0 || !strings.Contains(b.String(), tt.level) || !strings.Contains(b.String(), tt.text) {
			t.Errorf("log: %s", &b)
		}
	}
}

// Making a handler for each request is cheap, and so is an answer without
// items.
func TestHandlerIsCheapToMake(t *testing.T) {
	var log topic.Log
	o := &httpstream.Options{}
	if n := testing.AllocsPerRun(100, func() { httpstream.Handler(&log, o) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// flat is a ResponseWriter without anything but its methods.
type flat struct {
	h      http.Header
	n      int
	status int
}

func (f *flat) Header() http.Header         { return f.h }
func (f *flat) Write(p []byte) (int, error) { f.n += len(p); return len(p), nil }
func (f *flat) WriteHeader(status int)      { f.status = status }

func BenchmarkShortPoll(b *testing.B) {
	for _, n := range []int{0, 1, 100} {
		b.Run(itoa(n), func(b *testing.B) {
			var log topic.Log
			fill(&log, 1, 1000)
			bounds, _ := log.Bounds(b.Context())
			epoch, head, _ := bounds.Head.Split()
			h := httpstream.ShortPoll(&log, nil)
			r := httptest.NewRequest("GET", "/?after="+string(topic.At(epoch, head-uint64(n))), nil)
			w := &flat{h: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	}
}
