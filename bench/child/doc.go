// Package child runs a candidate's server in a process of its own, pinned to
// one core, and asks it what it has used.
package child
