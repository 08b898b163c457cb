package streams

import (
	"bytes"
	"strings"
)

// What any decoder has to do: read, and look for the end of each line. And
// what any encoder has to: write the bytes.
var limit = Candidate{
	Name: Limit,
	Note: "reads of 16 KiB, one bytes.IndexByte a line, nothing is kept; one copy of what has to be written",
	Decode: func(s *Source, n int) (data int, err error) {
		buf := make([]byte, 16<<10)
		begun := false // a line, in the reads before
		for {
			k, err := s.Read(buf)
			if err != nil {
				return data, err
			}
			for p := buf[:k]; len(p) > 0; {
				i := bytes.IndexByte(p, '\n')
				if i < 0 {
					data += len(p)
					begun = true
					break
				}
				data += i
				p = p[i+1:]
				if i == 0 && !begun {
					if n--; n == 0 {
						return data, nil
					}
				}
				begun = false
			}
		}
	},
	Encode: func(data []byte, n int) (written int, err error) {
		p := []byte("data: " + strings.ReplaceAll(string(data), "\n", "\ndata: ") + "\n\n")
		var b []byte
		for range n {
			b = append(b[:0], p...)
			written += len(b)
		}
		return written, nil
	},
}
