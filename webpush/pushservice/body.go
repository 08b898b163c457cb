package pushservice

import (
	"io"
	"net/http"
	"time"
)

// bodyTimeout is how long the body of a request may take to arrive.
const bodyTimeout = 10 * time.Second

// timed is a body that has its time. The deadline is taken away once all is
// there: net/http reads on behind it, to see whether the client goes away. One
// that is never read, since the request is refused before, keeps it, so that
// net/http, which reads some of it before the answer, does not wait longer.
type timed struct {
	io.ReadCloser
	deadline *http.ResponseController
}

func (t *timed) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err == io.EOF {
		t.deadline.SetReadDeadline(time.Time{})
	}
	return n, err
}

// timeBody gives the body of a request its time, if there is one. Where there
// are no deadlines, as in a test, there is no socket either.
func timeBody(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	deadline := http.NewResponseController(w)
	if deadline.SetReadDeadline(time.Now().Add(bodyTimeout)) != nil {
		return r
	}
	r = r.WithContext(r.Context()) // a copy, as a handler may not change what it got
	r.Body = &timed{r.Body, deadline}
	return r
}
