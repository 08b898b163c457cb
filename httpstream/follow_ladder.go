package httpstream

import (
	"math/rand/v2"
	"time"
)

// What the ladder goes by.
const (
	cutYoung   = 20 * time.Second // a connection that lived less was cut young
	cutsInARow = 3                // so many cut young, one after the other, and the transport counts as failing
	climbMost  = time.Hour        // to which the time until the next climb doubles
	fullRound  = 4                // while all is dark, every so many rounds try all transports

	never = 100 * 365 * 24 * time.Hour
)

// fault says what a failed attempt tells of its transport.
type fault uint8

const (
	// faultNetwork: there was no answer. It may be the transport's, where
	// only its kind of connection is refused, but more likely all are off.
	faultNetwork fault = iota + 1
	// faultServer: an answer that says that the server, or the way to it, is
	// out of order now. As faultNetwork.
	faultServer
	// faultBusy: the server asks to come back later. No other transport is
	// worth an attempt.
	faultBusy
	// faultTransport: the transport does not get through: no 101, another
	// content type, nothing arrives, cut again and again.
	faultTransport
	// faultRefused: a status that forbids. It may be the word of something
	// between, which does not like this kind of request.
	faultRefused
)

// ladder decides which transport is next. It knows nothing of connections, and
// time is an argument.
//
//	            fails: next of the round            cut, young, for the 3rd time:
//	          ┌────────────┐                        next of the round
//	          v            │                             │
//	round ─> try ──────────┴─ all failed: pause ─> round │
//	          │                                          │
//	          └─ proves itself ─> in use ────────────────┴─ lost: pause ─> round
//	                                │ ^
//	              a better one was due: it is tried beside,
//	              and once it has proved itself, takes over
//
// A transport is demoted only for failing while another one works. So nothing
// is demoted when the network is down: then a round has no winner. Where there
// was no answer at all the failure may be older than the network's recovery,
// so that transport is tried again at once, beside the one that works.
type ladder struct {
	rungs      []rung // as the application prefers them
	at         int    // in use, or under trial
	climbAfter time.Duration
	dark       int // rounds in a row that nobody has won
	refusals   int // in this round
}

// rung is a transport and what is known of it.
type rung struct {
	transport Transport
	failed    fault         // in this round; 0 for not tried
	cuts      int           // connections in a row that were cut young
	again     time.Duration // from the last demotion to the next trial; 0 after a success
	since     time.Time     // of the last demotion
	until     time.Time     // demoted until then
}

func newLadder(ts []Transport, climbAfter time.Duration) *ladder {
	l := &ladder{climbAfter: climbAfter, at: -1}
	for _, t := range ts {
		l.rungs = append(l.rungs, rung{transport: t})
	}
	return l
}

// next begins a round, or goes on in it: it moves to the best transport that
// was not tried in this round, demoted ones last, and returns false when there
// is none left or none worth it.
func (l *ladder) next(now time.Time) bool {
	first, demoted, tried := -1, -1, 0
	for i := range l.rungs {
		r := &l.rungs[i]
		switch {
		case r.failed == faultBusy:
			return l.over()
		case r.failed != 0:
			tried++
		case r.until.After(now):
			if demoted < 0 {
				demoted = i
			}
		case first < 0:
			first = i
		}
	}
	if first < 0 {
		first = demoted
	}
	// When nothing gets through, five requests tell no more than one; a server
	// in trouble is not helped by them either.
	if first < 0 || tried > 0 && l.dark%fullRound != 0 {
		return l.over()
	}
	l.at = first
	return true
}

// over ends a round without a winner.
func (l *ladder) over() bool {
	l.dark++
	l.clear()
	return false
}

func (l *ladder) clear() {
	l.refusals = 0
	for i := range l.rungs {
		l.rungs[i].failed = 0
	}
}

// failed is told why the transport under trial, or in use, did not work.
func (l *ladder) failed(f fault) {
	l.rungs[l.at].failed = f
	if f == faultRefused {
		l.refusals++
	}
}

// refused reports that all transports were refused in this round.
func (l *ladder) refused() bool { return l.refusals == len(l.rungs) }

// proved is told that the transport under trial works. Those that failed in
// this round and are better are demoted now.
func (l *ladder) proved(now time.Time) {
	for i := range l.rungs[:l.at] {
		switch r := &l.rungs[i]; r.failed {
		case 0:
		case faultNetwork, faultServer, faultBusy:
			r.until = now
		default:
			r.demote(now, l.climbAfter)
		}
	}
	l.rungs[l.at].until = time.Time{}
	l.dark = 0
	l.clear()
}

// demote keeps a transport from being tried for a time, which doubles with
// each time that it was tried in vain. The random quarter keeps the clients of
// a server from climbing all at the same moment.
func (r *rung) demote(now time.Time, climbAfter time.Duration) {
	r.cuts, r.since = 0, now
	if climbAfter < 0 {
		r.until = now.Add(never)
		return
	}
	r.again = min(max(2*r.again, climbAfter), max(climbAfter, climbMost))
	r.until = now.Add(r.again + rand.N(r.again/4+1))
}

// lost is told that the transport in use has lost its connection, which had
// lived for so long and was last heard of then; orderly if its peer had said
// that it would go.
func (l *ladder) lost(life time.Duration, heard time.Time, orderly bool) {
	// What was tried beside it and failed after that may have failed for the
	// same reason: nobody knows that this one still worked.
	for i := range l.rungs {
		if r := &l.rungs[i]; r.since.After(heard) {
			r.since, r.until, r.again = time.Time{}, time.Time{}, r.again/2
		}
	}
	r := &l.rungs[l.at]
	switch {
	case life >= cutYoung:
		r.cuts, r.again = 0, 0
	case !orderly:
		r.cuts++
	}
	// One that was demoted before, and is back since a moment ago, has no
	// credit.
	if r.cuts >= cutsInARow || r.cuts > 0 && r.again > 0 {
		l.failed(faultTransport)
	}
}

// climb returns the better transport that is tried next beside the one in use,
// and when.
func (l *ladder) climb() (i int, at time.Time, ok bool) {
	for j := range l.rungs[:max(l.at, 0)] {
		if u := l.rungs[j].until; !ok || u.Before(at) {
			i, at, ok = j, u, true
		}
	}
	return i, at, ok
}

// climbFailed is told that transport i was tried in vain beside the one in use.
func (l *ladder) climbFailed(i int, now time.Time) { l.rungs[i].demote(now, l.climbAfter) }

// climbed is told that transport i takes over.
func (l *ladder) climbed(i int) {
	l.at = i
	l.rungs[i].until = time.Time{}
	l.clear()
}
