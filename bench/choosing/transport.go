//go:build linux

package choosing

import (
	"strconv"
	"strings"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// kind is how the server is asked.
type kind int

const (
	shortPoll kind = iota
	longPoll
	jsonLines
	eventStream
	webSocket
	nobody // does not ask at all
)

// Transport is a way to follow a topic.
type Transport struct {
	Name  string
	kind  kind
	every time.Duration // between two short polls
}

// Nobody is the candidate that has no clients: what publishing costs alone, the
// wake-up of the process for it included.
const Nobody = "no client"

// Transports are the candidates in the order of the tables.
var Transports = []Transport{
	{Name: "short poll, 1 s", kind: shortPoll, every: time.Second},
	{Name: "short poll, 5 s", kind: shortPoll, every: 5 * time.Second},
	{Name: "long poll", kind: longPoll},
	{Name: "JSON lines", kind: jsonLines},
	{Name: "event stream", kind: eventStream},
	{Name: "WebSocket", kind: webSocket},
	{Name: Nobody, kind: nobody},
}

// Rate is how often a message is published on each topic of a cell. The times
// are random and independent of each other (a Poisson process), so that polls
// and messages have no rhythm together.
type Rate struct {
	PerSecond float64
	Clients   int // and topics
}

// Rates are those of the tables. There are more clients where there are fewer
// messages, so that there are enough to see a tail.
var Rates = []Rate{{0.1, 200}, {1, 50}, {100, 4}}

const (
	// messageSize is that of the data of a message, in bytes.
	messageSize = 100

	// pollWait is what a long poll asks for, as the browser client does.
	pollWait = 25 * time.Second
)

// Fields are those that a client sends along.
type Fields string

const (
	Chromium Fields = "chromium" // what Chromium 156 sends with fetch and new WebSocket
	Bare     Fields = "bare"     // what the protocol needs, and Host
)

// What Chromium 156 on Linux sent to a page's own origin on a loopback address,
// seen by a server that wrote down what came; that it was headless is taken out
// of User-Agent. Pages of real sites have longer names in Host, Origin and
// Referer, and cookies. The fields of fetch with cache "no-store" and those of
// EventSource are the same.
const (
	fetchFields = "Connection: keep-alive\r\n" +
		"Pragma: no-cache\r\n" +
		"Cache-Control: no-cache\r\n" +
		"sec-ch-ua-platform: \"Linux\"\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36\r\n" +
		"Accept: ACCEPT\r\n" +
		"sec-ch-ua: \"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"Sec-Fetch-Site: same-origin\r\n" +
		"Sec-Fetch-Mode: cors\r\n" +
		"Sec-Fetch-Dest: empty\r\n" +
		"Referer: http://HOST/\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9\r\n"
	socketFields = "Connection: Upgrade\r\n" +
		"Pragma: no-cache\r\n" +
		"Cache-Control: no-cache\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36\r\n" +
		"Upgrade: websocket\r\n" +
		"Origin: http://HOST\r\n" +
		"Sec-WebSocket-Version: 13\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9\r\n" +
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
	bareFields       = "Accept: ACCEPT\r\n"
	bareSocketFields = "Connection: Upgrade\r\n" +
		"Upgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)

// accept is the media type that each kind asks for.
var accept = map[kind]string{
	shortPoll: "application/json", longPoll: "application/json",
	jsonLines: "application/x-ndjson", eventStream: "text/event-stream",
}

// request returns the head of a request. A wait below 0 is none.
func (k kind) request(f Fields, host, path string, after topic.Cursor, wait time.Duration) []byte {
	fields := fetchFields
	switch {
	case k == webSocket && f == Bare:
		fields = bareSocketFields
	case k == webSocket:
		fields = socketFields
	case f == Bare:
		fields = bareFields
	}
	fields = strings.NewReplacer("HOST", host, "ACCEPT", accept[k]).Replace(fields)
	query := "?after=" + string(after)
	if wait >= 0 {
		query += "&wait=" + strconv.FormatFloat(float64(wait.Milliseconds())/1e3, 'f', -1, 64)
	}
	return []byte("GET " + path + query + " HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n")
}
