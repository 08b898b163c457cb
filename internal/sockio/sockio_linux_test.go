//go:build !386 && !s390x && !race && !msan && !asan

package sockio

import (
	"os"
	"testing"
	"time"
)

// Fd makes the descriptor of a copy block, and with it the socket: what many do
// to set an option. A call that waited then would keep its processor for good.
func TestBlockingSocketsDoNotBlock(t *testing.T) {
	nc, peer, _ := pair(t)
	f, err := nc.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Fd()
	raw, err := nc.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	soon := func() { nc.SetDeadline(time.Now().Add(20 * time.Millisecond)) }
	p := make([]byte, 64<<10)
	for _, size := range []int{64, len(p)} {
		tries := 0
		soon()
		err = raw.Read(func(fd uintptr) bool {
			tries++
			n, errno := read(fd, p[:size])
			return n > 0 || errno == 0
		})
		if !os.IsTimeout(err) || tries == 0 {
			t.Errorf("reading nothing ended with %v after %d tries, not at the deadline", err, tries)
		}
	}
	soon()
	err = raw.Write(func(fd uintptr) bool {
		for {
			if _, errno := write(fd, p); errno != 0 {
				return false // there is no room, since the peer does not read
			}
		}
	})
	if !os.IsTimeout(err) {
		t.Errorf("writing without end ended with %v, not at the deadline", err)
	}
	peer.Close()
}
