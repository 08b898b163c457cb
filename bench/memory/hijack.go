package memory

import (
	"bufio"
	"net"
	"net/http"
)

// bufferSize is that of the reader and the writer which net/http hands over
// with a hijacked connection, in bytes.
const bufferSize = 4 << 10

// Hijack stands for the ResponseWriter of a request that came over Conn.
type Hijack struct {
	Conn   *Conn
	header http.Header
}

func (h *Hijack) Header() http.Header {
	if h.header == nil {
		h.header = http.Header{}
	}
	return h.header
}

func (*Hijack) WriteHeader(int) {}

func (h *Hijack) Write(p []byte) (int, error) { return h.Conn.Write(p) }

func (h *Hijack) Hijack() (net.Conn, *bufio.ReadWriter, error) {
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
