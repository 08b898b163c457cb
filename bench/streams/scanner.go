package streams

import (
	"bufio"
	"bytes"
	"fmt"
)

var scanner = Candidate{
	Name: "bufio.Scanner",
	Note: "the loop that many write by hand: no CR, no byte order mark, no check of UTF-8; Fprintf of the data, which is wrong for more than one line",
	Decode: func(s *Source, n int) (data int, err error) {
		sc := bufio.NewScanner(s)
		sc.Buffer(nil, maxEvent)
		var joined []byte
		var id, typ string
		for n > 0 && sc.Scan() {
			line := sc.Bytes()
			switch {
			case len(line) == 0:
				data += len(joined)
				joined, typ = joined[:0], ""
				n--
			case bytes.HasPrefix(line, []byte("data:")):
				if len(joined) > 0 {
					joined = append(joined, '\n')
				}
				joined = append(joined, bytes.TrimPrefix(line[5:], []byte(" "))...)
			case bytes.HasPrefix(line, []byte("id:")):
				id = string(bytes.TrimPrefix(line[3:], []byte(" ")))
			case bytes.HasPrefix(line, []byte("event:")):
				typ = string(bytes.TrimPrefix(line[6:], []byte(" ")))
			}
		}
		if n > 0 {
			return data, fmt.Errorf("%d events are missing, id %q, type %q: %w", n, id, typ, sc.Err())
		}
		return data, nil
	},
	Encode: func(data []byte, n int) (written int, err error) {
		var b bytes.Buffer
		for range n {
			b.Reset()
			fmt.Fprintf(&b, "data: %s\n\n", data)
			written += b.Len()
		}
		return written, nil
	},
}
