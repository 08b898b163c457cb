package frame

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pushwire/pushwire/internal/testpeer"
)

// stream builds bytes for a decoder of role, masked as it wants them. It uses
// the writer of testpeer, so that encoder and decoder cannot err together.
func stream(role Role, frames ...testpeer.Frame) (p []byte) {
	for i, f := range frames {
		f.Mask = role == Server
		f.Key = &[4]byte{0x37, 0xfa, 0x21, byte(i)}
		p = f.Append(p)
	}
	return p
}

func roles(t *testing.T, f func(t *testing.T, role Role)) {
	for _, role := range []Role{Server, Client} {
		t.Run(role.String(), func(t *testing.T) { f(t, role) })
	}
}

func part(op byte, s string) testpeer.Frame { return testpeer.Frame{Opcode: op, Payload: []byte(s)} }

func last(op byte, s string) testpeer.Frame {
	return testpeer.Frame{Fin: true, Opcode: op, Payload: []byte(s)}
}

func length(n uint64) *uint64 { return &n }

// conversations are valid streams, the seeds of all that follows.
func conversations(role Role) map[string][]byte {
	return map[string][]byte{
		"text":      stream(role, last(1, "Hello")),
		"empty":     stream(role, last(2, ""), last(1, "")),
		"fragments": stream(role, part(1, "Grü"), last(9, "ping"), part(0, ""), last(10, ""), last(0, "ße\U0001F389")),
		"split rune": stream(role, part(1, "\xf0\x9f"), last(9, "\xff"), part(0, "\x8e"),
			last(0, "\x89."), last(2, "\xff\xfe")),
		"close":     stream(role, last(2, "x"), last(8, "\x03\xe8bye")),
		"forms":     stream(role, last(2, strings.Repeat("m", 126)), last(9, strings.Repeat("c", 125)), last(2, "after")),
		"long":      stream(role, last(2, strings.Repeat("0123456789", 6554)), last(1, "after")),
		"unfinish.": stream(role, part(2, "abc"), part(0, "de")),
	}
}

// The bytes of RFC 6455, 5.7, in its order.
func TestDecoderReadsTheExamplesOfRFC6455(t *testing.T) {
	big := func(n int) string { return string(bytes.Repeat([]byte{7}, n)) }
	for _, c := range []struct {
		name  string
		role  Role
		bytes string
		want  []event
	}{
		{"unmasked text", Client, "\x81\x05Hello",
			[]event{{Type: Text, Header: Header{Fin: true, Opcode: Text, Length: 5}, Payload: "Hello", End: true}}},
		{"masked text", Server, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
			[]event{{Type: Text, Header: Header{Fin: true, Opcode: Text, Masked: true, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}, Length: 5}, Payload: "Hello", End: true}}},
		{"fragmented text", Client, "\x01\x03Hel\x80\x02lo", []event{
			{Type: Text, Header: Header{Opcode: Text, Length: 3}, Payload: "Hel"},
			{Type: Text, Header: Header{Fin: true, Length: 2}, Payload: "lo", End: true}}},
		{"ping", Client, "\x89\x05Hello",
			[]event{{Type: Ping, Control: true, Header: Header{Fin: true, Opcode: Ping, Length: 5}, Payload: "Hello", End: true}}},
		{"masked pong", Server, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
			[]event{{Type: Pong, Control: true, Header: Header{Fin: true, Opcode: Pong, Masked: true, Key: [4]byte{0x37, 0xfa, 0x21, 0x3d}, Length: 5}, Payload: "Hello", End: true}}},
		{"256 bytes", Client, "\x82\x7E\x01\x00" + big(256),
			[]event{{Type: Binary, Header: Header{Fin: true, Opcode: Binary, Length: 256}, Payload: big(256), End: true}}},
		{"64 KiB", Client, "\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00" + big(65536),
			[]event{{Type: Binary, Header: Header{Fin: true, Opcode: Binary, Length: 65536}, Payload: big(65536), End: true}}},
	} {
		got, fault := decode(t, &Decoder{Role: c.role}, []byte(c.bytes))
		if diff := cmp.Diff(c.want, got.Events); diff != "" || fault != nil {
			t.Errorf("%s: %v\n%s", c.name, fault, diff)
		}
	}
}

