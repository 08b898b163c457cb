package deflate_test

import (
	"errors"
	"fmt"
	"io"

	"github.com/pushwire/pushwire/deflate"
)

func ExampleOptions_Accept() {
	// The elements of a request's Sec-WebSocket-Extensions fields.
	offers := []string{"permessage-deflate; server_max_window_bits=10", "permessage-deflate; client_max_window_bits"}
	o := deflate.Options{ClientNoContext: true}
	p, answer, ok := o.Accept(offers)
	fmt.Println(ok, answer)
	fmt.Printf("%+v\n", p)
	// Output:
	// true permessage-deflate; client_no_context_takeover; server_max_window_bits=10
	// {ServerNoContext:false ClientNoContext:true ServerBits:10 ClientBits:15}
}

func ExampleOptions_AppendOffer() {
	o := deflate.Options{ServerBits: 12, Fallback: true}
	fmt.Printf("Sec-WebSocket-Extensions: %s\n", o.AppendOffer(nil))
	// Output:
	// Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12; client_max_window_bits, permessage-deflate; client_max_window_bits
}

func ExampleOptions_Check() {
	o := deflate.Options{ServerBits: 12}
	p, agreed, err := o.Check([]string{"permessage-deflate; server_max_window_bits=11"})
	fmt.Println(agreed, p.ServerBits, err)
	_, agreed, err = o.Check([]string{"permessage-deflate"}) // which leaves the server's window at 15
	fmt.Println(agreed, err)
	// Output:
	// true 11 <nil>
	// false deflate: the server's answer does not keep to the window that was offered: "permessage-deflate"
}

func ExampleOptions_Validate() {
	fmt.Println(deflate.Options{ServerBits: 7}.Validate())
	fmt.Println(deflate.Options{}.Validate())
	// Output:
	// deflate: ServerBits is 7 (a window has 8 to 15 bits; 0 is 15)
	// <nil>
}

func ExampleInflater_Next() {
	var z deflate.Inflater
	z.Reset(15, nil)
	// The payloads of two frames, the fragments of one message.
	payloads := [][]byte{{0xf2, 0x48, 0xcd}, {0xc9, 0xc9, 0x07, 0x00}}
	var message []byte
	for i, p := range payloads {
		last := i == len(payloads)-1
		for {
			out, n, err := z.Next(p, last)
			p = p[n:]
			message = append(message, out...) // held against a limit, in earnest
			if err == io.EOF {
				fmt.Printf("%s\n", message)
				return
			}
			if err != nil {
				fmt.Println(err) // the connection has to be failed
				return
			}
			if len(out) == 0 {
				break // the next frame's turn
			}
		}
	}
	// Output: Hello
}

func ExampleInflater_Reset() {
	var z deflate.Inflater
	// Two messages of a context. What it keeps between them is a slice.
	var history []byte
	for _, payload := range []string{"\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf2\x00\x11\x00\x00"} {
		z.Reset(8, history)
		out, _, err := z.Next([]byte(payload), true)
		fmt.Printf("%s %v\n", out, err)
		history = append(history[:0], z.History()...)
	}
	// Output:
	// Hello EOF
	// Hello EOF
}

func ExampleInflater_History() {
	var z deflate.Inflater
	z.Reset(8, []byte("before "))
	z.Next([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), true)
	fmt.Printf("%s\n", z.History())
	// Output: before Hello
}

func ExampleError() {
	var z deflate.Inflater
	z.Reset(15, nil)
	_, _, err := z.Next([]byte("\xf2\x00\x11\x00\x00"), true) // refers to a message that was not seen
	fmt.Println(err)
	fmt.Println(errors.Is(err, &deflate.Error{Token: "deflate_data_distance"}))
	// Output:
	// deflate: a distance reaches beyond the window or the data before it
	// true
}
