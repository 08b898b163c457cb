//go:build unix

package sockio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// pair returns both ends of a TCP connection, and what runs a function with the
// descriptor of the first, at once.
func pair(t *testing.T) (nc *net.TCPConn, peer *net.TCPConn, with func(func(fd uintptr))) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	raw, err := a.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return a.(*net.TCPConn), b.(*net.TCPConn), func(f func(fd uintptr)) {
		t.Helper()
		if err := raw.Control(f); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually repeats f until it does not say EAGAIN.
func eventually(t *testing.T, f func() (int, syscall.Errno)) (int, syscall.Errno) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if n, errno := f(); errno != syscall.EAGAIN {
			return n, errno
		}
	}
	t.Fatal("nothing came in 10 s")
	return 0, 0
}

func TestReadTellsWhatIsThere(t *testing.T) {
	for _, size := range []int{1, 64, 32 << 10, 32<<10 + 1, 100 << 10} {
		_, peer, with := pair(t)
		p := make([]byte, size)
		with(func(fd uintptr) {
			if n, errno := Read(fd, p); n != 0 || errno != syscall.EAGAIN {
				t.Errorf("read %d bytes, %v, of nothing", n, errno)
			}
		})
		sent := bytes.Repeat([]byte("pushwire"), size/8+1)[:size]
		if _, err := peer.Write(sent); err != nil {
			t.Fatal(err)
		}
		peer.CloseWrite()
		var got []byte
		with(func(fd uintptr) {
			for {
				n, errno := eventually(t, func() (int, syscall.Errno) { return Read(fd, p) })
				if errno != 0 {
					t.Fatal(errno)
				}
				if n == 0 {
					return
				}
				got = append(got, p[:n]...)
			}
		})
		if !bytes.Equal(got, sent) {
			t.Errorf("of %d bytes %d came, or others", size, len(got))
		}
	}
}

func TestWriteTakesWhatFits(t *testing.T) {
	for _, size := range []int{1, 64, 32 << 10, 32<<10 + 1, 8 << 20} {
		nc, peer, with := pair(t)
		sent := bytes.Repeat([]byte("pushwire"), size/8+1)[:size]
		got, full := make(chan []byte), make(chan struct{})
		if size <= 1<<20 {
			close(full)
		}
		go func() {
			<-full // what is larger finds no room for a while
			p, err := io.ReadAll(peer)
			if err != nil {
				t.Error(err)
			}
			got <- p
		}()
		waited := false
		with(func(fd uintptr) {
			for rest := sent; len(rest) > 0; {
				n, errno := Write(fd, rest)
				if errno == syscall.EAGAIN && !waited && size > 1<<20 {
					waited = true
					close(full)
				}
				if errno != 0 {
					if n, errno = eventually(t, func() (int, syscall.Errno) { return Write(fd, rest) }); errno != 0 {
						t.Fatal(errno)
					}
				}
				rest = rest[n:]
			}
		})
		nc.CloseWrite()
		if size > 1<<20 && !waited {
			t.Fatalf("%d bytes found room at once: the test shows nothing", size)
		}
		if !bytes.Equal(<-got, sent) {
			t.Errorf("of %d bytes others came", size)
		}
	}
}

func TestEnds(t *testing.T) {
	nc, peer, with := pair(t)
	with(func(fd uintptr) {
		if n, errno := Read(fd, nil); n != 0 || errno != 0 && errno != syscall.EAGAIN {
			t.Errorf("a read into nothing: %d bytes, %v", n, errno)
		}
		if n, errno := Write(fd, nil); n != 0 || errno != 0 {
			t.Errorf("a write of nothing: %d bytes, %v", n, errno)
		}
	})
	nc.CloseWrite()
	with(func(fd uintptr) {
		if _, errno := Write(fd, []byte("x")); errno != syscall.EPIPE {
			t.Errorf("a write after the end of writing: %v", errno)
		}
	})
	peer.SetLinger(0)
	peer.Close()
	with(func(fd uintptr) {
		_, errno := eventually(t, func() (int, syscall.Errno) { return Read(fd, make([]byte, 1)) })
		if !errors.Is(errno, syscall.ECONNRESET) {
			t.Errorf("a read after a reset: %v", errno)
		}
	})
}

func TestCallsAllocateNothing(t *testing.T) {
	_, peer, with := pair(t)
	go io.Copy(peer, peer)
	p := make([]byte, 64)
	with(func(fd uintptr) {
		if n := testing.AllocsPerRun(100, func() {
			Write(fd, p)
			Read(fd, p)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
