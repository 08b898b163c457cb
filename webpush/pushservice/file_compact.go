package pushservice

import (
	"errors"
	"fmt"
	"os"
)

const newSuffix = ".new"

// compact writes the records of now to a file beside the log and puts it in
// the log's place. Until the rename the old log is untouched, and after it the
// new one is whole: a crash at any point leaves one of them.
func (s *File) compact() error {
	next, err := os.OpenFile(s.path+newSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			next.Close()
		}
	}()
	if err := lockFile(next); err != nil {
		return err
	}
	index := make(map[recordKey]span, len(s.index))
	if _, err := next.WriteAt([]byte(fileMagic), 0); err != nil {
		return err
	}
	size := int64(len(fileMagic))
	block := make([]byte, blockHead)
	flush := func() error {
		if len(block) == blockHead {
			return nil
		}
		sealBlock(block)
		if _, err := next.WriteAt(block, size); err != nil {
			return err
		}
		size += int64(len(block))
		block = block[:blockHead]
		return nil
	}
	var live int64
	var buf []byte
	for k, p := range s.index {
		entry, err := s.read(p, &buf)
		if err != nil {
			return err
		}
		index[k] = span{size + int64(len(block)), p.n}
		block = append(block, entry...)
		live += int64(p.n)
		if len(block) >= snapshotBlock {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if err := next.Sync(); err != nil {
		return err
	}
	if err := os.Rename(s.path+newSuffix, s.path); err != nil {
		return err
	}
	// From here on the name stands for the new log, whatever else fails.
	keep = true
	old := s.f
	s.f, s.size, s.index, s.live = next, size, index, live
	if err := errors.Join(syncFolder(s.path), old.Close()); err != nil {
		s.err = fmt.Errorf("pushservice: the store was written anew, but may be lost in a crash: %w", err)
		return s.err
	}
	return nil
}
