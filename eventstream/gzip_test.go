package eventstream_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/pushwire/pushwire/eventstream"
)

func coding(name string) eventstream.Encoding {
	return eventstream.Encoding{Name: name, New: func(w io.Writer) eventstream.Compressor { return gzip.NewWriter(w) }}
}

func TestCodingIsNegotiated(t *testing.T) {
	both := []eventstream.Encoding{coding("zstd"), coding("gzip")}
	for _, row := range []struct {
		field  string // "-" for none
		ours   []eventstream.Encoding
		want   string
		status int
	}{
		{"-", both, "", 200},
		{"", both, "", 200},
		{"gzip", both, "gzip", 200},
		{"GZIP", both, "gzip", 200},
		{"x-gzip", both, "gzip", 200},
		{"gzip, zstd", both, "zstd", 200}, // ours says which is better
		{"gzip;q=1.0, zstd;q=0.5", both, "gzip", 200},
		{"gzip;q=0.001", both, "gzip", 200},
		{"gzip;q=0", both, "", 200},
		{"*", both, "zstd", 200},
		{"zstd;q=0, *", both, "gzip", 200},
		{"br", both, "", 200},
		{"gzip;q=0.5, identity", both, "", 200},
		{"gzip;q=0.5, identity;q=0.4", both, "gzip", 200},
		{"identity;q=0", both, "", 406},
		{"*;q=0", both, "", 406},
		{"*;q=0, identity", both, "", 200},
		{"*;q=0, gzip", both, "gzip", 200},
		{"gzip", nil, "", 200},
	} {
		var fields []string
		if row.field != "-" {
			fields = []string{"Accept-Encoding", row.field}
		}
		res, _ := ask(t, eventstream.Options{Encodings: row.ours}, "GET", "/", fields...)
		if got := res.Header.Get("Content-Encoding"); got != row.want || res.StatusCode != row.status {
			t.Errorf("%q: %q, status %d; want %q, %d", row.field, got, res.StatusCode, row.want, row.status)
		}
		if got, want := res.Header.Get("Vary"), "Accept-Encoding"; got != want && row.ours != nil || got != "" && row.ours == nil {
			t.Errorf("%q: Vary %q", row.field, got)
		}
	}
}

