package pushservice

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"
)

// The log: fileMagic, then blocks. A block is a head of blockHead bytes (the
// word blockMagic, the length of the body, the CRC-32C of length and body, all
// little-endian) and a body of entries. An entry is kind, a byte that is 1 when
// a value follows, the lengths of ID and value as varints, ID, value.
const (
	fileMagic  = "pushwire store 1\n"
	blockMagic = 0x4b_4c_42_50 // "PBLK"
	blockHead  = 12
	maxBlock   = 64 << 20 // bytes of one body; a length above it was not written by us
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errTorn    = errors.New("pushservice: the block is not whole")
)

// CorruptError tells that a store was damaged where no crash could have done
// it, and that opening it would lose records that were kept.
type CorruptError struct {
	Path   string
	Offset int64
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("pushservice: the store %s is damaged at byte %d (%s)", e.Path, e.Offset, e.Reason)
}

func appendEntry(b []byte, c Change) []byte {
	has := byte(0)
	if c.Value != nil {
		has = 1
	}
	b = append(b, byte(c.Kind), has)
	b = binary.AppendUvarint(b, uint64(len(c.ID)))
	b = binary.AppendUvarint(b, uint64(len(c.Value)))
	b = append(b, c.ID...)
	return append(b, c.Value...)
}

// eachEntry calls f for each entry of a body, with its place in it. The value
// is a part of body.
func eachEntry(body []byte, f func(c Change, at, n int) error) error {
	for at := 0; at < len(body); {
		b := body[at:]
		if len(b) < 2 || b[1] > 1 || !strings.ContainsRune(kinds, rune(b[0])) {
			return fmt.Errorf("pushservice: no entry begins with % x", b[:min(len(b), 2)])
		}
		c := Change{Kind: Kind(b[0])}
		p := b[2:]
		id, n := binary.Uvarint(p)
		if n <= 0 {
			return errors.New("pushservice: an entry's length is cut off")
		}
		p = p[n:]
		value, n := binary.Uvarint(p)
		if n <= 0 || id > uint64(len(p)-n) || value > uint64(len(p)-n)-id {
			return errors.New("pushservice: an entry is longer than its block")
		}
		p = p[n:]
		c.ID = string(p[:id])
		if b[1] == 1 {
			c.Value = p[id : id+value : id+value]
		}
		size := len(b) - len(p) + int(id+value)
		if err := f(c, at, size); err != nil {
			return err
		}
		at += size
	}
	return nil
}

// sealBlock fills in the head of a block whose body is complete.
func sealBlock(b []byte) {
	binary.LittleEndian.PutUint32(b, blockMagic)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-blockHead))
	binary.LittleEndian.PutUint32(b[8:], checksum(b[4:8], b[blockHead:]))
}

func checksum(length, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, body)
}

// readBlock reads the body of the next block, of which left bytes are there at
// most. io.EOF is the end of the log, errTorn a block that is not whole.
func readBlock(r io.Reader, left int64) ([]byte, error) {
	if left == 0 {
		return nil, io.EOF
	}
	if left < blockHead {
		return nil, errTorn
	}
	var head [blockHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(head[4:]))
	if binary.LittleEndian.Uint32(head[:]) != blockMagic || n > maxBlock || n > left-blockHead {
		return nil, errTorn
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	if checksum(head[4:8], body) != binary.LittleEndian.Uint32(head[8:]) {
		return nil, errTorn
	}
	return body, nil
}

// blockAfter returns where the first whole block behind at begins, or -1. It is
// asked only about a log that is not whole. What follows a block that a crash
// tore is nothing at all, because one Apply is one block.
func (s *File) blockAfter(at, end int64) (int64, error) {
	const chunk = 1 << 16
	buf := make([]byte, chunk+blockHead)
	for base := at + 1; base < end; base += chunk {
		n, err := s.f.ReadAt(buf[:min(int64(len(buf)), end-base)], base)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("pushservice: the store can't be read: %w", err)
		}
		for i := 0; i+4 <= n && i < chunk; i++ {
			if binary.LittleEndian.Uint32(buf[i:]) != blockMagic {
				continue
			}
			from := base + int64(i)
			if _, err := readBlock(io.NewSectionReader(s.f, from, end-from), end-from); err == nil {
				return from, nil
			}
		}
	}
	return -1, nil
}

// syncDir is File.Sync for a folder, which some systems can't do.
func syncDir(d *os.File) error {
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !isWindows {
		return err
	}
	return nil
}
