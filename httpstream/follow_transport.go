package httpstream

import "strconv"

// Transport is a way in which the items of a source reach a client.
type Transport uint8

// The transports, from the one that serves an application best to the one
// that gets through everywhere.
const (
	TransportSocket      Transport = iota + 1 // WebSocket
	TransportEventStream                      // text/event-stream
	TransportStream                           // application/x-ndjson, kept open
	TransportLongPoll                         // one request for each batch, answered when there is one
	TransportShortPoll                        // one request every Interval
)

var transportNames = [...]string{
	TransportSocket:      "websocket",
	TransportEventStream: "eventstream",
	TransportStream:      "stream",
	TransportLongPoll:    "longpoll",
	TransportShortPoll:   "shortpoll",
}

// Transports returns all transports in the order in which [Follow] prefers
// them.
func Transports() []Transport {
	return []Transport{TransportSocket, TransportEventStream, TransportStream, TransportLongPoll, TransportShortPoll}
}

// String returns websocket, eventstream, stream, longpoll or shortpoll.
func (t Transport) String() string {
	if !t.valid() {
		return "transport " + strconv.Itoa(int(t))
	}
	return transportNames[t]
}

// ParseTransport returns the transport of a name that String returns.
func ParseTransport(name string) (t Transport, ok bool) {
	for t := TransportSocket; t.valid(); t++ {
		if transportNames[t] == name {
			return t, true
		}
	}
	return 0, false
}

func (t Transport) valid() bool { return t >= TransportSocket && int(t) < len(transportNames) }
