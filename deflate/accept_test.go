package deflate

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// accepts has a row for each sentence of RFC 7692, 7 and 7.1, that binds a
// server. An empty answer declines.
var accepts = []struct {
	why     string
	options Options
	offers  []string
	answer  string
	params  Params
}{
	{"7.1.3: the simplest offer, the simplest answer", Options{},
		[]string{"permessage-deflate"}, "permessage-deflate", Params{false, false, 15, 15}},
	{"5: a server declining all offers has no element", Options{}, nil, "", Params{}},
	{"other extensions are skipped", Options{},
		[]string{"permessage-bzip2; x=1", "x-webkit-deflate-frame", "permessage-deflate"}, "permessage-deflate", Params{false, false, 15, 15}},
	{"names are compared whole and exactly", Options{},
		[]string{"permessage-deflate2", "permessage-deflat", "Permessage-Deflate", "permessage-deflate=1"}, "", Params{}},
	{"what browsers send", Options{},
		[]string{"permessage-deflate; client_max_window_bits"}, "permessage-deflate", Params{false, false, 15, 15}},

	{"7: a parameter not defined for an offer declines", Options{}, []string{"permessage-deflate; mux"}, "", Params{}},
	{"7: a parameter with an invalid value declines", Options{}, []string{"permessage-deflate; server_max_window_bits=16"}, "", Params{}},
	{"7: multiple parameters with the same name decline", Options{}, []string{"permessage-deflate; server_no_context_takeover; server_no_context_takeover"}, "", Params{}},
	{"7: the second client_no_context_takeover", Options{}, []string{"permessage-deflate; client_no_context_takeover; client_no_context_takeover"}, "", Params{}},
	{"7: the second server_max_window_bits", Options{}, []string{"permessage-deflate; server_max_window_bits=10; server_max_window_bits=10"}, "", Params{}},
	{"7: the second client_max_window_bits, without a value", Options{}, []string{"permessage-deflate; client_max_window_bits=10; client_max_window_bits"}, "", Params{}},
	{"7: and with one", Options{}, []string{"permessage-deflate; client_max_window_bits; client_max_window_bits=10"}, "", Params{}},

	{"7.1.1.1: the client prevents the server's context takeover", Options{},
		[]string{"permessage-deflate; server_no_context_takeover"}, "permessage-deflate; server_no_context_takeover", Params{true, false, 15, 15}},
	{"7.1.1.1: it has no value", Options{}, []string{"permessage-deflate; server_no_context_takeover=1"}, "", Params{}},
	{"7.1.1.1: not even a quoted one", Options{}, []string{`permessage-deflate; server_no_context_takeover="x"`}, "", Params{}},
	{"7.1.1.1: a server may drop its context unasked", Options{ServerNoContext: true},
		[]string{"permessage-deflate"}, "permessage-deflate; server_no_context_takeover", Params{true, false, 15, 15}},
	{"7.1.1.2: the hint is used", Options{},
		[]string{"permessage-deflate; client_no_context_takeover"}, "permessage-deflate; client_no_context_takeover", Params{false, true, 15, 15}},
	{"7.1.1.2: it has no value", Options{}, []string{"permessage-deflate; client_no_context_takeover=true"}, "", Params{}},
	{"7.1.1.2: a server may demand it unasked", Options{ClientNoContext: true},
		[]string{"permessage-deflate"}, "permessage-deflate; client_no_context_takeover", Params{false, true, 15, 15}},

	{"7.1.2.1: accepted with the same value", Options{},
		[]string{"permessage-deflate; server_max_window_bits=10"}, "permessage-deflate; server_max_window_bits=10", Params{false, false, 10, 15}},
	{"7.1.2.1: or a smaller one", Options{ServerBits: 9},
		[]string{"permessage-deflate; server_max_window_bits=10"}, "permessage-deflate; server_max_window_bits=9", Params{false, false, 9, 15}},
	{"7.1.2.1: never a larger one", Options{ServerBits: 12},
		[]string{"permessage-deflate; server_max_window_bits=8"}, "permessage-deflate; server_max_window_bits=8", Params{false, false, 8, 15}},
	{"7.1.2.1: 15 is answered too, because inclusion accepts", Options{},
		[]string{"permessage-deflate; server_max_window_bits=15"}, "permessage-deflate; server_max_window_bits=15", Params{false, false, 15, 15}},
	{"7.1.2.1: a server may limit itself unasked", Options{ServerBits: 12},
		[]string{"permessage-deflate"}, "permessage-deflate; server_max_window_bits=12", Params{false, false, 12, 15}},
	{"7.1.2.1: it needs a value", Options{}, []string{"permessage-deflate; server_max_window_bits"}, "", Params{}},

	{"7.1.2.2: without the offer the client is not limited", Options{ClientBits: 10},
		[]string{"permessage-deflate"}, "permessage-deflate", Params{false, false, 15, 15}},
	{"7.1.2.2: with it, it is", Options{ClientBits: 10},
		[]string{"permessage-deflate; client_max_window_bits"}, "permessage-deflate; client_max_window_bits=10", Params{false, false, 15, 10}},
	{"7.1.2.2: the hint is used", Options{},
		[]string{"permessage-deflate; client_max_window_bits=11"}, "permessage-deflate; client_max_window_bits=11", Params{false, false, 15, 11}},
	{"7.1.2.2: with a value equal to or smaller than the received", Options{ClientBits: 10},
		[]string{"permessage-deflate; client_max_window_bits=11"}, "permessage-deflate; client_max_window_bits=10", Params{false, false, 15, 10}},
	{"7.1.2.2: not greater", Options{ClientBits: 12},
		[]string{"permessage-deflate; client_max_window_bits=11"}, "permessage-deflate; client_max_window_bits=11", Params{false, false, 15, 11}},

	{"7.1.3: an offer with all of the client's wishes", Options{ClientBits: 9},
		[]string{"permessage-deflate; client_max_window_bits; server_max_window_bits=10"},
		"permessage-deflate; server_max_window_bits=10; client_max_window_bits=9", Params{false, false, 10, 9}},
	{"7.1.3: the first offer that can be met", Options{},
		[]string{"permessage-deflate; client_max_window_bits; server_max_window_bits=10", "permessage-deflate; client_max_window_bits"},
		"permessage-deflate; server_max_window_bits=10", Params{false, false, 10, 15}},
	{"7.1.3: fallback behind an offer that has to be declined", Options{},
		[]string{"permessage-deflate; server_max_window_bits=7", "permessage-deflate; unknown", "permessage-deflate; server_no_context_takeover"},
		"permessage-deflate; server_no_context_takeover", Params{true, false, 15, 15}},
	{"5.2: the value may be quoted", Options{},
		[]string{`permessage-deflate; server_max_window_bits="10"`}, "permessage-deflate; server_max_window_bits=10", Params{false, false, 10, 15}},
	{"and its characters escaped", Options{},
		[]string{`permessage-deflate; client_max_window_bits="\1\0"`}, "permessage-deflate; client_max_window_bits=10", Params{false, false, 15, 10}},
	{"white space may stand between any two parts", Options{},
		[]string{"\t permessage-deflate\t ;server_max_window_bits\t= 10 ;  client_max_window_bits = \"9\"\t"},
		"permessage-deflate; server_max_window_bits=10; client_max_window_bits=9", Params{false, false, 10, 9}},
	{"everything at once", Options{ServerNoContext: true, ClientNoContext: true, ServerBits: 8, ClientBits: 8},
		[]string{"permessage-deflate; client_max_window_bits"},
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; client_max_window_bits=8", Params{true, true, 8, 8}},
}

// badValues are no window sizes: 7.1.2.1, "a decimal integer value without
// leading zeroes between 8 to 15, inclusive".
var badValues = []string{"0", "7", "16", "08", "8.0", "15.0", "", `""`, "+8", "-8", "1", "010", "0x8", "1e1", "150", "99999999999999999999", "8 9",
	"a", `"`, `"8`, `"8"8`, `"8\`, "１０", "=8", "8=", "8,9", "10x"}

// malformed are elements that package handshake lets nobody send.
var malformed = []string{"permessage-deflate;", "permessage-deflate; ", "permessage-deflate;;server_no_context_takeover", "permessage-deflate; =10",
	"permessage-deflate server_no_context_takeover", "permessage-deflate; server_no_context_takeover client_no_context_takeover"}

func TestAccept(t *testing.T) {
	for _, c := range accepts {
		p, answer, ok := c.options.Accept(c.offers)
		if answer != c.answer || p != c.params || ok != (c.answer != "") {
			t.Errorf("%s: %+v, %q, %v; want %+v, %q", c.why, p, answer, ok, c.params, c.answer)
		}
	}
}

func TestAcceptDeclinesBadOffers(t *testing.T) {
	var bad []string
	for _, v := range badValues {
		bad = append(bad, "permessage-deflate; server_max_window_bits="+v, "permessage-deflate; client_max_window_bits="+v,
			"permessage-deflate; server_no_context_takeover="+v, "permessage-deflate; client_no_context_takeover="+v)
	}
	for _, offer := range append(bad, malformed...) {
		if p, answer, ok := (Options{}).Accept([]string{offer}); ok || answer != "" || p != (Params{}) {
			t.Errorf("%q: %+v, %q", offer, p, answer)
		}
		// The next offer is still looked at.
		if _, answer, ok := (Options{}).Accept([]string{offer, Name}); !ok || answer != Name {
			t.Errorf("%q hides the next offer: %q", offer, answer)
		}
	}
}

// The checker of answers: by its own reading, with no code of the package.

type literal struct {
	params map[string]string // value, or "-" without one
	ok     bool
}

var escaped = regexp.MustCompile(`\\(.)`)

// readLiteral reads an element the obvious way. It refuses quoted values that
// hold a semicolon, which no valid offer does.
func readLiteral(element string) (l literal) {
	l.params = map[string]string{}
	parts := strings.Split(element, ";")
	trim := func(s string) string { return strings.Trim(s, " \t") }
	if trim(parts[0]) != "permessage-deflate" {
		return l
	}
	for _, part := range parts[1:] {
		name, value, has := strings.Cut(part, "=")
		name, value = trim(name), trim(value)
		if _, twice := l.params[name]; twice {
			return l
		}
		if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = escaped.ReplaceAllString(value[1:len(value)-1], "$1")
		}
		if !has {
			value = "-"
		}
		l.params[name] = value
		size := slices.Contains(strings.Fields("8 9 10 11 12 13 14 15"), value)
		switch name {
		case "server_no_context_takeover", "client_no_context_takeover":
			if has {
				return l
			}
		case "server_max_window_bits":
			if !size {
				return l
			}
		case "client_max_window_bits":
			if has && !size {
				return l
			}
		default:
			return l
		}
	}
	l.ok = true
	return l
}

// atMost compares sizes as they are written.
func atMost(a, b string) bool { return len(a) < len(b) || len(a) == len(b) && a <= b }

// allowed says whether the answer is one that the offer allows.
func (offer literal) allowed(answer literal) bool {
	value := func(l literal, name string) (string, bool) { v, ok := l.params[name]; return v, ok }
	if !offer.ok || !answer.ok {
		return false
	}
	if v, ok := value(answer, "client_max_window_bits"); ok {
		limit, offered := value(offer, "client_max_window_bits")
		if !offered || v == "-" || limit != "-" && !atMost(v, limit) {
			return false
		}
	}
	if limit, ok := value(offer, "server_max_window_bits"); ok {
		if v, ok := value(answer, "server_max_window_bits"); !ok || !atMost(v, limit) {
			return false
		}
	}
	if _, ok := value(offer, "server_no_context_takeover"); ok {
		if _, ok := value(answer, "server_no_context_takeover"); !ok {
			return false
		}
	}
	return true
}

// checkAccept holds that the answer is to the first well-formed offer, that it
// is allowed by it, and that Params say the same as the answer.
func checkAccept(t *testing.T, o Options, offers []string) {
	t.Helper()
	first := slices.IndexFunc(offers, func(s string) bool { return readLiteral(s).ok })
	p, answer, ok := o.Accept(offers)
	if !ok {
		if answer != "" || p != (Params{}) {
			t.Fatalf("%q: %+v, %q beside no", offers, p, answer)
		}
		if first >= 0 {
			t.Fatalf("%q: %q was declined", offers, offers[first])
		}
		return
	}
	a := readLiteral(answer)
	if first < 0 || !readLiteral(offers[first]).allowed(a) {
		t.Fatalf("%+v: %q is no answer to %q", o, answer, offers)
	}
	bits := func(v string) int {
		return map[string]int{"": 15, "8": 8, "9": 9, "10": 10, "11": 11, "12": 12, "13": 13, "14": 14, "15": 15}[v]
	}
	_, server := a.params["server_no_context_takeover"]
	_, client := a.params["client_no_context_takeover"]
	if want := (Params{server, client, bits(a.params["server_max_window_bits"]), bits(a.params["client_max_window_bits"])}); p != want {
		t.Fatalf("%q: %+v, the answer says %+v", answer, p, want)
	}
	wish := func(bits int) int {
		if bits == 0 {
			return 15
		}
		return bits
	}
	if o.Validate() == nil && (o.ServerNoContext && !server || o.ClientNoContext && !client || p.ServerBits > wish(o.ServerBits)) {
		t.Fatalf("%q does not do what %+v want", answer, o)
	}
}

func TestAcceptAnswersWhatTheOfferAllows(t *testing.T) {
	var offers []string
	for _, c := range accepts {
		offers = append(offers, c.offers...)
	}
	for _, o := range allOptions() {
		for i, offer := range offers {
			checkAccept(t, o, []string{offer})
			checkAccept(t, o, offers[i:])
		}
	}
}

// allOptions are all that Validate takes, but for every second window.
func allOptions() (all []Options) {
	for _, server := range []int{0, 8, 10, 12, 14, 15} {
		for _, client := range []int{0, 8, 9, 11, 13, 15} {
			for flags := range 8 {
				all = append(all, Options{flags&1 != 0, flags&2 != 0, server, client, flags&4 != 0})
			}
		}
	}
	return all
}
