package fuzz

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"strings"
)

// talk is a seed of the targets that play conversations.
type talk struct {
	wire, plan string
	opts       uint16
}

// piece builds a frame by hand: the first byte, and the payload, masked as a
// client's is.
func piece(masked bool, first byte, payload string) string {
	b := []byte{first, 0}
	switch n := len(payload); {
	case n < 126:
		b[1] = byte(n)
	case n < 65536:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if !masked {
		return string(b) + payload
	}
	b[1] |= 0x80
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d} // RFC 6455, 5.7
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return string(b)
}

// packed is a message as permessage-deflate sends it.
func packed(s string) string { return packedAfter("", s) }

// packedAfter is packed for a sender that keeps its window.
func packedAfter(history, s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriterDict(&b, 9, []byte(history))
	w.Write([]byte(s))
	w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// talks are conversations of every kind, each with another plan.
func talks(masked bool) (all []talk) {
	p := func(first byte, payload string) string { return piece(masked, first, payload) }
	hello := packed("hello hello hello")
	add := func(opts uint16, frames ...string) {
		plan := string([]byte{byte(len(all) * 37), 0xa0, byte(len(all)), 0xc3, 0x42})
		all = append(all, talk{strings.Join(frames, ""), plan, opts})
	}
	for e := range uint16(4) {
		add(e<<4, p(0x81, "Hello"), p(0x82, "\x00\xff"))
		add(e<<4, p(0x81, "Hello"), p(0x88, "\x03\xe8bye"), p(0x81, "ignored"))
		add(e<<4|1<<8, p(0x01, "Hel"), p(0x89, "ping"), p(0x80, "lo"), p(0x8a, "pong"))
		add(e<<4|optDeflate|3<<8, p(0xc1, hello), p(0x42, hello[:3]), p(0x00, hello[3:7]), p(0x80, hello[7:]))
	}
	add(0)
	add(0, p(0x88, ""))
	add(0, p(0x88, "\x03"))
	add(0, p(0x88, "\x03\xed"))
	add(0, p(0x88, "\x0f\xa0\xff"))
	add(0, p(0x81, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"), p(0x81, "\xed\xa0\x80"))
	add(0, p(0x81, "ends within \xce"))
	add(0, p(0x80, "no beginning"))
	add(0, p(0x01, "a"), p(0x01, "b"))
	add(0, p(0x83, "reserved"))
	add(0, p(0x91, "reserved"))
	add(0, p(0x09, "fragmented"))
	add(0, piece(!masked, 0x81, "Hello"))
	add(0, p(0x82, strings.Repeat("x", 126)), p(0x82, strings.Repeat("y", 70_000)))
	add(0, p(0x82, strings.Repeat("x", 126))[:100])
	bit := "\x00"
	if masked {
		bit = "\x80"
	}
	add(0, "\x82"+string(bit[0]|127)+"\x00\x00\x00\x00\x00\x10\x00\x00") // a MiB is announced
	add(0, "\x82"+string(bit[0]|127)+"\x00\x00\x00\x00\x00\x10\x00\x01")
	add(0, "\x82"+string(bit[0]|127)+"\x80\x00\x00\x00\x00\x00\x00\x00")
	add(optSmall, p(0x82, strings.Repeat("x", 65)))
	add(optSmall, p(0x02, ""), p(0x00, ""), p(0x00, ""), p(0x00, ""), p(0x80, ""))
	add(optSmall|optDeflate, p(0xc2, packed(strings.Repeat("x", 100_000))))
	add(optDeflate, p(0xc2, packed(strings.Repeat("x", 2_000_000))))
	add(optDeflate|optSkipWindow, p(0xc1, hello), p(0xc1, hello))
	add(optDeflate, p(0xc1, hello), p(0xc1, packedAfter("hello hello hello", "hello hello, hello")), p(0x81, "plain"), p(0x41, packedAfter("hello hello hellohello hello, hello", "hello, hello hello"))[:7])
	add(optDeflate|optSkipWindow, p(0xc1, hello), p(0xc1, packedAfter("hello hello hello", "hello hello, hello"))) // a window that is not there
	add(optDeflate, p(0xc1, hello[:5]))
	add(optDeflate, p(0xc1, "\xff\xff\xff"))
	add(optDeflate, p(0xc1, packed("\xff")), p(0xc1, ""))
	add(optDeflate, p(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00")) // RFC 7692, 7.2.3.4: a block that says it is the last
	return all
}

// unbuilt is what built makes two messages and a ping of.
const unbuilt = "\x81\x05Hello\x02\x03abc\x89\x02pi\x80\x01d\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"

// built makes frames of wire, if opts want that: a first byte each, one for
// the length, and the payload. It keeps the fuzzer from having to learn how to
// mask and to count.
func built(opts uint16, masked bool, wire []byte) []byte {
	if opts&optBuilt == 0 {
		return wire
	}
	var out []byte
	for len(wire) >= 2 {
		n := min(int(wire[1]), len(wire)-2)
		out = append(out, piece(masked, wire[0], string(wire[2:2+n]))...)
		wire = wire[2+n:]
	}
	return out
}
