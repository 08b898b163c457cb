//go:build !race

package eventstream

import (
	"fmt"
	"strings"
	"testing"
)

// Not under the race detector, which counts some of its own.

func TestDecodeDoesNotAllocate(t *testing.T) {
	for _, s := range shapes {
		if s.name == "68B" { // IDs that differ: below
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			stream, _ := s.stream()
			d := NewDecoder(&endless{p: []byte(stream)})
			decode := func() {
				var ev Event
				if err := d.Decode(&ev); err != nil || len(ev.Data) == 0 {
					t.Fatal(err)
				}
			}
			for range 100 { // the buffer grows
				decode()
			}
			if n := testing.AllocsPerRun(1000, decode); n != 0 {
				t.Errorf("%v allocations an event", n)
			}
		})
	}
}

func TestDecodeOfFewTypesAndOneIDDoesNotAllocate(t *testing.T) {
	var in strings.Builder
	for i := range 100 {
		fmt.Fprintf(&in, ":\nid: the same\nevent: type-%d\nretry: %d\ndata: a\ndata: b\n\n", i%4, i)
	}
	d := NewDecoder(&endless{p: []byte(in.String())})
	var ev Event
	for range 100 {
		d.Decode(&ev)
	}
	if n := testing.AllocsPerRun(1000, func() { d.Decode(&ev) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

func TestAllDoesNotAllocateForAnEvent(t *testing.T) {
	stream, _ := shapes[1].stream()
	d := NewDecoder(&endless{p: []byte(stream)})
	some := func() {
		n := 0
		for ev, err := range d.All() {
			if err != nil || len(ev.Data) == 0 {
				t.Fatal(err)
			}
			if n++; n == 1000 {
				break
			}
		}
	}
	some()
	if n := testing.AllocsPerRun(10, some); n > 2 { // the iterator itself
		t.Errorf("%v allocations for 1,000 events", n)
	}
}

// New IDs share chunks: 512 bytes for 102 IDs of five.
func TestIDsAllocateInChunks(t *testing.T) {
	stream, _ := shapes[0].stream()
	d := NewDecoder(&endless{p: []byte(stream)})
	var ev Event
	for range 1000 {
		d.Decode(&ev)
	}
	n := testing.AllocsPerRun(20, func() {
		for range 1000 {
			d.Decode(&ev)
		}
	})
	if n > 10 {
		t.Errorf("%v allocations for 1,000 IDs", n)
	}
}

func TestAppendDoesNotAllocateWithCapacity(t *testing.T) {
	ev := Event{ID: "1", Type: "x", Retry: 5 * ms, Data: []byte(strings.Repeat("line\r\n", 100))}
	dst := make([]byte, 0, 4000)
	comment := strings.Repeat("comment\n", 10)
	if n := testing.AllocsPerRun(100, func() {
		Append(dst, ev)
		Append(dst, Event{Data: ev.Data[:4]})
		AppendComment(dst, comment)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Without capacity there is one: room for all of the event is made at once.
func TestAppendGrowsOnce(t *testing.T) {
	for _, ev := range []Event{
		{Data: make([]byte, 300)},
		{Data: []byte(strings.Repeat("line\n", 1000))},
		{Data: []byte(strings.Repeat("line\r\n", 1000))},
		{ID: strings.Repeat("1", 100), Type: strings.Repeat("t", 100), Retry: 1 << 62, Data: make([]byte, 300)},
		{ID: "1"},
	} {
		if n := testing.AllocsPerRun(10, func() { Append(nil, ev) }); n != 1 {
			t.Errorf("%d bytes of data: %v allocations", len(ev.Data), n)
		}
	}
}
