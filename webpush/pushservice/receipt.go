package pushservice

import (
	"net/http"
	"time"

	"github.com/pushwire/pushwire/topic"
)

// What a receipt says of a message.
const (
	// RFC 8030, 6.3: "A 204 (No Content) status code confirms that the
	// message was delivered and acknowledged."
	statusDelivered = http.StatusNoContent
	// "If the user agent fails to acknowledge the receipt of the push message
	// and the push service ceases to retry delivery of the message prior to
	// its advertised expiration, then the push service MUST push a failure
	// response with a status code of 410 (Gone)." We say so at the expiration
	// too, so that each message that was asked a receipt for has one.
	statusNotDelivered = http.StatusGone
)

// receiptSet is a receipt subscription: the last maxReceipts receipts, which
// its application server reads.
type receiptSet struct {
	receiptSetRecord
	id      string
	epoch   string    // of the numbers, which are not stored
	list    []receipt // in order of seq, without holes
	seq     uint64    // of the newest
	waiting waiters
}

type receiptSetRecord struct {
	Used  time.Time `json:"used"`
	Fresh bool      `json:"fresh,omitempty"` // nobody read it yet
}

type receipt struct {
	Set     string    `json:"set"`
	Message string    `json:"message"`
	Status  int       `json:"status"`
	Time    time.Time `json:"time"`
	seq     uint64
}

func newReceiptSet(id string) *receiptSet { return &receiptSet{id: id, epoch: topic.NewEpoch()} }

// append adds a receipt and returns those that fell out. The caller holds mu.
func (s *receiptSet) append(r receipt) (out []receipt) {
	s.seq++
	r.seq = s.seq
	s.list = append(s.list, r)
	if n := len(s.list) - maxReceipts; n > 0 {
		out = append(out, s.list[:n]...)
		s.list = s.list[n:]
	}
	s.waiting.notify()
	return out
}

// receiptSetFor returns the receipt subscription that a client names, or a new
// one when it names none. The caller holds mu.
func (st *state) receiptSetFor(client, id string) (*receiptSet, []Change, error) {
	var changes []Change
	s := st.sets[id]
	switch {
	case s != nil:
	case id != "":
		return nil, nil, errNotFound
	default:
		err := st.charge(client, madeReceiptSet)
		if err != nil {
			return nil, nil, err
		}
		if changes, err = st.roomForSet(); err != nil {
			return nil, nil, err
		}
		s = newReceiptSet(newID())
		s.Fresh = true
		st.sets[s.id] = s
		st.unusedSets.add(s)
	}
	if now := time.Now(); now.Sub(s.Used) > seenEvery {
		s.Used = now
		changes = append(changes, put(KindReceiptSet, s.id, s.receiptSetRecord))
	}
	return s, changes, nil
}

// receipt tells who asked for it what became of a message. The caller holds
// mu.
func (st *state) receipt(m *message, status int) []Change {
	set := st.sets[m.Receipt]
	if set == nil { // nobody asked, or the receipt subscription is over
		return nil
	}
	r := receipt{Set: set.id, Message: m.ID, Status: status, Time: time.Now()}
	changes := []Change{put(KindReceipt, set.id+"/"+m.ID, r)}
	for _, old := range set.append(r) {
		changes = append(changes, forget(KindReceipt, set.id+"/"+old.Message))
	}
	return changes
}

// finish removes a message and tells who asked for it what became of it. The
// caller holds mu. A crash may come between any two changes: the receipt comes
// first, as a message that is delivered twice is better than a lost receipt.
func (st *state) finish(m *message, status int) []Change {
	return append(st.receipt(m, status), st.remove(m)...)
}

// dropReceiptSet forgets a receipt subscription and its receipts. The caller
// holds mu.
func (st *state) dropReceiptSet(s *receiptSet) []Change {
	delete(st.sets, s.id)
	st.unusedSets.remove(s)
	var changes []Change
	for _, r := range s.list {
		changes = append(changes, forget(KindReceipt, s.id+"/"+r.Message))
	}
	s.waiting.notify()
	return append(changes, forget(KindReceiptSet, s.id))
}

// sweepReceipts forgets receipt subscriptions that nobody used for as long as
// a user agent is remembered. The caller holds mu.
func (st *state) sweepReceipts(now time.Time) {
	for _, s := range st.sets {
		if now.Sub(s.Used) > st.o.AgentIdle {
			st.commit.add(st.dropReceiptSet(s)...)
		}
	}
}
