package pushwire

import (
	"context"
	"net"
	"strconv"
	"syscall"
	"testing"
)

// stalledConnect returns dialers to an address of loopback that answers no
// SYN: a listener whose queue is full and that nobody accepts from.
func stalledConnect(t *testing.T) func(t *testing.T, waiting chan<- struct{}) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := "127.0.0.1:" + strconv.Itoa(sa.(*syscall.SockaddrInet4).Port)
	nc, err := net.Dial("tcp", addr) // takes the only place in the queue
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return func(_ *testing.T, waiting chan<- struct{}) func(context.Context, string, string) (net.Conn, error) {
		d := &net.Dialer{Control: func(string, string, syscall.RawConn) error {
			waiting <- struct{}{} // the next step is connect
			return nil
		}}
		return func(ctx context.Context, network, _ string) (net.Conn, error) {
			return d.DialContext(ctx, network, addr)
		}
	}
}
