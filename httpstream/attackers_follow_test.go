package httpstream_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/internal/held"
	"github.com/pushwire/pushwire/topic"
)

// badServer answers any request with bytes, after the head of its own for a
// WebSocket, and is silent then.
func badServer(t *testing.T, answer []byte) (url string, sent chan struct{}) {
	t.Helper()
	return held.Answer(t, func(r *http.Request) []byte {
		key := r.Header.Get("Sec-WebSocket-Key")
		if key == "" {
			return answer
		}
		head := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
		return append(append(handshake.AppendAccept([]byte(head), key), "\r\n\r\n"...), answer...)
	})
}

func gzipped(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	z.Flush()
	return b.Bytes()
}

// What servers can make Follow hold, with its defaults: what they have sent, up
// to MaxMessage and what a buffer that grows has beside it.
func TestAttackersThatAreFollowed(t *testing.T) {
	if !held.Measurable {
		t.Log("stacks and pools are others under the race detector: nothing is measured")
		return
	}
	const limit = httpstream.DefaultMaxMessage
	head := func(fields ...string) string {
		return "HTTP/1.1 200 OK\r\nConnection: close\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n"
	}
	long := func(begin string) string { return begin + strings.Repeat("x", limit-len(begin)-100) }
	message := frame.AppendMessage(nil, frame.Server, frame.Text, 0, []byte(`{"cursor":"e-1"}`))
	message = append(message, frame.AppendMessage(nil, frame.Server, frame.Text, 0, []byte(long(`{"data":"`)))...)
	jsonHead, linesHead, eventsHead := "Content-Type: application/json", "Content-Type: "+acceptLines, "Content-Type: "+acceptEvents
	cases := []struct {
		name   string
		over   httpstream.Transport
		most   int64
		answer []byte
	}{
		{"a message without end", httpstream.TransportSocket, limit * 3 / 2, message[:len(message)-1]},
		{"a line without end", httpstream.TransportStream, limit * 3 / 2, []byte(head(linesHead) + `{"cursor":"e-1"}` + "\n" + long(`{"data":"`))},
		{"an event without end", httpstream.TransportEventStream, limit * 3 / 2, []byte(head(eventsHead) + "id: e-1\n\n" + long("data: "))},
		{"an answer without end", httpstream.TransportLongPoll, limit * 3 / 2, []byte(head(jsonHead) + long(answerOpen))},
		{"an answer that is a bomb", httpstream.TransportLongPoll, limit * 3 / 2, append([]byte(head(jsonHead, "Content-Encoding: gzip")), gzipped(long(answerOpen))...)},
		{"empty lines without end", httpstream.TransportStream, 512 << 10, []byte(head(linesHead) + `{"cursor":"e-1"}` + strings.Repeat("\n", limit))},
		{"comments without end", httpstream.TransportEventStream, 512 << 10, []byte(head(eventsHead) + "id: e-1\n\n" + strings.Repeat(":\n", limit/2))},
		{"a refusal without end", httpstream.TransportShortPoll, 512 << 10, []byte("HTTP/1.1 503 No\r\n\r\n" + strings.Repeat("x", 2<<20))},
	}
	before := held.Bytes() // with the answers
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			url, sent := badServer(t, k.answer)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			tr := &http.Transport{}
			var lost atomic.Bool
			go func() {
				defer close(done)
				for range httpstream.Follow(ctx, url, &httpstream.FollowOptions{
					Transports: []httpstream.Transport{k.over}, Setup: time.Minute, HTTP: &http.Client{Transport: tr}, After: topic.Now,
					Backoff: func(int, time.Duration) time.Duration { return time.Hour }, OnState: func(s httpstream.State) { lost.Store(!s.Connected) },
				}) {
				}
			}()
			<-sent
			refused := strings.HasPrefix(k.name, "a refusal")
			for end := time.Now().Add(10 * time.Second); refused && !lost.Load() && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			n := held.Bytes() - before
			t.Logf("%d bytes, %d sent", n, len(k.answer))
			if n > k.most {
				t.Errorf("%d bytes are held, want at most %d", n, k.most)
			}
			if lost.Load() != refused {
				t.Errorf("the server was given up: %t, want %t", lost.Load(), refused)
			}
			cancel()
			<-done
			tr.CloseIdleConnections()
		})
	}
}

const answerOpen = `{"items":[{"cursor":"e-1","data":"`
