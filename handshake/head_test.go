package handshake

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// feed gives b to ParseRequest one byte at a time and returns after how many
// an answer came, and which.
func feed(b []byte, l Limits) (at int, r Request, err error) {
	scan := 0
	for i := 1; i <= len(b); i++ {
		r, n, next, err := ParseRequest(b[:i:i], scan, l)
		if n > 0 || err != nil {
			return i, r, err
		}
		scan = next
	}
	return -1, Request{}, nil
}

func TestHeadLimitsAreExact(t *testing.T) {
	request := func(target, fields string) []byte {
		return []byte("GET /" + target + " HTTP/1.1\r\n" + fields + "Host: a\r\n\r\n")
	}
	a := func(n int) string { return strings.Repeat("a", n) }
	many := func(n int) string { return strings.Repeat("X: y\r\n", n) }
	for _, tt := range []struct {
		name  string
		in    []byte
		l     Limits
		token string
		at    int // refused after so many bytes; 0: not said
	}{
		{"request line at the default", request(a(DefaultLine-14), ""), Limits{}, "", 0},
		{"request line above the default", request(a(DefaultLine-13), ""), Limits{}, "handshake_line_too_long", DefaultLine + 1},
		{"field at the default", request("", "X: "+a(DefaultLine-3)+"\r\n"), Limits{}, "", 0},
		{"field above the default", request("", "X: "+a(DefaultLine-2)+"\r\n"), Limits{}, "handshake_line_too_long", 16 + DefaultLine + 1},
		{"endless request line", []byte("GET /" + a(DefaultLine*2)), Limits{}, "handshake_line_too_long", DefaultLine + 1},
		{"endless field", request("", "A: b\r\nX: "+a(DefaultLine*2)), Limits{}, "handshake_line_too_long", 16 + 6 + DefaultLine + 1},
		{"negative means the default", request(a(DefaultLine-13), ""), Limits{-1, -1, -1}, "handshake_line_too_long", DefaultLine + 1},
		{"own limit on lines", request("", "X: "+a(17)+"\r\n"), Limits{Line: 20}, "", 0},
		{"own limit on lines passed", request("", "X: "+a(18)+"\r\n"), Limits{Line: 20}, "handshake_line_too_long", 16 + 21},
		{"second line too long", request("", "X: "+a(17)+"\r\nY: "+a(18)+"\r\n"), Limits{Line: 20}, "handshake_line_too_long", 16 + 22 + 21},

		{"fields at the default", request("", many(DefaultFields-1)), Limits{}, "", 0},
		{"fields above the default", request("", many(DefaultFields)), Limits{}, "handshake_fields_too_many", 0},
		{"2,000 fields", request("", many(1999)), Limits{}, "handshake_fields_too_many", 0},
		{"2,000 fields with leave", request("", many(1999)), Limits{Fields: 2000}, "", 0},
		{"endless fields", []byte("GET / HTTP/1.1\r\n" + many(5000)), Limits{}, "handshake_fields_too_many", 0},
		{"one field", request("", ""), Limits{Fields: 1}, "", 0},
		{"two fields for one", request("", "X:\r\n"), Limits{Fields: 1}, "handshake_fields_too_many", 0},

		{"bytes at the limit", request("", "X: y\r\n"), Limits{Bytes: 33}, "", 0},
		{"bytes above the limit", request("", "X: y\r\n"), Limits{Bytes: 32}, "handshake_bytes_too_many", 32},
		{"endless head of long lines", []byte("GET / HTTP/1.1\r\n" + strings.Repeat("X: "+a(8000)+"\r\n", 10)), Limits{}, "handshake_bytes_too_many", DefaultBytes},
		{"large limits", request(a(1<<17), ""), Limits{1 << 20, 1 << 20, 1 << 20}, "", 0},
		{"limits beyond all sense", request("a", ""), Limits{1<<31 - 1, 1<<31 - 1, 1<<31 - 1}, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, _, err := feed(tt.in, tt.l)
			if token(err) != tt.token {
				t.Fatalf("after %d bytes: %v, want %q", at, err, tt.token)
			}
			if err == nil && at != len(tt.in) {
				t.Errorf("taken after %d bytes of %d", at, len(tt.in))
			}
			if tt.at != 0 && at != tt.at {
				t.Errorf("refused after %d bytes, want %d", at, tt.at)
			}
			if err != nil && err.(*Error).Status != 431 {
				t.Errorf("status %d, want 431", err.(*Error).Status)
			}
			if _, _, _, whole := ParseRequest(tt.in, 0, tt.l); text(whole) != text(err) {
				t.Errorf("whole: %v, byte by byte: %v", whole, err)
			}
		})
	}
}

