package handshake

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/net/http/httpguts"
)

// agreeRequest says how the reading r of raw differs from net/http's, which
// has to accept whatever we accept. This is the promise that no proxy written
// in Go in front of us, and no handler behind, is told another story.
func agreeRequest(raw []byte, r *Request) error {
	ref, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return fmt.Errorf("net/http refuses it: %w", err)
	}
	if ref.Method != r.Method {
		return fmt.Errorf("method %q, net/http %q", r.Method, ref.Method)
	}
	if v := ref.ProtoMajor*10 + ref.ProtoMinor; v != r.HTTP {
		return fmt.Errorf("version %d, net/http %d", r.HTTP, v)
	}
	if ref.Host != r.Host {
		return fmt.Errorf("host %q, net/http %q", r.Host, ref.Host)
	}
	target := ref.RequestURI
	if ref.URL.IsAbs() {
		_, rest, _ := strings.Cut(target, "://")
		target = strings.TrimPrefix(rest, ref.URL.Host)
		if !strings.HasPrefix(target, "/") {
			target = "/" + target
		}
	}
	if target != r.Target {
		return fmt.Errorf("target %q, net/http %q", r.Target, target)
	}
	path, query, _ := strings.Cut(r.Target, "?")
	if ref.URL.IsAbs() && ref.URL.Path == "" {
		path = ""
	}
	if ref.URL.RawQuery != query || ref.URL.EscapedPath() != path && ref.URL.RawPath != path && len(ref.URL.Path) == len(path) {
		return fmt.Errorf("path %q query %q, net/http %q and %q", path, query, ref.URL.EscapedPath(), ref.URL.RawQuery)
	}
	want := ref.Header.Clone()
	delete(want, "Host") // net/http's server does that too
	return agreeHeader(r.Header, want)
}

// agreeResponse is the same for a response to a GET.
func agreeResponse(raw []byte, r *Response) error {
	ref, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil {
		if r.Header["Trailer"] != nil {
			return nil // it reads the names of trailers; we have no use for them
		}
		return fmt.Errorf("net/http refuses it: %w", err)
	}
	if ref.StatusCode != r.Status {
		return fmt.Errorf("status %d, net/http %d", r.Status, ref.StatusCode)
	}
	if v := ref.ProtoMajor*10 + ref.ProtoMinor; v != r.HTTP {
		return fmt.Errorf("version %d, net/http %d", r.HTTP, v)
	}
	if want := strings.TrimPrefix(strings.TrimPrefix(ref.Status, fmt.Sprint(r.Status)), " "); want != r.Phrase {
		return fmt.Errorf("phrase %q, net/http %q", r.Phrase, want)
	}
	got := r.Header.Clone()
	if got["Transfer-Encoding"] != nil && r.HTTP >= 11 {
		delete(got, "Content-Length")
		delete(got, "Trailer")
		delete(ref.Header, "Content-Length")
	}
	if httpguts.HeaderValuesContainsToken(got["Connection"], "close") {
		delete(got, "Connection") // net/http has taken it out
		delete(ref.Header, "Connection")
	}
	if lengths := got["Content-Length"]; len(lengths) > 1 {
		got["Content-Length"] = lengths[:1]
	}
	return agreeHeader(got, ref.Header)
}

func agreeHeader(got, want http.Header) error {
	got = got.Clone()
	delete(got, "Transfer-Encoding") // net/http has taken it out of the header
	delete(want, "Transfer-Encoding")
	if got["Cache-Control"] == nil && len(got["Pragma"]) > 0 && got["Pragma"][0] == "no-cache" {
		delete(want, "Cache-Control") // net/http has put it in
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		return fmt.Errorf("fields differ from net/http's (-net/http +ours):\n%s", diff)
	}
	return nil
}

// parsed is all that a parser returns, for comparing.
type parsed[T any] struct {
	V   T
	N   int
	Err string
}

func parseWhole[T any](parse func([]byte, int, Limits) (T, int, int, error), b []byte, l Limits) parsed[T] {
	v, n, _, err := parse(b, 0, l)
	return parsed[T]{v, n, text(err)}
}

// parsePieces feeds b to the parser piece by piece; cuts are positions in
// ascending order. It stops where a caller would: at a result or an error.
func parsePieces[T any](parse func([]byte, int, Limits) (T, int, int, error), b []byte, l Limits, cuts ...int) parsed[T] {
	scan := 0
	for _, cut := range append(cuts, len(b)) {
		// A fresh array, so that a look beyond the piece is a panic.
		v, n, next, err := parse(bytes.Clone(b[:cut])[:cut:cut], scan, l)
		if n > 0 || err != nil {
			return parsed[T]{v, n, text(err)}
		}
		scan = next
	}
	return parsed[T]{}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// everyByte is the cuts of a caller that reads single bytes.
func everyByte(b []byte) []int {
	cuts := make([]int, len(b))
	for i := range cuts {
		cuts[i] = i
	}
	return cuts
}

// token returns the token of err, "" for nil and the text for other errors.
func token(err error) string {
	switch e := err.(type) {
	case nil:
		return ""
	case *Error:
		return e.Token
	case *ConfigError:
		return e.Token
	}
	return err.Error()
}
