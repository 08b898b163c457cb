package openings

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	gorillaws "github.com/gorilla/websocket"
	"github.com/lxzan/gws"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/bench/memory"
	"github.com/pushwire/pushwire/handshake"
)

// Request is what a browser sends, with a cookie and an offer of compression,
// which no candidate takes.
const Request = "GET /chat?room=7 HTTP/1.1\r\n" +
	"Host: server.example.com\r\n" +
	"Connection: Upgrade\r\n" +
	"Pragma: no-cache\r\n" +
	"Cache-Control: no-cache\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
	"Upgrade: websocket\r\n" +
	"Origin: http://server.example.com\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: en-US,en;q=0.9\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" +
	"Sec-WebSocket-Protocol: chat, superchat\r\n" +
	"\r\n"

// Accept is the value that the answer has to have: RFC 6455, 1.3, has the key
// as its example.
const Accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

// protocol is the one that all candidates choose.
const protocol = "chat"

// Candidate is one of those that are compared.
type Candidate struct {
	Name   string
	Module string // that it comes from, for its version
	Note   string // how it is used

	// Open returns what answers one handshake over nc: it reads the request,
	// or, if OverHTTP, has net/http's.
	Open     func(nc net.Conn) (func() error, error)
	OverHTTP bool
}

// All are the candidates in the order of the tables.
var All = []Candidate{
	{Name: "pushwire handshake", Module: pushwireModule, Note: "the codec alone: ParseRequest, Check, Origins, AppendResponse", Open: codec},
	{Name: "pushwire AcceptConn", Module: pushwireModule, Note: "with the Conn, and its end", Open: acceptConn},
	{Name: "lxzan/gws Server", Module: "github.com/lxzan/gws", Note: "http.ReadRequest and UpgradeFromConn, as its RunListener has it", Open: gwsConn},
	{Name: "gobwas/ws Upgrader", Module: "github.com/gobwas/ws", Note: "keeps no fields", Open: gobwasConn},

	{Name: "pushwire Accept", Module: pushwireModule, Note: "with the Conn, and its end", Open: accept, OverHTTP: true},
	{Name: "gorilla/websocket Upgrader", Module: "github.com/gorilla/websocket", Open: gorillaHTTP, OverHTTP: true},
	{Name: "coder/websocket Accept", Module: "github.com/coder/websocket", Note: "with its end, else a goroutine stays; it has net/http write the answer, which is imitated", Open: coderHTTP, OverHTTP: true},
	{Name: "lxzan/gws Upgrader", Module: "github.com/lxzan/gws", Open: gwsHTTP, OverHTTP: true},
	{Name: "gobwas/ws HTTPUpgrader", Module: "github.com/gobwas/ws", Open: gobwasHTTP, OverHTTP: true},
	{Name: Hijack, Note: "Hijack and one write of an answer made beforehand", Open: hijack, OverHTTP: true},
}

// Hijack is the limit over net/http.
const Hijack = "hijack alone"

const pushwireModule = "github.com/pushwire/pushwire"

func codec(nc net.Conn) (func() error, error) {
	in, out := make([]byte, 4<<10), make([]byte, 0, 512)
	protocols := []string{protocol}
	return func() error {
		n, scanned := 0, 0
		for {
			got, err := nc.Read(in[n:])
			if err != nil {
				return err
			}
			n += got
			r, size, scan, err := handshake.ParseRequest(in[:n], scanned, handshake.Limits{})
			if err != nil {
				return err
			}
			if scanned = scan; size == 0 {
				continue
			}
			if err := r.Check(); err != nil {
				return err
			}
			if err := (handshake.Origins{}).Check(&r); err != nil {
				return err
			}
			out, err = handshake.AppendResponse(out[:0], &r, handshake.SelectProtocol(protocols, r.Protocols), "", nil)
			if err != nil {
				return err
			}
			_, err = nc.Write(out)
			return err
		}
	}, nil
}

var pushwireOptions = &pushwire.AcceptOptions{Protocols: []string{protocol}}

func acceptConn(nc net.Conn) (func() error, error) {
	return func() error {
		c, _, err := pushwire.AcceptConn(context.Background(), nc, pushwireOptions)
		if err != nil {
			return err
		}
		return c.CloseNow()
	}, nil
}

func gwsConn(nc net.Conn) (func() error, error) {
	u := gws.NewUpgrader(gws.BuiltinEventHandler{}, &gws.ServerOption{SubProtocols: []string{protocol}})
	return func() error {
		br := bufio.NewReader(nc)
		r, err := http.ReadRequest(br)
		if err != nil {
			return err
		}
		_, err = u.UpgradeFromConn(nc, br, r)
		return err
	}, nil
}

func gobwasConn(nc net.Conn) (func() error, error) {
	u := ws.Upgrader{Protocol: func(p []byte) bool { return string(p) == protocol }}
	return func() error {
		_, err := u.Upgrade(nc)
		return err
	}, nil
}

// overHTTP reads the request once, as net/http would.
func overHTTP(nc net.Conn, answer func(w http.ResponseWriter, r *http.Request) error) (func() error, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(Request))))
	if err != nil {
		return nil, err
	}
	r.RemoteAddr = nc.RemoteAddr().String()
	return func() error { return answer(&memory.Hijack{Conn: nc}, r) }, nil
}

func accept(nc net.Conn) (func() error, error) {
	return overHTTP(nc, func(w http.ResponseWriter, r *http.Request) error {
		c, err := pushwire.Accept(w, r, pushwireOptions)
		if err != nil {
			return err
		}
		return c.CloseNow()
	})
}

func gorillaHTTP(nc net.Conn) (func() error, error) {
	u := gorillaws.Upgrader{Subprotocols: []string{protocol}}
	return overHTTP(nc, func(w http.ResponseWriter, r *http.Request) error {
		_, err := u.Upgrade(w, r, nil)
		return err
	})
}

func coderHTTP(nc net.Conn) (func() error, error) {
	o := &websocket.AcceptOptions{Subprotocols: []string{protocol}}
	return overHTTP(nc, func(w http.ResponseWriter, r *http.Request) error {
		c, err := websocket.Accept(w, r, o)
		if err != nil {
			return err
		}
		return c.CloseNow()
	})
}

func gwsHTTP(nc net.Conn) (func() error, error) {
	u := gws.NewUpgrader(gws.BuiltinEventHandler{}, &gws.ServerOption{SubProtocols: []string{protocol}})
	return overHTTP(nc, func(w http.ResponseWriter, r *http.Request) error {
		_, err := u.Upgrade(w, r)
		return err
	})
}

func gobwasHTTP(nc net.Conn) (func() error, error) {
	u := ws.HTTPUpgrader{Protocol: func(p string) bool { return p == protocol }}
	return overHTTP(nc, func(w http.ResponseWriter, r *http.Request) error {
		_, _, _, err := u.Upgrade(r, w)
		return err
	})
}

func hijack(nc net.Conn) (func() error, error) {
	answer := []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + Accept +
		"\r\nSec-WebSocket-Protocol: " + protocol + "\r\n\r\n")
	return overHTTP(nc, func(w http.ResponseWriter, r *http.Request) error {
		w.Header() // net/http has made it before
		nc, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return err
		}
		_, err = nc.Write(answer)
		return err
	})
}
