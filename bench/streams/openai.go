package streams

import (
	"io"
	"net/http"

	"github.com/openai/openai-go/v3/packages/ssestream"
)

var openai = Candidate{
	Name: "openai-go ssestream",
	Note: "NewDecoder on a response; it has no IDs, and writes nothing",
	Decode: func(s *Source, n int) (data int, err error) {
		d := ssestream.NewDecoder(&http.Response{Body: s})
		for range n {
			if !d.Next() {
				return data, io.ErrUnexpectedEOF
			}
			data += len(d.Event().Data)
		}
		return data, nil
	},
}
