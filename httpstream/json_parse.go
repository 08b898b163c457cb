package httpstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pushwire/pushwire/topic"
)

// The client's side of the JSON bodies. Fields that are not known are passed
// over, so that the protocol can grow.

// lineKind is what a line of a stream, or a text message of a socket, holds.
type lineKind int

const (
	lineItem     lineKind = iota // an item
	linePosition                 // where the stream is; also a heartbeat
	lineReset                    // items are lost; the stream goes on after Item.Cursor
)

// line is a line of a stream, or a text message of a socket.
type line struct {
	Kind  lineKind
	Item  topic.Item       // of the others only Cursor is set
	Reset *topic.GoneError // of lineReset
}

// refusalBody is the body of a refusal.
type refusalBody struct {
	Token   string           // "" where the body is not of this protocol, as of a proxy
	Message string           //
	Gone    *topic.GoneError // with the token "gone"
}

type goneJSON struct {
	After  topic.Cursor `json:"after"`
	Oldest topic.Cursor `json:"oldest"`
	Head   topic.Cursor `json:"head"`
}

func (g goneJSON) gone() *topic.GoneError {
	return &topic.GoneError{After: g.After, Oldest: g.Oldest, Head: g.Head}
}

type itemJSON struct {
	Cursor topic.Cursor `json:"cursor"`
	Type   string       `json:"type"`
	Data   *string      `json:"data"`
	Base64 *[]byte      `json:"base64"`
}

var (
	errNoCursor  = errors.New("it has no cursor")
	errNoData    = errors.New(`an item has neither "data" nor "base64"`)
	errNoList    = errors.New(`"items" is no list`)
	errTwoBodies = errors.New(`an item has both "data" and "base64"`)
)

// item takes what was read over; isItem is false where it is only a cursor.
func (j *itemJSON) item() (it topic.Item, isItem bool, err error) {
	if j.Cursor == "" {
		return it, false, errNoCursor
	}
	it.Cursor = j.Cursor
	switch {
	case j.Data != nil && j.Base64 != nil:
		return it, false, errTwoBodies
	case j.Data != nil:
		it.Data = []byte(*j.Data)
	case j.Base64 != nil:
		it.Data, it.Binary = *j.Base64, true
	default:
		return it, false, nil
	}
	it.Type = j.Type
	if it.Type == "" {
		it.Type = defaultType
	}
	return it, true, nil
}

// parseLine reads a line of a stream or a text message of a socket. Nothing
// of b is retained.
func parseLine(b []byte) (line, error) {
	var j struct {
		itemJSON
		Reset *goneJSON `json:"reset"`
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return line{}, notJSON("line", err)
	}
	it, isItem, err := j.item()
	switch {
	case err != nil:
		return line{}, notJSON("line", err)
	case j.Reset != nil:
		return line{Kind: lineReset, Item: topic.Item{Cursor: it.Cursor}, Reset: j.Reset.gone()}, nil
	case !isItem:
		return line{Kind: linePosition, Item: it}, nil
	}
	return line{Kind: lineItem, Item: it}, nil
}

// itemList reads items one after the other, up to the first that is none: an
// answer of millions of them, as {} is with three bytes, has not taken fifty for
// each by the time it is refused.
type itemList []topic.Item

func (l *itemList) UnmarshalJSON(b []byte) error {
	*l = nil // of two lists the last one counts
	d := json.NewDecoder(bytes.NewReader(b))
	switch t, err := d.Token(); {
	case err != nil:
		return err
	case t == nil:
		return nil // null
	case t != json.Delim('['):
		return errNoList
	}
	for d.More() {
		var j itemJSON
		if err := d.Decode(&j); err != nil {
			return err
		}
		it, isItem, err := j.item()
		if err == nil && !isItem {
			err = errNoData
		}
		if err != nil {
			return err
		}
		*l = append(*l, it)
	}
	return nil
}

// parseAnswer reads the body of a poll's 200. Nothing of b is retained.
func parseAnswer(b []byte) (answer, error) {
	var j struct {
		Items  itemList     `json:"items"`
		Cursor topic.Cursor `json:"cursor"`
		More   bool         `json:"more"`
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return answer{}, notJSON("answer", err)
	}
	if j.Cursor == "" {
		return answer{}, notJSON("answer", errNoCursor)
	}
	return answer{Items: j.Items, Cursor: j.Cursor, More: j.More}, nil
}

// parseRefusal reads the body of a refusal. Any body will do: what is not of
// this protocol has no token.
func parseRefusal(b []byte) (r refusalBody) {
	var j struct {
		Error   string `json:"error"`
		Message string `json:"message"`
		goneJSON
	}
	if json.Unmarshal(b, &j) != nil {
		return r
	}
	r.Token, r.Message = j.Error, j.Message
	if j.Error == tokenGone {
		r.Gone = j.gone()
	}
	return r
}

// parsePublished reads the answer to a publication.
func parsePublished(b []byte) (topic.Cursor, error) {
	var j struct {
		Cursor topic.Cursor `json:"cursor"`
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return "", notJSON("answer", err)
	}
	if j.Cursor == "" {
		return "", notJSON("answer", errNoCursor)
	}
	return j.Cursor, nil
}

func notJSON(what string, err error) error {
	return fmt.Errorf("httpstream: the %s of the server is not understood: %w", what, err)
}
