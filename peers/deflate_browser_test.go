package peers

import (
	"testing"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/deflate"
)

// TestDeflateBrowser has Chromium, which offers "permessage-deflate;
// client_max_window_bits" by itself, talk to our Handler.
func TestDeflateBrowser(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	certificate := newSecure(t)
	for _, scheme := range []string{"ws", "wss"} {
		var s *secure
		if scheme == "wss" {
			s = certificate
		}
		v := newSite(t, s)
		b.open(t, v.http, desktop)
		for _, row := range []struct {
			setting
			extensions string // what the page is told
			want       settled
		}{
			{settings[0], "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
				settled{params: deflate.Params{ServerBits: 12, ClientBits: 12}}},
			{settings[1], "permessage-deflate", settled{params: deflate.Params{ServerBits: 15, ClientBits: 15}}},
			{settings[2], "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
				settled{params: deflate.Params{ServerBits: 8, ClientBits: 8}}},
			{settings[3], "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12",
				settled{params: deflate.Params{ServerNoContext: true, ClientNoContext: true, ServerBits: 10, ClientBits: 12}}},
			{setting{name: "off"}, "", settled{plain: true}},
		} {
			if s != nil && row.name != "default" && row.name != "no context" {
				continue
			}
			t.Run(scheme+" "+row.name, func(t *testing.T) {
				seen := &frames{}
				v.allow = &pushwire.AcceptOptions{Config: pushwire.Config{Deflate: row.Deflate, Trace: seen.trace()}}
				b.do(t, command{"cmd": "eval", "text": visit, "arg": visiting{URL: v.ws + "/handed", Echo: true}})
				us := v.accept(t).(*ourEnd)
				k := &talk{us: us, frames: seen, want: row.want.params}
				if row.want.plain {
					k.plain(t)
				} else {
					k.run(t, row.long())
				}
				us.close(t, 1000, "")
				if got := result[visited](t, b); got.Extensions != row.extensions || !got.Clean {
					t.Errorf("the page has extensions %q, clean %v, want %q", got.Extensions, got.Clean, row.extensions)
				}
				testPageSpeaks(t, b, v, row.extensions, row.long())
			})
		}
	}
}

// testPageSpeaks has the page begin, and compare what our echo sends back.
func testPageSpeaks(t *testing.T, b *browser, v *site, extensions string, long bool) {
	t.Helper()
	var send []payload
	texts := []string{"", "x", records(1 << 10), prose(1 << 10)}
	if long {
		texts = append(texts, mebibyte())
	}
	for _, s := range texts {
		send = append(send, payload{"text", []byte(s)})
	}
	for range 100 {
		send = append(send, payload{"text", []byte(prose(300))})
	}
	send = append(send, payload{"binary", []byte(incompressible(20_000))})
	got := eval[visited](t, b, visit, visiting{
		URL: v.ws + "/allowed", Send: send, Close: &closing{After: len(send), Code: 1000},
	})
	if len(got.Got) != len(send) || got.Code != 1000 || got.Extensions != extensions {
		t.Fatalf("%d messages came back, want %d; ended with %d %q, extensions %q", len(got.Got), len(send), got.Code, got.Reason, got.Extensions)
	}
	for i, m := range got.Got {
		if m.Type != send[i].Type || string(m.Data) != string(send[i].Data) {
			t.Errorf("message %d: got %s of %d bytes, want %s of %d bytes, or the bytes differ",
				i, m.Type, len(m.Data), send[i].Type, len(send[i].Data))
		}
	}
}
