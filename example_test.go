package pushwire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// An echo server on net/http, and a client.
func ExampleHandler() {
	h := pushwire.Handler(func(ctx context.Context, c *pushwire.Conn, r *handshake.Request) {
		for m, err := range c.Messages(ctx) {
			if err != nil {
				return
			}
			if err := c.Write(ctx, m.Type, m.Data); err != nil {
				return
			}
		}
	}, nil)
	srv := httptest.NewServer(h)
	defer srv.Close()

	ctx := context.Background()
	c, _, err := pushwire.Dial(ctx, "ws"+srv.URL[len("http"):], nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	c.Write(ctx, frame.Text, []byte("hello"))
	_, m, err := c.Read(ctx)
	fmt.Println(string(m), err)
	fmt.Println(c.Close(frame.CodeNormal, "bye"))
	// Output:
	// hello <nil>
	// <nil>
}

// Accept is for handlers that decide by themselves.
func ExampleAccept() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("token") != "secret" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		c, err := pushwire.Accept(w, r, nil)
		if err != nil {
			return // it was answered
		}
		go func() {
			defer c.CloseNow()
			c.Write(c.Context(), frame.Text, []byte("welcome"))
			c.Close(frame.CodeNormal, "")
		}()
	}))
	defer srv.Close()

	ctx := context.Background()
	url := "ws" + srv.URL[len("http"):]
	_, res, err := pushwire.Dial(ctx, url, nil)
	fmt.Println(res.StatusCode, err != nil)
	c, _, err := pushwire.Dial(ctx, url+"?token=secret", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, m, _ := c.Read(ctx)
	_, _, err = c.Read(ctx)
	fmt.Println(string(m), pushwire.CodeOf(err))
	// Output:
	// 401 true
	// welcome normal
}

// Serve needs no net/http.
func ExampleServe() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error)
	go func() {
		served <- pushwire.Serve(ctx, l, func(ctx context.Context, c *pushwire.Conn, r *handshake.Request) {
			c.Write(ctx, frame.Text, []byte("you asked for "+r.Target))
			<-c.Discard(ctx).Done()
		}, nil)
	}()
	c, _, err := pushwire.Dial(context.Background(), "ws://"+l.Addr().String()+"/news", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, m, _ := c.Read(context.Background())
	fmt.Println(string(m))
	stop()
	_, _, err = c.Read(context.Background())
	fmt.Println(pushwire.CodeOf(err), <-served)
	// Output:
	// you asked for /news
	// going away <nil>
}

// Check answers 404 and 401 before a connection is there, without net/http
// too.
func ExampleAcceptOptions_check() {
	check := func(ctx context.Context, r *handshake.Request) error {
		if r.Target != "/news" {
			return &handshake.Error{Status: http.StatusNotFound, Token: "no_such_path", Reason: "the news are at /news"}
		}
		if r.Header.Get("Authorization") != "Bearer secret" {
			return &handshake.Error{Status: http.StatusUnauthorized, Token: "no_token", Reason: "who are you?",
				Header: http.Header{"Www-Authenticate": {"Bearer"}}}
		}
		return nil
	}
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go pushwire.Serve(ctx, l, func(ctx context.Context, c *pushwire.Conn, r *handshake.Request) {
		<-c.Discard(ctx).Done()
	}, &pushwire.AcceptOptions{Check: check})

	token := http.Header{"Authorization": {"Bearer secret"}}
	for _, path := range []string{"/old", "/news"} {
		for _, h := range []http.Header{nil, token} {
			c, res, err := pushwire.Dial(ctx, "ws://"+l.Addr().String()+path, &pushwire.DialOptions{Header: h})
			if res == nil {
				fmt.Println(err)
				return
			}
			fmt.Println(path, res.Status)
			if c != nil {
				c.CloseNow()
			}
		}
	}
	// Output:
	// /old 404 Not Found
	// /old 404 Not Found
	// /news 401 Unauthorized
	// /news 101 Switching Protocols
}

