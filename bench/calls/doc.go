// Package calls counts the system calls of another process while it runs, as
// the kernel sees them:
//
//	t, err := calls.Start(pid)
//	...
//	counts, err := t.Stop() // the process goes on
//
// It stops each thread of the process at each of its calls (ptrace, Linux 5.3
// or newer), so the process is slower by some 10 us a call meanwhile: no time
// that is measured then is worth anything, and a peer that answers at once may
// find it at another place than it would be by itself.
//
// A call is counted when the kernel begins it. One in which a thread waits when
// the trace begins, or which a signal interrupts, counts when it begins anew.
// Calls count as reads and writes only if their first argument is a socket:
// what goes through pipes and eventfds, as wake-ups do, is in neither. What
// io_uring does is in none of the figures, since it is no call.
//
// Whoever starts a Trace must be allowed to: the kernel asks for the same user,
// and, where Yama restricts ptrace, for a child of the caller. Nobody may wait
// for the process while it is traced (exec.Cmd.Wait), because the kernel tells
// who waits in the tracing program of each stop, asked for or not.
package calls
