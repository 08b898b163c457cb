package peers

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/httpstream"
	"github.com/pushwire/pushwire/topic"
)

// nginxConf is nginx with one process and all its files in a folder. /default/
// is as anybody would begin: proxy_pass and nothing else, so HTTP/1.0 without
// Upgrade to the server, and answers buffered. /deaf/ does not listen to
// X-Accel-Buffering either. /upgrade/ is as nginx's own page on WebSockets has
// it.
const nginxConf = `
daemon off;
master_process off;
pid DIR/pid;
error_log stderr error;
events {}
http {
	access_log off;
	client_body_temp_path DIR/body;
	proxy_temp_path DIR/proxy;
	fastcgi_temp_path DIR/fastcgi;
	uwsgi_temp_path DIR/uwsgi;
	scgi_temp_path DIR/scgi;
	server {
		listen LISTEN;
		location /default/ {
			proxy_pass http://SERVER;
		}
		location /deaf/ {
			proxy_pass http://SERVER;
			proxy_ignore_headers X-Accel-Buffering;
		}
		location /upgrade/ {
			proxy_pass http://SERVER;
			proxy_http_version 1.1;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection "upgrade";
		}
	}
}
`

// startNginx starts nginx before a server and returns where it listens.
func startNginx(t *testing.T, server string) string {
	t.Helper()
	path := nginx.need(t)
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close() // nobody else takes the port that soon
	conf := filepath.Join(dir, "nginx.conf")
	text := strings.NewReplacer("DIR", dir, "LISTEN", addr, "SERVER", server).Replace(nginxConf)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), childTime)
	cmd := exec.CommandContext(ctx, path, "-p", dir, "-c", conf, "-e", "stderr")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		cmd.Wait()
		if t.Failed() {
			t.Logf("nginx says:\n%s", said.Bytes())
		}
	})
	for end := time.Now().Add(eventTime); ; {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			nc.Close()
			return addr
		}
		if time.Now().After(end) {
			t.Fatalf("nginx does not listen: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // there is nothing to wait for but the port
	}
}

// proxied is a topic behind nginx.
type proxied struct {
	log    topic.Log
	addr   string // nginx's
	client *http.Client
}

func behindNginx(t *testing.T) *proxied {
	t.Helper()
	s := &proxied{log: topic.Log{MaxItems: 1 << 16}}
	var group httpstream.Group
	// A page's own origin is what its user sees, not what nginx asks for; Go
	// programs send none.
	srv := httptest.NewServer(httpstream.Handler(&s.log, &httpstream.Options{
		Group: &group,
		Allow: func(*http.Request) error { return nil },
	}))
	t.Cleanup(func() {
		s.log.Close()
		group.Shutdown(context.Background())
		srv.Close()
	})
	s.addr = startNginx(t, srv.Listener.Addr().String())
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	s.client = &http.Client{Transport: tr}
	return s
}

const (
	burst    = 500                    // items that are there before
	single   = 20                     // items that come one after the other
	between  = 50 * time.Millisecond  // two of them
	promptly = 3 * time.Second        // a machine under load included
	patience = 10 * time.Second       // until a transport that works has to have proved itself
	briefly  = 500 * time.Millisecond // the same, where one is to be given up
)

// follow reads a burst and then single items, which have to come at once, and
// returns the transports that were in use.
func (s *proxied) follow(t *testing.T, location string, o httpstream.FollowOptions) (used []httpstream.Transport) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventTime)
	defer cancel()
	b, err := s.log.Bounds(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range burst {
		s.log.Append("", fmt.Append(nil, i+1))
	}
	var published []time.Time
	o.After, o.HTTP = b.Head, s.client
	o.Interval = between
	o.OnState = func(st httpstream.State) {
		if st.Connected {
			used = append(used, st.Transport)
		} else {
			t.Log(st.Err)
		}
	}
	n := 0
	for it, err := range httpstream.Follow(ctx, "http://"+s.addr+location, &o) {
		if err != nil {
			t.Fatalf("after %d items: %v", n, err)
		}
		if n++; string(it.Data) != fmt.Sprint(n) {
			t.Fatalf("item %d is %q", n, it.Data)
		}
		if n > burst {
			if late := time.Since(published[n-burst-1]); late > promptly {
				t.Errorf("item %d came after %v", n, late)
			}
		}
		if n == burst+single {
			break
		}
		if n >= burst {
			time.Sleep(between) // an item of its own, as they come in life
			published = append(published, time.Now())
			s.log.Append("", fmt.Append(nil, n+1))
		}
	}
	if n != burst+single {
		t.Errorf("%d items", n)
	}
	return used
}

// Which transport Follow ends on depends on what nginx was told; that all
// arrives, at once and in order, does not.
func TestFollowBehindNginx(t *testing.T) {
	s := behindNginx(t)
	for _, tt := range []struct {
		location string
		setup    time.Duration
		want     httpstream.Transport
	}{
		{"/default/", patience, httpstream.TransportEventStream}, // X-Accel-Buffering: no
		{"/deaf/", briefly, httpstream.TransportLongPoll},
		{"/upgrade/", patience, httpstream.TransportSocket},
	} {
		t.Run(strings.Trim(tt.location, "/"), func(t *testing.T) {
			used := s.follow(t, tt.location, httpstream.FollowOptions{Setup: tt.setup})
			// A stream may look well until its end is seen to be held back.
			if len(used) == 0 || used[len(used)-1] != tt.want {
				t.Errorf("used %v, want %v in the end", used, tt.want)
			}
		})
	}
}

// Each transport by itself gets through nginx where it can.
func TestTransportsBehindNginx(t *testing.T) {
	s := behindNginx(t)
	for _, transport := range httpstream.Transports() {
		location := "/default/"
		if transport == httpstream.TransportSocket {
			location = "/upgrade/" // without Upgrade there is no WebSocket
		}
		t.Run(transport.String(), func(t *testing.T) {
			s.follow(t, location, httpstream.FollowOptions{Setup: patience, Transports: []httpstream.Transport{transport}})
		})
	}
}

func TestPublishBehindNginx(t *testing.T) {
	s := behindNginx(t)
	p := topic.Publication{Data: bytes.Repeat([]byte("0123456789"), 5000), Type: "large", Key: "a key"}
	var first topic.Cursor
	for range 2 {
		c, err := httpstream.Publish(t.Context(), "http://"+s.addr+"/default/", p, &httpstream.PublishOptions{HTTP: s.client})
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = c
		}
		if c != first {
			t.Errorf("the same key is at %s and at %s", first, c)
		}
	}
	items, err := s.log.Read(t.Context(), "", make([]topic.Item, 0, 2))
	if err != nil || len(items) != 1 || items[0].Type != "large" || !bytes.Equal(items[0].Data, p.Data) {
		t.Errorf("%d items, %v", len(items), err)
	}
}
