package topic

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
)

func TestAFormIsMadeOnce(t *testing.T) {
	var l Log
	l.Append("", []byte("a"))
	var made [Forms]atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			items, err := l.Read(ended, "", nil)
			if err != nil {
				t.Error(err)
				return
			}
			for k := range Form(Forms) {
				got := items[0].Form(k, func(it *Item) any {
					made[k].Add(1)
					if k > 0 { // from another form
						return it.Form(k-1, func(*Item) any { made[k-1].Add(1); return string(it.Data) }).(string) + "+"
					}
					return string(it.Data)
				})
				if want := "a" + "++++++++"[:k]; got != want {
					t.Errorf("form %d is %q, want %q", k, got, want)
				}
			}
		})
	}
	wg.Wait()
	for k := range made {
		if n := made[k].Load(); n != 1 {
			t.Errorf("form %d was made %d times", k, n)
		}
	}
}

func TestAFormOfAnItemMadeByHand(t *testing.T) {
	it := Item{Data: []byte("a")}
	n := 0
	count := func(*Item) any { n++; return n }
	it.Form(FormEvent, count)
	if it.Form(FormEvent, count) != 2 {
		t.Error("there is nothing to share it")
	}
	it.Share()
	other := it
	if it.Form(FormEvent, count) != 3 || other.Form(FormEvent, count) != 3 {
		t.Error("copies do not share")
	}
	it.Share()
	if it.Form(FormEvent, count) != 3 {
		t.Error("lost by Share")
	}
	if it.Form(Forms, count) != 4 || it.Form(255, count) != 5 {
		t.Error("a form that there is not")
	}
}

func TestAFormWhoseMakePanics(t *testing.T) {
	var l Log
	l.Append("", nil)
	items, _ := l.Read(context.Background(), "", nil)
	func() {
		defer func() { recover() }()
		items[0].Form(FormLine, func(*Item) any { panic("no") })
	}()
	if got := items[0].Form(FormLine, func(*Item) any { return 1 }); got != 1 {
		t.Errorf("%v", got)
	}
}