// Each event can be read before the next one is made, and the stream ends as
// the format wants, with its checksum: for our gzip and for one that plugs in.
func TestCompressedStreamComesEventByEvent(t *testing.T) {
	for name, e := range map[string]eventstream.Encoding{"ours": eventstream.Gzip(), "other": coding("gzip")} {
		t.Run(name, func(t *testing.T) {
			overAllWays(t, func(t *testing.T, w way) {
				next := make(chan struct{})
				srv := w.serve(t, &eventstream.Options{Encodings: []eventstream.Encoding{e}, Retry: 1e9}, func(s *eventstream.Stream, r *http.Request) {
					for i := range 20 {
						<-next
						s.Send(eventstream.Event{ID: fmt.Sprint(i), Data: []byte(strings.Repeat("compress me ", i*50))})
					}
				}, nil)
				res := get(t, srv.Client(), srv.URL, "Accept-Encoding", "gzip")
				if res.Header.Get("Content-Encoding") != "gzip" {
					t.Fatalf("head %v", res.Header)
				}
				z, err := gzip.NewReader(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				body := bufio.NewReader(z)
				wantLine(t, body, "retry: 1000")
				wantLine(t, body, "")
				for i := range 20 {
					next <- struct{}{}
					wantLine(t, body, fmt.Sprint("id: ", i))
					wantLine(t, body, "data: "+strings.Repeat("compress me ", i*50))
					wantLine(t, body, "")
				}
				if rest, err := io.ReadAll(body); len(rest) > 0 || err != nil {
					t.Errorf("then %q, %v", rest, err)
				}
			})
		})
	}
}

// net/http's client asks for gzip by itself, and undoes it.
func TestClientReadsGzip(t *testing.T) {
	overAllWays(t, func(t *testing.T, w way) {
		next := make(chan struct{})
		srv := w.serve(t, &eventstream.Options{Encodings: []eventstream.Encoding{eventstream.Gzip()}}, func(s *eventstream.Stream, r *http.Request) {
			for i := range 5 {
				<-next
				s.Send(eventstream.Event{Data: fmt.Append(nil, i)})
			}
		}, nil)
		res := get(t, srv.Client(), srv.URL)
		if !res.Uncompressed {
			t.Fatal("it is not compressed")
		}
		next <- struct{}{}
		n := 0
		for ev, err := range eventstream.Events(res, nil) {
			if err != nil || string(ev.Data) != fmt.Sprint(n) {
				t.Fatalf("event %d: %q, %v", n, ev.Data, err)
			}
			if n++; n < 5 {
				next <- struct{}{}
			}
		}
		if n != 5 {
			t.Errorf("%d events", n)
		}
	})
}

// Our gzip is one member, whatever is written to it, in pieces of any size.
func FuzzGzip(f *testing.F) {
	f.Add([]byte("some text"), uint8(3))
	f.Add(bytes.Repeat([]byte("long "), 1000), uint8(200))
	f.Add([]byte{}, uint8(0))
	f.Fuzz(func(t *testing.T, p []byte, size uint8) {
		var out bytes.Buffer
		z := eventstream.Gzip().New(&out)
		for rest := p; len(rest) > 0; {
			n := min(len(rest), int(size)+1)
			if _, err := z.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			if n%3 != 0 {
				if err := z.Flush(); err != nil {
					t.Fatal(err)
				}
				// Everything so far can be read.
				got, _ := io.ReadAll(flate.NewReader(bytes.NewReader(out.Bytes()[10:])))
				if want := p[:len(p)-len(rest)+n]; !bytes.Equal(got, want) {
					t.Fatalf("after a flush %d of %d bytes can be read", len(got), len(want))
				}
			}
			rest = rest[n:]
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := gzip.NewReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		r.Multistream(false)
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("got %q, %v", got, err)
		}
		if out.Len() != 0 {
			t.Errorf("%d bytes behind the member", out.Len())
		}
	})
}

// slowGzip lets a test in between an event's compression and its write.
type slowGzip struct {
	*gzip.Writer
	flushed func()
}

func (z *slowGzip) Flush() error {
	err := z.Writer.Flush()
	z.flushed()
	return err
}

// A stream that is ended while an event is compressed still ends as its format
// wants: what is in the checksum has been sent.
func TestCompressedStreamEndedWithinAnEvent(t *testing.T) {
	var s *eventstream.Stream
	n := 0
	e := eventstream.Encoding{Name: "gzip", New: func(w io.Writer) eventstream.Compressor {
		return &slowGzip{gzip.NewWriter(w), func() {
			if n++; n == 3 { // the first is that of the head
				go s.Close()
				<-s.Context().Done()
			}
		}}
	}}
	srv := way{name: "HTTP1"}.serve(t, &eventstream.Options{Encodings: []eventstream.Encoding{e}}, func(it *eventstream.Stream, r *http.Request) {
		s = it
		for range 3 {
			s.Send(eventstream.Event{Data: []byte("some text")})
		}
	}, nil)
	res := get(t, srv.Client(), srv.URL, "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || string(b) != strings.Repeat("data: some text\n\n", 2) {
		t.Errorf("got %q, %v", b, err)
	}
}

// Names of codings that there are not are not kept, however many a client makes
// up.
func TestFloodOfCodings(t *testing.T) {
	var names strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&names, "x%d,", i)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", names.String()+"gzip")
	h := eventstream.Handler(func(*eventstream.Stream, *http.Request) {}, &eventstream.Options{WriteTimeout: -1, Encodings: []eventstream.Encoding{eventstream.Gzip()}})
	w := httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.ServeHTTP(w, r)
	runtime.ReadMemStats(&after)
	if got := w.Header().Get("Content-Encoding"); got != "gzip" {
		t.Errorf("the coding is %q", got)
	}
	// A compressor that is made for it has 0.8 MB.
	if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
		t.Errorf("%d bytes are allocated for a field of %d", n, names.Len())
	}
}
