package handshake_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/pushwire/pushwire/handshake"
)

const request = "GET /chat HTTP/1.1\r\n" +
	"Host: server.example.com\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Origin: http://example.com\r\n" +
	"Sec-WebSocket-Protocol: chat, superchat\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"\r\n"

// show prints a head with the line ends of a terminal.
func show(head []byte) { fmt.Print(strings.ReplaceAll(string(head), "\r\n", "\n")) }

// A server, from the first byte to its answer.
func Example() {
	conn := strings.NewReader(request + "first frame")
	var (
		b    []byte
		scan int
		r    handshake.Request
		n    int
		err  error
	)
	for n == 0 && err == nil {
		piece := make([]byte, 100)
		m, readErr := conn.Read(piece)
		if readErr != nil {
			err = readErr
			break
		}
		b = append(b, piece[:m]...)
		r, n, scan, err = handshake.ParseRequest(b, scan, handshake.Limits{})
	}
	if err == nil {
		err = r.Check()
	}
	if err == nil {
		err = handshake.Origins{Allow: []string{"http://example.com"}}.Check(&r)
	}
	var fault *handshake.Error
	if errors.As(err, &fault) {
		show(handshake.AppendError(nil, fault))
		return
	}
	protocol := handshake.SelectProtocol([]string{"superchat", "chat"}, r.Protocols)
	answer, err := handshake.AppendResponse(nil, &r, protocol, "", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(answer)
	fmt.Printf("already here: %q\n", b[n:])
	// Output:
	// HTTP/1.1 101 Switching Protocols
	// Upgrade: websocket
	// Connection: Upgrade
	// Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
	// Sec-WebSocket-Protocol: superchat
	//
	// already here: "first frame"
}

func ExampleParseRequest() {
	b := []byte(request)
	_, n, scan, err := handshake.ParseRequest(b[:50], 0, handshake.Limits{})
	fmt.Println(n, scan, err)
	r, n, _, err := handshake.ParseRequest(b, scan, handshake.Limits{})
	fmt.Println(n, err)
	fmt.Println(r.Method, r.Target, r.Host, r.Protocols)
	// Output:
	// 0 50 <nil>
	// 230 <nil>
	// GET /chat server.example.com [chat superchat]
}

func ExampleFromHTTP() {
	srv := httptest.NewRecorder()
	h := httptest.NewRequest("GET", "/chat", nil)
	r, err := handshake.FromHTTP(h)
	if err == nil {
		err = r.Check()
	}
	var fault *handshake.Error
	if errors.As(err, &fault) {
		http.Error(srv, fault.Reason, fault.Status)
	}
	fmt.Println(srv.Code, srv.Body)
	// Output:
	// 426 this is a WebSocket endpoint and the request asks for no upgrade (connect with a WebSocket client)
}

func ExampleRequest_Check() {
	old := strings.Replace(request, "Version: 13", "Version: 8", 1)
	r, _, _, err := handshake.ParseRequest([]byte(old), 0, handshake.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Check())
	// Output:
	// handshake: the Sec-WebSocket-Version is "8" (this server speaks version 13 only)
}

func ExampleOrigins_Check() {
	origins := handshake.Origins{Allow: []string{"https://*.example.com"}}
	for _, page := range []string{"https://chat.example.net", "https://app.example.com", "https://example.com"} {
		r := &handshake.Request{Host: "chat.example.net", Secure: true, Origin: page}
		fmt.Println(page, origins.Check(r) == nil)
	}
	// Output:
	// https://chat.example.net true
	// https://app.example.com true
	// https://example.com false
}

func ExampleOrigins_Validate() {
	fmt.Println(handshake.Origins{Allow: []string{"app.example.com"}}.Validate())
	// Output:
	// handshake: the allowed origin "app.example.com" is malformed (write scheme, host and port, as https://app.example.com, or https://*.example.com)
}

func ExampleAppendRequest() {
	b, err := handshake.AppendRequest(nil, &handshake.Request{
		Target:    "/chat",
		Host:      "server.example.com",
		Key:       "dGhlIHNhbXBsZSBub25jZQ==", // use NewKey
		Protocols: []string{"chat", "superchat"},
		Header:    http.Header{"Cookie": {"session=7"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	show(b)
	// Output:
	// GET /chat HTTP/1.1
	// Host: server.example.com
	// Upgrade: websocket
	// Connection: Upgrade
	// Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
	// Sec-WebSocket-Version: 13
	// Sec-WebSocket-Protocol: chat, superchat
	// Cookie: session=7
}

func ExampleAppendResponse() {
	r, _, _, err := handshake.ParseRequest([]byte(request), 0, handshake.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	extra := http.Header{"Set-Cookie": {"a=b\r\nX-Injected: c"}}
	_, err = handshake.AppendResponse(nil, &r, "chat", "", extra)
	fmt.Println(err)
	// Output:
	// handshake: the value of the extra field "Set-Cookie" holds a control byte (CR, LF or NUL would start a new field)
}

func ExampleAppendError() {
	b := handshake.AppendError(nil, &handshake.Error{
		Status: http.StatusUnauthorized,
		Token:  "app_not_logged_in",
		Reason: "please log in first",
		Header: http.Header{"Www-Authenticate": {"Bearer"}},
	})
	show(b)
	// Output:
	// HTTP/1.1 401 Unauthorized
	// Connection: close
	// Www-Authenticate: Bearer
	// Content-Type: text/plain; charset=utf-8
	// X-Content-Type-Options: nosniff
	// Content-Length: 20
	//
	// please log in first
}

func ExampleParseResponse() {
	answer := "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno\n"
	r, n, _, err := handshake.ParseResponse([]byte(answer), 0, handshake.Limits{})
	fmt.Println(r.Status, r.Phrase, err)
	fmt.Printf("body: %q\n", answer[n:])
	// Output:
	// 403 Forbidden <nil>
	// body: "no\n"
}

func ExampleResponse_Check() {
	req := &handshake.Request{Key: "dGhlIHNhbXBsZSBub25jZQ=="}
	answer := "HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
		"Sec-WebSocket-Protocol: chat\r\n\r\n"
	r, _, _, err := handshake.ParseResponse([]byte(answer), 0, handshake.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Check(req))
	// Output:
	// handshake: the server chose the subprotocol "chat" (we did not offer it)
}

func ExampleAppendAccept() {
	os.Stdout.Write(handshake.AppendAccept(nil, "dGhlIHNhbXBsZSBub25jZQ=="))
	// Output:
	// s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
}

func ExampleNewKey() {
	a, b := handshake.NewKey(), handshake.NewKey()
	fmt.Println(len(a), a == b)
	// Output:
	// 24 false
}

func ExampleSelectProtocol() {
	fmt.Println(handshake.SelectProtocol([]string{"v2", "v1"}, []string{"v1", "v2", "v3"}))
	// Output:
	// v2
}

func ExampleCheckHeader() {
	fmt.Println(handshake.CheckHeader(http.Header{"Set-Cookie": {"a=b"}}))
	fmt.Println(handshake.CheckHeader(http.Header{"Upgrade": {"h2c"}}))
	// Output:
	// <nil>
	// handshake: the extra field "Upgrade" belongs to the handshake (it is set from the other options)
}

func ExampleError() {
	_, _, _, err := handshake.ParseRequest([]byte("\x16\x03\x01"), 0, handshake.Limits{})
	var fault *handshake.Error
	if errors.As(err, &fault) {
		fmt.Println(fault.Status, fault.Token)
	}
	fmt.Println(errors.Is(err, &handshake.Error{Token: "handshake_control_byte"}))
	// Output:
	// 400 handshake_control_byte
	// true
}

func ExampleConfigError() {
	_, err := handshake.AppendRequest(nil, &handshake.Request{Target: "chat"})
	var mistake *handshake.ConfigError
	fmt.Println(errors.As(err, &mistake), mistake.Token)
	// Output:
	// true handshake_config_target
}
