package handshake

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sampleResponse is the server's half in RFC 6455, 1.3.
const sampleResponse = "HTTP/1.1 101 Switching Protocols\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
	"Sec-WebSocket-Protocol: chat\r\n" +
	"\r\n"

func TestResponseOfTheSampleInRFC6455(t *testing.T) {
	r, n, scan, err := ParseResponse([]byte(sampleResponse+"\x81\x05frame"), 0, Limits{})
	if err != nil || n != len(sampleResponse) || scan != n {
		t.Fatalf("n %d, scan %d, err %v; want %d, %d, nil", n, scan, err, len(sampleResponse), len(sampleResponse))
	}
	want := Response{
		HTTP: 11, Status: 101, Phrase: "Switching Protocols", Protocol: "chat", Accept: sampleAccept,
		Header: http.Header{
			"Upgrade": {"websocket"}, "Connection": {"Upgrade"},
			"Sec-Websocket-Accept": {sampleAccept}, "Sec-Websocket-Protocol": {"chat"},
		},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	if err := r.Check(&Request{Key: sampleKey, Protocols: []string{"superchat", "chat"}}); err != nil {
		t.Errorf("Check: %v", err)
	}
}

func status(s string) string {
	_, rest, _ := strings.Cut(sampleResponse, "\r\n")
	return s + "\r\n" + rest
}

// reply is the sample with other lines for the fields of that name.
func reply(name string, lines ...string) string {
	var out strings.Builder
	for _, s := range strings.SplitAfter(sampleResponse, "\r\n") {
		if n, _, _ := strings.Cut(s, ":"); n != name && s != "\r\n" {
			out.WriteString(s)
		}
	}
	for _, l := range lines {
		out.WriteString(l + "\r\n")
	}
	return out.String() + "\r\n"
}

// responseTable is what ParseResponse makes of bytes; what it takes, net/http
// takes too. It is the seed of the fuzz targets as well.
var responseTable = []struct{ name, in, token string }{
	{"sample", sampleResponse, ""},
	{"no phrase", status("HTTP/1.1 101 "), ""},
	{"no phrase and no space", status("HTTP/1.1 101"), ""},
	{"phrase beyond ASCII", status("HTTP/1.1 101 Prot\xf3colos"), ""},
	{"no fields", "HTTP/1.1 404 Not Found\r\n\r\n", ""},
	{"old proxy", "HTTP/1.0 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nno\n", ""},
	{"interim", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", ""},
	{"chunked", "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
	{"chunked and length", "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", ""},
	{"length twice", "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", ""},
	{"length on 101", reply("", "Content-Length: 0"), ""},
	{"extensions", reply("", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12"), ""},

	{"empty line first", "\r\n" + sampleResponse, "handshake_status_line"},
	{"another protocol", "ICY 200 OK\r\n\r\n", "handshake_status_line"},
	{"SSH", "SSH-2.0-OpenSSH_9.6\r\n\r\n", "handshake_status_line"},
	{"no status", status("HTTP/1.1"), "handshake_status_line"},
	{"two spaces", status("HTTP/1.1  101 Switching"), "handshake_status_line"},
	{"two digits", status("HTTP/1.1 99 Switching"), "handshake_status_line"},
	{"four digits", status("HTTP/1.1 1010 Switching"), "handshake_status_line"},
	{"sign", status("HTTP/1.1 +10 Switching"), "handshake_status_line"},
	{"leading zero", status("HTTP/1.1 010 Switching"), "handshake_status_line"},
	{"letters", status("HTTP/1.1 1O1 Switching"), "handshake_status_line"},
	{"tab", status("HTTP/1.1\t101 Switching"), "handshake_status_line"},
	{"version malformed", status("HTTP/11 101 Switching"), "handshake_http_version_syntax"},
	{"HTTP/2", status("HTTP/2.0 200 OK"), "handshake_http_version"},
	{"folded field", reply("", "X-A: 1", " 2"), "handshake_field_folded"},
	{"no colon", reply("", "X-A"), "handshake_field_colon"},
	{"space before the colon", reply("", "X-A : 1"), "handshake_field_name"},
	{"lone LF", strings.ReplaceAll(sampleResponse, "\r\n", "\n"), "handshake_bare_lf"},
	{"lone CR", reply("", "X-A: 1\rX-B: 2"), "handshake_bare_cr"},
	{"NUL", reply("", "X-A: \x00"), "handshake_control_byte"},
	{"two lengths", "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "handshake_content_length"},
	{"length no number", "HTTP/1.1 403 Forbidden\r\nContent-Length: x\r\n\r\n", "handshake_content_length"},
	{"coding unknown", "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: gzip\r\n\r\n", "handshake_transfer_encoding"},
}

func TestResponseSyntax(t *testing.T) {
	for _, tt := range responseTable {
		t.Run(tt.name, func(t *testing.T) {
			r, n, _, err := ParseResponse([]byte(tt.in), 0, Limits{})
			if token(err) != tt.token {
				t.Fatalf("error %v, want %q", err, tt.token)
			}
			if err != nil {
				if s := err.(*Error).Status; s != 0 || n != 0 || !cmp.Equal(r, Response{}) {
					t.Errorf("an error came with status %d, n %d and response %+v", s, n, r)
				}
				return
			}
			if end := strings.Index(tt.in, "\r\n\r\n") + 4; n != end {
				t.Errorf("n = %d, want %d", n, end)
			}
			if err := agreeResponse([]byte(tt.in), &r); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestResponseMustPassAllOf41(t *testing.T) {
	const ext = "Sec-WebSocket-Extensions"
	for _, tt := range []struct{ name, in, token string }{
		{"sample", sampleResponse, ""},
		{"no subprotocol although asked", reply("Sec-WebSocket-Protocol"), ""},
		{"Upgrade in another case", reply("Upgrade", "upgrade: WebSocket"), ""},
		{"Connection as a list", reply("Connection", "Connection: keep-alive, upgrade"), ""},
		{"Connection in two fields", reply("", "Connection: keep-alive"), ""},
		{"accept within white space", reply("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: \t"+sampleAccept+" \t"), ""},
		{"extension that was offered", reply("", ext+": permessage-deflate; server_no_context_takeover"), ""},
		{"extensions in two fields", reply("", ext+": permessage-deflate", ext+": x-other"), ""},
		{"other minor version", status("HTTP/1.2 101 Switching Protocols"), ""},

		{"200", status("HTTP/1.1 200 OK"), "handshake_answer_status"},
		{"100", status("HTTP/1.1 100 Continue"), "handshake_answer_status"},
		{"401", status("HTTP/1.1 401 Unauthorized"), "handshake_answer_status"},
		{"HTTP/1.0", status("HTTP/1.0 101 Switching Protocols"), "handshake_answer_http"},
		{"no Upgrade", reply("Upgrade"), "handshake_answer_upgrade"},
		{"Upgrade twice", reply("", "Upgrade: websocket"), "handshake_answer_upgrade"},
		{"Upgrade as a list", reply("Upgrade", "Upgrade: websocket, h2c"), "handshake_answer_upgrade"},
		{"Upgrade other", reply("Upgrade", "Upgrade: h2c"), "handshake_answer_upgrade"},
		{"no Connection", reply("Connection"), "handshake_answer_connection"},
		{"Connection other", reply("Connection", "Connection: close"), "handshake_answer_connection"},
		{"Connection malformed", reply("Connection", "Connection: Upgrade, ;"), "handshake_answer_connection"},
		{"no accept", reply("Sec-WebSocket-Accept"), "handshake_answer_accept_missing"},
		{"accept twice", reply("", "Sec-WebSocket-Accept: "+sampleAccept), "handshake_answer_accept_repeated"},
		{"accept empty", reply("Sec-WebSocket-Accept", "Sec-WebSocket-Accept:"), "handshake_answer_accept"},
		{"accept of another key", reply("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk="), "handshake_answer_accept"},
		{"accept in another case", reply("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: "+strings.ToLower(sampleAccept)), "handshake_answer_accept"},
		{"accept is the key", reply("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: "+sampleKey), "handshake_answer_accept"},
		{"accept with more", reply("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: "+sampleAccept+", x"), "handshake_answer_accept"},
		{"subprotocol not asked for", reply("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: other"), "handshake_answer_protocol"},
		{"subprotocol in another case", reply("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: Chat"), "handshake_answer_protocol"},
		{"subprotocol empty", reply("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol:"), "handshake_answer_protocol"},
		{"list of subprotocols", reply("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: chat, superchat"), "handshake_answer_protocol"},
		{"two subprotocols", reply("", "Sec-WebSocket-Protocol: superchat"), "handshake_answer_protocol_repeated"},
		{"extension not offered", reply("", ext+": permessage-deflate, mux"), "handshake_answer_extension"},
		{"extension in another case", reply("", ext+": Permessage-Deflate"), "handshake_answer_extension"},
		{"extension with a longer name", reply("", ext+": permessage-deflate2"), "handshake_answer_extension"},
		{"extension malformed", reply("", ext+": permessage-deflate;"), "handshake_answer_extension_syntax"},
		{"extension empty", reply("", ext+":"), "handshake_answer_extension_syntax"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, _, _, err := ParseResponse([]byte(tt.in), 0, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			err = r.Check(&Request{
				Key: sampleKey, Protocols: []string{"chat", "superchat"},
				Extensions: []string{"permessage-deflate; client_max_window_bits", "x-other"},
			})
			if token(err) != tt.token {
				t.Errorf("Check: %v, want %q", err, tt.token)
			}
		})
	}
}

func TestResponseMustNotChooseWhenNothingWasOffered(t *testing.T) {
	for in, want := range map[string]string{
		sampleResponse:                  "handshake_answer_protocol",
		reply("Sec-WebSocket-Protocol"): "",
		reply("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions: permessage-deflate"): "handshake_answer_extension",
		reply("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol:"):                      "handshake_answer_protocol",
	} {
		r, _, _, err := ParseResponse([]byte(in), 0, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Check(&Request{Key: sampleKey, Protocols: nil}); token(err) != want {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestResponseAppendedAsTheSampleInRFC6455(t *testing.T) {
	r := &Request{Key: sampleKey, Protocols: []string{"chat", "superchat"}, Extensions: []string{"permessage-deflate"}}
	got, err := AppendResponse([]byte("before"), r, "chat", "", nil)
	if err != nil || string(got) != "before"+sampleResponse {
		t.Errorf("err %v, got %q", err, got)
	}
	got, err = AppendResponse(nil, r, "", "permessage-deflate; server_max_window_bits=12", http.Header{"Set-Cookie": {"a=b", "c=d"}, "Date": {"x"}})
	want := "HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12\r\n" +
		"Date: x\r\n" +
		"Set-Cookie: a=b\r\n" +
		"Set-Cookie: c=d\r\n" +
		"\r\n"
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Errorf("err %v, (-want +got):\n%s", err, diff)
	}
}

func TestResponseAppendRefusesWhatCannotBeSent(t *testing.T) {
	for _, tt := range []struct {
		name                      string
		key, protocol, extensions string
		extra                     http.Header
		token                     string
	}{
		{"bad key", "x", "", "", nil, "handshake_config_key"},
		{"subprotocol not offered", sampleKey, "other", "", nil, "handshake_config_protocol_not_offered"},
		{"subprotocol in another case", sampleKey, "Chat", "", nil, "handshake_config_protocol_not_offered"},
		{"subprotocol no token", sampleKey, "a\r\nb", "", nil, "handshake_config_protocol_not_offered"},
		{"extension not offered", sampleKey, "chat", "mux", nil, "handshake_config_extension_not_offered"},
		{"one extension of two not offered", sampleKey, "chat", "permessage-deflate, mux", nil, "handshake_config_extension_not_offered"},
		{"extension malformed", sampleKey, "", "permessage-deflate;", nil, "handshake_config_extension"},
		{"fields in an extension", sampleKey, "", "permessage-deflate\r\nX: y", nil, "handshake_config_extension"},
		{"fields in a value", sampleKey, "", "", http.Header{"X": {"a\r\nSet-Cookie: b"}}, "handshake_config_field_value"},
		{"own field", sampleKey, "", "", http.Header{"sec-websocket-ACCEPT": {"x"}}, "handshake_config_field_owned"},
	} {
		r := &Request{Key: tt.key, Protocols: []string{"chat", "a\r\nb"}, Extensions: []string{"permessage-deflate; client_max_window_bits"}}
		dst := []byte("before")
		got, err := AppendResponse(dst, r, tt.protocol, tt.extensions, tt.extra)
		if token(err) != tt.token || !bytes.Equal(got, dst) {
			t.Errorf("%s: %q and %v, want nothing and %q", tt.name, got, err, tt.token)
		}
	}
}

func TestResponseRoundTrip(t *testing.T) {
	for _, in := range []string{sampleRequest, browserRequest, programRequest} {
		req, _, _, err := ParseRequest([]byte(in), 0, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		protocol, extension := first(req.Protocols), first(req.Extensions)
		b, err := AppendResponse(nil, &req, protocol, extension, http.Header{"X-A": {"1"}})
		if err != nil {
			t.Fatal(err)
		}
		r, n, _, err := ParseResponse(b, 0, Limits{})
		if err != nil || n != len(b) {
			t.Fatalf("n %d of %d, err %v", n, len(b), err)
		}
		if err := r.Check(&req); err != nil || r.Protocol != protocol || first(r.Extensions) != extension || r.Header.Get("X-A") != "1" {
			t.Errorf("%v, response %+v", err, r)
		}
	}
}
