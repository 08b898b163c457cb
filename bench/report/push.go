package report

import "io"

// The cases of Web Push.
const (
	PushMemory  = "in memory"
	PushService = "to a service"
)

// pushBase is the candidate that ratios of Web Push refer to.
const pushBase = "webpush-go"

func pushTable(w io.Writer, r *Results) {
	head(w, "300 B of JSON", "us a message", "of "+pushBase, "allocations", "KiB allocated", "body, bytes", "to a service: us", "of "+pushBase, "messages a second")
	for _, c := range r.candidates() {
		cells := []string{c}
		for _, name := range []string{PushMemory, PushService} {
			us, ok := r.Median(name, c, "cpu_us")
			base, known := r.Median(name, pushBase, "cpu_us")
			cells = append(cells, number(us, ok), number(us/base, ok && known))
			if name == PushMemory {
				kib, ok := r.Median(name, c, "alloc_bytes")
				cells = append(cells, whole(r.Median(name, c, "allocs")), number(kib/1024, ok), whole(r.Median(name, c, "body_bytes")))
			}
		}
		row(w, append(cells, whole(r.Median(PushService, c, "per_s")))...)
	}
}

// whole writes a value without a fraction; "" stands for none.
func whole(v float64, ok bool) string {
	if !ok {
		return ""
	}
	return count(float64(int64(v + 0.5)))
}
