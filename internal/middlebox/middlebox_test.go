package middlebox_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pushwire/pushwire/internal/leaktest"
	"github.com/pushwire/pushwire/internal/middlebox"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// slowly says "one", waits for goOn, and says "two", with what it was asked in a
// field.
func slowly(goOn <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Asked", fmt.Sprintf("%s %s %q %s", r.Proto, r.Method, r.Header.Get("Upgrade"), body))
		io.WriteString(w, "one\n")
		http.NewResponseController(w).Flush()
		select {
		case <-goOn:
		case <-r.Context().Done():
		}
		io.WriteString(w, "two\n")
	}
}

// answer is what came through a box, and whether something of it did before the
// server went on.
type answer struct {
	head, asked string
	early       bool
	err         error
}

// through sends a request through a box. The server goes on once its first line
// is there, or after patience without it; never if that is 0.
func through(t *testing.T, kind middlebox.Kind, o *middlebox.Options, patience time.Duration) (a answer) {
	t.Helper()
	goOn := make(chan struct{})
	srv := httptest.NewServer(slowly(goOn))
	defer srv.Close()
	box, err := middlebox.Start(kind, srv.Listener.Addr().String(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	nc, err := net.Dial("tcp", box.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi")
	first, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		var res *http.Response
		if res, a.err = http.ReadResponse(bufio.NewReader(nc), nil); a.err != nil {
			return
		}
		defer res.Body.Close()
		a.head, a.asked = res.Proto, res.Header.Get("Asked")
		r := bufio.NewReader(res.Body)
		one, _ := r.ReadString('\n')
		close(first)
		var two string
		if two, a.err = r.ReadString('\n'); a.err == nil && one+two != "one\ntwo\n" {
			t.Errorf("the answer is %q", one+two)
		}
	}()
	early := false
	if patience > 0 {
		select {
		case <-done:
		case <-first:
			early = true
		case <-time.After(patience):
		}
		close(goOn)
	}
	<-done
	a.early = early
	return a
}

func TestBoxes(t *testing.T) {
	for _, tt := range []struct {
		kind    middlebox.Kind
		idle    time.Duration
		head    string
		asked   string
		buffers bool
		cuts    bool
	}{
		{middlebox.DropUpgrade, 0, "HTTP/1.1", `HTTP/1.1 POST "" hi`, false, false},
		{middlebox.Buffer, 0, "HTTP/1.1", `HTTP/1.1 POST "" hi`, true, false},
		{middlebox.Collect, 0, "HTTP/1.1", `HTTP/1.1 POST "" hi`, true, false},
		{middlebox.CutIdle, time.Minute, "HTTP/1.1", `HTTP/1.1 POST "websocket" hi`, false, false},
		{middlebox.CutIdle, 500 * time.Millisecond, "HTTP/1.1", `HTTP/1.1 POST "websocket" hi`, false, true},
		{middlebox.HTTP10, 0, "HTTP/1.0", `HTTP/1.0 POST "" hi`, false, false},
	} {
		t.Run(fmt.Sprint(tt.kind, tt.idle), func(t *testing.T) {
			patience := 10 * time.Second
			switch {
			case tt.cuts:
				patience = 0
			case tt.buffers:
				patience = 100 * time.Millisecond // a slow machine shows nothing
			}
			a := through(t, tt.kind, &middlebox.Options{Idle: tt.idle}, patience)
			if (a.err != nil) != tt.cuts {
				t.Fatal(a.err)
			}
			if a.head != tt.head || !strings.EqualFold(a.asked, tt.asked) {
				t.Errorf("%s, the server was asked %s", a.head, a.asked)
			}
			if !tt.cuts && a.early == tt.buffers {
				t.Errorf("the first line came before the server went on: %v", a.early)
			}
		})
	}
}
