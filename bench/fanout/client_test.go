//go:build linux

package fanout

import "testing"

// What the client holds to be right and wrong, for every split in two.
func TestTake(t *testing.T) {
	plain, chunked := Candidate{}, Candidate{chunked: true}
	for _, c := range []Candidate{plain, chunked} {
		// With 512 bytes the chunk's size begins like that of a heartbeat.
		for _, size := range []int{64, 512} {
			event, other := string(c.wire(eventData(1, size))), string(c.wire(eventData(2, size)))
			beat := string(c.silence())
			for _, v := range []struct {
				name, bytes string
				ok, done    bool
			}{
				{"event", event, true, true},
				{"heartbeat", beat, true, false},
				{"heartbeats around it", beat + beat + event + beat, true, true},
				{"all but the last byte", event[:len(event)-1], true, false},
				{"twice", event + event, false, true},
				{"another one", other, false, false},
				{"one bit", event[:20] + string(event[20]^1) + event[21:], false, false},
				{"heartbeat inside", event[:20] + beat + event[20:], false, false},
			} {
				for cut := range len(v.bytes) {
					var k conn
					err := k.take([]byte(v.bytes[:cut]), []byte(event), []byte(beat))
					if err == nil {
						err = k.take([]byte(v.bytes[cut:]), []byte(event), []byte(beat))
					}
					if (err == nil) != v.ok || k.done != v.done {
						t.Fatalf("chunked %v, %d bytes, %s, cut at %d: done %v, error %v", c.chunked, size, v.name, cut, k.done, err)
					}
				}
			}
		}
	}
}
