package httpstream

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// Bounds of what a query may hold.
const (
	maxQuery  = 4 << 10 // bytes; the application's own parameters included
	maxNumber = 16      // characters of a number
)

// query is what a reader asks for.
type query struct {
	after    topic.Cursor
	explicit bool // by ?after=, and not by a field or by default
	wait     time.Duration
	waits    bool // ?wait= is there, be it 0
	limit    int  // 0: none
}

// parseQuery reads what the protocol knows of a request; other parameters are
// the application's.
func parseQuery(r *http.Request) (q query, e *RefusedError) {
	values, e := queryValues(r)
	if e != nil {
		return q, e
	}
	after, explicit, e := single(values, "after")
	if e != nil {
		return q, e
	}
	if q.explicit = explicit; !explicit {
		// What an event stream's client sends when it comes back; it works
		// on every transport.
		after = r.Header.Get(headerLastID)
	}
	if e := q.setAfter(after); e != nil {
		return q, e
	}
	s, waits, e := single(values, "wait")
	if e != nil {
		return q, e
	}
	if waits {
		var ok bool
		if q.wait, ok = parseSeconds(s); !ok {
			return q, refused(http.StatusBadRequest, tokenBadQuery, "wait is a number of seconds, as 30 or 2.5.")
		}
		q.waits = true
	}
	s, limited, e := single(values, "limit")
	if e != nil {
		return q, e
	}
	if limited {
		var ok bool
		if q.limit, ok = parseCount(s); !ok || q.limit == 0 {
			return q, refused(http.StatusBadRequest, tokenBadQuery, "limit is a number of items, 1 or more.")
		}
	}
	return q, nil
}

// headerLastID is where a client says what it has seen.
const headerLastID = "Last-Event-Id"

// preferLastID is for event streams. EventSource comes back with the URL that
// it was made with, and what it has seen since then in the field: after
// ?after=now it would lose what came in between.
func (q *query) preferLastID(r *http.Request) *RefusedError {
	id := r.Header.Get(headerLastID)
	if id == "" {
		return nil
	}
	return q.setAfter(id)
}

// setAfter takes the cursor of a request. It is copied: a client that stays has
// it for as long as nothing comes, and what it was cut out of, the first line of
// the request, may be large.
func (q *query) setAfter(cursor string) *RefusedError {
	if len(cursor) > topic.MaxCursor {
		return refused(http.StatusBadRequest, tokenBadCursor, "That is not a cursor: it is longer than "+strconv.Itoa(topic.MaxCursor)+" bytes.")
	}
	q.after = topic.Cursor(strings.Clone(cursor))
	return nil
}

func queryValues(r *http.Request) (url.Values, *RefusedError) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	if len(r.URL.RawQuery) > maxQuery {
		return nil, refused(http.StatusRequestURITooLong, tokenBadQuery, "The query is longer than "+strconv.Itoa(maxQuery)+" bytes.")
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refused(http.StatusBadRequest, tokenBadQuery, "The query can't be read.")
	}
	return values, nil
}

// single returns a parameter that may be there once.
func single(values url.Values, name string) (value string, ok bool, e *RefusedError) {
	switch all := values[name]; len(all) {
	case 0:
		return "", false, nil
	case 1:
		return all[0], true, nil
	}
	return "", false, refused(http.StatusBadRequest, tokenBadQuery, name+" is there more than once.")
}

// parseSeconds reads a time as digits with a point or without: no sign, no
// exponent.
func parseSeconds(s string) (time.Duration, bool) {
	whole, fraction, point := strings.Cut(s, ".")
	n, ok := parseCount(whole)
	if !ok || len(s) > maxNumber {
		return 0, false
	}
	if point {
		if _, ok := parseCount(fraction); !ok {
			return 0, false
		}
	}
	const nanoDigits = 9
	nanos, _ := strconv.Atoi((fraction + "000000000")[:nanoDigits])
	return time.Duration(n)*time.Second + time.Duration(nanos), true
}

// parseCount reads a number of digits. One that is larger than an int32 is the
// largest of these: limits clamp it anyway.
func parseCount(s string) (int, bool) {
	if s == "" || len(s) > maxNumber {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return int(min(n, math.MaxInt32)), true
}
