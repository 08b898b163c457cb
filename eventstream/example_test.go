package eventstream_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pushwire/pushwire/eventstream"
)

func ExampleAppend() {
	b, err := eventstream.Append(nil, eventstream.Event{
		ID:   "7",
		Type: "greeting",
		Data: []byte("hello\nworld"),
	})
	fmt.Printf("%s%v", b, err)
	// Output:
	// id: 7
	// event: greeting
	// data: hello
	// data: world
	//
	// <nil>
}

// A block without data fires nothing. It sets the last event ID or the
// reconnection time of whoever reads it.
func ExampleAppend_withoutData() {
	b, _ := eventstream.Append(nil, eventstream.Event{ID: "7", Retry: 2 * time.Second})
	fmt.Printf("%q\n", b)
	b, _ = eventstream.Append(nil, eventstream.Event{ID: "8", Data: []byte{}}) // empty, and fires
	fmt.Printf("%q\n", b)
	// Output:
	// "id: 7\nretry: 2000\n\n"
	// "id: 8\ndata: \n\n"
}

func ExampleAppendComment() {
	fmt.Printf("%q\n", eventstream.AppendComment(nil, "still here"))
	// Output: ": still here\n"
}

func ExampleFieldError() {
	_, err := eventstream.Append(nil, eventstream.Event{Type: "x\rdata: injected"})
	var field *eventstream.FieldError
	if errors.As(err, &field) {
		fmt.Println(field.Field, field.At, field.Token())
	}
	fmt.Println(err)
	// Output:
	// event 1 event_field_invalid
	// eventstream: the field "event" can't be written (byte '\r' at 1)
}

func ExampleNewDecoder() {
	r := strings.NewReader("id: 7\nevent: greeting\ndata: hello\ndata: world\n\n")
	d := eventstream.NewDecoder(r)
	for {
		var ev eventstream.Event
		err := d.Decode(&ev)
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %s %q\n", ev.ID, ev.Type, ev.Data) // ev.Data is valid until the next Decode
	}
	// Output: 7 greeting "hello\nworld"
}

func ExampleDecoder_All() {
	r := strings.NewReader("data: one\n\n: a comment\ndata: two\r\r")
	for ev, err := range eventstream.NewDecoder(r).All() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %s\n", ev.Type, ev.Data)
	}
	// Output:
	// message one
	// message two
}

// What a client needs to connect again is known after the end, too.
func ExampleDecoder_LastEventID() {
	d := eventstream.NewDecoder(strings.NewReader("id: 7\ndata: a\n\nid: 8\n\nretry: 500\nid: 9\n"))
	for ev := range d.All() {
		fmt.Println("event", ev.ID)
	}
	retry, ok := d.Retry()
	fmt.Println("last", d.LastEventID(), "retry", retry, ok) // the block of 9 is not complete
	// Output:
	// event 7
	// last 8 retry 500ms true
}

func ExampleDecoder_Retry() {
	d := eventstream.NewDecoder(strings.NewReader("retry: 1500\n"))
	fmt.Println(d.Retry())
	fmt.Println(d.Decode(new(eventstream.Event)))
	fmt.Println(d.Retry())
	// Output:
	// 0s false
	// EOF
	// 1.5s true
}

// A new connection continues the stream of the one before.
func ExampleDecoder_Reset() {
	d := eventstream.NewDecoder(strings.NewReader("id: 7\ndata: a\n\n"))
	for range d.All() {
	}
	last := d.LastEventID()
	d.Reset(strings.NewReader("data: b\n\n"))
	d.SetLastEventID(last)
	for ev := range d.All() {
		fmt.Printf("%s %s\n", ev.ID, ev.Data)
	}
	// Output: 7 b
}

func ExampleTooLargeError() {
	d := eventstream.NewDecoder(strings.NewReader("data: 0123456789"))
	d.MaxEvent = 8
	err := d.Decode(new(eventstream.Event))
	var large *eventstream.TooLargeError
	if errors.As(err, &large) {
		fmt.Println(large.Limit, large.Token())
	}
	fmt.Println(err)
	// Output:
	// 8 event_too_large
	// eventstream: an event is too large (the limit is 8 bytes)
}
