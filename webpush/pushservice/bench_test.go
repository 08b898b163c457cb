package pushservice

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkSend is a message of 1 KiB from the request to the answer and its
// acknowledgement, without a network: for many senders at once, and what a
// store adds.
func BenchmarkSend(b *testing.B) {
	for _, store := range []struct {
		name string
		open func(b *testing.B) Store
	}{
		{"none", func(*testing.B) Store { return nil }},
		{"memory", func(*testing.B) Store { return &Memory{} }},
		{"file", func(b *testing.B) Store {
			f, err := OpenFile(filepath.Join(b.TempDir(), "store"))
			if err != nil {
				b.Fatal(err)
			}
			return f
		}},
	} {
		b.Run(store.name, func(b *testing.B) {
			s, err := New(&Options{Store: store.open(b), Rate: -1, Burst: -1})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Shutdown(b.Context())
			w := &answerRecorder{header: http.Header{}}
			r, err := http.NewRequest("POST", testOrigin+pathSubscribe, nil)
			if err != nil {
				b.Fatal(err)
			}
			s.ServeHTTP(w, r)
			push, _ := link(w.header, relPush)
			body := strings.Repeat("x", 1024)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					w := &answerRecorder{header: http.Header{}}
					r, _ := http.NewRequest("POST", push, bytes.NewReader([]byte(body)))
					r.Header["Ttl"] = []string{"60"}
					s.ServeHTTP(w, r)
					if w.status != 201 {
						b.Errorf("answered %d", w.status)
						return
					}
					r, _ = http.NewRequest("DELETE", w.header.Get("Location"), nil)
					w = &answerRecorder{header: http.Header{}}
					if s.ServeHTTP(w, r); w.status != 204 {
						b.Errorf("DELETE was answered with %d", w.status)
						return
					}
				}
			})
		})
	}
}
