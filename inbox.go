package pushwire

// inboxMax bounds what Close keeps for later calls of Read, in bytes.
const inboxMax = 64 << 10

// inboxCost is what a message counts there beside its bytes.
const inboxCost = 64

// inbox holds what Close has read on behalf of calls of Read to come. Whoever
// has the turn to read may use it. A nil inbox is empty.
type inbox struct {
	messages []Message
	bytes    int
	lost     bool          // a message found no room: none is kept any more
	room     chan struct{} // closed when one leaves; nil while drain does not wait for that
}

// box returns the inbox, which is made when it is needed first: few
// connections ever have one.
func (in *input) box() *inbox {
	if in.inbox == nil {
		in.inbox = new(inbox)
	}
	return in.inbox
}

func (b *inbox) empty() bool { return b == nil || len(b.messages) == 0 }

func (b *inbox) size() int {
	if b == nil {
		return 0
	}
	return b.bytes
}

// add keeps a message, which may be the first one too many. Once one was lost
// none is kept, so that no gap opens.
func (b *inbox) add(t Type, p []byte) {
	if b.lost {
		return
	}
	b.messages = append(b.messages, Message{t, p})
	b.bytes += len(p) + inboxCost
}

// shrink throws the newest messages away, as far as they are too many.
func (b *inbox) shrink() {
	for last := len(b.messages) - 1; b.bytes > inboxMax; last-- {
		b.bytes -= len(b.messages[last].Data) + inboxCost
		b.messages[last] = Message{}
		b.messages = b.messages[:last]
		b.lost = true
	}
}

// wait returns what is closed once there is room, one for all who drain.
func (b *inbox) wait() <-chan struct{} {
	if b.room == nil {
		b.room = make(chan struct{})
	}
	return b.room
}

// fromInbox takes the oldest message that Close has kept, unless a Reader has
// one in hand that came before it.
func (in *input) fromInbox() (Message, bool) {
	if in.inbox.empty() || in.open {
		return Message{}, false
	}
	b := in.inbox
	m := b.messages[0]
	b.messages[0] = Message{}
	b.messages = b.messages[1:]
	b.bytes -= len(m.Data) + inboxCost
	in.wakeDrain()
	return m, true
}

// wakeDrain tells drain that there is room, or no Reader's message in hand.
func (in *input) wakeDrain() {
	if b := in.inbox; b != nil && b.room != nil {
		close(b.room)
		b.room = nil
	}
}
