package fuzz

import (
	"testing"
	"testing/synctest"
)

// FuzzApplication runs a whole application, in a bubble whose clock is not the
// real one: a server that echoes, broadcasts and serves a topic, over net/http
// and without it, and clients that follow the topic or speak raw bytes. The
// script chooses who connects, what is sent in which pieces, who stalls, what
// is cut, how time goes and when the server is restarted. See step.
//
//   - Nothing panics, no goroutine is left, and no lock is held for ever.
//   - Each connection of the server ends once, with a close code and a cause,
//     which is that of its context.
//   - What a client that behaves has sent comes back whole, once and in order,
//     without waiting; from others, its beginning.
//   - A follower gets each item once and in order, over whichever transports;
//     where the log has lost some it is told of exactly those; and once all is
//     well again it has everything.
//   - So does who reads the topic as bytes, for as long as the connection is
//     there, without waiting.
//   - The log has what was published.
func FuzzApplication(f *testing.F) {
	for _, s := range scripts {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) { play(t, script) })
	})
}

// The steps of a script; each has one byte of argument.
const (
	stepDial      = iota // a raw client: over net/http or Serve, plain or compressed
	stepMessage          // one is made ready by a client, and goes out whole
	stepReady            // one is made ready and does not go out yet
	stepSend             // some bytes of what is ready go out
	stepStall            // a client stops reading, or begins again
	stepReset            // a client is gone
	stepHalf             // a client sends no more
	stepGarbage          // a client sends some bytes that are no frame
	stepPing             // a client sends a ping
	stepClose            // a client begins the closing handshake
	stepTime             // time goes
	stepPublish          // some items
	stepFollow           // a follower begins, on one transport or all
	stepStop             // a follower is stopped
	stepSlow             // a follower takes its time for each item, or no more
	stepCut              // all of the followers' connections are lost
	stepPartition        // nobody can connect, or can again
	stepBroadcast        // to all that echo
	stepRestart          // the server is shut down and another one started
	stepWatch            // somebody reads the topic as bytes
	stepLook             // who does stalls, or reads on
	steps
)

// scripts are the seeds: each kind of trouble alone, and then together.
var scripts = []string{
	"",
	string([]byte{stepDial, 0, stepMessage, 0x25, stepMessage, 0xf3, stepPing, 0, stepClose, 0}),
	string([]byte{stepDial, 1, stepDial, 2, stepDial, 3, stepReady, 0x41, stepSend, 3, stepBroadcast, 9, stepSend, 0x70, stepMessage, 7, stepHalf, 1}),
	string([]byte{stepDial, 0, stepStall, 0, stepMessage, 0xff, stepMessage, 0xff, stepTime, 0xc1, stepBroadcast, 255, stepStall, 0, stepMessage, 3}),
	string([]byte{stepDial, 0, stepGarbage, 0, stepDial, 1, stepReset, 1, stepDial, 2, stepTime, 0xff, stepMessage, 2}),
	string([]byte{stepPublish, 3, stepFollow, 0, stepFollow, 1, stepFollow, 2, stepFollow, 3, stepFollow, 4, stepFollow, 5, stepPublish, 9, stepTime, 0x83, stepPublish, 1}),
	string([]byte{stepFollow, 5, stepTime, 0x42, stepPublish, 5, stepCut, 0, stepPublish, 5, stepTime, 0x85, stepPartition, 0, stepCut, 0, stepPublish, 0xff, stepTime, 0xc4, stepPartition, 0}),
	string([]byte{stepFollow, 1, stepFollow, 4, stepSlow, 0, stepSlow, 1, stepPublish, 60, stepPublish, 60, stepTime, 0x88, stepSlow, 0, stepStop, 1}),
	string([]byte{stepDial, 0, stepDial, 1, stepFollow, 2, stepFollow, 5, stepRestart, 0, stepPublish, 7, stepTime, 0x81, stepMessage, 3, stepRestart, 1, stepDial, 0, stepMessage, 4, stepPublish, 2}),
	string([]byte{stepPublish, 5, stepWatch, 0, stepWatch, 1, stepWatch, 2, stepPublish, 1, stepPublish, 9, stepTime, 0x82, stepPublish, 1}),
	string([]byte{stepWatch, 0, stepLook, 0, stepWatch, 1, stepLook, 2, stepWatch, 2, stepLook, 4, stepPublish, 60, stepPublish, 63, stepTime, 0x85, stepLook, 1, stepLook, 3, stepPublish, 3, stepRestart, 0, stepPublish, 2}),
	string([]byte{stepDial, 2, stepReady, 0x92, stepSend, 1, stepFollow, 5, stepPublish, 40, stepRestart, 0, stepCut, 1, stepSend, 1, stepTime, 0xc2, stepDial, 0, stepMessage, 5, stepRestart, 0, stepRestart, 0}),
}
