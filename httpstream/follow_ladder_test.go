package httpstream

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// climbing is a ladder of all transports and a clock for it.
type climbing struct {
	*ladder
	t   *testing.T
	now time.Time
}

func newClimbing(t *testing.T) *climbing {
	return &climbing{newLadder(Transports(), time.Minute), t, time.Unix(1e9, 0)}
}

// tries wants next to give that transport, and has it fail.
func (c *climbing) tries(want Transport, f fault) {
	c.t.Helper()
	c.wantNext(want)
	c.failed(f)
}

func (c *climbing) wantNext(want Transport) {
	c.t.Helper()
	if !c.next(c.now) {
		c.t.Fatalf("the round is over, want %v", want)
	}
	if got := c.rungs[c.at].transport; got != want {
		c.t.Fatalf("next is %v, want %v", got, want)
	}
}

func (c *climbing) wantOver(why string) {
	c.t.Helper()
	if c.next(c.now) {
		c.t.Fatalf("%s: next is %v, want the round to be over", why, c.rungs[c.at].transport)
	}
}

// wantDemoted wants these to be demoted now.
func (c *climbing) wantDemoted(want ...Transport) {
	c.t.Helper()
	var got []Transport
	for _, r := range c.rungs {
		if r.until.After(c.now) {
			got = append(got, r.transport)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		c.t.Error(d)
	}
}

func TestLadderGoesDownToWhatWorks(t *testing.T) {
	c := newClimbing(t)
	c.tries(TransportSocket, faultTransport)
	c.tries(TransportEventStream, faultRefused)
	c.wantNext(TransportStream)
	c.wantDemoted()
	c.proved(c.now)
	c.wantDemoted(TransportSocket, TransportEventStream)

	c.lost(time.Minute, c.now, false)
	c.wantNext(TransportStream)
	c.tries(TransportStream, faultNetwork)
	c.tries(TransportLongPoll, faultNetwork)
	c.tries(TransportShortPoll, faultNetwork)
	c.tries(TransportSocket, faultNetwork) // better than nothing
	c.tries(TransportEventStream, faultNetwork)
	c.wantOver("all were tried")
}

// When nothing works it is not the transports' fault, whatever they said.
func TestLadderDemotesNothingWithoutAWinner(t *testing.T) {
	for _, f := range []fault{faultNetwork, faultServer, faultTransport} {
		c := newClimbing(t)
		for _, transport := range Transports() {
			c.tries(transport, f)
		}
		c.wantOver("all were tried")
		c.wantDemoted()
		c.wantNext(TransportSocket)
	}
}

// While all is dark, one attempt a round is enough, but not for ever: some may
// have come back.
func TestLadderSparesAServerInTrouble(t *testing.T) {
	c := newClimbing(t)
	attempts := 0
	for range 8 {
		for c.next(c.now) {
			attempts++
			c.failed(faultServer)
		}
	}
	if want := 2*5 + 6; attempts != want {
		t.Errorf("%d attempts in 8 rounds, want %d", attempts, want)
	}
}

func TestLadderWaitsWhenAskedTo(t *testing.T) {
	c := newClimbing(t)
	c.tries(TransportSocket, faultBusy)
	c.wantOver("the server wants no other attempt now")
	c.wantNext(TransportSocket)
}

// Where there was no answer, another one that works may be luck: the network
// came back between the two. The better one is tried again at once.
func TestLadderTriesAgainWhatHadNoAnswer(t *testing.T) {
	c := newClimbing(t)
	c.tries(TransportSocket, faultNetwork)
	c.wantNext(TransportEventStream)
	c.proved(c.now)
	c.wantDemoted()
	if i, at, ok := c.climb(); !ok || i != 0 || at.After(c.now) {
		t.Errorf("climb to %d at %v, %v; want the first, now", i, at, ok)
	}
	c.climbFailed(0, c.now)
	c.wantDemoted(TransportSocket)
}

func TestLadderClimbsLessAndLessOften(t *testing.T) {
	c := newClimbing(t)
	c.tries(TransportSocket, faultTransport)
	c.wantNext(TransportEventStream)
	c.proved(c.now)
	for want := time.Minute; want < 3*climbMost; want *= 2 {
		_, at, _ := c.climb()
		least := min(want, climbMost)
		if d := at.Sub(c.now); d < least || d > least+least/4 {
			t.Fatalf("the next trial is in %v, want %v and up to a quarter more", d, least)
		}
		c.now = at
		c.climbFailed(0, c.now)
	}
	c.climbed(0)
	if _, _, ok := c.climb(); ok {
		t.Error("there is nothing above the best")
	}
}

// Three connections cut young, one after the other, are a transport that does
// not work; others in between, and those that the server ended, are not.
func TestLadderCountsWhatIsCutYoung(t *testing.T) {
	const young, old = 10 * time.Second, 30 * time.Second
	for name, tt := range map[string]struct {
		lives   []time.Duration
		orderly bool
		want    Transport
	}{
		"two":             {[]time.Duration{young, young}, false, TransportSocket},
		"three":           {[]time.Duration{young, young, young}, false, TransportEventStream},
		"one was old":     {[]time.Duration{young, young, old, young, young}, false, TransportSocket},
		"the server went": {[]time.Duration{young, young, young, young}, true, TransportSocket},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClimbing(t)
			for _, life := range tt.lives {
				c.wantNext(TransportSocket)
				c.proved(c.now)
				c.now = c.now.Add(life)
				c.lost(life, c.now, tt.orderly)
			}
			c.wantNext(tt.want)
			if c.wantDemoted(); tt.want != TransportSocket {
				c.proved(c.now)
				c.wantDemoted(TransportSocket)
			}
		})
	}
}

// A transport that was demoted, came back and is cut young again is left at
// once, until it has lived long.
func TestLadderRemembersWhatWasCut(t *testing.T) {
	c := newClimbing(t)
	c.tries(TransportSocket, faultTransport)
	c.wantNext(TransportEventStream)
	c.proved(c.now)
	c.climbed(0)
	c.proved(c.now)
	c.lost(time.Second, c.now, false)
	c.wantNext(TransportEventStream)
	c.proved(c.now)
	c.wantDemoted(TransportSocket)

	c.climbed(0)
	c.proved(c.now)
	c.lost(time.Hour, c.now, false)
	c.wantNext(TransportSocket)
	c.proved(c.now)
	c.lost(time.Second, c.now, false)
	c.wantNext(TransportSocket)
}

// A trial that failed while the transport in use was no more heard of says
// nothing: the network had gone.
func TestLadderForgivesWhatFailedInSilence(t *testing.T) {
	c := newClimbing(t)
	c.tries(TransportSocket, faultTransport)
	c.wantNext(TransportEventStream)
	c.proved(c.now)
	heard := c.now.Add(61 * time.Second)
	c.now = heard.Add(10 * time.Second)
	c.climbFailed(0, c.now)
	c.wantDemoted(TransportSocket)
	c.lost(5*time.Minute, heard, false)
	c.wantDemoted()
	c.wantNext(TransportSocket)
}

func TestLadderKnowsThatAllAreRefused(t *testing.T) {
	c := newClimbing(t)
	for i, transport := range Transports() {
		c.tries(transport, faultRefused)
		if got, want := c.refused(), i == 4; got != want {
			t.Errorf("refused after %d: %v", i+1, got)
		}
	}
}
