package pushwire_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/internal/testpeer"
)

// A socket that is closed while bytes lie unread in it resets the connection,
// and throws away what it has not yet sent. Here that is our close frame,
// behind a message for which the peer's receive buffer is too small; what is
// unread are the peer's bytes behind its breach. The peer reads late, and must
// still get all of it. Without the reading in linger it gets a reset.
func TestCloseFrameSurvivesWhatThePeerSentBehindItsBreach(t *testing.T) {
	l := listen(t)
	defer l.Close()
	d := net.Dialer{}
	theirs, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	theirs.(*net.TCPConn).SetReadBuffer(32 << 10)
	ours, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ours.(*net.TCPConn).SetWriteBuffer(1 << 20)
	c := pushwire.NewConn(ours, frame.Server, &pushwire.Config{Ping: -1})
	defer c.CloseNow()
	message := bytes.Repeat([]byte("m"), 300_000)
	if err := c.Write(t.Context(), frame.Binary, message); err != nil {
		t.Fatal(err)
	}
	p := testpeer.New(t, theirs, testpeer.Client)
	p.WriteRaw(append([]byte("\x83\x80\x00\x00\x00\x00"), make([]byte, 50_000)...)) // opcode 3
	if _, _, err := c.Read(t.Context()); pushwire.CodeOf(err) != frame.CodeProtocol {
		t.Fatal(err)
	}
	// Nothing is waited for: this is the time that a reset has to come in.
	time.Sleep(100 * time.Millisecond)
	theirs.(*net.TCPConn).SetReadBuffer(1 << 20)
	theirs.SetReadDeadline(time.Now().Add(testpeer.Timeout))
	got, err := io.ReadAll(theirs)
	want := frame.AppendMessage(nil, frame.Server, frame.Binary, 0, message)
	if !bytes.HasPrefix(got, want) || len(got) < len(want)+4 || err != nil {
		t.Fatalf("%d bytes came, then %v; want the message of %d and a close frame", len(got), err, len(want))
	}
	if f := got[len(want):]; f[0] != 0x88 || frame.Code(f[2])<<8|frame.Code(f[3]) != frame.CodeProtocol {
		t.Errorf("behind the message came % x", f)
	}
}
