package topic

import (
	"strings"
	"testing"
)

// What errors say, and the names that they are counted under. What was asked
// for may be anything, and is cut.
func TestErrorTextsAndTokens(t *testing.T) {
	long := Cursor(strings.Repeat("x", 10_000))
	for _, k := range []struct {
		err         error
		text, token string
	}{
		{ErrFull, "topic: too many topics", "full"},
		{ErrName, "topic: the name is too long", "bad_name"},
		{ErrClosed, "topic: closed", "closed"},
		{&GoneError{"e-1", "e-5", "e-9"}, `topic: gone (asked for what follows "e-1"; kept is what follows "e-5" up to "e-9")`, "gone"},
		{&CursorError{"?", "it has no dash"}, `topic: not a cursor: "?" (it has no dash)`, "bad_cursor"},
	} {
		if got := k.err.Error(); got != k.text {
			t.Errorf("%T says %q, want %q", k.err, got, k.text)
		}
		token, ok := k.err.(interface{ Token() string })
		if !ok || token.Token() != k.token {
			t.Errorf("%T has not the token %q", k.err, k.token)
		}
	}
	if n := len((&GoneError{After: long}).Error()); n > 1000 {
		t.Errorf("a text of %d bytes", n)
	}
}
