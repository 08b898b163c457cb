package pushservice

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// agentMessages are what Firefox sends, and what is like it and wrong.
var agentMessages = []struct {
	in  string
	typ string // "" when it is refused
}{
	{`{"messageType":"hello","broadcasts":{"remote-settings/monitor_changes":"\"1234\""},"use_webpush":true}`, typeHello},
	{`{"messageType":"hello","uaid":"0123456789abcdef0123456789abcdef","use_webpush":true}`, typeHello},
	{`{"messageType":"register","channelID":"` + channel1 + `","key":"BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"}`, typeRegister},
	{`{"messageType":"unregister","channelID":"` + channel2 + `","code":200}`, typeUnregister},
	{`{"messageType":"ack","updates":[{"channelID":"` + channel1 + `","version":"v","code":100}]}`, typeAck},
	{`{"messageType":"nack","code":301,"version":"v"}`, typeNack},
	{`{"messageType":"broadcast_subscribe","broadcasts":{"a":"b"}}`, typeBroadcast},
	{"{}", typePing},
	{" {\n} ", typePing},
	{`{"messageType":"ping","future":{"deep":[1,2,{}]}}`, typePing},
	{"", ""},
	{"null", ""},
	{"[]", ""},
	{`"hello"`, ""},
	{`{"messageType":"hello"`, ""},
	{`{"messageType":"hello"}}`, ""},
	{"{\"messageType\":\"hello\",\"uaid\":\"\xff\"}", ""},
	{`{"messageType":"hello","uaid":7}`, ""},
	{`{"messageType":"hello","uaid":"` + strings.Repeat("u", maxAgentID+1) + `"}`, ""},
	{`{"messageType":"goodbye"}`, ""},
	{`{"messageType":"register","channelID":"5d3a0b448f7c4b5a9d7e0123456789ab"}`, ""},
	{`{"messageType":"register","channelID":"` + channel1 + `","key":"BA1H"}`, ""},
	{`{"messageType":"ack","updates":[]}`, ""},
	{`{"messageType":"ack","updates":[{"channelID":"","version":"v"}]}`, ""},
	{`{"messageType":"ack","updates":[` + strings.Repeat(`{"channelID":"c","version":"v"},`, maxUpdates) + `{"channelID":"c","version":"v"}]}`, ""},
	{`{"messageType":"ping","pad":"` + strings.Repeat("p", maxAgentMessage) + `"}`, ""},
}

func TestParseAgentMessage(t *testing.T) {
	for _, row := range agentMessages {
		m, err := parseAgentMessage([]byte(row.in))
		if (err == nil) != (row.typ != "") || m.Type != row.typ {
			t.Errorf("%.80s: %q, %v; want %q", row.in, m.Type, err, row.typ)
		}
		if err != nil && !errors.Is(err, errAgentMessage) {
			t.Errorf("%.80s: %v is another kind of error", row.in, err)
		}
	}
}

func TestChannelID(t *testing.T) {
	for i := range channel1 {
		for c := range 256 {
			s := channel1[:i] + string([]byte{byte(c)}) + channel1[i+1:]
			dash := i == 8 || i == 13 || i == 18 || i == 23
			good := strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) && c < 128
			if dash {
				good = c == '-'
			}
			if channelID(s) != good {
				t.Fatalf("%q: %v", s, !good)
			}
		}
	}
}

// FuzzAgentMessage: whatever a user agent sends is refused with the one error
// and one that fits into a close frame, or is within the bounds, and then says
// the same when it is written and read again.
func FuzzAgentMessage(f *testing.F) {
	for _, row := range agentMessages {
		f.Add([]byte(row.in))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		m, err := parseAgentMessage(p)
		if err != nil {
			if !errors.Is(err, errAgentMessage) {
				t.Fatalf("%v is another kind of error", err)
			}
			if r := closeReason(err); len(r) > 123 || r == "" || r != printable(r) {
				t.Fatalf("the reason %q does not fit", r)
			}
			return
		}
		if m.Type == "" || len(m.UAID) > maxAgentID || len(m.Updates) > maxUpdates || len(m.Broadcasts) > maxSubscribed || len(m.Version) > maxVersion {
			t.Fatalf("%+v is out of bounds", m)
		}
		if m.Type == typeNack && m.Version == "" {
			t.Fatalf("%+v is of no message", m)
		}
		if m.Type == typeRegister {
			if k, err := m.key(); err != nil || k != nil && len(k) != pointSize {
				t.Fatalf("a key of %d bytes, %v", len(k), err)
			}
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > maxAgentMessage {
			return // JSON may write a character longer than it came
		}
		n, err := parseAgentMessage(again)
		if err != nil {
			t.Fatalf("%s, written again: %v", again, err)
		}
		if len(m.Updates) == 0 {
			m.Updates, n.Updates = nil, nil
		}
		if len(m.Broadcasts) == 0 {
			m.Broadcasts, n.Broadcasts = nil, nil
		}
		if d := cmp.Diff(m, n); d != "" {
			t.Fatalf("(-read +written and read):\n%s", d)
		}
	})
}

// FuzzFields: what comes out of the fields that services get is within bounds,
// and a link is found again.
func FuzzFields(f *testing.F) {
	f.Add(`</push/a>; rel="urn:ietf:params:push", </set/b>;rel="x urn:ietf:params:push:set"`, "wait=0;a=b, respond-async")
	f.Add(`<a>;title="b, c;rel=d";rel=urn:ietf:params:push`, `respond-async;x="`)
	f.Add("<<>;;==,", ",;=")
	f.Fuzz(func(t *testing.T, links, prefer string) {
		h := map[string][]string{"Link": {links}, "Prefer": {prefer}, "Encryption": {links}, "Crypto-Key": {prefer}, "Content-Encoding": {"aesgcm"}}
		for _, rel := range []string{relPush, relSet, relReceipt} {
			if uri, ok := link(h, rel); ok && !strings.Contains(links, "<"+uri+">") {
				t.Fatalf("%q is not in %q", uri, links)
			}
		}
		preference(h, "wait")
		if c, err := parseContent(h); err == nil && (!base64url(c.Encryption) || !base64url(c.CryptoKey) || len(c.Encryption) > maxField) {
			t.Fatalf("%+v", c)
		}
		if strings.ContainsAny(links, "<>\",;") {
			return
		}
		h["Link"] = []string{`</other>; rel="a b"; rel="` + relPush + `", <` + links + `>; title="x, <y>"; REL="z ` + strings.ToUpper(relPush) + `"`}
		if got, ok := link(h, relPush); !ok || got != links {
			t.Fatalf("got %q, want %q", got, links)
		}
	})
}
