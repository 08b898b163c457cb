package handshake

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// without is the sample without the fields of that name.
func without(names ...string) string {
	var out []string
	for _, s := range strings.SplitAfter(sampleRequest, "\r\n") {
		name, _, _ := strings.Cut(s, ":")
		keep := true
		for _, n := range names {
			keep = keep && !strings.EqualFold(name, n)
		}
		if keep {
			out = append(out, s)
		}
	}
	return strings.Join(out, "")
}

// instead is the sample with other lines for the fields of that name.
func instead(name string, lines ...string) string {
	s := strings.TrimSuffix(without(name), "\r\n")
	for _, l := range lines {
		s += l + "\r\n"
	}
	return s + "\r\n"
}

type checkRow struct {
	name, in string
	status   int
	token    string
}

// checkTables hold the requests that parse, and what Check says of them, for
// each requirement of RFC 6455, 4.2.1.
var checkTables = map[string][]checkRow{
	"RequestMustBeGETInHTTP11": {
		{"sample", sampleRequest, 0, ""},
		{"browser", browserRequest, 0, ""},
		{"later minor version", line("GET / HTTP/1.2"), 0, ""},
		{"absolute target", line("GET http://server.example.com/chat HTTP/1.1"), 0, ""},
		{"POST", line("POST /chat HTTP/1.1"), 405, "handshake_method"},
		{"HEAD", line("HEAD /chat HTTP/1.1"), 405, "handshake_method"},
		{"get", line("get /chat HTTP/1.1"), 405, "handshake_method"},
		{"CONNECT with a path", line("CONNECT / HTTP/1.1"), 405, "handshake_method"},
		{"POST without upgrade", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", 405, "handshake_method"},
		{"HTTP/1.0", line("GET /chat HTTP/1.0"), 505, "handshake_http_10"},
		{"POST in HTTP/1.0", line("POST /chat HTTP/1.0"), 505, "handshake_http_10"},
	},
	"RequestMustNameHost": {
		{"empty", instead("Host", "Host:"), 400, "handshake_host_missing"},
		{"empty beside an absolute target", "GET http://a/ HTTP/1.1\r\n" + strings.SplitAfterN(instead("Host", "Host:"), "\r\n", 2)[1], 0, ""},
	},
	"RequestMustUpgradeToWebSocket": {
		{"upper case", instead("Upgrade", "Upgrade: WebSocket"), 0, ""},
		{"in a list", instead("Upgrade", "Upgrade: h2c, websocket"), 0, ""},
		{"in a list with a version", instead("Upgrade", "Upgrade: HTTP/2.0 , websocket ,"), 0, ""},
		{"in the second field", instead("Upgrade", "Upgrade: h2c", "Upgrade: websocket"), 0, ""},
		{"plain GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426, "handshake_not_upgrade"},
		{"other upgrade", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 426, "handshake_not_upgrade"},
		{"removed by a proxy", without("Upgrade"), 400, "handshake_upgrade_missing"},
		{"empty", instead("Upgrade", "Upgrade:"), 400, "handshake_upgrade_missing"},
		{"longer token", instead("Upgrade", "Upgrade: websocket2"), 400, "handshake_upgrade_missing"},
		{"shorter token", instead("Upgrade", "Upgrade: websocke"), 400, "handshake_upgrade_missing"},
		{"with a version", instead("Upgrade", "Upgrade: websocket/13"), 400, "handshake_upgrade_missing"},
		{"Kelvin sign for k", instead("Upgrade", "Upgrade: webSoc\u212aet"), 400, "handshake_upgrade_syntax"},
		{"quoted", instead("Upgrade", `Upgrade: "websocket"`), 400, "handshake_upgrade_syntax"},
		{"two words", instead("Upgrade", "Upgrade: websocket h2c"), 400, "handshake_upgrade_syntax"},
		{"version empty", instead("Upgrade", "Upgrade: websocket, h2/"), 400, "handshake_upgrade_syntax"},
	},
	"RequestMustHaveConnectionUpgrade": {
		{"lower case", instead("Connection", "Connection: upgrade"), 0, ""},
		{"in a list", instead("Connection", "Connection: keep-alive, Upgrade"), 0, ""},
		{"in a list with empty elements", instead("Connection", "Connection: ,, keep-alive\t,Upgrade ,"), 0, ""},
		{"in the second field", instead("Connection", "Connection: keep-alive", "Connection: UPGRADE"), 0, ""},
		{"missing", without("Connection"), 400, "handshake_connection_missing"},
		{"empty", instead("Connection", "Connection: "), 400, "handshake_connection_missing"},
		{"other", instead("Connection", "Connection: keep-alive"), 400, "handshake_connection_missing"},
		{"longer token", instead("Connection", "Connection: upgrades"), 400, "handshake_connection_missing"},
		{"two words", instead("Connection", "Connection: keep-alive Upgrade"), 400, "handshake_connection_syntax"},
		{"slash", instead("Connection", "Connection: Upgrade, a/b"), 400, "handshake_connection_syntax"},
		{"bad second field", instead("Connection", "Connection: Upgrade", "Connection: ;"), 400, "handshake_connection_syntax"},
	},
	"RequestMustHaveNoBody": {
		{"length of nothing", field("Content-Length: 0"), 0, ""},
		{"length of zeros", field("Content-Length: 000"), 0, ""},
		{"length", field("Content-Length: 5"), 400, "handshake_body"},
		{"chunked", field("Transfer-Encoding: chunked"), 400, "handshake_body"},
		{"chunked in upper case", field("Transfer-Encoding: CHUNKED"), 400, "handshake_body"},
	},
	"RequestVersionMustBe13": {
		{"missing", without("Sec-WebSocket-Version"), 426, "handshake_version_missing"},
		{"8", instead("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), 426, "handshake_version"},
		{"25", instead("Sec-WebSocket-Version", "Sec-WebSocket-Version: 25"), 426, "handshake_version"},
		{"leading zero", instead("Sec-WebSocket-Version", "Sec-WebSocket-Version: 013"), 426, "handshake_version"},
		{"list", instead("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13, 8"), 426, "handshake_version"},
		{"list of one", instead("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13,"), 426, "handshake_version"},
		{"empty", instead("Sec-WebSocket-Version", "Sec-WebSocket-Version:"), 426, "handshake_version"},
		{"plus", instead("Sec-WebSocket-Version", "Sec-WebSocket-Version: +13"), 426, "handshake_version"},
		{"twice", field("Sec-WebSocket-Version: 13"), 400, "handshake_version_repeated"},
		{"two", field("Sec-WebSocket-Version: 8"), 400, "handshake_version_repeated"},
		{"before the key", without("Sec-WebSocket-Version", "Sec-WebSocket-Key"), 426, "handshake_version_missing"},
	},
	"RequestKeyMustBe16Bytes": {
		{"missing", without("Sec-WebSocket-Key"), 400, "handshake_key_missing"},
		{"twice the same", field("Sec-WebSocket-Key: " + sampleKey), 400, "handshake_key_repeated"},
		{"two", field("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), 400, "handshake_key_repeated"},
		{"empty", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key:"), 400, "handshake_key_invalid"},
		{"15 bytes", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), 400, "handshake_key_invalid"},
		{"17 bytes", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), 400, "handshake_key_invalid"},
		{"18 bytes", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA"), 400, "handshake_key_invalid"},
		{"not base64", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j*Q=="), 400, "handshake_key_invalid"},
		{"base64url", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: -_AAAAAAAAAAAAAAAAAAAA=="), 400, "handshake_key_invalid"},
		{"no padding", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"), 400, "handshake_key_invalid"},
		{"unused bits, as in the note of 4.1", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC=="), 400, "handshake_key_invalid"},
		{"that note as an encoder has it", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA=="), 0, ""},
		{"garbage behind", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: "+sampleKey+" x"), 400, "handshake_key_invalid"},
		{"list", instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: "+sampleKey+", "+sampleKey), 400, "handshake_key_invalid"},
	},
	"RequestProtocolsMustBeUniqueTokens": {
		{"none", without("Sec-WebSocket-Protocol"), 0, ""},
		{"one", instead("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: chat"), 0, ""},
		{"two fields", field("Sec-WebSocket-Protocol: third"), 0, ""},
		{"same in two cases", instead("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: chat, Chat"), 0, ""},
		{"empty elements", instead("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: ,chat, ,\tsuperchat,"), 0, ""},
		{"one field empty", field("Sec-WebSocket-Protocol:"), 0, ""},
		{"empty", instead("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol:"), 400, "handshake_protocol_syntax"},
		{"commas only", instead("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: , ,"), 400, "handshake_protocol_syntax"},
		{"two words", instead("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: a b"), 400, "handshake_protocol_syntax"},
		{"separator", instead("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: a/b"), 400, "handshake_protocol_syntax"},
		{"quoted", instead("Sec-WebSocket-Protocol", `Sec-WebSocket-Protocol: "a"`), 400, "handshake_protocol_syntax"},
		{"beyond ASCII", instead("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: \xe4"), 400, "handshake_protocol_syntax"},
		{"repeated", instead("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: chat, a, chat"), 400, "handshake_protocol_repeated"},
		{"repeated over fields", field("Sec-WebSocket-Protocol: chat"), 400, "handshake_protocol_repeated"},
		{"repeated in a long list", instead("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,a"), 400, "handshake_protocol_repeated"},
		{"long list", instead("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r"), 0, ""},
	},
	"RequestExtensionsMustFollowTheGrammar": {
		{"one", field("Sec-WebSocket-Extensions: deflate-stream"), 0, ""},
		{"of RFC 6455, 9.1", field("Sec-WebSocket-Extensions: mux; max-channels=4; flow-control,", "Sec-WebSocket-Extensions: deflate-stream"), 0, ""},
		{"quoted token", field(`Sec-WebSocket-Extensions: a; b="c"; d="\e"`), 0, ""},
		{"white space everywhere", field("Sec-WebSocket-Extensions: \ta ; b = c\t;d , e "), 0, ""},
		{"empty", field("Sec-WebSocket-Extensions:"), 400, "handshake_extension_syntax"},
		{"commas only", field("Sec-WebSocket-Extensions: ,,"), 400, "handshake_extension_syntax"},
		{"no name", field("Sec-WebSocket-Extensions: ; a"), 400, "handshake_extension_syntax"},
		{"no parameter", field("Sec-WebSocket-Extensions: a;"), 400, "handshake_extension_syntax"},
		{"no parameter before the comma", field("Sec-WebSocket-Extensions: a; , b"), 400, "handshake_extension_syntax"},
		{"no value", field("Sec-WebSocket-Extensions: a; b="), 400, "handshake_extension_syntax"},
		{"two values", field("Sec-WebSocket-Extensions: a; b=c d"), 400, "handshake_extension_syntax"},
		{"value without a name", field("Sec-WebSocket-Extensions: a; =c"), 400, "handshake_extension_syntax"},
		{"quoted no token", field(`Sec-WebSocket-Extensions: a; b="c d"`), 400, "handshake_extension_syntax"},
		{"quoted empty", field(`Sec-WebSocket-Extensions: a; b=""`), 400, "handshake_extension_syntax"},
		{"quote open", field(`Sec-WebSocket-Extensions: a; b="c`), 400, "handshake_extension_syntax"},
		{"quote open after an escape", field(`Sec-WebSocket-Extensions: a; b="\`), 400, "handshake_extension_syntax"},
		{"quoted name", field(`Sec-WebSocket-Extensions: "a"`), 400, "handshake_extension_syntax"},
		{"two words", field("Sec-WebSocket-Extensions: a b"), 400, "handshake_extension_syntax"},
		{"bad second element", field("Sec-WebSocket-Extensions: a, b, c/d"), 400, "handshake_extension_syntax"},
	},
}

func runCheck(t *testing.T, table string) {
	t.Helper()
	for _, tt := range checkTables[table] {
		t.Run(tt.name, func(t *testing.T) {
			r, n, _, err := ParseRequest([]byte(tt.in), 0, Limits{})
			if err != nil || n != len(tt.in) {
				t.Fatalf("ParseRequest: n %d, err %v", n, err)
			}
			err = r.Check()
			if token(err) != tt.token {
				t.Fatalf("Check: %v, want %q", err, tt.token)
			}
			if err != nil && err.(*Error).Status != tt.status {
				t.Errorf("status %d, want %d", err.(*Error).Status, tt.status)
			}
			if err == nil != (tt.status == 0) {
				t.Errorf("Check: %v, want status %d", err, tt.status)
			}
		})
	}
}

func TestRequestMustBeGETInHTTP11(t *testing.T)      { runCheck(t, "RequestMustBeGETInHTTP11") }
func TestRequestMustNameHost(t *testing.T)           { runCheck(t, "RequestMustNameHost") }
func TestRequestMustUpgradeToWebSocket(t *testing.T) { runCheck(t, "RequestMustUpgradeToWebSocket") }
func TestRequestMustHaveConnectionUpgrade(t *testing.T) {
	runCheck(t, "RequestMustHaveConnectionUpgrade")
}
func TestRequestMustHaveNoBody(t *testing.T)   { runCheck(t, "RequestMustHaveNoBody") }
func TestRequestVersionMustBe13(t *testing.T)  { runCheck(t, "RequestVersionMustBe13") }
func TestRequestKeyMustBe16Bytes(t *testing.T) { runCheck(t, "RequestKeyMustBe16Bytes") }
func TestRequestProtocolsMustBeUniqueTokens(t *testing.T) {
	runCheck(t, "RequestProtocolsMustBeUniqueTokens")
}
func TestRequestExtensionsMustFollowTheGrammar(t *testing.T) {
	runCheck(t, "RequestExtensionsMustFollowTheGrammar")
}

func TestRequestCheckTablesAllRun(t *testing.T) {
	if len(checkTables) != 9 {
		t.Errorf("%d tables and 9 tests", len(checkTables))
	}
}

func TestRequestListsAreSplit(t *testing.T) {
	r, _, _, err := ParseRequest([]byte(field(
		"Sec-WebSocket-Protocol: ,third,,",
		`Sec-WebSocket-Extensions: foo ; a = "b" ,, bar`,
		"Sec-WebSocket-Extensions: baz; c=2",
	)), 0, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"chat", "superchat", "third"}, r.Protocols); diff != "" {
		t.Errorf("Protocols (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`foo ; a = "b"`, "bar", "baz; c=2"}, r.Extensions); diff != "" {
		t.Errorf("Extensions (-want +got):\n%s", diff)
	}
}

func TestRequestListsAreEmptyWhenMalformed(t *testing.T) {
	r, _, _, err := ParseRequest([]byte(field("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: a;")), 0, Limits{})
	if err != nil || r.Protocols != nil || r.Extensions != nil {
		t.Errorf("protocols %q, extensions %q, err %v; want none", r.Protocols, r.Extensions, err)
	}
}

func TestRequestRefusalSaysWhatWouldHelp(t *testing.T) {
	upgrade := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}
	speak := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"}}
	for _, tt := range []struct {
		in   string
		want http.Header
	}{
		{line("POST / HTTP/1.1"), http.Header{"Allow": {"GET"}}},
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", upgrade},
		{without("Sec-WebSocket-Version"), speak},
		{instead("Sec-WebSocket-Version", "Sec-WebSocket-Version: 25"), speak},
		{field("Sec-WebSocket-Version: 8"), http.Header{"Sec-Websocket-Version": {"13"}}},
		{without("Sec-WebSocket-Key"), nil},
	} {
		r, _, _, err := ParseRequest([]byte(tt.in), 0, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		e, ok := r.Check().(*Error)
		if !ok {
			t.Fatalf("%q: no error", tt.in)
		}
		if diff := cmp.Diff(tt.want, e.Header); diff != "" {
			t.Errorf("%s: header (-want +got):\n%s", e.Token, diff)
		}
	}
}

func TestSelectProtocolFollowsTheServer(t *testing.T) {
	for _, tt := range []struct {
		server, client []string
		want           string
	}{
		{nil, nil, ""},
		{nil, []string{"a"}, ""},
		{[]string{"a"}, nil, ""},
		{[]string{"a", "b"}, []string{"b", "a"}, "a"},
		{[]string{"x", "b"}, []string{"a", "b"}, "b"},
		{[]string{"A"}, []string{"a"}, ""},
		{[]string{"ab"}, []string{"a", "abc"}, ""},
		{[]string{""}, []string{""}, ""},
	} {
		if got := SelectProtocol(tt.server, tt.client); got != tt.want {
			t.Errorf("SelectProtocol(%q, %q) = %q, want %q", tt.server, tt.client, got, tt.want)
		}
	}
}
