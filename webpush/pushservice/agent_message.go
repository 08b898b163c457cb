package pushservice

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Subprotocol is what user agents of Mozilla's protocol ask for.
const Subprotocol = "push-notification"

// Bounds of one message from a user agent.
const (
	maxAgentMessage  = 64 << 10 // bytes; an acknowledgement of window messages has 8 KiB
	maxUpdates       = 4 * window
	maxAgentID       = 128
	maxChannelID     = 128
	maxVersion       = 64
	maxSubscribed    = 32 // broadcasts that one user agent follows
	maxBroadcastID   = 256
	maxBroadcastVers = 256
)

// agentMessage is a message from a user agent: one struct for all kinds, of
// which each kind uses some fields.
type agentMessage struct {
	Type       string            `json:"messageType"`
	UAID       string            `json:"uaid,omitempty"`
	UseWebPush bool              `json:"use_webpush,omitempty"`
	Broadcasts map[string]string `json:"broadcasts,omitempty"`
	ChannelID  string            `json:"channelID,omitempty"`
	Key        string            `json:"key,omitempty"` // the application server's, base64url
	Code       int               `json:"code,omitempty"`
	Version    string            `json:"version,omitempty"`
	Updates    []agentUpdate     `json:"updates,omitempty"`
}

// agentUpdate is one acknowledgement.
type agentUpdate struct {
	ChannelID string  `json:"channelID"`
	Version   string  `json:"version"`
	Code      AckCode `json:"code,omitempty"`
}

// The kinds of messages from user agents.
const (
	typeHello       = "hello"
	typeRegister    = "register"
	typeUnregister  = "unregister"
	typeAck         = "ack"
	typeNack        = "nack"
	typeBroadcast   = "broadcast_subscribe"
	typePing        = "ping" // also the empty object
	typeOfBroadcast = "broadcast"
	typeOfMessage   = "notification"
)

var errAgentMessage = errors.New("pushservice: the message is none of the protocol")

func agentFault(why string, args ...any) error {
	return fmt.Errorf("%w: %s", errAgentMessage, fmt.Sprintf(why, args...))
}

// parseAgentMessage reads a message from a user agent. Everything in the
// result is within the bounds, and what its kind needs is there. Members that
// are not known are ignored, as the protocol grows by them. A kind that is not
// known is an error; nothing of p is retained.
func parseAgentMessage(p []byte) (agentMessage, error) {
	var m agentMessage
	if len(p) > maxAgentMessage {
		return m, agentFault("%d bytes", len(p))
	}
	if p = bytes.TrimSpace(p); len(p) == 0 || p[0] != '{' || !utf8.Valid(p) {
		return m, agentFault("no JSON object")
	}
	if err := json.Unmarshal(p, &m); err != nil {
		var te *json.UnmarshalTypeError
		if errors.As(err, &te) {
			return agentMessage{}, agentFault("%.40s is no %s", te.Field, te.Type.Kind())
		}
		return agentMessage{}, agentFault("no JSON object")
	}
	if err := m.check(); err != nil {
		return agentMessage{}, err
	}
	return m, nil
}

func (m *agentMessage) check() error {
	switch {
	case len(m.UAID) > maxAgentID:
		return agentFault("a uaid of %d bytes", len(m.UAID))
	case len(m.ChannelID) > maxChannelID:
		return agentFault("a channelID of %d bytes", len(m.ChannelID))
	case len(m.Version) > maxVersion:
		return agentFault("a version of %d bytes", len(m.Version))
	case len(m.Updates) > maxUpdates:
		return agentFault("%d updates", len(m.Updates))
	case len(m.Broadcasts) > maxSubscribed:
		return agentFault("%d broadcasts", len(m.Broadcasts))
	}
	for id, v := range m.Broadcasts {
		if id == "" || len(id) > maxBroadcastID || len(v) > maxBroadcastVers {
			return agentFault("a broadcast of %d and %d bytes", len(id), len(v))
		}
	}
	for _, u := range m.Updates {
		if u.ChannelID == "" || len(u.ChannelID) > maxChannelID || u.Version == "" || len(u.Version) > maxVersion {
			return agentFault("an update without channelID or version, or with too long ones")
		}
	}
	switch m.Type {
	case typeHello, typeBroadcast, typePing:
	case typeNack:
		if m.Version == "" {
			return agentFault("nack needs a version")
		}
	case typeRegister, typeUnregister:
		if !channelID(m.ChannelID) {
			return agentFault("%s needs a channelID, which is a UUID", m.Type)
		}
		if m.Type == typeRegister && m.Key != "" {
			if _, err := m.key(); err != nil {
				return err
			}
		}
	case typeAck:
		if len(m.Updates) == 0 {
			return agentFault("ack needs updates")
		}
	case "":
		m.Type = typePing // "{}"
	default:
		return agentFault("the messageType %.20q is not known", m.Type)
	}
	return nil
}

// channelID reports whether s is a UUID in its usual form; Firefox makes them
// in lower case.
func channelID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// key is the application server's key that the subscription is restricted to,
// nil for none.
func (m *agentMessage) key() ([]byte, error) {
	if m.Key == "" {
		return nil, nil
	}
	p, err := parsePoint(m.Key)
	if err != nil {
		return nil, agentFault("the key is no point on P-256 in base64url")
	}
	return p, nil
}

// serverMessage is a message to a user agent.
type serverMessage struct {
	Type       string            `json:"messageType"`
	UAID       string            `json:"uaid,omitempty"`
	Status     int               `json:"status,omitempty"`
	UseWebPush bool              `json:"use_webpush,omitempty"`
	Broadcasts map[string]string `json:"broadcasts,omitempty"`
	ChannelID  string            `json:"channelID,omitempty"`
	Endpoint   string            `json:"pushEndpoint,omitempty"`
	Version    string            `json:"version,omitempty"`
	TTL        *int64            `json:"ttl,omitempty"`
	Data       string            `json:"data,omitempty"` // base64url
	Headers    *serverHeaders    `json:"headers,omitempty"`
}

type serverHeaders struct {
	Encoding   string `json:"encoding,omitempty"`
	Encryption string `json:"encryption,omitempty"`
	CryptoKey  string `json:"crypto_key,omitempty"`
}

// notification is what a user agent gets of a message. mu of the state need
// not be held: what it reads does not change.
func notification(m *message, now int64) serverMessage {
	ttl := max(0, m.Expires.Unix()-now)
	s := serverMessage{Type: typeOfMessage, ChannelID: m.sub.Channel, Version: m.ID, TTL: &ttl}
	if c := m.Content; len(c.Body) > 0 {
		s.Data = base64.RawURLEncoding.EncodeToString(c.Body)
		s.Headers = &serverHeaders{Encoding: c.Encoding}
		if c.Encryption != "" {
			s.Headers.Encryption = "salt=" + c.Encryption
			s.Headers.CryptoKey = "dh=" + c.CryptoKey
		}
	}
	return s
}

// printable is s without what could confuse a log.
func printable(s string) string {
	return strings.ToValidUTF8(s, "?")
}
