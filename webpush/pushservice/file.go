package pushservice

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Sizes of the file store.
const (
	// compactAbove is the size below which a log is never rewritten.
	compactAbove = 1 << 20
	// snapshotBlock is how much a rewritten log holds in one block.
	snapshotBlock = 1 << 20
)

// File is a [Store] in one file: a log to which each Apply appends one block
// with a checksum, and returns when the disk has it. A crash in the middle of a
// write leaves a block that is not whole at the end; it was never reported as
// kept and is cut off when the file is opened. A log that is twice as long as
// what it holds is written anew beside the old one, which it then replaces in
// one step, while other changes wait. File keeps in memory where each record is, not the records.
//
// One process at a time may have the file open; where the system has flock, a
// second one is refused.
type File struct {
	path string
	f    *os.File
	size int64 // of the log up to which it is whole

	index map[recordKey]span
	live  int64 // bytes of all entries in index
	buf   []byte
	torn  int64 // bytes that were cut off when the file was opened
	again int64 // the size at which a compaction that failed is tried again
	err   error // the log can't be written any more
}

// span is where an entry is in the log.
type span struct {
	at int64
	n  int
}

// OpenFile opens the log at path, or makes it. A log that is damaged anywhere
// but at its end is a [*CorruptError], and is left as it is.
func OpenFile(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("pushservice: the store can't be opened: %w", err)
	}
	s := &File{path: path, f: f, index: make(map[recordKey]span)}
	if err := s.open(); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *File) open() error {
	if err := lockFile(s.f); err != nil {
		return fmt.Errorf("pushservice: another process has the store %s open: %w", s.path, err)
	}
	// The other process may have written the log anew since we opened it.
	mine, err1 := s.f.Stat()
	named, err2 := os.Stat(s.path)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("pushservice: the store can't be opened: %w", err)
	}
	if !os.SameFile(mine, named) {
		return fmt.Errorf("pushservice: another process has the store %s open", s.path)
	}
	// What a crash in the middle of a compaction left.
	if err := os.Remove(s.path + newSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("pushservice: the store can't be opened: %w", err)
	}
	end, err := s.f.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("pushservice: the store can't be read: %w", err)
	}
	if end < int64(len(fileMagic)) {
		return s.begin(end) // new, or the crash came at the very start
	}
	s.size, err = s.scan(end)
	if err != nil {
		return err
	}
	if s.torn = end - s.size; s.torn > 0 {
		if err := s.f.Truncate(s.size); err != nil {
			return fmt.Errorf("pushservice: the store's torn end can't be cut off: %w", err)
		}
		return s.f.Sync()
	}
	return nil
}

// begin writes the head of a log that has less.
func (s *File) begin(end int64) error {
	there := make([]byte, end)
	if _, err := s.f.ReadAt(there, 0); err != nil && end > 0 {
		return fmt.Errorf("pushservice: the store can't be read: %w", err)
	}
	if !strings.HasPrefix(fileMagic, string(there)) {
		return &CorruptError{Path: s.path, Reason: "it does not begin as a store does"}
	}
	if _, err := s.f.WriteAt([]byte(fileMagic), 0); err != nil {
		return fmt.Errorf("pushservice: the store can't be written: %w", err)
	}
	s.size = int64(len(fileMagic))
	return errors.Join(s.f.Sync(), syncFolder(s.path))
}

// Torn returns how many bytes of an unfinished write were cut off when the
// file was opened.
func (s *File) Torn() int64 { return s.torn }

// scan builds the index from the log of end bytes and returns where it ends
// being whole.
func (s *File) scan(end int64) (int64, error) {
	r := bufio.NewReaderSize(io.NewSectionReader(s.f, 0, end), 1<<16)
	head := make([]byte, len(fileMagic))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != fileMagic {
		return 0, &CorruptError{Path: s.path, Reason: "it does not begin as a store does"}
	}
	at := int64(len(fileMagic))
	for {
		block, err := readBlock(r, end-at)
		if errors.Is(err, io.EOF) {
			return at, nil
		}
		if errors.Is(err, errTorn) {
			later, err := s.blockAfter(at, end)
			if err != nil {
				return 0, err
			}
			if later >= 0 {
				return 0, &CorruptError{Path: s.path, Offset: at,
					Reason: fmt.Sprintf("a block is damaged and a good one follows at %d", later)}
			}
			return at, nil
		}
		if err != nil {
			return 0, fmt.Errorf("pushservice: the store can't be read: %w", err)
		}
		body := at + blockHead
		err = eachEntry(block, func(c Change, off, n int) error {
			s.note(c, span{body + int64(off), n})
			return nil
		})
		if err != nil {
			return 0, &CorruptError{Path: s.path, Offset: at, Reason: err.Error()}
		}
		at = body + int64(len(block))
	}
}

