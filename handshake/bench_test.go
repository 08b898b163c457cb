package handshake

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"
)

// browserRequest is what Chromium sends, cookie and all.
const browserRequest = "GET /chat?room=7 HTTP/1.1\r\n" +
	"Host: server.example.com\r\n" +
	"Connection: Upgrade\r\n" +
	"Pragma: no-cache\r\n" +
	"Cache-Control: no-cache\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
	"Upgrade: websocket\r\n" +
	"Origin: https://server.example.com\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: en-US,en;q=0.9\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" +
	"Sec-WebSocket-Protocol: chat, superchat\r\n" +
	"\r\n"

// programRequest is what libraries send, and what RFC 6455, 1.3, shows.
const programRequest = "GET /chat HTTP/1.1\r\n" +
	"Host: server.example.com\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"\r\n"

// BenchmarkServer is a server's whole work on one handshake: parse, check,
// origin, subprotocol, answer.
func BenchmarkServer(b *testing.B) {
	for _, bb := range []struct{ name, in string }{{"browser", browserRequest}, {"program", programRequest}} {
		b.Run(bb.name, func(b *testing.B) {
			in, out := []byte(bb.in), make([]byte, 0, 512)
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				r, n, _, err := ParseRequest(in, 0, Limits{})
				if err != nil || n != len(in) {
					b.Fatal(n, err)
				}
				r.Secure = true
				if err := r.Check(); err != nil {
					b.Fatal(err)
				}
				if err := (Origins{}).Check(&r); err != nil {
					b.Fatal(err)
				}
				protocol := SelectProtocol([]string{"chat"}, r.Protocols)
				if out, err = AppendResponse(out[:0], &r, protocol, "", nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseRequest(b *testing.B) {
	in := []byte(browserRequest)
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, n, _, err := ParseRequest(in, 0, Limits{}); n == 0 || err != nil {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkReadRequest is net/http on the same bytes, for comparison: times
// on a shared machine mean something only side by side.
func BenchmarkReadRequest(b *testing.B) {
	in := bytes.NewReader(nil)
	buf := bufio.NewReader(in)
	b.ReportAllocs()
	for b.Loop() {
		in.Reset([]byte(browserRequest))
		buf.Reset(in)
		if _, err := http.ReadRequest(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHeader is the floor under ParseRequest: a map with as many fields.
func BenchmarkHeader(b *testing.B) {
	r, _, _, _ := ParseRequest([]byte(browserRequest), 0, Limits{})
	var names []string
	for name := range r.Header {
		names = append(names, name)
	}
	b.ReportAllocs()
	for b.Loop() {
		values := make([]string, len(names))
		h := make(http.Header, len(names))
		for i, name := range names {
			h[name] = values[i : i+1 : i+1]
		}
		if len(h) == 0 {
			b.Fatal("empty")
		}
	}
}

func BenchmarkRequestCheck(b *testing.B) {
	r, _, _, err := ParseRequest([]byte(browserRequest), 0, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Check(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScan is a head of 32 KiB that comes one byte at a time: the cost
// of a patient attacker.
func BenchmarkScan(b *testing.B) {
	in := bytes.Repeat([]byte("X-Field: 0123456789\r\n"), 1500)
	l := Limits{Fields: 2000}.withDefaults()
	for b.Loop() {
		for i, scan := 0, 0; i <= len(in); i++ {
			if _, _, err := scanHead(in[:i], scan, l); err != nil {
				b.Fatal(err)
			}
			scan = i
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(in)), "ns/byte")
}

func BenchmarkAppendAccept(b *testing.B) {
	dst := make([]byte, 0, 28)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendAccept(dst[:0], "dGhlIHNhbXBsZSBub25jZQ==")
	}
}

func BenchmarkClient(b *testing.B) {
	req := &Request{Target: "/chat", Host: "server.example.com", Key: "dGhlIHNhbXBsZSBub25jZQ=="}
	answer := []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	out := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if out, err = AppendRequest(out[:0], req); err != nil {
			b.Fatal(err)
		}
		r, _, _, err := ParseResponse(answer, 0, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Check(req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFromHTTP(b *testing.B) {
	r, _, _, err := ParseRequest([]byte(browserRequest), 0, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	h := &http.Request{Method: "GET", RequestURI: r.Target, Host: r.Host, ProtoMajor: 1, ProtoMinor: 1, Header: r.Header}
	b.ReportAllocs()
	for b.Loop() {
		q, err := FromHTTP(h)
		if err != nil || q.Check() != nil {
			b.Fatal(err)
		}
	}
}