func ExampleAcceptConn() {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	defer l.Close()
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		c, r, err := pushwire.AcceptConn(context.Background(), nc, &pushwire.AcceptOptions{Protocols: []string{"chat.v1"}})
		if err != nil {
			return // it was answered
		}
		c.Write(c.Context(), frame.Text, []byte(r.Target+" "+c.Protocol()))
		c.Close(frame.CodeNormal, "")
	}()
	ctx := context.Background()
	c, _, err := pushwire.Dial(ctx, "ws://"+l.Addr().String()+"/room", &pushwire.DialOptions{Protocols: []string{"chat.v1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, m, _ := c.Read(ctx)
	fmt.Println(string(m))
	c.Read(ctx) // answers the close frame
	// Output: /room chat.v1
}

func ExampleNewConn() {
	a, b := net.Pipe() // over which somebody has done the handshake
	c := pushwire.NewConn(a, frame.Client, nil)
	s := pushwire.NewConn(b, frame.Server, nil)
	go c.Write(context.Background(), frame.Text, []byte("hi"))
	_, m, err := s.Read(context.Background())
	fmt.Println(string(m), err)
	c.CloseNow()
	s.CloseNow()
	// Output: hi <nil>
}

func ExamplePipe() {
	client, server := pushwire.Pipe(nil)
	defer client.CloseNow()
	defer server.CloseNow()
	ctx := context.Background()
	client.Write(ctx, frame.Text, []byte("ping"))
	t, m, err := server.Read(ctx)
	fmt.Println(t, string(m), err)
	// Output: text ping <nil>
}

func ExampleConn_Read() {
	client, server := pushwire.Pipe(nil)
	defer client.CloseNow()
	ctx := context.Background()
	go func() {
		client.Write(ctx, frame.Binary, []byte{1, 2, 3})
		client.Close(4001, "that was all")
	}()
	for {
		t, m, err := server.Read(ctx)
		var end *pushwire.CloseError
		if errors.As(err, &end) {
			fmt.Println(end.Code, end.Reason, end.Remote)
			return
		}
		fmt.Println(t, m)
	}
	// Output:
	// binary [1 2 3]
	// 4001 that was all true
}

func ExampleConn_ReadAppend() {
	client, server := pushwire.Pipe(nil)
	defer client.CloseNow()
	defer server.CloseNow()
	ctx := context.Background()
	buf := make([]byte, 0, 1024) // of the application, for ever
	for _, s := range []string{"one", "two"} {
		client.Write(ctx, frame.Text, []byte(s))
		_, m, err := server.ReadAppend(ctx, buf[:0])
		fmt.Println(string(m), err)
	}
	// Output:
	// one <nil>
	// two <nil>
}

func ExampleConn_Messages() {
	client, server := pushwire.Pipe(nil)
	ctx := context.Background()
	go func() {
		client.Write(ctx, frame.Text, []byte("one"))
		client.Write(ctx, frame.Text, []byte("two"))
		client.Close(frame.CodeNormal, "")
	}()
	for m, err := range server.Messages(ctx) {
		if err != nil {
			fmt.Println(pushwire.CodeOf(err))
			break
		}
		fmt.Println(string(m.Data))
	}
	// Output:
	// one
	// two
	// normal
}

// A message that is too long for memory goes through readers and writers.
func ExampleConn_Writer() {
	client, server := pushwire.Pipe(nil)
	defer client.CloseNow()
	defer server.CloseNow()
	ctx := context.Background()
	go func() {
		w, err := client.Writer(ctx, frame.Text)
		if err != nil {
			return
		}
		for i := range 3 {
			fmt.Fprintf(w, "line %d\n", i)
		}
		w.Close()
	}()
	_, r, err := server.Reader(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := io.ReadAll(r)
	fmt.Printf("%s%v\n", b, err)
	// Output:
	// line 0
	// line 1
	// line 2
	// <nil>
}

func ExampleConn_Ping() {
	client, server := pushwire.Pipe(nil)
	defer client.CloseNow()
	defer server.CloseNow()
	ctx := context.Background()
	client.Discard(ctx) // somebody has to read, on both ends
	server.Discard(ctx)
	rtt, err := client.Ping(ctx)
	fmt.Println(rtt > 0, err)
	// Output: true <nil>
}

func ExampleConn_Discard() {
	client, server := pushwire.Pipe(nil)
	ctx := client.Discard(context.Background())
	server.Write(ctx, frame.Text, []byte("nobody wants to know"))
	server.Close(frame.CodeGoingAway, "restart")
	<-ctx.Done()
	fmt.Println(context.Cause(ctx))
	// Output: pushwire: closed by the peer: going away (1001): "restart"
}

func ExampleConn_Detach() {
	a, b := net.Pipe()
	c := pushwire.NewConn(a, frame.Client, nil)
	nc, unread, err := c.Detach() // for a protocol of one's own
	fmt.Println(nc == a, len(unread), err)
	b.Close()
	nc.Close()
	// Output: true 0 <nil>
}

func ExampleGroup() {
	var room pushwire.Group
	var clients []*pushwire.Conn
	for range 3 {
		client, server := pushwire.Pipe(nil)
		clients = append(clients, client)
		room.Add(server)
	}
	sent, dropped := room.Broadcast(pushwire.Prepare(frame.Text, []byte("news")))
	fmt.Println(sent, dropped)
	for _, c := range clients {
		_, m, _ := c.Read(context.Background())
		fmt.Println(string(m))
		c.Discard(context.Background())
	}
	left, err := room.Shutdown(context.Background(), frame.CodeGoingAway, "maintenance")
	fmt.Println(left, err, room.Len())
	// Output:
	// 3 0
	// news
	// news
	// news
	// 0 <nil> 0
}

func ExampleConn_Send() {
	client, server := pushwire.Pipe(&pushwire.Config{Queue: pushwire.Queue{Bytes: 1 << 20, Policy: pushwire.DropOldest}})
	defer client.CloseNow()
	defer server.CloseNow()
	ctx := context.Background()
	m := pushwire.Prepare(frame.Text, []byte("encoded once"))
	fmt.Println(server.Send(ctx, m))
	_, p, _ := client.Read(ctx)
	fmt.Println(string(p))
	// Output:
	// <nil>
	// encoded once
}

// A loop of one's own over many connections, as Group.Broadcast has it.
func ExampleConn_Touch() {
	client, server := pushwire.Pipe(nil)
	defer client.CloseNow()
	defer server.CloseNow()
	all := []*pushwire.Conn{server} // and thousands more
	m := pushwire.Prepare(frame.Text, []byte("to all"))
	for some := range slices.Chunk(all, 64) {
		for _, c := range some {
			c.Touch()
		}
		for _, c := range some {
			c.Send(context.Background(), m)
		}
	}
	_, p, _ := client.Read(context.Background())
	fmt.Println(string(p))
	// Output: to all
}

// A Poller reads many connections, and an idle one has no goroutine.
func ExamplePoller() {
	poller := pushwire.NewPoller(nil)
	srv := httptest.NewServer(pushwire.Handler(func(_ context.Context, c *pushwire.Conn, _ *handshake.Request) {
		poller.Add(c, func(ctx context.Context, c *pushwire.Conn, m pushwire.Message, err error) {
			if err != nil {
				return // the end of the connection, told once
			}
			c.Write(ctx, m.Type, m.Data)
		})
	}, nil))
	defer srv.Close()

	ctx := context.Background()
	c, _, err := pushwire.Dial(ctx, "ws"+srv.URL[len("http"):], nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	c.Write(ctx, frame.Text, []byte("hello"))
	_, m, err := c.Read(ctx)
	fmt.Println(string(m), err, poller.Len())

	closed := make(chan struct{})
	go func() {
		_, _, err := c.Read(ctx)
		fmt.Println(pushwire.CodeOf(err))
		close(closed)
	}()
	fmt.Println(poller.Shutdown(ctx))
	<-closed
	// Unordered output:
	// hello <nil> 1
	// going away
	// 0 <nil>
}

func ExampleReadJSON() {
	type point struct{ X, Y int }
	client, server := pushwire.Pipe(nil)
	defer client.CloseNow()
	defer server.CloseNow()
	ctx := context.Background()
	fmt.Println(pushwire.WriteJSON(ctx, client, point{1, 2}))
	fmt.Println(pushwire.ReadJSON[point](ctx, server))
	// Output:
	// <nil>
	// {1 2} <nil>
}

func ExampleNetConn() {
	client, server := pushwire.Pipe(nil)
	a := pushwire.NetConn(client, frame.Binary)
	b := pushwire.NetConn(server, frame.Binary)
	go func() {
		io.WriteString(a, "a stream ")
		io.WriteString(a, "of bytes")
		a.Close()
	}()
	p, err := io.ReadAll(b)
	fmt.Printf("%s %v\n", p, err)
	b.Close()
	// Output: a stream of bytes <nil>
}

func ExampleCodeOf() {
	client, server := pushwire.Pipe(nil)
	client.CloseNow() // no close frame
	_, _, err := server.Read(context.Background())
	fmt.Println(pushwire.CodeOf(err), errors.Is(err, net.ErrClosed))
	// Output: abnormal true
}
