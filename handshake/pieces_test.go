package handshake

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRequestTruncatedAsksForMore: no proper prefix of a head is an answer,
// and none is an error.
func TestRequestTruncatedAsksForMore(t *testing.T) {
	for _, in := range []string{sampleRequest, browserRequest, programRequest} {
		for i := range len(in) {
			if _, n, scan, err := ParseRequest([]byte(in[:i]), 0, Limits{}); n != 0 || scan != i || err != nil {
				t.Fatalf("%d of %d bytes: n %d, scan %d, err %v", i, len(in), n, scan, err)
			}
		}
	}
}

func TestResponseTruncatedAsksForMore(t *testing.T) {
	for i := range len(sampleResponse) {
		if _, n, scan, err := ParseResponse([]byte(sampleResponse[:i]), 0, Limits{}); n != 0 || scan != i || err != nil {
			t.Fatalf("%d bytes: n %d, scan %d, err %v", i, n, scan, err)
		}
	}
}

// tight are limits that the tables run into.
var tight = Limits{Line: 60, Fields: 7, Bytes: 400}

func TestRequestInPiecesEqualsWhole(t *testing.T) {
	for _, tt := range requestTable {
		inPieces(t, tt.name, ParseRequest, []byte(tt.in))
	}
}

func TestResponseInPiecesEqualsWhole(t *testing.T) {
	for _, tt := range responseTable {
		inPieces(t, tt.name, ParseResponse, []byte(tt.in))
	}
}

func inPieces[T any](t *testing.T, name string, parse func([]byte, int, Limits) (T, int, int, error), in []byte) {
	t.Helper()
	for _, l := range []Limits{{}, tight} {
		want := parseWhole(parse, in, l)
		for i := range len(in) + 1 {
			if diff := cmp.Diff(want, parsePieces(parse, in, l, i)); diff != "" {
				t.Fatalf("%s split at %d, limits %v (-whole +pieces):\n%s", name, i, l, diff)
			}
		}
		if diff := cmp.Diff(want, parsePieces(parse, in, l, everyByte(in)...)); diff != "" {
			t.Fatalf("%s byte by byte, limits %v (-whole +pieces):\n%s", name, l, diff)
		}
	}
}

// TestRequestWithOneBitFlipped: what is still taken, net/http takes too and
// reads the same.
func TestRequestWithOneBitFlipped(t *testing.T) {
	for _, in := range []string{sampleRequest, browserRequest, line("GET http://[::1]:80/a%41?b HTTP/1.1")} {
		for i := range len(in) * 8 {
			b := []byte(in)
			b[i/8] ^= 1 << (i % 8)
			r, n, _, err := ParseRequest(b, 0, Limits{})
			if err != nil || n == 0 {
				continue
			}
			if err := agreeRequest(b, &r); err != nil {
				t.Fatalf("bit %d: %q: %v", i, b, err)
			}
			r.Check()
			Origins{}.Check(&r)
		}
	}
}

// TestResponseWithOneBitFlipped: none but the sample itself and harmless
// changes pass Check, and nothing is read otherwise than by net/http.
func TestResponseWithOneBitFlipped(t *testing.T) {
	req := &Request{Key: sampleKey, Protocols: []string{"chat"}}
	passed := 0
	for i := range len(sampleResponse) * 8 {
		b := []byte(sampleResponse)
		b[i/8] ^= 1 << (i % 8)
		r, n, _, err := ParseResponse(b, 0, Limits{})
		if err != nil || n == 0 {
			continue
		}
		if err := agreeResponse(b, &r); err != nil {
			t.Fatalf("bit %d: %q: %v", i, b, err)
		}
		if r.Check(req) != nil {
			continue
		}
		passed++
		if r.Accept != sampleAccept || r.Status != 101 || r.Protocol != "" && r.Protocol != "chat" {
			t.Errorf("bit %d: %q passes", i, b)
		}
	}
	t.Logf("%d of %d flips pass: letters' cases, the phrase, minor versions, a field's name that lets the subprotocol go", passed, len(sampleResponse)*8)
}