// refusals is what a decoder must not take: all that RFC 6455 forbids in
// section 5, and the limits. at is the index of the byte that decides.
var refusals = []struct {
	name  string
	cfg   Decoder
	bytes string
	token string
	at    int
}{
	{"RefusesUnmaskedClientFrame", Decoder{Role: Server}, "\x81\x05Hello", "frame_mask_missing", 1},
	{"RefusesUnmaskedClientControlFrame", Decoder{Role: Server}, "\x89\x00", "frame_mask_missing", 1},
	{"RefusesMaskedServerFrame", Decoder{Role: Client}, "\x81\x80\x00\x00\x00\x00", "frame_mask_unexpected", 1},
	{"RefusesRSV1", Decoder{Role: Client}, "\xc1\x00", "frame_rsv_unexpected", 0},
	{"RefusesRSV2", Decoder{Role: Client}, "\xa1\x00", "frame_rsv_unexpected", 0},
	{"RefusesRSV3", Decoder{Role: Client}, "\x91\x00", "frame_rsv_unexpected", 0},
	{"RefusesRSVThatOtherExtensionHas", Decoder{Role: Client, RSV: RSV1}, "\xa1\x00", "frame_rsv_unexpected", 0},
	{"RefusesRSVOnContinuation", Decoder{Role: Client, RSV: RSV1}, "\x41\x00\xc0\x00", "frame_rsv_continuation", 2},
	{"RefusesRSVOnControlFrame", Decoder{Role: Client, RSV: RSV1}, "\xc9\x00", "frame_rsv_control", 0},
	{"RefusesOpcode3", Decoder{Role: Client}, "\x83\x00", "frame_opcode_reserved", 0},
	{"RefusesOpcode4", Decoder{Role: Client}, "\x84\x00", "frame_opcode_reserved", 0},
	{"RefusesOpcode5", Decoder{Role: Client}, "\x85\x00", "frame_opcode_reserved", 0},
	{"RefusesOpcode6", Decoder{Role: Client}, "\x86\x00", "frame_opcode_reserved", 0},
	{"RefusesOpcode7", Decoder{Role: Client}, "\x87\x00", "frame_opcode_reserved", 0},
	{"RefusesOpcodeB", Decoder{Role: Client}, "\x8b\x00", "frame_opcode_reserved", 0},
	{"RefusesOpcodeC", Decoder{Role: Client}, "\x8c\x00", "frame_opcode_reserved", 0},
	{"RefusesOpcodeD", Decoder{Role: Client}, "\x8d\x00", "frame_opcode_reserved", 0},
	{"RefusesOpcodeE", Decoder{Role: Client}, "\x8e\x00", "frame_opcode_reserved", 0},
	{"RefusesOpcodeF", Decoder{Role: Client}, "\x8f\x00", "frame_opcode_reserved", 0},
	{"RefusesFragmentedClose", Decoder{Role: Client}, "\x08\x00", "frame_control_fragmented", 0},
	{"RefusesFragmentedPing", Decoder{Role: Client}, "\x09\x00", "frame_control_fragmented", 0},
	{"RefusesFragmentedPong", Decoder{Role: Client}, "\x0a\x00", "frame_control_fragmented", 0},
	{"RefusesControlFrameOver125Bytes", Decoder{Role: Client}, "\x89\x7e\x00\x7e", "frame_control_too_long", 1},
	{"RefusesControlFrameWith64BitLength", Decoder{Role: Client}, "\x88\x7f\x00", "frame_control_too_long", 1},
	{"RefusesLength125In16Bits", Decoder{Role: Client}, "\x82\x7e\x00\x7d", "frame_length_not_minimal", 3},
	{"RefusesLength0In16Bits", Decoder{Role: Client}, "\x82\x7e\x00\x00", "frame_length_not_minimal", 3},
	{"RefusesLength65535In64Bits", Decoder{Role: Client}, "\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", "frame_length_not_minimal", 9},
	{"RefusesLength0In64Bits", Decoder{Role: Client}, "\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x00", "frame_length_not_minimal", 9},
	{"RefusesLengthWithTopBit", Decoder{Role: Client}, "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", "frame_length_top_bit", 2},
	{"RefusesLengthOfAllOnes", Decoder{Role: Client}, "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "frame_length_top_bit", 2},
	{"RefusesContinuationOfNothing", Decoder{Role: Client}, "\x80\x00", "frame_continuation_unexpected", 0},
	{"RefusesContinuationAfterMessage", Decoder{Role: Client}, "\x01\x00\x80\x00\x80\x00", "frame_continuation_unexpected", 4},
	{"RefusesTextInsideMessage", Decoder{Role: Client}, "\x01\x00\x81\x00", "frame_data_interleaved", 2},
	{"RefusesBinaryInsideMessage", Decoder{Role: Client}, "\x01\x00\x89\x00\x82\x00", "frame_data_interleaved", 4},
	{"RefusesMessageOverLimit", Decoder{Role: Client, Limits: Limits{Message: 4}}, "\x82\x05", "message_too_big", 1},
	{"RefusesMessageOverLimitAfterItsKey", Decoder{Role: Server, Limits: Limits{Message: 4}}, "\x82\x85\x00\x00\x00\x00", "message_too_big", 5},
	{"RefusesFragmentsOverLimitTogether", Decoder{Role: Client, Limits: Limits{Message: 4}}, "\x02\x03abc\x80\x02", "message_too_big", 6},
	{"RefusesMessageOverDefaultLimit", Decoder{Role: Client}, "\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x01", "message_too_big", 9},
	{"RefusesSumThatOverflows", Decoder{Role: Client, Limits: Limits{Message: -1}}, "\x02\x01a\x80\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "message_too_big", 12},
	{"RefusesTooManyFragments", Decoder{Role: Client, Limits: Limits{Fragments: 2}}, "\x02\x01a\x00\x01b\x80\x01c", "message_too_many_fragments", 7},
	{"RefusesTooManyEmptyFragments", Decoder{Role: Client, Limits: Limits{Fragments: 2}}, "\x02\x00\x00\x00\x00\x00", "message_too_many_fragments", 5},
	{"RefusesTextThatIsNotUTF8", Decoder{Role: Client}, "\x81\x04ab\xffd", "message_text_not_utf8", 4},
	{"RefusesTextThatEndsInsideARune", Decoder{Role: Client}, "\x81\x02a\xc3", "message_text_not_utf8", 3},
	{"RefusesMessageThatEndsInsideARune", Decoder{Role: Client}, "\x01\x02a\xc3\x80\x00", "message_text_not_utf8", 5},
	{"RefusesRuneBrokenByAFragment", Decoder{Role: Client}, "\x01\x01\xc3\x00\x01a", "message_text_not_utf8", 5},
	{"RefusesSurrogateInText", Decoder{Role: Client}, "\x81\x03\xed\xa0\x80", "message_text_not_utf8", 3},
}

func TestDecoder(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			agree(t, c.cfg, []byte(c.bytes))
			for _, chunks := range [][][]byte{{[]byte(c.bytes)}, single([]byte(c.bytes))} {
				got, fault := decode(t, fresh(c.cfg), chunks...)
				if fault == nil || fault.Token != c.token {
					t.Fatalf("got %v, want %s", fault, c.token)
				}
				if len(chunks) > 1 && got.At != c.at {
					t.Errorf("refused on byte %d, want %d", got.At, c.at)
				}
			}
			if c.at > 0 {
				if _, fault := decode(t, fresh(c.cfg), []byte(c.bytes[:c.at])); fault != nil {
					t.Errorf("refused before byte %d: %v", c.at, fault)
				}
			}
		})
	}
}

