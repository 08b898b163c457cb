package streams

import "github.com/pushwire/pushwire/eventstream"

var pushwire = Candidate{
	Name: "pushwire",
	Note: "Decode into one Event; Append to memory that is used again",
	Decode: func(s *Source, n int) (data int, err error) {
		d := eventstream.NewDecoder(s)
		d.MaxEvent = maxEvent
		var ev eventstream.Event
		for range n {
			if err := d.Decode(&ev); err != nil {
				return data, err
			}
			data += len(ev.Data)
		}
		return data, nil
	},
	Encode: func(data []byte, n int) (written int, err error) {
		var b []byte
		for range n {
			if b, err = eventstream.Append(b[:0], eventstream.Event{Data: data}); err != nil {
				return written, err
			}
			written += len(b)
		}
		return written, nil
	},
}
