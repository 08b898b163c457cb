package streams

import (
	"github.com/r3labs/sse/v2"
)

var r3labs = Candidate{
	Name: "r3labs/sse",
	Note: "EventStreamReader, which only cuts the stream into blocks: what takes them apart can't be called alone, nor what writes",
	Decode: func(s *Source, n int) (data int, err error) {
		r := sse.NewEventStreamReader(s, maxEvent)
		for range n {
			block, err := r.ReadEvent()
			if err != nil {
				return data, err
			}
			data += len(block)
		}
		return data, nil
	},
}
