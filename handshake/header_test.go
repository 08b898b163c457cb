package handshake

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestHeaderOfTheCallerIsCheckedAndNeverRewritten(t *testing.T) {
	for _, tt := range []struct {
		name  string
		h     http.Header
		token string
	}{
		{"nothing", nil, ""},
		{"cookies", http.Header{"Set-Cookie": {"a=b; Path=/", "c=d"}}, ""},
		{"empty value", http.Header{"X": {""}}, ""},
		{"tab and beyond ASCII", http.Header{"X": {"a\tb \xff \u20ac"}}, ""},
		{"Origin", http.Header{"Origin": {"https://a"}}, ""},
		{"name in any case", http.Header{"x-lower": {"a"}}, ""},
		{"CR", http.Header{"X": {"a\rb"}}, "handshake_config_field_value"},
		{"LF", http.Header{"X": {"a\nb"}}, "handshake_config_field_value"},
		{"CR LF at the end", http.Header{"X": {"a\r\n"}}, "handshake_config_field_value"},
		{"NUL", http.Header{"X": {"a\x00"}}, "handshake_config_field_value"},
		{"DEL", http.Header{"X": {"\x7f"}}, "handshake_config_field_value"},
		{"second value", http.Header{"X": {"a", "b\nc"}}, "handshake_config_field_value"},
		{"name with CR LF", http.Header{"X\r\nY": {"a"}}, "handshake_config_field_name"},
		{"name with a colon", http.Header{"X:": {"a"}}, "handshake_config_field_name"},
		{"name with a space", http.Header{"X ": {"a"}}, "handshake_config_field_name"},
		{"name empty", http.Header{"": {"a"}}, "handshake_config_field_name"},
		{"name beyond ASCII", http.Header{"\u00c4": {"a"}}, "handshake_config_field_name"},
		{"bad name without values", http.Header{"X Y": nil}, "handshake_config_field_name"},
	} {
		err := CheckHeader(tt.h)
		if token(err) != tt.token {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.token)
		}
		var c *ConfigError
		if err != nil && !errors.As(err, &c) {
			t.Errorf("%s: %T, want *ConfigError", tt.name, err)
		}
	}
}

func TestHeaderFieldsOfTheHandshakeAreItsOwn(t *testing.T) {
	for _, name := range []string{
		"Upgrade", "Connection", "Host", "Content-Length", "Transfer-Encoding", "Trailer", "TE", "Expect",
		"Keep-Alive", "Proxy-Connection", "HTTP2-Settings", "Sec-WebSocket-Key", "Sec-WebSocket-Accept",
		"Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Sec-WebSocket-Anything",
	} {
		for _, name := range []string{name, strings.ToLower(name), strings.ToUpper(name), http.CanonicalHeaderKey(name)} {
			if err := CheckHeader(http.Header{name: {"x"}}); token(err) != "handshake_config_field_owned" {
				t.Errorf("%s: %v, want handshake_config_field_owned", name, err)
			}
		}
	}
	for _, name := range []string{"Sec-WebSocket", "Sec-Fetch-Mode", "Hosts", "X-Upgrade"} {
		if err := CheckHeader(http.Header{name: {"x"}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHeaderFaultIsAlwaysTheSame(t *testing.T) {
	h := http.Header{"A": {"\n"}, "B ": {"x"}, "Connection": {"x"}, "C": {"\r"}}
	for range 50 {
		if err := CheckHeader(h); token(err) != "handshake_config_field_value" {
			t.Fatalf("%v, want the first by name", err)
		}
	}
}