// What stands at the edge of what is allowed.
func TestDecoderTakes(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Decoder
		in   []byte
	}{
		{"ControlFrameOf125Bytes", Decoder{Role: Client}, stream(Client, last(9, strings.Repeat("x", 125)))},
		{"Length126In16Bits", Decoder{Role: Client}, stream(Client, last(2, strings.Repeat("x", 126)))},
		{"Length65535In16Bits", Decoder{Role: Client}, stream(Client, last(2, strings.Repeat("x", 65535)))},
		{"Length65536In64Bits", Decoder{Role: Client}, stream(Client, last(2, strings.Repeat("x", 65536)))},
		{"MessageAtDefaultLimit", Decoder{Role: Client}, stream(Client, testpeer.Frame{Opcode: 2, DeclaredLength: length(1 << 20)})},
		{"LargestLengthWithoutLimit", Decoder{Role: Client, Limits: Limits{Message: -1}}, stream(Client, testpeer.Frame{Opcode: 2, DeclaredLength: length(math.MaxInt64)})},
		{"ControlFramesBeyondTheLimits", Decoder{Role: Client, Limits: Limits{Message: 1, Fragments: 1}}, stream(Client, last(9, "abc"), last(2, "x"), last(9, "abc"))},
		{"LimitsAnewForEachMessage", Decoder{Role: Client, Limits: Limits{Message: 2, Fragments: 2}}, stream(Client, part(2, "a"), last(0, "b"), part(2, "a"), last(0, "b"))},
		{"RSV1WhenNegotiated", Decoder{Role: Client, RSV: RSV1}, []byte("\xc2\x01x\x82\x01x")},
		{"AllRSVWhenNegotiated", Decoder{Role: Client, RSV: 7}, []byte("\xf2\x01x")},
		{"TextWithRSV1WithoutUTF8Check", Decoder{Role: Client, RSV: RSV1}, []byte("\x41\x01\xff\x80\x01\xff")},
		{"TextWithoutUTF8CheckWhenTold", Decoder{Role: Client, SkipUTF8: true}, []byte("\x81\x01\xff")},
		{"BinaryOfAnyBytes", Decoder{Role: Client}, []byte("\x82\x03\xff\xfe\xed")},
	} {
		t.Run(c.name, func(t *testing.T) {
			agree(t, c.cfg, c.in)
			if _, fault := decode(t, fresh(c.cfg), c.in); fault != nil {
				t.Error(fault)
			}
		})
	}
}

