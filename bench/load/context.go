//go:build linux

package load

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pushwire/pushwire/deflate"
	"github.com/pushwire/pushwire/frame"
	"github.com/pushwire/pushwire/mask"
)

// offer is what Chromium and Firefox send. It leaves all to the server.
const offer = "permessage-deflate; client_max_window_bits"

// level is that of what is sent: what zlib has by default, which browsers use.
const level = 6

// params reads a server's answer to the offer.
func params(answer string) (deflate.Params, error) {
	p, agreed, err := deflate.Options{}.Check(strings.Split(answer, ","))
	if err == nil && !agreed {
		err = fmt.Errorf("the server answered %q", answer)
	}
	return p, err
}

// frames are a cycle of masked frames. With context takeover the form of a
// message depends on what went before it, as far as the window reaches.
type frames struct {
	// at[i][k] is message i of the cycle behind k others, the last slice of
	// at[i] behind any more.
	at [][][]byte
}

// frame returns message number n of a connection that began with message start.
func (f frames) frame(start, n int) []byte {
	at := f.at[(start+n)%len(f.at)]
	return at[min(n, len(at)-1)]
}

func plainFrames(messages [][]byte) (f frames) {
	for _, m := range messages {
		f.at = append(f.at, [][]byte{masked(0, m)})
	}
	return f
}

func packedFrames(messages [][]byte, p deflate.Params) (f frames) {
	var z deflate.Compressor
	behind := 0 // messages that fill a window
	if !p.ClientNoContext {
		for n := 0; n < 1<<p.ClientBits; n += len(messages[0]) {
			behind++
		}
	}
	for i, m := range messages {
		var at [][]byte
		for k := range behind + 1 {
			var history []byte
			for j := k; j > 0; j-- {
				from := ((i-j)%len(messages) + len(messages)) % len(messages)
				history = deflate.AppendHistory(history, p.ClientBits, messages[from])
			}
			at = append(at, masked(frame.RSV1, z.Append(nil, history, level, p.ClientBits, true, m)))
		}
		f.at = append(f.at, at)
	}
	return f
}

func masked(rsv byte, payload []byte) []byte {
	h := frame.Header{Fin: true, RSV: rsv, Opcode: frame.Text, Masked: true, Key: [4]byte{0x6a, 0x1f, 0xc3, 0x95}, Length: int64(len(payload))}
	b := h.Append(nil)
	n := len(b)
	b = append(b, payload...)
	mask.XOR(b[n:], h.Key, 0)
	return b
}

// checker inflates messages with compress/flate, which nobody here uses on the
// other side of a connection with context takeover but coder.
type checker struct {
	z   io.ReadCloser
	out bytes.Buffer
}

// message compares one with what is due. dict is what it may look back at: the
// end of the messages before it that were compressed, which want joins.
func (c *checker) message(agreed bool, p deflate.Params, dict *[]byte, rsv byte, body, want []byte) error {
	if rsv == 0 {
		if !bytes.Equal(body, want) {
			return errors.New("the message differs from what was sent")
		}
		return nil
	}
	if !agreed || rsv != frame.RSV1 {
		return fmt.Errorf("a message with the reserved bits %#x", rsv)
	}
	// RFC 7692, 7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail
	// end of the payload of the message"; and an empty block that ends all.
	r := io.MultiReader(bytes.NewReader(body), strings.NewReader(deflate.Tail+"\x01\x00\x00\xff\xff"))
	if c.z == nil {
		c.z = flate.NewReaderDict(r, *dict)
	} else if err := c.z.(flate.Resetter).Reset(r, *dict); err != nil {
		return err
	}
	c.out.Reset()
	if _, err := c.out.ReadFrom(c.z); err != nil {
		return err
	}
	if !bytes.Equal(c.out.Bytes(), want) {
		return errors.New("the message inflates to something else than was sent")
	}
	if !p.ServerNoContext {
		*dict = deflate.AppendHistory(*dict, p.ServerBits, want)
	}
	return nil
}
