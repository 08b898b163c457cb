package topic_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// A reader keeps a cursor, and pulls.
func Example() {
	var log topic.Log
	log.Append("", []byte("hello"))
	log.Append("greeting", []byte("world"))
	log.Close() // else Read would wait after the second

	var after topic.Cursor
	for {
		items, err := log.Read(context.Background(), after, nil)
		if errors.Is(err, topic.ErrClosed) {
			return
		}
		for _, it := range items {
			fmt.Printf("%s: %s\n", it.Type, it.Data)
			after = it.Cursor
		}
	}
	// Output:
	// message: hello
	// greeting: world
}

func ExampleLog_Publish() {
	log := topic.Log{MaxItems: 100, MaxAge: time.Hour}
	p := topic.Publication{Type: "order", Data: []byte("one coffee"), Key: "order 17"}
	first, stored, _ := log.Publish(context.Background(), p)
	fmt.Println(stored)
	again, stored, _ := log.Publish(context.Background(), p) // the answer was lost
	fmt.Println(stored, again == first)

	_, _, err := log.Publish(context.Background(), topic.Publication{Data: []byte("\xff")})
	var item *topic.ItemError
	fmt.Println(errors.As(err, &item), err)
	// Output:
	// true
	// false true
	// true topic: the item can't be published (data: text that is not UTF-8)
}

// With a context that has ended Read looks, and does not wait.
func ExampleLog_Read() {
	var log topic.Log
	look, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := log.Read(look, "", nil)
	fmt.Println(err)
	log.Append("", []byte("there"))
	items, _ := log.Read(look, "", make([]topic.Item, 0, 100))
	fmt.Printf("%s\n", items[0].Data)
	// Output:
	// context canceled
	// there
}

func ExampleGoneError() {
	log := topic.Log{MaxItems: 2}
	after := log.Append("", []byte("1"))
	for _, s := range []string{"2", "3", "4"} {
		log.Append("", []byte(s))
	}
	_, err := log.Read(context.Background(), after, nil)
	var gone *topic.GoneError
	if errors.As(err, &gone) {
		fmt.Println("something is missing")
		items, _ := log.Read(context.Background(), gone.Oldest, nil)
		for _, it := range items {
			fmt.Printf("%s\n", it.Data)
		}
	}
	// Output:
	// something is missing
	// 3
	// 4
}

// Ten thousand may wait like this, without a goroutine.
func ExampleLog_Wake() {
	var log topic.Log
	called := make(chan bool)
	stop := log.Wake(topic.Now, func() { called <- true })
	defer stop()
	log.Append("", nil)
	fmt.Println(<-called)
	// Output: true
}

func ExampleLog_Bounds() {
	var log topic.Log
	log.Append("", []byte("12345"))
	head := log.Append("", []byte("67890"))
	b, _ := log.Bounds(context.Background())
	fmt.Println(b.Items, b.Head == head)
	items, _ := log.Read(context.Background(), b.Oldest, nil)
	fmt.Println(len(items))
	// Output:
	// 2 true
	// 2
}

func ExampleLog_Close() {
	var log topic.Log
	log.Append("", []byte("the last"))
	log.Close()
	items, _ := log.Read(context.Background(), "", nil)
	_, err := log.Read(context.Background(), items[0].Cursor, nil)
	fmt.Println(len(items), err, errors.Is(err, net.ErrClosed))
	// Output: 1 topic: closed true
}

func ExampleItem_Form() {
	var log topic.Log
	log.Append("", []byte("hello"))
	encode := func(it *topic.Item) any {
		fmt.Println("encoded")
		return fmt.Appendf(nil, "%q", it.Data)
	}
	for range 3 { // readers
		items, _ := log.Read(context.Background(), "", nil)
		fmt.Printf("%s\n", items[0].Form(topic.FormLine, encode))
	}
	// Output:
	// encoded
	// "hello"
	// "hello"
	// "hello"
}

// An engine gives the copies of an item that it keeps something to share.
func ExampleItem_Share() {
	kept := topic.Item{Cursor: topic.At("a", 1), Type: "message", Data: []byte("hello")}
	kept.Share()
	n := 0
	for range 3 {
		it := kept
		it.Form(topic.FormLine, func(*topic.Item) any { n++; return n })
	}
	fmt.Println(n)
	// Output: 1
}

func ExampleCursor_Split() {
	epoch, seq, err := topic.Cursor("0123456789abc-17").Split()
	fmt.Println(epoch, seq, err)
	fmt.Println(topic.At(epoch, seq+1))
	_, _, err = topic.Cursor("0123456789abc-017").Split()
	fmt.Println(err)
	// Output:
	// 0123456789abc 17 <nil>
	// 0123456789abc-18
	// topic: not a cursor: "0123456789abc-017" (not a number after the dash)
}

func ExampleCursor_Check() {
	for _, c := range []topic.Cursor{"", topic.Now, topic.At(topic.NewEpoch(), 1), "first"} {
		fmt.Println(c.Check() == nil)
	}
	// Output:
	// true
	// true
	// true
	// false
}

func ExamplePublication_Check() {
	p := topic.Publication{Type: "two\nlines"}
	fmt.Println(p.Check())
	// Output: topic: the item can't be published (type: a CR, LF or NUL in it)
}

func ExampleHub() {
	hub := topic.Hub{
		Engine:    &topic.Memory{MaxItems: 100, MaxBytes: 64 << 10},
		MaxTopics: 1000,
		Idle:      10 * time.Minute,
	}
	defer hub.Close()
	ctx := context.Background()
	hub.Publish(ctx, "room/1", "", []byte("hello"))
	hub.PublishItem(ctx, "room/2", topic.Publication{Data: []byte{0xff}, Binary: true, Key: "k"})
	items, _ := hub.Source("room/1").Read(ctx, "", nil)
	fmt.Printf("%s, %d topics\n", items[0].Data, hub.Len())
	// Output: hello, 2 topics
}

// follower is a reader that has no goroutine while it waits.
type follower struct {
	log    *topic.Log
	after  topic.Cursor
	wakeup topic.Wakeup
	got    chan string
}

func (f *follower) Touch() {}

func (f *follower) Wake() {
	ended, cancel := context.WithCancel(context.Background())
	cancel() // Read returns what is there, and does not wait
	items, _ := f.log.Read(ended, f.after, nil)
	for _, it := range items {
		f.after = it.Cursor
		f.got <- string(it.Data)
	}
	f.log.WakeBy(&f.wakeup, f.after)
}

func ExampleWakeup() {
	var log topic.Log
	f := &follower{log: &log, got: make(chan string, 2)}
	f.wakeup.Init(f)
	log.WakeBy(&f.wakeup, f.after)
	defer f.wakeup.Stop()
	log.Append("", []byte("hello"))
	fmt.Println(<-f.got)
	log.Append("", []byte("world"))
	fmt.Println(<-f.got)
	// Output:
	// hello
	// world
}
