package streams

import (
	"bytes"

	"github.com/launchdarkly/eventsource"
)

var launchdarkly = Candidate{
	Name: "launchdarkly/eventsource",
	Note: "Decoder; Encoder to a buffer that is used again",
	Decode: func(s *Source, n int) (data int, err error) {
		d := eventsource.NewDecoder(s)
		for range n {
			ev, err := d.Decode()
			if err != nil {
				return data, err
			}
			data += len(ev.Data())
		}
		return data, nil
	},
	Encode: func(data []byte, n int) (written int, err error) {
		var b bytes.Buffer
		e := eventsource.NewEncoder(&b, false)
		ev := event(data)
		for range n {
			b.Reset()
			if err := e.Encode(ev); err != nil {
				return written, err
			}
			written += b.Len()
		}
		return written, nil
	},
}

type event string

func (event) Id() string     { return "" }
func (event) Event() string  { return "" }
func (e event) Data() string { return string(e) }
