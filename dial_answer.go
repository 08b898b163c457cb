package pushwire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/pushwire/pushwire/handshake"
)

// Bounds on what Dial takes of an answer beyond handshake.Limits.
const (
	maxInterim   = 8           // answers 1xx before the final one
	refusalBytes = 1 << 10     // of the body of a refusal
	refusalTime  = time.Second // for those bytes to come
	answerBuffer = 1 << 10     // first buffer; heads are short
)

// answer is one response to an opening handshake or to CONNECT.
type answer struct {
	conn   net.Conn           // that it came from
	head   handshake.Response // its strings don't point into the buffer
	text   []byte             // the head as it came
	agreed agreed             // of a 101 that holds
	unread []byte             // what came behind the head
	url    *url.URL           // that was asked for, nil for CONNECT
	body   []byte             // of a refusal, once it was read
}

// readAnswer reads the first final response from nc. early is what was read
// from nc before.
//
// RFC 9110, 15.2: "A client MUST be able to parse one or more 1xx responses
// received prior to a final response". 101 is final to us.
func readAnswer(nc net.Conn, early []byte) (*answer, error) {
	buf := append(make([]byte, 0, max(answerBuffer, 2*len(early))), early...)
	scanned, interim := 0, 0
	for {
		if len(buf) > 0 {
			head, n, scan, err := handshake.ParseResponse(buf, scanned, handshake.Limits{})
			if err != nil {
				return nil, err
			}
			if n > 0 {
				if head.Status >= 200 || head.Status == http.StatusSwitchingProtocols {
					return &answer{conn: nc, head: head, text: buf[:n], unread: buf[n:]}, nil
				}
				if interim++; interim > maxInterim {
					return nil, fmt.Errorf("more than %d interim answers (the last was %d)", maxInterim, head.Status)
				}
				buf, scanned = buf[n:], 0
				continue
			}
			scanned = scan
		}
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, max(answerBuffer, 2*len(buf))), buf...)
		}
		n, err := nc.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if n == 0 && err != nil {
			if isEOF(err) {
				err = cutOff(len(buf))
			}
			return nil, err
		}
	}
}

// cutOff is the peer's end of the line before its answer was whole.
func cutOff(got int) error {
	if got == 0 {
		return fmt.Errorf("the connection was closed without an answer: %w", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("the connection was closed after %d bytes of an answer: %w", got, io.ErrUnexpectedEOF)
}

// readBody reads the beginning of a refusal's body, as far as it comes in
// refusalTime; then it closes raw, the socket below. The caller's context
// closes that too.
func (a *answer) readBody(raw io.Closer) {
	if a.head.Status == http.StatusSwitchingProtocols {
		return // what follows is no body
	}
	defer time.AfterFunc(refusalTime, func() { raw.Close() }).Stop()
	// net/http undoes chunks and knows where the body ends.
	r := io.MultiReader(bytes.NewReader(a.text), bytes.NewReader(a.unread), a.conn)
	res, err := http.ReadResponse(bufio.NewReader(r), nil)
	if err != nil {
		return // handshake.ParseResponse is the stricter of the two
	}
	a.body, _ = io.ReadAll(io.LimitReader(res.Body, refusalBytes))
}

// response is the answer in net/http's form, nil for none.
func (a *answer) response() *http.Response {
	if a == nil {
		return nil
	}
	res := &http.Response{
		Status:        fmt.Sprintf("%03d %s", a.head.Status, a.head.Phrase),
		StatusCode:    a.head.Status,
		Proto:         fmt.Sprintf("HTTP/%d.%d", a.head.HTTP/10, a.head.HTTP%10),
		ProtoMajor:    a.head.HTTP / 10,
		ProtoMinor:    a.head.HTTP % 10,
		Header:        a.head.Header,
		ContentLength: int64(len(a.body)),
		Body:          http.NoBody,
		Request:       &http.Request{Method: http.MethodGet, URL: a.url, Host: a.url.Host, Header: make(http.Header)},
	}
	if len(a.body) > 0 {
		res.Body = io.NopCloser(bytes.NewReader(a.body))
	}
	return res
}
