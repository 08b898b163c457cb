package frame

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

var benchSizes = []int{64, 4 << 10}

// BenchmarkReadWrite is one frame written by a client and read by a server:
// append, copy, mask, parse, unmask.
func BenchmarkReadWrite(b *testing.B) {
	for _, op := range []Opcode{Binary, Text} {
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("%v/%d", op, n), func(b *testing.B) {
				payload := []byte(mixed(n))
				dst := make([]byte, 0, n+MaxHeader)
				d := Decoder{Role: Server}
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					p := AppendMessage(dst, Client, op, 0, payload)
					if ev, _, err := d.Next(p); err != nil || !ev.End {
						b.Fatal(ev, err)
					}
				}
			})
		}
	}
}

func BenchmarkDecoder(b *testing.B) {
	for _, role := range []Role{Server, Client} {
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("%v/%d", role, n), func(b *testing.B) {
				p := AppendMessage(nil, 1-role, Binary, 0, make([]byte, n))
				d := Decoder{Role: role}
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					if ev, _, err := d.Next(p); err != nil || !ev.End {
						b.Fatal(ev, err)
					}
				}
			})
		}
	}
}

func BenchmarkAppendMessage(b *testing.B) {
	for _, role := range []Role{Server, Client} {
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("%v/%d", role, n), func(b *testing.B) {
				payload, dst := make([]byte, n), make([]byte, 0, n+MaxHeader)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					AppendMessage(dst, role, Binary, 0, payload)
				}
			})
		}
	}
}

// BenchmarkUTF8 stands beside utf8.Valid, on ASCII, on mixed text, and on
// scripts whose characters have two, three and four bytes. CI does not look at
// the figures: on a machine with other work compare the best of many short runs
// (-cpu 1 -benchtime 1ms -count 40).
func BenchmarkUTF8(b *testing.B) {
	for _, kind := range []string{"ascii", "mixed", "two", "three", "four"} {
		for _, n := range []int{16, 23, 64, 256, 1 << 10, 4 << 10, 64 << 10} {
			text := []byte(textOf(kind, n))
			b.Run(fmt.Sprintf("%s/%d/ours", kind, n), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					var u UTF8
					if !u.Write(text) || !u.End() {
						b.Fatal("not valid")
					}
				}
			})
			b.Run(fmt.Sprintf("%s/%d/unicode-utf8", kind, n), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					if !utf8.Valid(text) {
						b.Fatal("not valid")
					}
				}
			})
		}
	}
}

// textOf is text of one kind, n bytes or a few less.
func textOf(kind string, n int) string {
	sample := map[string]string{
		"ascii": "Only letters of one byte. ", "two": "\u043f\u0440\u0438\u0432\u0435\u0442",
		"three": "\u4f60\u597d\u4e16\u754c", "four": "\U0001F389\U0001F680",
	}[kind]
	if sample == "" {
		return mixed(n)
	}
	s := strings.Repeat(sample, n/len(sample)+1)[:n]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}
