// Package memconn is a network connection in memory: two ends, a bounded
// buffer for each direction, and deadlines that behave as on TCP.
//
//	client, server := memconn.Pipe()
//	go client.Write([]byte("hello"))
//	server.Read(buf)
//
// It differs from net.Pipe where that is unlike a socket: a Write returns as
// soon as its bytes are in the buffer, so that two ends which both write
// before they read do not wait for each other for ever, and what was written
// before Close is still read by the peer.
//
// # Defaults
//
//	buffer for each direction   64 KiB (DefaultSize), taken as bytes arrive
//	deadlines                   none
//
// # Errors
//
//	deadline passed                      os.ErrDeadlineExceeded (a net.Error whose Timeout is true)
//	this end was closed                  net.ErrClosed
//	Read, the peer will write no more    io.EOF, once the buffer is empty
//	Write, the peer will read no more    io.ErrClosedPipe
//	Write after CloseWrite               io.ErrClosedPipe
//
// # Concurrency
//
// Every method may be called by many goroutines at once. Concurrent Writes do
// not interleave. The package starts no goroutine; a call that must wait
// waits on a sync.Cond, which testing/synctest takes for durable blocking, so
// that a Pipe made inside a bubble lets fake time pass. A connection that has
// neither a deadline nor a byte in its buffers holds no timer and no buffer.
package memconn