func TestDecoderDefaultLimitIs4096Fragments(t *testing.T) {
	in := append([]byte("\x02\x00"), bytes.Repeat([]byte("\x00\x00"), 4095)...)
	if _, fault := decode(t, &Decoder{Role: Client}, in); fault != nil {
		t.Fatal(fault)
	}
	_, fault := decode(t, &Decoder{Role: Client}, append(in, 0, 0))
	if fault != errTooManyFragments {
		t.Fatalf("got %v", fault)
	}
	if _, fault := decode(t, &Decoder{Role: Client, Limits: Limits{Fragments: -1}}, append(in, 0, 0)); fault != nil {
		t.Fatal(fault)
	}
}

// RFC 6455, 5.5.1: after a close frame no more frames count.
func TestDecoderIgnoresAllAfterClose(t *testing.T) {
	roles(t, func(t *testing.T, role Role) {
		in := append(stream(role, part(1, "a"), last(8, "\x03\xe8"), last(1, "late")), "\xff\xff garbage"...)
		agree(t, Decoder{Role: role}, in)
		got, fault := decode(t, &Decoder{Role: role}, in)
		if fault != nil || len(got.Events) != 2 || got.Events[1].Type != Close {
			t.Errorf("got %v, %v", got, fault)
		}
	})
}

func TestDecoderTakesEveryTruncation(t *testing.T) {
	roles(t, func(t *testing.T, role Role) {
		for name, in := range conversations(role) {
			t.Run(name, func(t *testing.T) {
				for n := 0; n <= len(in); n += 1 + n/40 {
					agree(t, Decoder{Role: role}, in[:n])
				}
			})
		}
	})
}

