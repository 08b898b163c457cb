package eventstream

import (
	"fmt"
	"net"
	"syscall"
	"time"
)

// What a client may send on a raw connection after its request. It has no
// reason to send anything.
const (
	watchBuffer = 64       // bytes, read at a time
	watchLimit  = 64 << 10 // bytes that are thrown away before the stream ends
)

// watch sees that the client of a raw connection has gone, while the stream
// may be silent for long. It is one goroutine for each stream, blocked in a
// read: 2 KiB of stack, and 64 bytes except on plain TCP and Unix sockets,
// which are waited for without a buffer. It ends when the connection is closed.
func (s *Stream) watch(nc net.Conn) {
	// A half-close, too, is how a client says that it is done.
	s.end(EndGone, drain(nc, s.out.(*connSink).raw))
	s.tidy()
}

// drain reads from nc until that fails, or it was too much, and returns why. Where
// nc is a plain socket, raw, it has no buffer while it waits.
func drain(nc net.Conn, raw syscall.RawConn) error {
	for total := 0; ; {
		if raw != nil {
			if err := waitReadable(raw); err != nil {
				return err
			}
		}
		n, err := readSmall(nc)
		if err != nil {
			return err
		}
		if total += n; total > watchLimit {
			return fmt.Errorf("it sent more than %d bytes on a stream that only the server writes to", watchLimit)
		}
	}
}

// readSmall is apart so that its buffer is there only while it reads.
func readSmall(nc net.Conn) (int, error) { return nc.Read(make([]byte, watchBuffer)) }

// background starts what a raw stream needs beside its writers.
func (s *Stream) background(nc net.Conn) {
	nc.SetReadDeadline(time.Time{}) // that of the request is over
	go s.watch(nc)
}
