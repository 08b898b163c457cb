package deflate

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// tokens returns the tokens of all Error and answerFault literals in error.go.
func tokens(t *testing.T) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if name, ok := lit.Type.(*ast.Ident); ok && (name.Name == "Error" || name.Name == "answerFault") {
			if b, ok := lit.Elts[0].(*ast.BasicLit); ok {
				s, err := strconv.Unquote(b.Value)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, s)
			}
		}
		return true
	})
	return all
}

func TestErrorTokensAreUniqueAndEachIsProvoked(t *testing.T) {
	provoked := map[string]bool{faultClientBits.token: true} // TestAgainstClientBits
	for _, c := range handmade {
		provoked[c.token] = true
	}
	for _, c := range checks {
		provoked[c.token] = true
	}
	all := tokens(t)
	if len(all) < 19 {
		t.Fatalf("only %d tokens found", len(all))
	}
	form := regexp.MustCompile(`^deflate_[a-z0-9]+(_[a-z0-9]+)*$`)
	seen := make(map[string]bool)
	for _, s := range all {
		if seen[s] {
			t.Errorf("token %s is given twice", s)
		}
		seen[s] = true
		if !form.MatchString(s) {
			t.Errorf("token %q", s)
		}
		if !provoked[s] {
			t.Errorf("no test provokes %s", s)
		}
	}
}

func TestErrorMatchesByToken(t *testing.T) {
	err := fmt.Errorf("read: %w", errDistance)
	if !errors.Is(err, &Error{Token: "deflate_data_distance"}) {
		t.Error("does not match its own token")
	}
	if errors.Is(err, &Error{Token: "deflate_data_symbol"}) || errors.Is(err, &Error{}) {
		t.Error("matches another")
	}
	if got, want := errDistance.Error(), "deflate: a distance reaches beyond the window or the data before it"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Reasons about data fit into a close frame, which carries 123 bytes.
func TestDataErrorsFitIntoACloseFrame(t *testing.T) {
	for _, c := range handmade {
		if _, err := message(t, c.bits, []byte(c.history), c.payload()); err != nil && len(err.Error()) > 123 {
			t.Errorf("%q has %d bytes", err, len(err.Error()))
		}
	}
}

func TestErrorTextQuotesThePeer(t *testing.T) {
	nasty := "\xff\xfe<script>\u202e\r\n" + strings.Repeat("A", 5000)
	for _, answer := range []string{"permessage-deflate;" + nasty, "permessage-deflate " + nasty, "permessage-deflate; server_max_window_bits=" + nasty} {
		_, _, err := Options{}.Check([]string{answer})
		if err == nil || len(err.Error()) > 350 {
			t.Fatalf("%.60q: %v", answer, err)
		}
		for _, c := range []byte(err.Error()) {
			if c < ' ' || c > '~' {
				t.Errorf("%q: byte 0x%02x", err, c)
			}
		}
	}
}

func TestMisusePanics(t *testing.T) {
	for name, f := range map[string]func(){
		"bits 7":            func() { new(Inflater).Reset(7, nil) },
		"bits 16":           func() { new(Inflater).Reset(16, nil) },
		"Next before Reset": func() { new(Inflater).Next(nil, true) },
	} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.HasPrefix(s, "deflate: ") {
					t.Errorf("%s: %q", name, s)
				}
			}()
			f()
		}()
	}
}
