package httpstream

import (
	"bytes"
	"testing"

	"github.com/pushwire/pushwire/topic"
)

// writes notes what it is given, piece by piece.
type writes struct {
	all    bytes.Buffer
	pieces int
	most   int // bytes of the longest piece
}

func (w *writes) Write(p []byte) (int, error) {
	w.pieces++
	w.most = max(w.most, len(p))
	return w.all.Write(p)
}

// In whichever pieces an answer goes out, it is the one that appendAnswer
// writes, of the size that was announced; a short one is one piece.
func TestAnswerInPieces(t *testing.T) {
	o := (&Options{MaxBytes: 10 << 20}).resolved()
	for _, tt := range []struct {
		name   string
		sizes  []int // of the items
		pieces int
	}{
		{"one", []int{10}, 1},
		{"a hundred", repeat(10, 100), 1},
		{"just one piece", []int{maxWrite - 100}, 1},
		{"a large one", []int{100_000}, 3},
		{"large ones", []int{100_000, 100_000, 100_000}, 7},
		{"a large one between", []int{10, 100_000, 10}, 3},
		{"about as large as a piece", []int{maxWrite - 31, maxWrite - 30, maxWrite - 29, maxWrite - 28}, 0},
		{"a thousand", repeat(1000, 1000), 0},
		{"of all sizes", func() (all []int) {
			for i := range 500 {
				all = append(all, i*i%50_000)
			}
			return all
		}(), 0},
	} {
		want := answer{More: true}
		b := borrowBatch()
		for i, n := range tt.sizes {
			it := topic.Item{Cursor: topic.At("e", uint64(i)), Data: bytes.Repeat([]byte("x"), n)}
			want.Items, want.Cursor = append(want.Items, it), it.Cursor
			if !b.add(&it, &o, len(tt.sizes)) {
				t.Fatalf("%s: item %d is not taken", tt.name, i)
			}
		}
		b.end = appendAnswerEnd(b.end, b.cursor, true)
		var w writes
		if err := b.write(&w); err != nil {
			t.Fatal(err)
		}
		if got := appendAnswer(nil, &want); !bytes.Equal(w.all.Bytes(), got) {
			t.Errorf("%s: %d bytes, which are not the answer of %d", tt.name, w.all.Len(), len(got))
		}
		if n := b.size + len(b.end); n != w.all.Len() {
			t.Errorf("%s: announced as %d bytes, and has %d", tt.name, n, w.all.Len())
		}
		if tt.pieces != 0 && w.pieces != tt.pieces {
			t.Errorf("%s: %d pieces, want %d", tt.name, w.pieces, tt.pieces)
		}
		if most := w.all.Len()/maxWrite*2 + 2*len(tt.sizes) + 1; w.pieces > most {
			t.Errorf("%s: %d pieces for %d bytes", tt.name, w.pieces, w.all.Len())
		}
		returnBatch(b)
	}
}

func repeat(n, times int) (all []int) {
	for range times {
		all = append(all, n)
	}
	return all
}