func TestDecoderGivesTheSameForEverySplit(t *testing.T) {
	roles(t, func(t *testing.T, role Role) {
		for name, in := range conversations(role) {
			t.Run(name, func(t *testing.T) {
				cfg := Decoder{Role: role}
				want := reference(cfg, in)
				try := func(chunks ...[]byte) {
					got, _ := decode(t, fresh(cfg), chunks...)
					if diff := want.diff(got); diff != "" {
						t.Fatalf("%q:\n%s", chunks, diff)
					}
				}
				step := 1 + len(in)/500 // 1 for all but the long one
				for i := 0; i <= len(in); i += step {
					try(in[:i], in[i:])
					for j := i; j <= len(in) && len(in) < 150; j++ {
						try(in[:i], in[i:j], in[j:])
					}
				}
				for size := 1; size < 20 && size < len(in); size++ {
					var chunks [][]byte
					for p := in; len(p) > 0; p = p[min(size, len(p)):] {
						chunks = append(chunks, p[:min(size, len(p))])
					}
					try(chunks...)
				}
				// All the 2^(n-1) ways to cut up a short one.
				if len(in) <= 14 {
					for cuts := range 1 << (len(in) - 1) {
						var chunks [][]byte
						from := 0
						for i := 1; i < len(in); i++ {
							if cuts>>(i-1)&1 == 1 {
								chunks = append(chunks, in[from:i])
								from = i
							}
						}
						try(append(chunks, in[from:])...)
					}
				}
			})
		}
	})
}

// Every split in two, none left out, of a stream with lengths of 7, 16 and 64
// bits: 66,000 of them. A light loop takes the place of decode, which would
// need minutes; what it promises is held by the other tests.
func TestDecoderGivesTheSameForEverySplitOfAllFormsOfLength(t *testing.T) {
	payload := func(n int) string {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(i*7 ^ i>>8)
		}
		return string(p)
	}
	// A piece of a frame's payload: where it lies in the stream.
	type piece struct {
		typ        Opcode
		header     Header
		from, to   int
		start, end bool
	}
	roles(t, func(t *testing.T, role Role) {
		in := stream(role, last(1, "Gr\u00fc\u00dfe"), part(2, payload(125)), last(9, "ping"), part(0, payload(126)),
			last(10, ""), last(0, payload(65536)), last(1, "\u20ac"), last(8, "\x03\xe8bye"))
		work := make([]byte, len(in))
		var pieces []piece
		run := func(cut int) {
			copy(work, in)
			pieces = pieces[:0]
			d := Decoder{Role: role}
			pos := 0
			for _, upTo := range [2]int{cut, len(in)} {
				for {
					ev, n, err := d.Next(work[pos:upTo])
					if err != nil {
						t.Fatalf("split at %d: %v at %d", cut, err, pos)
					}
					pos += n
					if ev.Kind == More {
						break
					}
					p := piece{ev.Type, ev.Header, pos - len(ev.Payload), pos, ev.Start, ev.End}
					if ev.Kind == Control { // a split one lies in the decoder
						copy(work[p.from:p.to], ev.Payload)
					} else if len(ev.Payload) > 0 && &ev.Payload[0] != &work[p.from] {
						t.Fatalf("split at %d: a payload that ends at %d lies elsewhere", cut, pos)
					}
					if k := len(pieces) - 1; k >= 0 && !ev.Start && !pieces[k].end && pieces[k].to == p.from { // the same frame
						pieces[k].to, pieces[k].end = p.to, p.end
						continue
					}
					pieces = append(pieces, p)
				}
				if pos != upTo {
					t.Fatalf("split at %d: stopped at %d", cut, pos)
				}
			}
		}
		run(0)
		want, unmasked := slices.Clone(pieces), bytes.Clone(work)
		if len(want) != 8 {
			t.Fatalf("%d frames: %v", len(want), want)
		}
		splits := 0
		for cut := range in {
			if raceOn && role == Server && cut > 1000 && cut < len(in)-100 && cut%97 != 0 {
				continue // every 97th in the long payload will do there
			}
			splits++
			run(cut)
			if !slices.Equal(pieces, want) {
				t.Fatalf("split at %d: frames %v, want %v", cut, pieces, want)
			}
			if !bytes.Equal(work, unmasked) {
				t.Fatalf("split at %d: the payloads differ", cut)
			}
		}
		t.Logf("%d splits of %d bytes", splits, len(in))
	})
}

