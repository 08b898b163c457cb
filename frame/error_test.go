package frame

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"testing"
	"unicode/utf8"
)

// tokens returns the tokens of all Error literals in the package's source.
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
		if name, ok := lit.Type.(*ast.Ident); ok && name.Name == "Error" {
			s, err := strconv.Unquote(lit.Elts[1].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		return true
	})
	return all
}

func TestErrorTokensAreUniqueAndEachIsProvoked(t *testing.T) {
	provoked := map[string]bool{}
	for _, c := range refusals {
		provoked[c.token] = true
	}
	for _, payload := range []string{"\x03", "\x03\xed", "\x03\xe8\xff"} {
		_, _, err := ParseClose([]byte(payload))
		provoked[err.(*Error).Token] = true
	}
	all := tokens(t)
	if len(all) < 18 {
		t.Fatalf("only %d tokens found", len(all))
	}
	form := regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)+$`)
	seen := make(map[string]bool)
	for _, s := range all {
		if seen[s] {
			t.Errorf("token %s is given twice", s)
		}
		seen[s] = true
		if !form.MatchString(s) {
			t.Errorf("token %q is not lower case words", s)
		}
		if !provoked[s] {
			t.Errorf("no test provokes %s", s)
		}
	}
}

func TestErrorsFitIntoACloseFrame(t *testing.T) {
	for _, e := range []*Error{errOpcodeReserved, errControlFragmented, errControlTooLong, errLengthNotMinimal,
		errLengthTopBit, errRSV, errRSVContinuation, errRSVControl, errMaskMissing, errMaskUnexpected,
		errContinuation, errInterleaved, errMessageTooBig, errTooManyFragments, errTextUTF8, errCloseShort,
		errCloseCode, errCloseReason} {
		if !e.Code.Valid() || len(e.Reason) > MaxReason || !utf8.ValidString(e.Reason) {
			t.Errorf("%s: %d %q", e.Token, e.Code, e.Reason)
		}
		if _, err := AppendClose(nil, Server, e.Code, e.Reason); err != nil {
			t.Errorf("%s: %v", e.Token, err)
		}
	}
	if got, want := errMaskMissing.Error(), "frame: a client must mask its frames (close 1002 protocol error)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