func TestHeadTooManyFieldsAreNoticedWithinAnEighth(t *testing.T) {
	for _, width := range []int{4, 5, 9, 30, 200} {
		b := []byte("GET / HTTP/1.1\r\n" + strings.Repeat("X:"+strings.Repeat("y", width-4)+"\r\n", 2000))
		surplus := 16 + width*(DefaultFields+1) // where one too many has come
		at, _, err := feed(b, Limits{})
		if token(err) != "handshake_fields_too_many" || at < surplus || at > surplus+surplus/8+1 {
			t.Errorf("fields of %d bytes: %v after %d, want within an eighth of %d", width, err, at, surplus)
		}
	}
}

// TestHeadScanIsLinear counts the bytes that are looked at when 64 KiB come
// one at a time, in the shapes that would cost most.
func TestHeadScanIsLinear(t *testing.T) {
	const size = 64 << 10
	for _, tt := range []struct {
		name string
		unit string
		l    Limits
	}{
		{"one endless line", "a", Limits{Line: size, Fields: size, Bytes: 2 * size}},
		{"short lines", "X:\r\n", Limits{Line: size, Fields: size, Bytes: 2 * size}},
		{"short lines, short limit", "X:\r\n", Limits{Line: 2, Fields: size, Bytes: 2 * size}},
		{"lines at the limit", strings.Repeat("a", 1000) + "\r\n", Limits{Line: 1000, Fields: size, Bytes: 2 * size}},
		{"lines of mixed length", strings.Repeat("a", 500) + "\r\n" + strings.Repeat("b\r\n", 50), Limits{Line: 500, Fields: size, Bytes: 2 * size}},
		{"one long line and short ones", strings.Repeat("a", size/2) + strings.Repeat("\r\nb", size/6), Limits{Line: size / 2, Fields: size, Bytes: 2 * size}},
		{"tabs", "a\t", Limits{Line: size, Fields: size, Bytes: 2 * size}},
		{"few fields allowed", strings.Repeat("a", 630) + "\r\n", Limits{Line: 1000, Fields: 110, Bytes: 2 * size}},
	} {
		for _, step := range []int{1, 2, 7, 1000} {
			t.Run(fmt.Sprintf("%s, %d at a time", tt.name, step), func(t *testing.T) {
				b := []byte(strings.Repeat(tt.unit, size/len(tt.unit)))
				total := 0
				for i := 0; i < len(b); i += step {
					end, cost, err := scanHead(b[:min(i+step, len(b))], i, tt.l)
					if end != 0 || err != nil {
						t.Fatalf("end %d, err %v after %d bytes", end, err, i)
					}
					total += cost
				}
				// At most 13 for counting fields, 2 for long lines, 1 for bytes.
				if most := 16 * len(b); total > most {
					t.Errorf("%d bytes looked at for %d, %.1f each; want at most 16", total, len(b), float64(total)/float64(len(b)))
				}
			})
		}
	}
}

