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

// slowly says "one", waits, and says "two", with what it was asked in a field.
func slowly(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Asked", fmt.Sprintf("%s %s %q %s", r.Proto, r.Method, r.Header.Get("Upgrade"), body))
	io.WriteString(w, "one\n")
	http.NewResponseController(w).Flush()
	select {
	case <-time.After(100 * time.Millisecond):
	case <-r.Context().Done():
	}
	io.WriteString(w, "two\n")
}

// through sends a request through a box and returns the answer and when its
// first line came, counted from its end.
func through(t *testing.T, kind middlebox.Kind, o *middlebox.Options) (head string, asked string, first, whole time.Duration, err error) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(slowly))
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
	began := time.Now()
	io.WriteString(nc, "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi")
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return "", "", 0, 0, err
	}
	defer res.Body.Close()
	r := bufio.NewReader(res.Body)
	one, _ := r.ReadString('\n')
	first = time.Since(began)
	two, err := r.ReadString('\n')
	whole = time.Since(began)
	if err == nil && one+two != "one\ntwo\n" {
		t.Errorf("the answer is %q", one+two)
	}
	return res.Proto, res.Header.Get("Asked"), first, whole, err
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
		{middlebox.CutIdle, 50 * time.Millisecond, "HTTP/1.1", `HTTP/1.1 POST "websocket" hi`, false, true},
		{middlebox.HTTP10, 0, "HTTP/1.0", `HTTP/1.0 POST "" hi`, false, false},
	} {
		t.Run(fmt.Sprint(tt.kind, tt.idle), func(t *testing.T) {
			head, asked, first, whole, err := through(t, tt.kind, &middlebox.Options{Idle: tt.idle})
			if (err != nil) != tt.cuts {
				t.Fatal(err)
			}
			if head != tt.head || !strings.EqualFold(asked, tt.asked) {
				t.Errorf("%s, the server was asked %s", head, asked)
			}
			if buffers := !tt.cuts && whole-first < 50*time.Millisecond; buffers != tt.buffers {
				t.Errorf("the first line came after %v, the second after %v", first, whole)
			}
		})
	}
}
