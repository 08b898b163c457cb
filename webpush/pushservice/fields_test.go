package pushservice

import (
	"strings"
	"testing"

	memory "github.com/pushwire/pushwire/internal/held"
)

// What a message keeps of a field is what counts for its size, and not the field
// that it was cut out of, which net/http lets be a megabyte.
func TestFieldsAreNotHeld(t *testing.T) {
	if !memory.Measurable {
		t.Log("stacks and pools are others under the race detector: nothing is measured")
		return
	}
	const n, large = 100, 64 << 10
	s := newService(t, nil)
	_, push, _ := subscribed(t, s)
	send := func(size int) {
		more := ";more=" + strings.Repeat("x", size)
		want(t, s, 201, "POST", push, "x", "Content-Encoding", "aesgcm", "Encryption", "salt=abc"+more, "Crypto-Key", "dh=def"+more)
	}
	send(large)
	before := memory.Bytes()
	for range n {
		send(large)
	}
	memory.Each(t, before, n, 8<<10)
	if m := s.Stats().Messages; m != n+1 {
		t.Errorf("%d messages are there, want %d", m, n+1)
	}
}
