package httpstream

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// publisher is what POST publishes to; nil where nobody may.
func (e *endpoint) publisher() topic.Publisher {
	if e.o.Allow == nil {
		return nil
	}
	p, _ := e.src.(topic.Publisher)
	return p
}

// publish answers a POST, whose body is the data of an item.
func (e *endpoint) publish(w http.ResponseWriter, r *http.Request) *RefusedError {
	p := e.publisher()
	if p == nil {
		return hold(r, e.notAllowed("Nothing can be published here."))
	}
	if err := e.o.Allow(r); err != nil {
		return hold(r, refusal(err))
	}
	pub, refusal := e.publication(w, r)
	if refusal != nil {
		refusal.close = true // what is left of the body is not waited for
		return refusal
	}
	c, stored, err := p.Publish(r.Context(), pub)
	if err != nil {
		return publishRefusal(err)
	}
	status := http.StatusCreated
	if !stored {
		status = http.StatusOK // it was there before
	}
	h := w.Header()
	h["Cache-Control"] = noStore
	h[headerCursor] = []string{string(c)}
	e.o.send(w, r, status, append(appendPosition(nil, c), '\n'))
	return nil
}

// publication reads what a request publishes.
func (e *endpoint) publication(w http.ResponseWriter, r *http.Request) (p topic.Publication, refusal *RefusedError) {
	values, refusal := queryValues(r)
	if refusal != nil {
		return p, refusal
	}
	if p.Type, _, refusal = single(values, "type"); refusal != nil {
		return p, refusal
	}
	if p.Key, refusal = publicationKey(r, values["key"]); refusal != nil {
		return p, refusal
	}
	if p.Binary, refusal = isBinary(r.Header["Content-Type"]); refusal != nil {
		return p, refusal
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return p, refused(http.StatusUnsupportedMediaType, tokenBadItem, "The body can't have a Content-Encoding.")
	}
	p.Data, refusal = e.body(w, r)
	return p, refusal
}

// publicationKey is the key that makes a POST repeatable, from the field
// Idempotency-Key or from ?key=.
func publicationKey(r *http.Request, query []string) (string, *RefusedError) {
	all := append(r.Header["Idempotency-Key"], query...)
	for _, key := range all {
		if key != all[0] {
			return "", refused(http.StatusBadRequest, tokenBadQuery, "There is more than one key.")
		}
	}
	if len(all) == 0 {
		return "", nil
	}
	return all[0], nil
}

// isBinary says what a Content-Type makes of a body: text where it is of type
// text, JSON, a form (what curl -d says), or not said at all.
func isBinary(fields []string) (bool, *RefusedError) {
	if len(fields) == 0 || len(fields) == 1 && fields[0] == "" {
		return false, nil
	}
	name, params, err := mime.ParseMediaType(fields[0])
	if err != nil || len(fields) > 1 {
		return false, refused(http.StatusBadRequest, tokenBadItem, "The Content-Type can't be read.")
	}
	text := strings.HasPrefix(name, "text/") || name == typeJSON || strings.HasSuffix(name, "+json") ||
		name == "application/x-www-form-urlencoded"
	if charset := params["charset"]; text && charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return false, refused(http.StatusUnsupportedMediaType, tokenBadItem, "Text is UTF-8 here.")
	}
	return !text, nil
}

// body reads the body of a request, within MaxPublish and WriteTimeout.
func (e *endpoint) body(w http.ResponseWriter, r *http.Request) ([]byte, *RefusedError) {
	tooLarge := func() *RefusedError {
		return refused(http.StatusRequestEntityTooLarge, tokenTooLarge, "The body is larger than "+strconv.FormatInt(e.o.MaxPublish, 10)+" bytes.")
	}
	if r.ContentLength > e.o.MaxPublish {
		return nil, tooLarge() // not a byte of it is read
	}
	if r.Body == nil {
		return nil, nil
	}
	ctl := http.NewResponseController(w)
	if e.o.WriteTimeout > 0 {
		ctl.SetReadDeadline(time.Now().Add(e.o.WriteTimeout))
	}
	// Memory is taken as bytes arrive, not because a field announced them.
	data, err := io.ReadAll(io.LimitReader(r.Body, e.o.MaxPublish+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, refused(http.StatusRequestTimeout, tokenTimeout, "The body did not come in time.")
	case err != nil:
		return nil, refused(http.StatusBadRequest, tokenBadRequest, "The body can't be read.")
	case int64(len(data)) > e.o.MaxPublish:
		return nil, tooLarge()
	}
	if e.o.WriteTimeout > 0 {
		ctl.SetReadDeadline(time.Time{}) // else it would end the request's context
	}
	return data, nil
}

// publishRefusal is what an error of Publish comes to.
func publishRefusal(err error) *RefusedError {
	var item *topic.ItemError
	if !errors.As(err, &item) {
		return sourceRefusal(err)
	}
	if item.Limit > 0 {
		return refused(http.StatusRequestEntityTooLarge, tokenTooLarge, "The item is too large for this topic.")
	}
	return refused(http.StatusBadRequest, tokenBadItem, "That can't be published ("+item.Field+": "+item.Fault+").")
}
