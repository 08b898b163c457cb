package deflate_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"

	"github.com/pushwire/pushwire/deflate"
)

// A compressor comes from a pool; what a connection keeps is the history.
func ExampleCompressor_Append() {
	var z deflate.Compressor
	const bits = 12 // a window of 4 KiB
	var history []byte
	for _, message := range []string{
		`{"type":"price","symbol":"XAU","price":4012.5}`,
		`{"type":"price","symbol":"XAU","price":4012.8}`,
	} {
		p := []byte(message)
		packed := z.Append(nil, history, 1, bits, true, p)
		fmt.Println(len(p), "bytes become", len(packed))

		// The peer puts back the four bytes that RFC 7692 has left off.
		packed = append(packed, 0x00, 0x00, 0xff, 0xff)
		r := flate.NewReaderDict(bytes.NewReader(packed), history)
		out := make([]byte, len(p))
		if _, err := io.ReadFull(r, out); err != nil {
			fmt.Println(err)
		}
		fmt.Println(string(out))

		history = deflate.AppendHistory(history, bits, p)
	}
	// Output:
	// 46 bytes become 43
	// {"type":"price","symbol":"XAU","price":4012.5}
	// 46 bytes become 6
	// {"type":"price","symbol":"XAU","price":4012.8}
}

func ExampleAppendHistory() {
	var window []byte
	window = deflate.AppendHistory(window, 8, []byte("first "), []byte("second "))
	fmt.Printf("%q\n", window)
	window = deflate.AppendHistory(window, 8, bytes.Repeat([]byte{'.'}, 250))
	fmt.Println(len(window), cap(window), string(window[:6]))
	// Output:
	// "first second "
	// 256 256 econd
}
