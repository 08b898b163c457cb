package handshake

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestErrorTokensAreUniqueAndStable(t *testing.T) {
	snake := regexp.MustCompile(`^handshake_[a-z0-9]+(_[a-z0-9]+)*$`)
	sentence := regexp.MustCompile(`^[^()]+ \([^()]+(\([^()]*\)[^()]*)*\)$`)
	seen := map[string]fault{}
	for f := faultNone + 1; f < faultEnd; f++ {
		d := faults[f]
		if !snake.MatchString(d.token) {
			t.Errorf("fault %d: token %q", f, d.token)
		}
		if g, ok := seen[d.token]; ok {
			t.Errorf("faults %d and %d have the token %q", g, f, d.token)
		}
		seen[d.token] = f
		if !sentence.MatchString(d.reason) {
			t.Errorf("%s: %q is not what happened (why, what to do)", d.token, d.reason)
		}
		if strings.HasSuffix(d.reason, ".") || d.reason[0] >= 'A' && d.reason[0] <= 'Z' {
			t.Errorf("%s: %q is not in lower case without a point", d.token, d.reason)
		}
		config := strings.HasPrefix(d.token, "handshake_config_")
		answer := strings.HasPrefix(d.token, "handshake_answer_") || f == faultStatusLine
		if (d.status == 0) != (config || answer) || d.status != 0 && http.StatusText(d.status) == "" {
			t.Errorf("%s: status %d", d.token, d.status)
		}
	}
}

func TestErrorMatchesByToken(t *testing.T) {
	var err error = fmt.Errorf("accept: %w", faultKeyInvalid.with(`"x"`))
	if !errors.Is(err, &Error{Token: "handshake_key_invalid"}) {
		t.Error("does not match its own token")
	}
	if errors.Is(err, &Error{Token: "handshake_key_missing"}) || errors.Is(err, &Error{}) || errors.Is(err, &ConfigError{Token: "handshake_key_invalid"}) {
		t.Error("matches another")
	}
	err = faultConfigKey.config(`"x"`)
	if !errors.Is(err, &ConfigError{Token: "handshake_config_key"}) || errors.Is(err, &ConfigError{}) || errors.Is(err, &Error{Token: "handshake_config_key"}) {
		t.Error("ConfigError does not match by its token alone")
	}
}

func TestErrorHeaderBelongsToTheReceiver(t *testing.T) {
	a, b := faultMethod.with(`"x"`), faultMethod.with(`"x"`)
	a.Header.Set("Allow", "changed")
	a.Header["Allow"][0] = "changed"
	if got := b.Header.Get("Allow"); got != "GET" {
		t.Errorf("a change to one error shows in another: %q", got)
	}
}

// TestErrorTextQuotesThePeer sends the worst bytes that reach each quoting
// fault and looks for them in the text.
func TestErrorTextQuotesThePeer(t *testing.T) {
	nasty := "\xff\xfe<script>\u202e" + strings.Repeat("A", 5000)
	for _, in := range []string{
		line(nasty), line("GET " + nasty + " HTTP/1.1"), line("GET / " + nasty), "GET / HTTP/1.1\r\nHost: " + nasty + "\r\n\r\n",
		field(nasty), field(nasty + ": x"), line("GET http://" + nasty + "/ HTTP/1.1"),
		instead("Upgrade", "Upgrade: "+nasty), instead("Connection", "Connection: "+nasty), instead("Sec-WebSocket-Key", "Sec-WebSocket-Key: "+nasty),
		instead("Sec-WebSocket-Version", "Sec-WebSocket-Version: "+nasty), field("Sec-WebSocket-Protocol: " + nasty),
		field("Sec-WebSocket-Extensions: " + nasty), instead("Origin", "Origin: "+nasty), line(strings.Repeat("A", 5000) + " / HTTP/1.1"),
	} {
		r, _, _, err := ParseRequest([]byte(in), 0, Limits{})
		if err == nil {
			err = r.Check()
		}
		if err == nil {
			err = Origins{}.Check(&r)
		}
		if err == nil {
			t.Errorf("%.60q: no error", in)
			continue
		}
		for _, c := range []byte(err.Error()) {
			if c < ' ' || c > '~' {
				t.Errorf("%s: the text holds the byte 0x%02x: %q", token(err), c, err)
				break
			}
		}
		if len(err.Error()) > 450 {
			t.Errorf("%s: %d bytes of text", token(err), len(err.Error()))
		}
	}
}