// TestHeadMemoryIsLinear holds what ParseRequest allocates for the heads that
// make most of it against their size.
func TestHeadMemoryIsLinear(t *testing.T) {
	l := Limits{1 << 20, 1 << 20, 1 << 20}
	for name, in := range map[string]string{
		"many names": func() string {
			s := ""
			for i := range 4000 {
				s += fmt.Sprintf("x%d:\r\n", i)
			}
			return s
		}(),
		"one name":         strings.Repeat("x:\r\n", 8000),
		"many protocols":   "Sec-WebSocket-Protocol: a" + strings.Repeat(",a", 16000) + "\r\n",
		"many extensions":  "Sec-WebSocket-Extensions: a" + strings.Repeat(",a", 16000) + "\r\n",
		"many connections": "Connection: a" + strings.Repeat(",a", 16000) + "\r\n",
	} {
		b := []byte("GET / HTTP/1.1\r\nHost: a\r\n" + in + "\r\n")
		const runs = 10
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			r, n, _, err := ParseRequest(b, 0, l)
			if n == 0 || err != nil {
				t.Fatal(n, err)
			}
			r.Check()
		}
		runtime.ReadMemStats(&after)
		each := (after.TotalAlloc - before.TotalAlloc) / runs / uint64(len(b))
		t.Logf("%s: %d bytes allocated for each that came", name, each)
		if each > 60 {
			t.Errorf("%s: %d bytes allocated for each that came", name, each)
		}
	}
}

func TestHeadControlBytesAreRefusedAtOnce(t *testing.T) {
	for c := range 256 {
		for _, before := range []string{"", "GET /", "GET / HTTP/1.1\r\nX: 1234567890"} {
			_, _, _, err := ParseRequest(append([]byte(before), byte(c)), 0, Limits{})
			want := ""
			switch {
			case c == '\n':
				want = "handshake_bare_lf"
			case c == '\t', c == '\r':
			case c < ' ', c == 0x7f:
				want = "handshake_control_byte"
			}
			if token(err) != want {
				t.Errorf("0x%02x after %q: %v, want %q", c, before, err, want)
			}
		}
	}
}

// TestHeadNextControlEqualsALoop compares the eight bytes a step with the
// obvious loop, for each byte at each place among neighbours that borrow.
func TestHeadNextControlEqualsALoop(t *testing.T) {
	for _, fill := range []byte{0x00, 0x1f, 0x20, 0x21, 0x7e, 0x7f, 0x80, 0x9f, 0xa0, 0xff} {
		for length := range 20 {
			for at := range length {
				for c := range 256 {
					b := bytes.Repeat([]byte{fill}, length)
					b[at] = byte(c)
					for from := range length + 1 {
						want := from
						for want < length && b[want] >= 0x20 && b[want] != 0x7f {
							want++
						}
						if got := nextControl(b, from); got != want {
							t.Fatalf("nextControl(%x, %d) = %d, want %d", b, from, got, want)
						}
					}
				}
			}
		}
	}
}

func TestHeadCheckpointsAreCloseEnough(t *testing.T) {
	for p := range 1 << 17 {
		c := checkpoint(p)
		if c <= p || p >= 64 && c-p > p/8 || checkpoint(c-1) != c {
			t.Fatalf("checkpoint(%d) = %d, and of the byte before it %d", p, c, checkpoint(c-1))
		}
	}
}

func TestHeadScannedOutOfRangeIsTakenForZero(t *testing.T) {
	for _, scanned := range []int{-1, len(sampleRequest) + 1, 1 << 30} {
		if _, n, _, err := ParseRequest([]byte(sampleRequest), scanned, Limits{}); n != len(sampleRequest) || err != nil {
			t.Errorf("scanned %d: n %d, err %v", scanned, n, err)
		}
	}
	// A scanned that claims too much is a mistake, but no panic.
	for i := range len(sampleRequest) + 1 {
		ParseRequest([]byte(sampleRequest), i, Limits{})
		ParseRequest([]byte(strings.ReplaceAll(sampleRequest, "\r\n", "\n")+"\r\n\r\n"), i, Limits{})
		ParseRequest([]byte("\r\n\n\n\r\r\n:\r\n\n \r\n\r\n"), i, Limits{})
	}
}
