package webpush

import (
	"math"
	"mime"
	"strconv"
	"strings"
	"time"
)

const (
	// DefaultTTL is how long a push service keeps a message for a user agent
	// that is not there, if the message does not say: four weeks, which is the
	// most that Google's service keeps.
	DefaultTTL = 28 * 24 * time.Hour

	// TTLNow is the TTL of a message that is of no use later. RFC 8030, 5.2:
	// "If the user agent is unavailable, a push message with a zero TTL expires
	// and is never delivered."
	TTLNow time.Duration = -1

	// maxTTL: RFC 8030, 5.2 names 2^31 seconds as what larger values count as.
	maxTTL = math.MaxInt32 * time.Second

	maxTopic = 32 // characters, RFC 8030, 5.4

	defaultContentType = "application/octet-stream"
)

// Urgency says what a message is worth to a device on battery. RFC 8030, 5.3
// has a table of what each wakes.
type Urgency string

const (
	VeryLow Urgency = "very-low" // advertisements
	Low     Urgency = "low"      // news of a topic
	Normal  Urgency = "normal"   // a chat message, a date: what counts if there is none
	High    Urgency = "high"     // a call that comes in
)

// A Message is what is to be sent. It is not changed by sending and may be
// sent to any number of subscriptions, from any number of goroutines, as long
// as nobody changes it.
type Message struct {
	// Payload is what the service worker gets as event.data: at most
	// MaxPlaintext bytes. nil sends no data at all, which is not the same as
	// data of no bytes.
	Payload []byte

	// TTL is how long the push service keeps the message for a user agent that
	// is not there. 0 means DefaultTTL; for a message that is to be delivered
	// now or never say TTLNow. Fractions of a second are rounded up.
	TTL time.Duration

	Urgency Urgency // "" means Normal

	// Topic: a message replaces an earlier one of the same topic that has not
	// been delivered yet. At most 32 letters, digits, hyphens and underscores;
	// the push service can read it. "" replaces nothing.
	Topic string

	// Pad: payload and padding are a multiple of this many bytes. 0 means
	// DefaultPad, 1 or less no padding.
	Pad int

	// Receipt asks for a confirmation of delivery (RFC 8030, 5.1). A service
	// that gives none answers 201 and names no receipt subscription.
	Receipt bool

	// ContentType is sent along in the clear. "" means
	// application/octet-stream, which says nothing.
	ContentType string
}

// fields are those of a request that follow from a message alone.
type fields struct {
	ttl, contentType string
}

// check validates the message. Nothing is dropped or shortened in silence:
// services answer a bad field with 400, and some do not say why.
func (m *Message) check() (fields, error) {
	var h fields
	switch {
	case len(m.Payload) > MaxPlaintext:
		return h, &SizeError{Size: len(m.Payload), Limit: MaxPlaintext}
	case m.TTL < 0 && m.TTL != TTLNow || m.TTL > maxTTL:
		return h, faultTTL.config(m.TTL)
	}
	switch m.Urgency {
	case "", VeryLow, Low, Normal, High:
	default:
		return h, faultUrgency.config(quote(string(m.Urgency)))
	}
	if !validTopic(m.Topic) {
		return h, faultTopic.config(quote(m.Topic))
	}
	h.contentType = defaultContentType
	if m.ContentType != "" {
		if !validContentType(m.ContentType) {
			return h, faultContentType.config(quote(m.ContentType))
		}
		h.contentType = m.ContentType
	}
	// RFC 8030, 5.2: "An application server MUST include the TTL (Time-To-Live)
	// header field in its request for push message delivery."
	switch m.TTL {
	case 0:
		h.ttl = defaultTTL
	case TTLNow:
		h.ttl = "0"
	default:
		h.ttl = strconv.FormatInt(int64((m.TTL+time.Second-1)/time.Second), 10)
	}
	return h, nil
}

// defaultTTL is DefaultTTL in seconds.
var defaultTTL = strconv.Itoa(int(DefaultTTL / time.Second))

// RFC 8030, 5.4: "no more than 32 characters from the URL and a filename-safe
// Base 64 alphabet".
func validTopic(s string) bool {
	if len(s) > maxTopic {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

func validContentType(s string) bool {
	t, _, err := mime.ParseMediaType(s)
	return err == nil && strings.Contains(t, "/") && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
