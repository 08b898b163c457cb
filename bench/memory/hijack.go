package memory

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"strconv"
)

// bufferSize is that of the reader and the writer which net/http hands over
// with a hijacked connection, in bytes.
const bufferSize = 4 << 10

// Hijack stands for the ResponseWriter of a request that came over Conn.
type Hijack struct {
	Conn   net.Conn
	header http.Header
	status int // that was written; 0 for none
}

func (h *Hijack) Header() http.Header {
	if h.header == nil {
		h.header = http.Header{}
	}
	return h.header
}

func (h *Hijack) WriteHeader(status int) { h.status = status }

func (h *Hijack) Write(p []byte) (int, error) { return h.Conn.Write(p) }

// Hijack sends the head first if one was written, as net/http does.
func (h *Hijack) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if h.status != 0 {
		var head bytes.Buffer
		head.WriteString("HTTP/1.1 " + strconv.Itoa(h.status) + " " + http.StatusText(h.status) + "\r\n")
		h.header.Write(&head)
		head.WriteString("\r\n")
		if _, err := h.Conn.Write(head.Bytes()); err != nil {
			return nil, nil, err
		}
	}
	return h.Conn, bufio.NewReadWriter(bufio.NewReaderSize(h.Conn, bufferSize), bufio.NewWriterSize(h.Conn, bufferSize)), nil
}

// Request returns an opening handshake.
func Request() *http.Request {
	r, err := http.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
	if err != nil {
		panic(err) // the address is fixed
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	return r
}
