package deflate

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

// fixedMatch is a message of the literals, and one match of length 3 at a
// distance, in a fixed block.
func fixedMatch(literals []byte, distance int) []byte {
	b := new(bitString).num(0, 1).num(1, 2)
	for _, c := range literals { // below 144: codes 00110000 and up
		for i := 7; i >= 0; i-- {
			b.num(int(c+0x30)>>i&1, 1)
		}
	}
	b.code("0000001") // length 3
	code, _ := slices.BinarySearch(refDist, distance+1)
	code--
	for i := 4; i >= 0; i-- {
		b.num(code>>i&1, 1)
	}
	return b.num(distance-refDist[code], refDextra[code]).code("0000000").num(0, 3).bytes()
}

// Distances up to 1<<bits are right, if there is that much; one more is not.
func TestWindow(t *testing.T) {
	for bits := minBits; bits <= maxBits; bits++ {
		window := 1 << bits
		history := noise(uint64(bits), 40_000, 100)
		for _, c := range []struct {
			history, literals, distance int
			ok                          bool
		}{
			{window, 0, window, true},
			{window, 0, window + 1, false},
			{window + 1, 0, window, true},
			{window + 1, 0, window + 1, false},
			{40_000, 5, window, true},
			{40_000, 5, window + 1, false},
			{window - 1, 0, window - 1, true},
			{window - 1, 0, window, false},
			{window - 1, 1, window, true},
			{window - 1, 2, window + 1, false},
			{0, window, window, true},
			{0, window + 1, window + 1, false},
			{0, 3, 3, true},
			{0, 3, 4, false},
		} {
			if c.distance > 1<<maxBits {
				continue // has no code
			}
			s := sample{"match", fixedMatch(noise(9, c.literals, 100), c.distance), history[:c.history], bits}
			whole := judge(t, s, s.payload)
			if (whole.err == nil) != c.ok || whole.err != nil && whole.err != errDistance {
				t.Errorf("%d bits, %+v: %v", bits, c, whole.err)
			}
			agree(t, s, whole)
			if got := judge(t, s, bytewise(s.payload)...); got != whole {
				t.Errorf("%d bits, %+v: byte by byte %v", bits, c, got.err)
			}
		}
	}
}

// A conversation whose context is taken over by what History keeps, from
// messages shorter and longer than the window; each Inflater serves it once.
func TestContextTakeover(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for bits := minBits; bits <= maxBits; bits++ {
		window := 1 << bits
		var all, kept []byte
		for i := range 40 {
			text := jsonText(uint64(i), []int{0, 1, 30, 400, window - 1, window, window + 1, 3 * window}[r.IntN(8)])
			// compress/flate knows no windows below 32 KiB: no further back
			// than the dictionary, and no message longer than what is left.
			dict := all[max(0, len(all)-window/2):]
			var p []byte
			for part := range slices.Chunk(text, max(1, window/2)) {
				q := deflated(t, 6, dict, part)
				p = append(append(p, q...), Tail...)
				dict = part
			}
			p = append(p, 0)
			z := new(Inflater)
			z.Reset(bits, kept)
			if got, err := inflate(t, z, p); err != nil || !bytes.Equal(got, text) {
				t.Fatalf("%d bits, message %d: %d bytes of %d, %v", bits, i, len(got), len(text), err)
			}
			all = append(all, text...)
			kept = bytes.Clone(z.History())
			if want := all[max(0, len(all)-window):]; !bytes.Equal(kept, want) {
				t.Fatalf("%d bits, message %d: a history of %d bytes, want %d", bits, i, len(kept), len(want))
			}
		}
	}
}

// An Inflater may go on from its own history, also with another window.
func TestResetToOwnHistory(t *testing.T) {
	var z Inflater
	z.Reset(8, nil)
	for i, bits := range []int{8, 15, 9, 15, 8} {
		z.Reset(bits, z.History())
		text := jsonText(uint64(i), 3000)
		if got, err := inflate(t, &z, deflated(t, 0, nil, text)); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d: %d bytes, %v", i, len(got), err)
		}
		if got, want := z.History(), text[max(0, len(text)-1<<bits):]; !bytes.HasSuffix(got, want) {
			t.Fatalf("%d: a history of %d bytes", i, len(got))
		}
		z.Reset(bits, z.History())
		got, err := inflate(t, &z, fixedMatch(nil, 200))
		if want := text[len(text)-200:]; err != nil || !bytes.Equal(got, want[:3]) {
			t.Fatalf("%d: %q, %v", i, got, err)
		}
	}
}