func TestDecoderAgreesWithReferenceOnEveryBitFlip(t *testing.T) {
	roles(t, func(t *testing.T, role Role) {
		for name, in := range conversations(role) {
			t.Run(name, func(t *testing.T) {
				for i := 0; i < len(in); i++ {
					if len(in) > 1000 && i == 16 {
						i = len(in) - 12 // between them one byte is as the other
					}
					for bit := range 8 {
						flipped := bytes.Clone(in)
						flipped[i] ^= 1 << bit
						agree(t, Decoder{Role: role}, flipped)
						if len(in) > 1000 {
							continue
						}
						for _, cfg := range []Decoder{{Role: role, RSV: RSV1}, {Role: role, SkipUTF8: true, Limits: Limits{Message: 200, Fragments: 2}}} {
							agree(t, cfg, flipped)
						}
					}
				}
			})
		}
	})
}

// A reader may put the rest of a payload where it belongs.
func TestDecoderRemainingCountsDown(t *testing.T) {
	d := Decoder{Role: Client}
	in := []byte("\x82\x05Hello\x89\x01x")
	for i, want := range []int64{0, 5, 4, 3, 2, 1, 0, 0, 1, 0} {
		if d.Next(in[i : i+1]); d.Remaining() != want {
			t.Errorf("after %d bytes: %d remain, want %d", i+1, d.Remaining(), want)
		}
	}
}

func TestDecoderPartialGivesBackTheHeaderBytes(t *testing.T) {
	in := stream(Server, last(2, strings.Repeat("x", 126)))
	for n := range 8 {
		var d Decoder
		d.Next(bytes.Clone(in[:n]))
		if head, inside := d.Partial(); !bytes.Equal(head, in[:n]) || inside {
			t.Errorf("after %d bytes: % x, %v", n, head, inside)
		}
	}
	var d Decoder
	d.Next(bytes.Clone(in[:8]))
	if head, inside := d.Partial(); len(head) != 0 || !inside {
		t.Errorf("inside the payload: % x, %v", head, inside)
	}
	d.Next(bytes.Clone(in[8:]))
	if head, inside := d.Partial(); len(head) != 0 || inside {
		t.Errorf("after the frame: % x, %v", head, inside)
	}
}

func TestDecoderUnmasksInPlace(t *testing.T) {
	in := stream(Server, last(2, "payload"))
	var d Decoder
	ev, _, err := d.Next(in)
	if err != nil || &ev.Payload[0] != &in[6] || string(in[6:]) != "payload" {
		t.Errorf("%v, %v; the input is now %q", ev, err, in)
	}
}

func TestDecoderDoesNotAllocate(t *testing.T) {
	roles(t, func(t *testing.T, role Role) {
		for name, in := range conversations(role) {
			p := make([]byte, len(in))
			for _, size := range []int{1, 5, len(in)} {
				if n := testing.AllocsPerRun(3, func() {
					d := Decoder{Role: role}
					copy(p, in)
					for rest := p; len(rest) > 0; {
						chunk := rest[:min(size, len(rest))]
						rest = rest[len(chunk):]
						for {
							ev, n, err := d.Next(chunk)
							if err != nil {
								t.Fatal(err)
							}
							if ev.Kind == More {
								break
							}
							chunk = chunk[n:]
						}
					}
				}); n != 0 {
					t.Errorf("%s in chunks of %d: %v allocations", name, size, n)
				}
			}
		}
		bad := []byte("\x83\x00")
		if n := testing.AllocsPerRun(10, func() {
			d := Decoder{Role: role}
			d.Next(bad)
		}); n != 0 {
			t.Errorf("an error costs %v allocations", n)
		}
	})
}
