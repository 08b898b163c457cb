//go:build unix

package pushservice

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fullDiskEnv makes TestFileOnAFullDisk fill the store at the path that it has.
const fullDiskEnv = "PUSHWIRE_FULL_DISK"

// room lets files of this process be so large and no larger: a write goes as
// far as there is room, and then fails, as on a disk that is full.
func room(t *testing.T, n uint64) {
	t.Helper()
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &r); err != nil {
		t.Fatal(err)
	}
	if r.Cur = r.Max; n > 0 {
		fill(&r.Cur, n)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &r); err != nil {
		t.Fatal(err)
	}
}

func fill[T int64 | uint64](field *T, n uint64) { *field = T(n) }

// On a full disk Apply fails and keeps nothing of what it was given, again and
// again; when there is room it goes on, and what was reported as kept is there
// when the file is opened anew.
func TestFileOnAFullDisk(t *testing.T) {
	if path := os.Getenv(fullDiskEnv); path != "" {
		fillStore(t, path)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "store")
	cmd := exec.Command(exe, "-test.run=^TestFileOnAFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), fullDiskEnv+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := make(map[recordKey]string)
	failed := 0
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "failed ") {
			failed++
		}
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "kept "); ok {
			n, err := strconv.Atoi(id)
			if err != nil {
				t.Fatal(line)
			}
			want[recordKey{KindMessage, fmt.Sprint(n % rounds)}] = string(bulk(n))
		}
	}
	if failed < 10 || len(want) < rounds/2 {
		t.Errorf("%d calls failed and %d records were kept: this tests nothing", failed, len(want))
	}
	f := openFile(t, path)
	if d := cmp.Diff(want, held(t, f), cmp.AllowUnexported(recordKey{})); d != "" {
		t.Errorf("(-reported as kept +there):\n%.2000s", d)
	}
	if f.Torn() != 0 {
		t.Errorf("%d bytes of writes that failed were left", f.Torn())
	}
	if names, _ := filepath.Glob(path + "?*"); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
	t.Logf("%d calls failed, %d records were kept", failed, len(want))
}

const rounds = 40

func bulk(n int) []byte { return bytes.Repeat([]byte(fmt.Sprint(n, " ")), 5000) }

// fillStore changes records until the disk is full, several times, and tells
// which changes were kept.
func fillStore(t *testing.T, path string) {
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	change := func() bool {
		n++
		if err := f.Apply(context.Background(), []Change{keep(KindMessage, fmt.Sprint(n%rounds), string(bulk(n)))}); err != nil {
			fmt.Println("failed", n, err)
			return false
		}
		fmt.Println("kept", n)
		return true
	}
	for _, size := range []uint64{300_000, 500_000, 1_000_000} {
		room(t, size)
		for change() {
		}
		for range 5 { // it stays full, and small changes find no room either, or some
			change()
		}
	}
	room(t, 0)
	for range 3 * rounds {
		if !change() {
			t.Fatal("with room again it still fails")
		}
	}
	if size, live := f.Size(); size > 2*live+compactAbove {
		t.Errorf("the log has %d bytes for %d of records: it was not written anew once there was room", size, live)
	}
}
