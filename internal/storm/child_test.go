package storm

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/handshake"
	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/internal/leaktest"
	"github.com/pushwire/pushwire/topic"
)

// childEnv makes the test binary a server of its own: with the number of
// descriptors that it may have, 0 for as many as there are, and "gate" or
// "open", whether its connections are bounded.
const childEnv = "PUSHWIRE_STORM_CHILD"

func TestMain(m *testing.M) {
	if s := os.Getenv(childEnv); s != "" {
		runChild(s)
		return
	}
	leaktest.Main(m)
}

// runChild serves echoes by Serve and by Handler, and a topic, tells the two
// addresses on its output, and answers questions until its input ends.
func runChild(how string) {
	var descriptors uint64
	var gate string
	fmt.Sscan(how, &descriptors, &gate)
	if descriptors > 0 {
		if err := limitDescriptors(descriptors); err != nil {
			fmt.Println("error", err)
			return
		}
	}
	o := &pushwire.AcceptOptions{Config: hasty}
	if gate == "open" {
		o.Gate = &pushwire.Gate{MaxConns: -1}
	}
	echo := func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
		for m, err := range c.Messages(ctx) {
			if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
				return
			}
		}
	}
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("error", err)
		return
	}
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var log topic.Log
	mux := http.NewServeMux()
	mux.Handle("/", pushwire.Handler(echo, o))
	mux.Handle("/topic", httpstream.Handler(&log, &httpstream.Options{Heartbeat: 500 * time.Millisecond, MaxWait: 2 * time.Second, Socket: o}))
	go pushwire.Serve(context.Background(), raw, echo, o)
	go http.Serve(web, mux)
	fmt.Println(raw.Addr(), web.Addr())
	items := 0
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "cpu":
			fmt.Println(cpuTime().Milliseconds())
		case "file":
			f, err := os.Open(os.DevNull)
			if err == nil {
				f.Close()
			}
			fmt.Println(err)
		case "item":
			log.Append("", itemData(items))
			items++
			fmt.Println(items)
		}
	}
}

// child is such a server.
type child struct {
	t        *testing.T
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Scanner
	raw, web string // addresses
}

func startChild(t *testing.T, how string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.Command(exe)}
	c.cmd.Env = append(os.Environ(), childEnv+"="+how)
	c.cmd.Stderr = io.Discard // net/http tells of each Accept that failed
	c.in, err = c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.in.Close()
		if err := c.cmd.Wait(); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	if !c.out.Scan() {
		t.Fatal("the server says nothing")
	}
	var ok bool
	if c.raw, c.web, ok = strings.Cut(c.out.Text(), " "); !ok || c.raw == "error" {
		t.Fatalf("the server says %q", c.out.Text())
	}
	return c
}

// ask returns the answer to a question.
func (c *child) ask(question string) string {
	c.t.Helper()
	fmt.Fprintln(c.in, question)
	if !c.out.Scan() {
		c.t.Fatalf("the server does not answer %q any more", question)
	}
	return c.out.Text()
}
