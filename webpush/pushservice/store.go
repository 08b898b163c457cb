package pushservice

import (
	"context"
	"maps"
	"sync"
)

// Kind says what a stored record is.
type Kind byte

const (
	KindAgent        Kind = 'a' // a user agent
	KindSubscription Kind = 's'
	KindMessage      Kind = 'm' // a message that waits
	KindReceiptSet   Kind = 'r' // a receipt subscription
	KindReceipt      Kind = 'd' // one receipt in it
	KindGone         Kind = 'g' // a subscription that its user agent removed
	kinds                 = "asmrdg"
)

// Change is one record that is to be kept, or one that is to be forgotten.
// Kind and ID together name it; IDs are short ASCII.
type Change struct {
	Kind  Kind
	ID    string
	Value []byte // JSON; nil forgets the record
}

// Store keeps the records of a service. The service holds them in memory too
// and reads the store once, when it starts; so a store needs no index, and any
// database with a table of (kind, id, value) will do. The service calls one
// method at a time.
type Store interface {
	// Load calls f for every record that is kept, in any order. The error of
	// f ends it.
	Load(ctx context.Context, f func(Change) error) error

	// Apply makes the changes, in order and all or none, and returns when
	// they would survive a crash. After an error the service calls it again
	// with the same changes first. Values are not changed later and may be
	// retained. A record that is to be forgotten may not be there. ctx ends
	// when a shutdown waits no longer, and not when a request goes away.
	Apply(ctx context.Context, changes []Change) error

	// Close frees what the store holds.
	Close() error
}

type recordKey struct {
	kind Kind
	id   string
}

// Memory is a [Store] that lives as long as the process: a service that is
// closed and made anew on it finds everything again, as tests want it. The
// zero value is ready.
type Memory struct {
	mu      sync.Mutex
	records map[recordKey][]byte
}

// Load implements [Store].
func (m *Memory) Load(_ context.Context, f func(Change) error) error {
	m.mu.Lock()
	records := maps.Clone(m.records)
	m.mu.Unlock()
	for k, v := range records {
		if err := f(Change{k.kind, k.id, v}); err != nil {
			return err
		}
	}
	return nil
}

// Apply implements [Store].
func (m *Memory) Apply(_ context.Context, changes []Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records == nil {
		m.records = make(map[recordKey][]byte)
	}
	for _, c := range changes {
		if c.Value == nil {
			delete(m.records, recordKey{c.Kind, c.ID})
		} else {
			m.records[recordKey{c.Kind, c.ID}] = c.Value
		}
	}
	return nil
}

// Len returns the number of records.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.records)
}

// Close implements [Store]; the records stay.
func (m *Memory) Close() error { return nil }
