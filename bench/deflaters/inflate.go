package deflaters

import (
	"bytes"
	"compress/flate"
	"io"

	kp "github.com/klauspost/compress/flate"

	"github.com/pushwire/pushwire/deflate"
)

// An Inflater is one way to inflate messages. All of them are taken from a
// pool and get the history with each message.
type Inflater struct {
	Name string
	// New returns one: append appends what message p is to dst. The four bytes
	// of RFC 7692, 7.2.2 are not in p.
	New func() (append func(dst, history, p []byte) ([]byte, error))
}

// Inflaters are those that are measured.
var Inflaters = []Inflater{
	{"compress/flate", func() func(dst, history, p []byte) ([]byte, error) {
		return reading(flate.NewReader(new(bytes.Reader)), func(r io.ReadCloser, in io.Reader, history []byte) error {
			return r.(flate.Resetter).Reset(in, history)
		})
	}},
	{"klauspost", func() func(dst, history, p []byte) ([]byte, error) {
		return reading(kp.NewReader(new(bytes.Reader)), func(r io.ReadCloser, in io.Reader, history []byte) error {
			return r.(kp.Resetter).Reset(in, history)
		})
	}},
	{"pushwire", func() func(dst, history, p []byte) ([]byte, error) {
		var z deflate.Inflater
		return func(dst, history, p []byte) ([]byte, error) {
			z.Reset(inflateBits, history)
			for {
				piece, n, err := z.Next(p, true)
				dst = append(dst, piece...)
				p = p[n:]
				if err == io.EOF {
					return dst, nil
				}
				if err != nil {
					return dst, err
				}
			}
		}
	}},
}

// inflateBits is the window of all messages that are measured; compressRound
// checks those of larger windows by the first of Inflaters, which has one of
// 32 KiB.
const inflateBits = 12

// end is what a message lacks for a reader: the tail that was left off, and a
// final block, so that the reader says io.EOF.
const end = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

func reading(r io.ReadCloser, reset func(io.ReadCloser, io.Reader, []byte) error) func(dst, history, p []byte) ([]byte, error) {
	var in bytes.Reader
	var whole []byte
	return func(dst, history, p []byte) ([]byte, error) {
		whole = append(append(whole[:0], p...), end...)
		in.Reset(whole)
		if err := reset(r, &in, history); err != nil {
			return dst, err
		}
		for {
			if len(dst) == cap(dst) {
				dst = append(dst, 0)[:len(dst)]
			}
			n, err := r.Read(dst[len(dst):cap(dst)])
			dst = dst[:len(dst)+n]
			if err == io.EOF {
				return dst, nil
			}
			if err != nil {
				return dst, err
			}
		}
	}
}
