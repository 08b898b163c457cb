package frame

import (
	"fmt"
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

// BenchmarkUTF8 stands beside utf8.Valid, on text of all lengths of
// characters and on ASCII.
func BenchmarkUTF8(b *testing.B) {
	for _, n := range benchSizes {
		ascii := make([]byte, n)
		for name, text := range map[string][]byte{"mixed": []byte(mixed(n)), "ascii": ascii} {
			b.Run(fmt.Sprintf("%s/%d/ours", name, n), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					var u UTF8
					if !u.Write(text) || !u.End() {
						b.Fatal("not valid")
					}
				}
			})
			b.Run(fmt.Sprintf("%s/%d/unicode-utf8", name, n), func(b *testing.B) {
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
