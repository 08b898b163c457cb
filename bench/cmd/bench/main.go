//go:build linux

// Command bench measures pushwire beside its peers and beside the limit of
// the machine, prints what it saw and stores it. In the folder of its module,
// bench:
//
//	go run ./cmd/bench mask                # one of the measurements
//	go run ./cmd/bench -rounds 3 idle      # with fewer rounds than it has
//	go run ./cmd/bench -h                  # lists them, and the flags
//	go run ./cmd/bench readme              # writes the tables from what is stored
//
// It needs Linux. README.md of the module says what is measured, how, and how
// long each takes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pushwire/pushwire/bench/child"
	"github.com/pushwire/pushwire/bench/choosing"
	"github.com/pushwire/pushwire/bench/fanout"
	"github.com/pushwire/pushwire/bench/push"
	"github.com/pushwire/pushwire/bench/report"
	"github.com/pushwire/pushwire/bench/servers"
	"github.com/pushwire/pushwire/bench/topicfan"
)

// settings say how much of everything there is.
type settings struct {
	rounds     int
	candidates []servers.Candidate

	calls int // frame: messages in one round, handshake: a fifth of it; eventstream: their volume

	maskSpan time.Duration // mask, utf8: measured in one of their short rounds

	messages int // deflate: different messages of each size

	conns int           // echo: connections
	warm  time.Duration // echo: before the measured time
	span  time.Duration // echo: measured in one round
	loads []echoLoad    // echo

	counted int // echo, deflate-echo: bursts of a connection while system calls are counted

	idle  int           // idle: connections
	quiet time.Duration // idle: between the last message and the measurement

	growth         []int // growth: numbers of connections
	growthMessages int   // growth: messages in one round

	only              string                // fanout: as the flag
	streams           int                   // fanout: open ones of each candidate
	events            int                   // fanout: of each size in one round
	skip              func(row string) bool // of the measurements of compression; nil leaves none out
	packedIdle        int                   // deflate-idle: connections
	members           int                   // deflate-broadcast: connections
	broadcasts        int                   // deflate-broadcast: measured in one round
	checkedBroadcasts int                   // deflate-broadcast: before these
	pushes            int                   // webpush: messages in one round of each kind
	pushing           int                   // webpush: at a time, to the service

	choosing choosing.Plan
}

var full = settings{
	rounds:     7,
	candidates: servers.All,
	calls:      200_000,
	maskSpan:   200 * time.Microsecond,
	messages:   400,
	conns:      100,
	warm:       200 * time.Millisecond,
	span:       time.Second,
	loads:      []echoLoad{{64, 1}, {64, 16}, {16 << 10, 1}, {16 << 10, 16}, {1 << 20, 1}},
	counted:    20,
	idle:       10_000,
	quiet:      time.Second,
	growth:     []int{1000, 5000, 10_000, 19_000},

	growthMessages: 100_000,

	streams: 10_000,
	events:  5,

	packedIdle:        1000,
	members:           2000,
	broadcasts:        60,
	checkedBroadcasts: 8,
	pushes:            5000,
	pushing:           64,

	choosing: choosing.Plan{Rounds: 3, Span: 40 * time.Second, Idle: 1000, Quiet: time.Second, Fields: choosing.Chromium},
}

// measurements by the name of their command.
var measurements = map[string]func(settings, *report.Results) error{
	"frame":       frames,
	"mask":        masks,
	"utf8":        validations,
	"echo":        echo,
	"idle":        idle,
	"growth":      growth,
	"handshake":   handshakes,
	"deflate":     deflates,
	"eventstream": eventStreams,
	"fanout":      fanOut,
	"webpush":     pushes,

	"topic-fanout": topicFanout,
	"choosing":     choose,

	"deflate-echo":      packedEcho,
	"deflate-idle":      packedIdleMemory,
	"deflate-broadcast": packedBroadcast,
}

const usage = `usage: bench [flags] command

  mask     payloads masked in place
  utf8     texts checked for valid UTF-8
  frame    one frame read and written in memory
  handshake  an opening handshake answered in memory
  echo     loopback echo: processor time of the server for each message
  idle     resident bytes of an idle connection after traffic, over TLS too
  growth   bytes of a connection and processor time of a message, the more connections there are

  deflate            time, ratio and memory of compressors and inflaters
  deflate-echo       loopback echo of compressed texts
  deflate-idle       resident bytes of an idle connection after compressed texts
  deflate-broadcast  processor time of a broadcast for each connection
  eventstream        event streams decoded and encoded in memory
  fanout             one event to many event streams: processor time of the server
  topic-fanout       one item to many readers of a topic, over each transport
  webpush            push messages encrypted and sent: processor time, allocations, rate
  choosing           bytes, latency, processor time and memory of each transport

  readme   writes the tables of README.md and docs/CHOOSING.md, and the plots of
           the latter, from the stored results

`

func main() {
	child.Main()
	fanout.Main()
	topicfan.Main()
	push.Main()
	choosing.Main()
	s := full
	flag.IntVar(&s.rounds, "rounds", s.rounds, "rounds; tables show the median. choosing has 3 unless this is given")
	flag.DurationVar(&s.span, "span", s.span, "echo: measured time in one round; so for choosing, where it is 40s unless this is given")
	flag.IntVar(&s.conns, "conns", s.conns, "echo: connections")
	flag.Func("loads", "echo: what goes round, as `bytes x messages in flight`, separated by commas: 64x16,16384x1", s.parseLoads)
	flag.IntVar(&s.idle, "connections", s.idle, "idle: connections; where it is given, deflate-idle and deflate-broadcast have as many, and growth no more")
	flag.IntVar(&s.streams, "streams", s.streams, "fanout, topic-fanout: streams or readers")
	flag.IntVar(&s.events, "events", s.events, "fanout, topic-fanout: events or items of each size in one round")
	flag.StringVar(&s.only, "only", "", "only candidates whose name holds one of these, separated by commas")
	flag.StringVar((*string)(&s.choosing.Fields), "fields", string(s.choosing.Fields), "choosing: header fields of requests, chromium or bare")
	folder := flag.String("results", "results", "folder of the results; empty stores nothing")
	readme := flag.String("readme", "README.md", "file whose tables are written")
	chooser := flag.String("choosing", "../docs/CHOOSING.md", "file with the tables of choosing; its plots are written beside it")
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "rounds":
			s.choosing.Rounds = s.rounds
		case "connections":
			s.packedIdle, s.members = s.idle, s.idle
			s.growth = slices.DeleteFunc(slices.Clone(s.growth), func(n int) bool { return n > s.idle })
		case "span":
			s.choosing.Span = s.span
		}
	})
	if s.only != "" {
		s.skip = func(row string) bool { return !s.wants(row) }
		s.candidates = slices.DeleteFunc(slices.Clone(s.candidates), func(c servers.Candidate) bool { return s.skip(c.Name) })
	}
	if err := run(flag.Arg(0), s, *folder, *readme, *chooser); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(name string, s settings, folder, readme, chooser string) error {
	if name == "readme" {
		return errors.Join(report.WriteTables(readme, folder), report.WriteChoosing(chooser, folder))
	}
	measure := measurements[name]
	if measure == nil {
		return fmt.Errorf("there is no measurement %q", name)
	}
	r := report.New("go run ./cmd/bench " + strings.Join(os.Args[1:], " "))
	maps.Copy(r.Versions, servers.Versions())
	if err := measure(s, r); err != nil {
		return err
	}
	if err := report.Print(os.Stdout, name, r); err != nil {
		return err
	}
	if folder == "" {
		return nil
	}
	return r.Store(filepath.Join(folder, name+".json"))
}
