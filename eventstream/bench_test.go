package eventstream

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// endless gives the same bytes again and again.
type endless struct {
	p  []byte
	at int
}

func (r *endless) Read(p []byte) (int, error) {
	n := copy(p, r.p[r.at:])
	if r.at += n; r.at == len(r.p) {
		r.at = 0
	}
	return n, nil
}

// shapes are streams of many events of one size.
var shapes = []struct {
	name   string
	stream func() (stream string, events int)
}{
	{"68B", func() (string, int) { // id and 50 bytes
		var b strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&b, "id: %05d\ndata: %050d\n\n", i, i)
		}
		return b.String(), 1000
	}},
	{"342B", func() (string, int) { // a token of a language model
		return strings.Repeat(`data: {"id":"chatcmpl-8a2f","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"`+strings.Repeat("x", 219)+`"}}]}`+"\n\n", 100), 100
	}},
	{"64KB-1024-lines", func() (string, int) {
		return strings.Repeat("data: "+strings.Repeat("y", 57)+"\n", 1024) + "\n", 1
	}},
	{"1MB-line", func() (string, int) { return "data: " + strings.Repeat("z", 1_000_000) + "\n\n", 1 }},
	{"342B-CRLF", func() (string, int) { return strings.Repeat("data: "+strings.Repeat("x", 332)+"\r\n\r\n", 100), 100 }},
	{"342B-CR", func() (string, int) { return strings.Repeat("data: "+strings.Repeat("x", 334)+"\r\r", 100), 100 }},
	{"342B-cyrillic", func() (string, int) { return strings.Repeat("data: "+strings.Repeat("я", 167)+"\n\n", 100), 100 }},
	{"342B-russian", func() (string, int) {
		return strings.Repeat("data: "+whole(strings.Repeat("Съешь же ещё этих мягких французских булок. ", 10)[:334])+"\n\n", 100), 100
	}},
	{"342B-chinese", func() (string, int) {
		return strings.Repeat("data: "+whole(strings.Repeat("天地玄黃，宇宙洪荒。", 12)[:333])+"\n\n", 100), 100
	}},
	{"342B-emoji", func() (string, int) {
		return strings.Repeat("data: "+whole(strings.Repeat("so 👋 long ", 50)[:334])+"\n\n", 100), 100
	}},
	{"342B-bad", func() (string, int) {
		return strings.Repeat("data: "+strings.Repeat("x", 333)+"\xff\n\n", 100), 100
	}},
}

// whole takes away the beginning of a letter at the end.
func whole(s string) string { return strings.ToValidUTF8(s, "") }

func BenchmarkDecode(b *testing.B) {
	for _, s := range shapes {
		b.Run(s.name, func(b *testing.B) {
			stream, events := s.stream()
			d := NewDecoder(&endless{p: []byte(stream)})
			var ev Event
			for range 100 {
				d.Decode(&ev)
			}
			b.SetBytes(int64(len(stream) / events))
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Decode(&ev); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLimit is one search for LF in each line, which any decoder needs.
func BenchmarkLimit(b *testing.B) {
	for _, s := range shapes[:4] {
		b.Run(s.name, func(b *testing.B) {
			stream, events := s.stream()
			p := []byte(stream)
			b.SetBytes(int64(len(stream) / events))
			at := 0
			for b.Loop() {
				for {
					if at == len(p) {
						at = 0
					}
					n := bytes.IndexByte(p[at:], '\n')
					if at += n + 1; n == 0 {
						break
					}
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name string
		ev   Event
	}{
		{"50B", Event{Data: bytes.Repeat([]byte("a"), 50)}},
		{"50B-id", Event{ID: "12345678", Type: "update", Data: bytes.Repeat([]byte("a"), 50)}},
		{"300B", Event{Data: bytes.Repeat([]byte("a"), 300)}},
		{"64KB-1024-lines", Event{Data: bytes.TrimSuffix(bytes.Repeat([]byte(strings.Repeat("y", 63)+"\n"), 1024), []byte("\n"))}},
		{"64KB-1024-CRLF", Event{Data: bytes.TrimSuffix(bytes.Repeat([]byte(strings.Repeat("y", 62)+"\r\n"), 1024), []byte("\n"))}},
	} {
		b.Run(c.name, func(b *testing.B) {
			dst, _ := Append(nil, c.ev)
			b.SetBytes(int64(len(c.ev.Data)))
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = Append(dst[:0], c.ev)
			}
		})
	}
}
