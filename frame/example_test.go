package frame_test

import (
	"errors"
	"fmt"

	"github.com/pushwire/pushwire/frame"
)

func ExampleParse() {
	in := []byte("\x89\x05Hello")
	h, n, err := frame.Parse(in)
	fmt.Println(h.Opcode, h.Fin, h.Length, err)
	fmt.Printf("%s\n", in[n:])
	// Output:
	// ping true 5 <nil>
	// Hello
}

func ExampleParse_more() {
	h, n, err := frame.Parse([]byte{0x82, 0x7e, 0x01}) // two bytes of length are announced, one came
	fmt.Println(h.Length, n, err)
	// Output: 0 0 <nil>
}

func ExampleHeader_Append() {
	h := frame.Header{Fin: true, Opcode: frame.Binary, Length: 256}
	fmt.Printf("% x\n", h.Append(nil))
	// Output: 82 7e 01 00
}

func ExampleAppendMessage() {
	b := frame.AppendMessage(nil, frame.Server, frame.Text, 0, []byte("Hello"))
	fmt.Printf("% x\n", b)
	// Output: 81 05 48 65 6c 6c 6f
}

func ExampleAppendClose() {
	b, err := frame.AppendClose(nil, frame.Server, frame.CodeGoingAway, "bye")
	fmt.Printf("% x, %v\n", b, err)
	_, err = frame.AppendClose(nil, frame.Server, frame.CodeAbnormal, "")
	fmt.Println(errors.Is(err, frame.ErrCloseCode))
	// Output:
	// 88 05 03 e9 62 79 65, <nil>
	// true
}

func ExampleParseClose() {
	code, reason, err := frame.ParseClose([]byte("\x03\xe9bye"))
	fmt.Println(code, reason, err)
	_, _, err = frame.ParseClose([]byte("\x03\xed")) // 1005 must not be sent
	fmt.Println(err)
	// Output:
	// going away bye <nil>
	// frame: the close code must not appear in a close frame (close 1002 protocol error)
}

func ExampleDecoder_Next() {
	d := frame.Decoder{Role: frame.Client}
	// A fragmented message with a ping inside, in three reads.
	for _, p := range [][]byte{[]byte("\x01\x03H"), []byte("el\x89\x00\x80"), []byte("\x02lo")} {
		for {
			ev, n, err := d.Next(p)
			if err != nil {
				fmt.Println(err)
				return
			}
			p = p[n:]
			if ev.Kind == frame.More {
				break
			}
			fmt.Printf("%v %q end=%v\n", ev.Type, ev.Payload, ev.End)
		}
	}
	// Output:
	// text "H" end=false
	// text "el" end=false
	// ping "" end=true
	// text "lo" end=true
}

func ExampleError() {
	d := frame.Decoder{Role: frame.Server}
	_, _, err := d.Next([]byte("\x81\x05Hello")) // a client that does not mask
	var fault *frame.Error
	if errors.As(err, &fault) {
		fmt.Println(uint16(fault.Code), fault.Token)
	}
	// Output: 1002 frame_mask_missing
}

func ExampleUTF8() {
	var u frame.UTF8
	fmt.Println(u.Write([]byte("Gr\xc3")), u.End()) // inside a character
	fmt.Println(u.Write([]byte("\xbc\xc3\x9fe")), u.End())
	fmt.Println(u.Write([]byte("\xed\xa0"))) // no byte after this makes it valid
	// Output:
	// true false
	// true true
	// false
}
