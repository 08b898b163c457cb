package topic

import (
	"context"
	"errors"
	"testing"
)

// Any string is a cursor that stands for what follows it, or an error that says
// which; and a cursor has one spelling.
func FuzzCursor(f *testing.F) {
	l := Log{MaxItems: 10}
	all := fill(&l, 20)
	for _, c := range append(append(garbage[:len(garbage)-1:len(garbage)-1], all...), "", Now, At(l.epoch, 0), At(l.epoch, 21), At("a", 15)) {
		f.Add(string(c))
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := Cursor(s)
		epoch, seq, err := c.Split()
		var bad *CursorError
		if err == nil && At(epoch, seq) != c || err != nil && !errors.As(err, &bad) {
			t.Fatalf("%q: %q, %d, %v", s, epoch, seq, err)
		}
		if (c.Check() == nil) != (err == nil || c == "" || c == Now) {
			t.Fatalf("%q: Check %v", s, c.Check())
		}
		items, readErr := l.Read(ended, c, make([]Item, 0, 30))
		var gone *GoneError
		switch {
		case c == Now || epoch == l.epoch && seq == 20:
			if readErr != context.Canceled {
				t.Fatalf("%q: %v", s, readErr)
			}
		case c == "" || epoch == l.epoch && seq >= 10 && seq < 20:
			if c == "" {
				seq = 10
			}
			if readErr != nil || len(items) != int(20-seq) || items[0].Cursor != all[seq] {
				t.Fatalf("%q: %d items, %v", s, len(items), readErr)
			}
		case err != nil:
			if !errors.As(readErr, &bad) {
				t.Fatalf("%q: %v", s, readErr)
			}
		default:
			if !errors.As(readErr, &gone) || gone.After != c {
				t.Fatalf("%q: %v", s, readErr)
			}
		}
	})
}