// note brings the index up to a change at p.
func (s *File) note(c Change, p span) {
	k := recordKey{c.Kind, c.ID}
	if old, ok := s.index[k]; ok {
		s.live -= int64(old.n)
		delete(s.index, k)
	}
	if c.Value != nil {
		s.index[k] = p
		s.live += int64(p.n)
	}
}

// Load implements [Store].
func (s *File) Load(ctx context.Context, f func(Change) error) error {
	var buf []byte
	for k, p := range s.index {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry, err := s.read(p, &buf)
		if err != nil {
			return err
		}
		err = eachEntry(entry, func(c Change, _, _ int) error {
			if c.Kind != k.kind || c.ID != k.id {
				return &CorruptError{Path: s.path, Offset: p.at, Reason: "another record is there now"}
			}
			c.Value = append([]byte{}, c.Value...)
			return f(c)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *File) read(p span, buf *[]byte) ([]byte, error) {
	if cap(*buf) < p.n {
		*buf = make([]byte, p.n)
	}
	b := (*buf)[:p.n]
	if _, err := s.f.ReadAt(b, p.at); err != nil {
		return nil, fmt.Errorf("pushservice: the store can't be read: %w", err)
	}
	return b, nil
}

// Apply implements [Store].
func (s *File) Apply(_ context.Context, changes []Change) error {
	if s.err != nil {
		return s.err
	}
	if len(changes) == 0 {
		return nil
	}
	s.buf = append(s.buf[:0], make([]byte, blockHead)...)
	spans := make([]span, len(changes))
	for i, c := range changes {
		at := len(s.buf)
		s.buf = appendEntry(s.buf, c)
		spans[i] = span{s.size + int64(at), len(s.buf) - at}
	}
	if len(s.buf)-blockHead > maxBlock {
		return fmt.Errorf("pushservice: %d bytes of changes are too many at once", len(s.buf))
	}
	sealBlock(s.buf)
	_, err := s.f.WriteAt(s.buf, s.size)
	if err == nil {
		err = s.f.Sync()
	}
	if cap(s.buf) > snapshotBlock {
		defer func() { s.buf = nil }()
	}
	if err != nil {
		// What is behind size must not be taken for a block later: a failed
		// Sync may have lost any part of it. Should cutting fail as well,
		// the log is not touched any more.
		if cut := errors.Join(s.f.Truncate(s.size), s.f.Sync()); cut != nil {
			s.err = fmt.Errorf("pushservice: the store can't be written, and not be cut to what was whole: %w", errors.Join(err, cut))
			return s.err
		}
		return fmt.Errorf("pushservice: the store can't be written: %w", err)
	}
	s.size += int64(len(s.buf))
	for i, c := range changes {
		s.note(c, spans[i])
	}
	if s.size > compactAbove && s.size > 2*s.live && s.size >= s.again {
		// The changes are kept already; that the log stays long is no
		// reason to fail. Nor is it one to read and write all records at
		// each change, on a disk that is nearly full.
		s.again = 0
		if err := s.compact(); err != nil {
			s.again = s.size + max(compactAbove, s.live/2)
			if s.err == nil {
				os.Remove(s.path + newSuffix)
			}
		}
	}
	return nil
}

// Close implements [Store].
func (s *File) Close() error {
	if s.err == nil {
		s.err = fmt.Errorf("pushservice: the store is closed: %w", os.ErrClosed)
	}
	return s.f.Close()
}

// Size returns the bytes of the log and of the records in it.
func (s *File) Size() (log, live int64) { return s.size, s.live }

// syncFolder makes a new name in the folder of path last.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return syncDir(d)
}
