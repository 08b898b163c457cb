package pushservice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func openFile(t *testing.T, path string) *File {
	t.Helper()
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// held is what a store holds.
func held(t *testing.T, s Store) map[recordKey]string {
	t.Helper()
	m := make(map[recordKey]string)
	err := s.Load(t.Context(), func(c Change) error {
		if _, twice := m[recordKey{c.Kind, c.ID}]; twice {
			return fmt.Errorf("%c %s came twice", c.Kind, c.ID)
		}
		m[recordKey{c.Kind, c.ID}] = string(c.Value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func apply(t *testing.T, s Store, changes ...Change) {
	t.Helper()
	if err := s.Apply(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

func keep(k Kind, id, v string) Change { return Change{k, id, []byte(v)} }

// threeBlocks writes a log of three changes sets and returns its bytes, where
// each block ends, and what the store holds then.
func threeBlocks(t *testing.T) (log []byte, ends []int, after []map[recordKey]string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store")
	f := openFile(t, path)
	note := func() {
		size, _ := f.Size()
		ends = append(ends, int(size))
		after = append(after, held(t, f))
	}
	note()
	apply(t, f, keep(KindAgent, "a", "1"), keep(KindMessage, "m", "body"))
	note()
	apply(t, f, keep(KindMessage, "n", string(bytes.Repeat([]byte{0, 255}, 50))), forget(KindMessage, "m"))
	note()
	apply(t, f, keep(KindAgent, "a", "2"), forget(KindGone, "never"), keep(KindGone, "", ""))
	note()
	f.Close()
	log, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return log, ends, after
}

func TestStoresKeepWhatTheyAreTold(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (s Store, again func() Store){
		"Memory": func(*testing.T) (Store, func() Store) {
			m := &Memory{}
			return m, func() Store { return m }
		},
		"File": func(t *testing.T) (Store, func() Store) {
			path := filepath.Join(t.TempDir(), "store")
			return openFile(t, path), func() Store { return openFile(t, path) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, again := open(t)
			model := make(map[recordKey]string)
			r := rand.New(rand.NewPCG(1, 2))
			for round := range 200 {
				var changes []Change
				for range r.IntN(8) {
					k, id := Kind(kinds[r.IntN(len(kinds))]), fmt.Sprint(r.IntN(20))
					if r.IntN(3) == 0 {
						changes = append(changes, forget(k, id))
						delete(model, recordKey{k, id})
						continue
					}
					v := bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(100))
					changes = append(changes, Change{k, id, v})
					model[recordKey{k, id}] = string(v)
				}
				apply(t, s, changes...)
				if round%20 == 0 {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					s = again()
				}
			}
			if d := cmp.Diff(model, held(t, s), cmp.AllowUnexported(recordKey{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if err := s.Load(t.Context(), func(Change) error { return errNotFound }); !errors.Is(err, errNotFound) {
				t.Errorf("Load swallowed an error: %v", err)
			}
		})
	}
}

// A crash may cut the log at any byte: what was reported as kept is there, and
// nothing else.
func TestFileCutAnywhere(t *testing.T) {
	log, ends, after := threeBlocks(t)
	path := filepath.Join(t.TempDir(), "store")
	for n := range len(log) + 1 {
		if err := os.WriteFile(path, log[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(path)
		if err != nil {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
		whole := 0
		for i, end := range ends {
			if end <= n {
				whole = i
			}
		}
		if d := cmp.Diff(after[whole], held(t, f), cmp.AllowUnexported(recordKey{})); d != "" {
			t.Fatalf("cut to %d bytes (-want +got):\n%s", n, d)
		}
		// And it goes on from there.
		apply(t, f, keep(KindAgent, "z", "new"))
		f.Close()
		f = openFile(t, path)
		if got := held(t, f)[recordKey{KindAgent, "z"}]; got != "new" || f.Torn() != 0 {
			t.Fatalf("cut to %d bytes: what was written then is %q, %d bytes torn", n, got, f.Torn())
		}
		f.Close()
	}
}

// A tail that the disk filled with something else is cut off as well.
func TestFileTornTail(t *testing.T) {
	log, _, after := threeBlocks(t)
	for name, tail := range map[string][]byte{
		"zeros": make([]byte, 5000), "ones": bytes.Repeat([]byte{255}, 5000), "a magic": []byte("PBLK"),
		"a head with a length of nothing": {'P', 'B', 'L', 'K', 0xff, 0xff, 0, 0, 1, 2, 3, 4},
		"a block with a wrong sum":        append([]byte{'P', 'B', 'L', 'K', 4, 0, 0, 0, 1, 2, 3, 4}, "body"...),
	} {
		path := filepath.Join(t.TempDir(), "store")
		if err := os.WriteFile(path, append(bytes.Clone(log), tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		f := openFile(t, path)
		if d := cmp.Diff(after[3], held(t, f), cmp.AllowUnexported(recordKey{})); d != "" || f.Torn() != int64(len(tail)) {
			t.Errorf("%s: %d bytes cut off (-want +got):\n%s", name, f.Torn(), d)
		}
		f.Close()
	}
}

// One flipped bit, anywhere: in the last block it can't be told from a torn
// write and that block is lost; before, the file is refused and left alone.
func TestFileOneBitFlipped(t *testing.T) {
	log, ends, after := threeBlocks(t)
	path := filepath.Join(t.TempDir(), "store")
	for bit := range len(log) * 8 {
		b := bytes.Clone(log)
		b[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(path)
		if bit/8 >= ends[2] {
			if err != nil {
				t.Fatalf("bit %d of the last block: %v", bit, err)
			}
			if d := cmp.Diff(after[2], held(t, f), cmp.AllowUnexported(recordKey{})); d != "" {
				t.Fatalf("bit %d (-want +got):\n%s", bit, d)
			}
			f.Close()
			continue
		}
		var ce *CorruptError
		if !errors.As(err, &ce) {
			t.Fatalf("bit %d (byte %d): %v, want a *CorruptError", bit, bit/8, err)
		}
		if now, _ := os.ReadFile(path); !bytes.Equal(now, b) {
			t.Fatalf("bit %d: the damaged file was changed", bit)
		}
	}
}

func TestFileCompacts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	f := openFile(t, path)
	model := make(map[recordKey]string)
	body := bytes.Repeat([]byte("x"), 4096)
	apply(t, f, keep(KindAgent, "a", "from the start to the end"))
	model[recordKey{KindAgent, "a"}] = "from the start to the end"
	same := func(what string) {
		t.Helper()
		if got := held(t, f); !maps.Equal(got, model) {
			t.Fatalf("%s: %d records, want %d", what, len(got), len(model))
		}
	}
	compactions, before := 0, int64(0)
	for i := range 800 {
		id := fmt.Sprint(i)
		old := fmt.Sprint(i - 50)
		apply(t, f, Change{KindMessage, id, body}, forget(KindMessage, old))
		model[recordKey{KindMessage, id}] = string(body)
		delete(model, recordKey{KindMessage, old})
		size, live := f.Size()
		if size > compactAbove+10_000 && size > 2*live+10_000 {
			t.Fatalf("the log has %d bytes for %d", size, live)
		}
		if size < before {
			compactions++
			same("after a compaction")
		}
		before = size
	}
	if compactions < 2 {
		t.Errorf("%d compactions", compactions)
	}
	same("at the end")
	// A crash in the middle of a compaction leaves the new file beside.
	f.Close()
	if err := os.WriteFile(path+newSuffix, []byte("half of"), 0o600); err != nil {
		t.Fatal(err)
	}
	f = openFile(t, path)
	same("opened anew")
	if _, err := os.Stat(path + newSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the compaction left is still there: %v", err)
	}
}

// A compaction that fails costs nothing but space, and is not tried again at
// each change.
func TestFileCompactionThatFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	f := openFile(t, path)
	inTheWay := filepath.Join(path+newSuffix, "a folder that is not empty")
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("x"), 64<<10)
	grow := func() (size int64, shrank bool) {
		t.Helper()
		before, _ := f.Size()
		apply(t, f, keep(KindMessage, "m", string(body)))
		size, _ = f.Size()
		return size, size < before
	}
	for f.again == 0 {
		if size, shrank := grow(); shrank || size > 2*compactAbove {
			t.Fatalf("with something in the way: %d bytes, made shorter: %v", size, shrank)
		}
	}
	if err := os.RemoveAll(path + newSuffix); err != nil {
		t.Fatal(err)
	}
	tries := 0
	for ; tries < 100; tries++ {
		if _, shrank := grow(); shrank {
			break
		}
	}
	if least := compactAbove/(64<<10) - 1; tries < least || tries > least+2 {
		t.Errorf("it was tried again after %d changes, want %d", tries, least)
	}
	if got := held(t, f); len(got) != 1 || got[recordKey{KindMessage, "m"}] != string(body) {
		t.Errorf("%d records", len(got))
	}
}

func TestFileIsForOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	f := openFile(t, path)
	if lockFile(f.f) == nil && !isWindows {
		if again, err := OpenFile(path); err == nil {
			again.Close()
			t.Error("the file is open twice")
		}
	}
	f.Close()
	openFile(t, path)
	if err := f.Apply(context.Background(), []Change{keep(KindAgent, "a", "1")}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Apply after Close: %v", err)
	}
	if _, err := OpenFile(t.TempDir()); err == nil {
		t.Error("a folder was opened")
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("this is something else altogether"), 0o600); err != nil {
		t.Fatal(err)
	}
	var ce *CorruptError
	if _, err := OpenFile(other); !errors.As(err, &ce) {
		t.Errorf("another kind of file: %v", err)
	}
}

// FuzzBlock: what is written is read, and what is read was within the bytes
// that are there.
func FuzzBlock(f *testing.F) {
	f.Add("id", []byte("value"), []byte("PBLK"))
	f.Add("", []byte(nil), []byte{'P', 'B', 'L', 'K', 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add("m", []byte{0}, []byte("m\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"))
	f.Fuzz(func(t *testing.T, id string, value, junk []byte) {
		eachEntry(junk, func(c Change, at, n int) error {
			if at < 0 || n <= 0 || at+n > len(junk) {
				t.Fatalf("an entry of %d bytes at %d of %d", n, at, len(junk))
			}
			if again := appendEntry(nil, c); len(again) > n {
				t.Fatalf("an entry of %d bytes became %d", n, len(again))
			}
			return nil
		})
		readBlock(bytes.NewReader(junk), int64(len(junk)))
		in := []Change{{KindAgent, id, value}, {KindMessage, id + "2", nil}}
		b := make([]byte, blockHead)
		for _, c := range in {
			b = appendEntry(b, c)
		}
		sealBlock(b)
		body, err := readBlock(bytes.NewReader(append(b, junk...)), int64(len(b)+len(junk)))
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		if err := eachEntry(body, func(c Change, _, _ int) error {
			if c.Kind != in[i].Kind || c.ID != in[i].ID || !bytes.Equal(c.Value, in[i].Value) || (c.Value == nil) != (in[i].Value == nil) {
				t.Fatalf("got %+v, want %+v", c, in[i])
			}
			i++
			return nil
		}); err != nil || i != len(in) {
			t.Fatalf("%d entries, %v", i, err)
		}
	})
}
