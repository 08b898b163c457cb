package streams

import (
	"bytes"

	"github.com/tmaxmax/go-sse"
)

var tmaxmax = Candidate{
	Name: "tmaxmax/go-sse",
	Note: "Read; a new Message for each event, WriteTo a buffer that is used again",
	Decode: func(s *Source, n int) (data int, err error) {
		for ev, err := range sse.Read(s, &sse.ReadConfig{MaxEventSize: maxEvent}) {
			if err != nil {
				return data, err
			}
			data += len(ev.Data)
			if n--; n == 0 {
				break
			}
		}
		return data, nil
	},
	Encode: func(data []byte, n int) (written int, err error) {
		var b bytes.Buffer
		text := string(data)
		for range n {
			b.Reset()
			var m sse.Message
			m.AppendData(text)
			if _, err := m.WriteTo(&b); err != nil {
				return written, err
			}
			written += b.Len()
		}
		return written, nil
	},
}