// After a fault the history may still be read, and Reset makes good.
func TestResetAfterFault(t *testing.T) {
	var z Inflater
	for _, c := range handmade {
		z.Reset(c.bits, []byte(c.history))
		_, err := inflate(t, &z, c.payload())
		if tokenOf(err) != c.token {
			t.Fatal(c.name, err)
		}
		all := c.history + c.want
		if want := all[max(0, len(all)-1<<c.bits):]; string(z.History()) != want {
			t.Fatalf("%s: %q, want %q", c.name, z.History(), want)
		}
		z.Reset(15, nil)
		if got, err := inflate(t, &z, []byte(examples[0].payload)); err != nil || string(got) != "Hello" {
			t.Fatalf("after %s: %q, %v", c.name, got, err)
		}
	}
}

// A bomb comes out in pieces: 1 KiB of input at a time, and never more than
// MaxPiece for a call. A limit that is held between calls is held.
func TestBomb(t *testing.T) {
	const size = 16 << 20
	p := deflated(t, 9, nil, make([]byte, size))
	for _, bits := range []int{8, 12, 15} {
		var z Inflater
		z.Reset(bits, nil)
		total, calls := 0, 0
		for part := range slices.Chunk(p, 1024) {
			for len(part) > 0 {
				out, n, err := z.Next(part, false)
				if err != nil || len(out) > MaxPiece || n == 0 && len(out) == 0 {
					t.Fatal(len(out), n, err)
				}
				total += len(out)
				part = part[n:]
				calls++
			}
		}
		for {
			out, _, err := z.Next(nil, true)
			total += len(out)
			calls++
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if total != size || calls < size/MaxPiece {
			t.Errorf("%d bits: %d bytes in %d calls", bits, total, calls)
		}
	}
}

// standard inflates with compress/flate: the payload, the tail, and a block
// that ends its stream.
func standard(payload, history []byte) ([]byte, error) {
	r := flate.NewReaderDict(bytes.NewReader(append(bytes.Clone(payload), Tail+"\x01\x00\x00\xff\xff"...)), history)
	return io.ReadAll(r)
}

// agreeStandard holds that compress/flate and we accept the same, where it
// can tell: it knows no window but its own, stops at a block with BFINAL, and
// takes the tail for whatever it serves as.
func agreeStandard(t *testing.T, s sample, got verdict, final bool) {
	t.Helper()
	if s.bits != maxBits || len(s.payload) == 0 || final {
		return
	}
	want, err := standard(s.payload, s.history[max(0, len(s.history)-1<<maxBits):])
	switch {
	case got.err == nil && (err != nil || string(want) != got.out):
		t.Fatalf("%s, % x: %d bytes, compress/flate says %d, %v", s.name, s.payload, len(got.out), len(want), err)
	case got.err != nil && got.err != errTruncated && err == nil:
		t.Fatalf("%s, % x: %v, compress/flate takes it", s.name, s.payload, got.err)
	}
}

func TestDifferentialStandard(t *testing.T) {
	for _, s := range samples(t) {
		s.bits = maxBits
		s.payload = bytes.Clone(s.payload)
		got, final := judgeFinal(t, s)
		agreeStandard(t, s, got, final)
		for bit := 0; bit < 8*len(s.payload); bit += 45 {
			s.payload[bit/8] ^= 1 << (bit % 8)
			got, final := judgeFinal(t, s)
			agreeStandard(t, s, got, final)
			s.payload[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// judgeFinal is judge, and says whether a block with BFINAL came.
func judgeFinal(t testing.TB, s sample) (verdict, bool) {
	t.Helper()
	z := inflaters.Get().(*Inflater)
	defer inflaters.Put(z)
	z.Reset(s.bits, s.history)
	var v verdict
	final := false
	for i := range len(s.payload) + 1 {
		p := s.payload[i:min(i+1, len(s.payload))]
		out, err := inflate1(z, p, i == len(s.payload), &final)
		v.out += string(out)
		if v.err = err; err != nil {
			break
		}
	}
	if v.err == io.EOF {
		v.err = nil
	}
	return v, final
}

func inflate1(z *Inflater, p []byte, last bool, final *bool) (all []byte, err error) {
	for {
		out, n, err := z.Next(p, last)
		*final = *final || z.final
		all = append(all, out...)
		p = p[n:]
		if err != nil || len(out) == 0 {
			return all, err
		}
	}
}
