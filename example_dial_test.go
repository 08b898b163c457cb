package pushwire_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/pushwire/pushwire"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/handshake"
)

// greeter says hello on each connection and closes it.
func greeter() *httptest.Server {
	return httptest.NewServer(pushwire.Handler(func(ctx context.Context, c *pushwire.Conn, _ *handshake.Request) {
		c.Write(ctx, frame.Text, []byte("hello"))
		c.Close(frame.CodeNormal, "")
	}, nil))
}

func ExampleDial() {
	srv := greeter()
	defer srv.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, _, err := pushwire.Dial(ctx, strings.Replace(srv.URL, "http", "ws", 1), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	_, p, err := c.Read(ctx)
	fmt.Printf("%s %v\n", p, err)
	// Output: hello <nil>
}

func ExampleDial_refused() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "members only", http.StatusUnauthorized)
	}))
	defer srv.Close()

	_, res, err := pushwire.Dial(context.Background(), srv.URL, nil)
	var de *pushwire.DialError
	if errors.As(err, &de) {
		body := make([]byte, 12)
		res.Body.Read(body)
		fmt.Printf("%d: %s\n", de.Status, body)
	}
	// Output: 401: members only
}

func ExampleProxyError() {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not from here", http.StatusForbidden)
	}))
	defer proxy.Close()

	u, _ := http.NewRequest("GET", proxy.URL, nil)
	_, _, err := pushwire.Dial(context.Background(), "wss://example.com/", &pushwire.DialOptions{
		Proxy: http.ProxyURL(u.URL),
	})
	var pe *pushwire.ProxyError
	if errors.As(err, &pe) {
		fmt.Printf("%d: %s", pe.Status, pe.Body)
	}
	// Output: 403: not from here
}

func ExampleRedial() {
	srv := greeter()
	defer srv.Close()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for c, err := range pushwire.Redial(ctx, srv.URL, nil) {
		if err != nil {
			fmt.Println(err) // and try again
			continue
		}
		for m, err := range c.Messages(ctx) {
			if err != nil {
				break // the connection has ended: on to the next
			}
			fmt.Printf("%s\n", m.Data)
		}
		if n++; n == 2 {
			cancel()
		}
	}
	// Output:
	// hello
	// hello
}
