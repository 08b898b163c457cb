package deflate

import (
	"strings"
	"testing"
)

// FuzzInflate: any bytes, whole, cut in two and byte by byte, give the same
// bytes and verdict, those of the reference, and those of compress/flate where
// both accept.
func FuzzInflate(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.payload, s.history, byte(s.bits), len(s.payload)/2)
	}
	f.Fuzz(func(t *testing.T, payload, history []byte, bits byte, cut int) {
		s := sample{"fuzz", payload, history, minBits + int(bits)%8}
		whole := judge(t, s, payload)
		// No symbol gives more than 258 bytes, none has less than 2 bits; but
		// for a code of one symbol, which is the end.
		if most := 258 * 4 * len(payload); len(whole.out) > most {
			t.Fatalf("%d bytes of %d", len(whole.out), len(payload))
		}
		agree(t, s, whole)
		if cut > 0 && cut < len(payload) {
			if got := judge(t, s, payload[:cut], payload[cut:]); got != whole {
				t.Fatalf("cut at %d: %v, whole: %v", cut, got.err, whole.err)
			}
		}
		if got := judge(t, s, bytewise(payload)...); got != whole {
			t.Fatalf("byte by byte: %v, whole: %v", got.err, whole.err)
		}
		s.bits = maxBits
		got, final := judgeFinal(t, s)
		agreeStandard(t, s, got, final)
	})
}

// FuzzAccept: for any offers and wishes the answer is one that its offer
// allows, by another reading of both, and says the same as Params.
func FuzzAccept(f *testing.F) {
	for _, c := range accepts {
		f.Add(strings.Join(c.offers, ","), c.options.ServerNoContext, c.options.ClientNoContext, c.options.ServerBits, c.options.ClientBits)
	}
	for _, v := range badValues {
		f.Add("permessage-deflate; client_max_window_bits="+v, true, false, 9, 99)
	}
	for _, s := range malformed {
		f.Add(s, false, true, 0, 0)
	}
	f.Fuzz(func(t *testing.T, offers string, serverNo, clientNo bool, serverBits, clientBits int) {
		checkAccept(t, Options{serverNo, clientNo, serverBits, clientBits, false}, strings.Split(offers, ","))
	})
}

// FuzzCheck: an answer is agreed on only if it is the only one and one of our
// offers allows it, by another reading; an error has a token, and there is
// never both.
func FuzzCheck(f *testing.F) {
	for _, c := range checks {
		f.Add(strings.Join(c.answer, ","), c.options.ServerNoContext, c.options.Fallback, c.options.ServerBits, c.options.ClientBits)
	}
	for _, v := range badValues {
		f.Add("permessage-deflate; server_max_window_bits="+v, true, false, 9, 99)
	}
	f.Fuzz(func(t *testing.T, answers string, serverNo, fallback bool, serverBits, clientBits int) {
		o := Options{serverNo, false, serverBits, clientBits, fallback}
		answer := strings.Split(answers, ",")
		p, agreed, err := o.Check(answer)
		if !agreed && p != (Params{}) || agreed && err != nil || err != nil && tokenOf(err) == "" {
			t.Fatalf("%+v, %v, %v", p, agreed, err)
		}
		ours, fine := 0, false
		for _, a := range answer {
			if elementName(a) != Name {
				continue
			}
			ours++
			l := readLiteral(a)
			if l.params["client_max_window_bits"] == "-" {
				l.ok = false
			}
			for offer := range strings.SplitSeq(string(o.AppendOffer(nil)), ",") {
				asked := readLiteral(offer)
				if _, ok := asked.params["client_max_window_bits"]; ok {
					asked.params["client_max_window_bits"] = "-" // to a client, its own value is a hint
				}
				fine = fine || asked.allowed(l)
			}
		}
		if want := ours == 1 && fine; agreed != want || (err == nil) != (want || ours == 0) {
			t.Fatalf("%q to %q: %v, %v", answer, o.AppendOffer(nil), agreed, err)
		}
	})
}
