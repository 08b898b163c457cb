package topic

import (
	"errors"
	"strings"
	"testing"
)

// garbage is what is no cursor.
var garbage = []Cursor{
	"x", "-", "-1", "a-", "a-b", "a--1", "a-+1", "a-01", "a-00", "a-1 ", " a-1", "a-1\n", "A-1", "ä-1", "a_b-1", "a-1-2", "a-1_0",
	"a-18446744073709551616", "a-99999999999999999999", "a-0x1", "a-1\x00", "now ", "Now", "\xff-1", "a/b-1",
	Cursor(strings.Repeat("a", MaxEpoch+1) + "-1"),
	Cursor("a-" + strings.Repeat("1", 21)),
	Cursor(strings.Repeat("a", 1<<20)),
}

func TestCursorSplit(t *testing.T) {
	for _, v := range []struct {
		c     Cursor
		epoch string
		seq   uint64
	}{
		{"a-0", "a", 0},
		{"0-1", "0", 1},
		{"0123456789abc-18446744073709551615", "0123456789abc", 1<<64 - 1},
		{Cursor(strings.Repeat("z", MaxEpoch) + "-10"), strings.Repeat("z", MaxEpoch), 10},
	} {
		epoch, seq, err := v.c.Split()
		if err != nil || epoch != v.epoch || seq != v.seq {
			t.Errorf("%q: %q, %d, %v", v.c, epoch, seq, err)
		}
		if c := At(epoch, seq); c != v.c || len(c) > MaxCursor {
			t.Errorf("%q became %q", v.c, c)
		}
		if err := v.c.Check(); err != nil {
			t.Errorf("%q: %v", v.c, err)
		}
	}
	for _, c := range garbage {
		var e *CursorError
		if _, _, err := c.Split(); !errors.As(err, &e) || e.Cursor != c || e.Fault == "" {
			t.Errorf("%.80q: %v", c, err)
		} else if len(e.Error()) > 400 {
			t.Errorf("a message of %d bytes", len(e.Error()))
		}
		if err := c.Check(); !errors.As(err, &e) {
			t.Errorf("%.80q: %v", c, err)
		}
	}
	for _, c := range []Cursor{"", Now} {
		if _, _, err := c.Split(); err == nil {
			t.Errorf("%q was split", c)
		}
		if err := c.Check(); err != nil {
			t.Errorf("%q: %v", c, err)
		}
	}
}

func TestEpochsDiffer(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		e := NewEpoch()
		if seen[e] || len(e) != 13 || !validEpoch(e) {
			t.Fatalf("%q", e)
		}
		seen[e] = true
	}
}
