package pushwire

import (
	"io"
	"sync"

	"github.com/pushwire/pushwire/deflate"
)

// Compressing takes up to 2 KiB of stack and inflating 1.5 KiB. A goroutine
// that did it by itself would keep 4 KiB or more for as long as it waits for
// the next message: the runtime halves only stacks of which less than a
// quarter is in use. So it is done by a goroutine that lives for as long as it
// takes. An echo of 4 KiB costs 3 to 4 us more for that, of 45, and a connection
// 2 KiB less (stack_test.go).

// errand is work for such a goroutine. Its owner calls run, and nobody else
// uses what do works on meanwhile.
type errand struct {
	do func() // made once, so that a go statement allocates nothing
	// Locked but for the moment between the end of do and that of run. It is
	// not a channel: one that was made in a bubble of testing/synctest must
	// not leave it through a pool.
	done sync.Mutex
}

func (e *errand) init(work func()) {
	e.done.Lock()
	e.do = func() {
		work()
		e.done.Unlock()
	}
}

func (e *errand) run() {
	go e.do()
	e.done.Lock()
}

// compressor is a borrowed deflate.Compressor, and what it is to do.
type compressor struct {
	errand
	z deflate.Compressor

	level, bits int
	last        bool
	dst         []byte
	window      *history // what went before; nil for nothing
	settle      bool     // window will get p, and may have notes
	p           [][]byte
	scratch     []byte
}

// compressors is where connections borrow one for a message.
var compressors = sync.Pool{New: func() any {
	z := new(compressor)
	z.init(z.append)
	return z
}}

func (z *compressor) append() {
	var before []byte
	if z.window != nil {
		if z.settle { // here, since allocating takes stack as well
			z.window.settle(z.bits)
		}
		before = z.window.linear(&z.scratch)
	}
	z.dst = z.z.Append(z.dst, before, z.level, z.bits, z.last, z.p...)
}

// free gives z back, without what was the caller's.
func (z *compressor) free() {
	clear(z.p)
	z.dst, z.window = nil, nil
	compressors.Put(z)
}

// inflater is a borrowed deflate.Inflater, and what it is to do.
type inflater struct {
	errand
	z deflate.Inflater

	src    []byte
	last   bool
	keeps  int    // bits of window, 0 without takeover
	window []byte // after the message's end what the next one may look back at
	out    []byte
	n      int
	err    error
}

// inflaters is where connections borrow one for a message.
var inflaters = sync.Pool{New: func() any {
	z := new(inflater)
	z.init(z.next)
	return z
}}

func (z *inflater) next() {
	z.out, z.n, z.err = z.z.Next(z.src, z.last)
	if z.err == io.EOF && z.keeps > 0 {
		h := z.z.History()
		if cap(z.window) < len(h) {
			z.window = make([]byte, 0, max(len(h), min(2*cap(z.window), 1<<z.keeps)))
		}
		z.window = append(z.window[:0], h...)
	}
}

// free gives z back, without what was the caller's.
func (z *inflater) free() {
	z.src, z.window, z.out, z.err = nil, nil, nil, nil
	inflaters.Put(z)
}
