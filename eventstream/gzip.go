package eventstream

import (
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"sync"
)

// Encoding is a content coding that a stream can have. Others than [Gzip] plug
// in from elsewhere:
//
//	eventstream.Encoding{Name: "br", New: func(w io.Writer) eventstream.Compressor { return brotli.NewWriter(w) }}
type Encoding struct {
	Name string // as in Accept-Encoding and Content-Encoding
	// New makes the compressor of one stream. It lives as long as the stream
	// does: what it holds is the cost of an idle one.
	New func(w io.Writer) Compressor
}

// Compressor compresses one stream. After Flush the receiver must be able to
// read all that was written. *gzip.Writer of the standard library is one.
// Calls come one at a time.
type Compressor interface {
	io.Writer
	Flush() error
	Close() error // ends the format; the writer below stays open
}

// Gzip is the gzip coding with memory for no one: the compressor, 0.8 MB, is
// borrowed for one event and knows nothing of those before. An idle stream
// holds 40 bytes for it. Events of a few hundred bytes become about 0.6 of
// their size. Where the streams are few, one that remembers makes it 0.3 to
// 0.4, and holds its 0.8 MB for each:
//
//	eventstream.Encoding{Name: "gzip", New: func(w io.Writer) eventstream.Compressor { return gzip.NewWriter(w) }}
func Gzip() Encoding {
	return Encoding{Name: "gzip", New: func(w io.Writer) Compressor { return &gzipWriter{w: w} }}
}

// gzipWriter writes one gzip member (RFC 1952) whose deflate blocks come from
// many compressors in turn. Each begins at a byte, after the flush of the one
// before, and refers to nothing before itself, so that together they are one
// deflate stream.
type gzipWriter struct {
	w     io.Writer
	z     *flate.Writer // between Write and Flush, else nil
	begun bool          // the header is written
	crc   uint32        // of all that was written
	size  uint32        // of it, modulo 2^32
}

var deflaters = sync.Pool{New: func() any {
	z, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic("eventstream: " + err.Error()) // of a level that is not known
	}
	return z
}}

func (g *gzipWriter) begin() error {
	if g.begun {
		return nil
	}
	g.begun = true
	// RFC 1952, 2.3: magic, deflate, no flags, no time, XFL 4 (fastest), unknown
	// system.
	_, err := g.w.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255})
	return err
}

func (g *gzipWriter) Write(p []byte) (int, error) {
	if err := g.begin(); err != nil {
		return 0, err
	}
	if g.z == nil {
		g.z = deflaters.Get().(*flate.Writer)
		g.z.Reset(g.w)
	}
	g.crc = crc32.Update(g.crc, crc32.IEEETable, p)
	g.size += uint32(len(p))
	return g.z.Write(p)
}

func (g *gzipWriter) Flush() error {
	if err := g.begin(); err != nil || g.z == nil {
		return err
	}
	err := g.z.Flush()
	g.z.Reset(io.Discard) // lets go of w
	deflaters.Put(g.z)
	g.z = nil
	return err
}

func (g *gzipWriter) Close() error {
	if err := g.Flush(); err != nil {
		return err
	}
	// RFC 1951, 3.2.6: a last block of fixed codes that holds nothing but the
	// end; RFC 1952, 2.3: CRC32 and ISIZE.
	end := []byte{3, 0}
	end = binary.LittleEndian.AppendUint32(end, g.crc)
	end = binary.LittleEndian.AppendUint32(end, g.size)
	_, err := g.w.Write(end)
	return err
}

// zip is the compressor of one stream, and the place where its output is
// gathered so that an event is one write.
type zip struct {
	c   Compressor
	out gather
}

// gather appends what is written to it.
type gather struct{ b []byte }

func (g *gather) Write(p []byte) (int, error) {
	g.b = append(g.b, p...)
	return len(p), nil
}

func newZip(e *Encoding) *zip {
	z := &zip{}
	z.c = e.New(&z.out)
	return z
}

// append compresses p, and appends to dst all that it takes to read it.
func (z *zip) append(dst, p []byte) ([]byte, error) {
	z.out.b = dst
	_, err := z.c.Write(p)
	if err == nil {
		err = z.c.Flush()
	}
	dst, z.out.b = z.out.b, nil
	return dst, err
}

// close appends the end of the format to dst.
func (z *zip) close(dst []byte) ([]byte, error) {
	z.out.b = dst
	err := z.c.Close()
	dst, z.out.b = z.out.b, nil
	return dst, err
}

// offered reports whether one of ours has the name.
func offered(ours []Encoding, name string) bool {
	return name != "" && slices.ContainsFunc(ours, func(e Encoding) bool { return strings.EqualFold(e.Name, name) })
}

// negotiate chooses the coding that the client likes best, and of equals the
// one that is first in ours; nil is none (identity). ok is false if the client
// takes neither one of ours nor none.
//
// RFC 9110, 12.5.3: "If the representation has no content coding, then it is
// acceptable by default unless specifically excluded by the Accept-Encoding
// header field stating either "identity;q=0" or "*;q=0" without a more specific
// entry for "identity"."
func negotiate(fields []string, ours []Encoding) (e *Encoding, ok bool) {
	if len(fields) == 0 {
		return nil, true
	}
	weights := make(map[string]int)
	for _, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			name, q := quality(item)
			name = strings.ToLower(name)
			if name == "x-gzip" { // RFC 9110, 8.4.1.3: equivalent
				name = "gzip"
			}
			// Others do not count, and may be very many.
			if name == "*" || name == "identity" || offered(ours, name) {
				weights[name] = max(weights[name], q)
			}
		}
	}
	star, others := weights["*"]
	best := 0
	for i := range ours {
		q, named := weights[strings.ToLower(ours[i].Name)]
		if !named {
			q = star
		}
		if q > best {
			e, best = &ours[i], q
		}
	}
	plain, named := weights["identity"]
	switch {
	case named && plain > best:
		return nil, true
	case e != nil:
		return e, true
	case named:
		return nil, plain > 0
	}
	return nil, !others || star > 0
}
