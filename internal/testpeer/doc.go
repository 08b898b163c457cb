// Package testpeer is the other end of a WebSocket connection in a test: a
// peer that keeps the rules when asked and breaks any of them when told to.
//
//	p := testpeer.Dial(t, addr)
//	p.Handshake()
//	p.WriteFrame(testpeer.Frame{Fin: true, Opcode: 1, Payload: []byte("not masked")})
//	p.WantClose("a client must mask", 1002)
//	p.WantEOF("the server closes after its close frame")
//
// It shares no code with the packages that it tests: frames are read by a
// parser of its own that follows RFC 6455, section 5, word by word, and holds
// what it reads to those rules. A test that compares the two therefore
// compares two readings of the RFC.
//
// Whatever is wrong fails the test at once (FailNow), with the reason that
// the test gave for its wish, so the methods belong on the goroutine of the
// test. No call waits longer than Timeout: a peer that hangs is a failed
// test. Write methods return an error when the other end has gone away, which
// a hostile test expects, and fail the test only when the time is over.
//
// A Peer is used by one goroutine at a time, but one may write while another
// reads.
package testpeer