func TestErrorAnswerIsWholeHTTP(t *testing.T) {
	for _, tt := range []struct {
		name   string
		e      *Error
		status int
		body   string
		header map[string]string
		absent []string
	}{
		{"fault", faultKeyMissing.with(), 400, "the Sec-WebSocket-Key field is missing (the client must send 16 random bytes in base64)\n", nil, []string{"Allow"}},
		{"method", faultMethod.with(`"POST"`), 405, "", map[string]string{"Allow": "GET", "Connection": "close"}, nil},
		{"no upgrade", faultNotUpgrade.with(), 426, "", map[string]string{"Upgrade": "websocket", "Connection": "close, Upgrade"}, nil},
		{"version", faultVersion.with(`"8"`), 426, "", map[string]string{"Sec-Websocket-Version": "13", "Upgrade": "websocket"}, nil},
		{"fields", faultFieldsTooMany.with(100), 431, "", nil, nil},
		{"caller's own", &Error{Status: 401, Reason: "who are you", Header: http.Header{"WWW-Authenticate": {"Basic"}}}, 401, "who are you\n", map[string]string{"WWW-Authenticate": "Basic"}, nil},
		{"redirect", &Error{Status: 302, Header: http.Header{"Location": {"/b"}}}, 302, "Found\n", map[string]string{"Location": "/b"}, nil},
		{"no status", &Error{Reason: "x"}, 500, "x\n", nil, nil},
		{"status 101", &Error{Status: 101, Reason: "x"}, 500, "x\n", nil, nil},
		{"status 204", &Error{Status: 204}, 500, "", nil, nil},
		{"status 304", &Error{Status: 304}, 500, "", nil, nil},
		{"unknown status", &Error{Status: 499, Reason: "x"}, 499, "x\n", nil, nil},
		{"bad fields are left out", &Error{Status: 400, Reason: "x", Header: http.Header{
			"X-Bad": {"a\r\nX-Split: b"}, "X Bad": {"a"}, "Content-Length": {"0"}, "transfer-encoding": {"chunked"},
			"content-type": {"text/html"}, "X-Good": {"c"}, "connection": {"a\r\nb", "close", "X-Hop"},
		}}, 400, "x\n", map[string]string{"X-Good": "c", "Content-Type": "text/plain; charset=utf-8", "Connection": "close, X-Hop"}, []string{"X-Bad", "X-Split", "Transfer-Encoding"}},
		{"lines in the reason stay in the body", &Error{Status: 400, Reason: "a\r\n\r\nHTTP/1.1 200 OK"}, 400, "a\r\n\r\nHTTP/1.1 200 OK\n", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := AppendError([]byte("before"), tt.e)
			rest, ok := bytes.CutPrefix(b, []byte("before"))
			if !ok {
				t.Fatalf("dst was changed: %q", b)
			}
			r, n, _, err := ParseResponse(rest, 0, Limits{})
			if err != nil || n == 0 || r.Status != tt.status {
				t.Errorf("our own reading: n %d, err %v, status %d", n, err, r.Status)
			}
			in := bufio.NewReader(bytes.NewReader(rest))
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil || in.Buffered() != 0 || res.ContentLength != int64(len(body)) || !res.Close {
				t.Errorf("err %v, %d bytes left over, length %d of %d, close %v", err, in.Buffered(), res.ContentLength, len(body), res.Close)
			}
			if res.StatusCode != tt.status || tt.body != "" && string(body) != tt.body {
				t.Errorf("%d %q, want %d %q", res.StatusCode, body, tt.status, tt.body)
			}
			if res.Header.Get("Content-Type") != "text/plain; charset=utf-8" || len(res.Header["Content-Length"]) != 1 {
				t.Errorf("header %v", res.Header)
			}
			// net/http has taken Connection out of its header: look at ours.
			for name, want := range tt.header {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			for _, name := range tt.absent {
				if got, ok := r.Header[name]; ok {
					t.Errorf("%s: %q, want none", name, got)
				}
			}
		})
	}
}

func TestErrorAnswerOfEveryFault(t *testing.T) {
	for f := faultNone + 1; f < faultEnd; f++ {
		e := f.with()
		r, n, _, err := ParseResponse(AppendError(nil, e), 0, Limits{})
		want := e.Status
		if want == 0 {
			want = 500
		}
		if err != nil || n == 0 || r.Status != want {
			t.Errorf("%s: n %d, err %v, status %d", e.Token, n, err, r.Status)
		}
	}
}
