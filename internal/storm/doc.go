// Package storm has no code but its tests: whole servers and many clients on
// real sockets, for as long as one likes, with everything at random.
//
//	faults_test.go       a network that breaks (internal/faultproxy): each message is counted
//	soak_test.go         hours in minutes: memory, goroutines and descriptors stay where they were
//	runtime_test.go      the same with other settings of the Go runtime
//	descriptors_test.go  a server without descriptors
//	pause_test.go        a server that is stopped and goes on: its clock jumps
//
// In go test ./... each takes a few seconds. The long forms:
//
//	go test ./internal/storm -run Faults -v -args -faults.for 60s -faults.conns 1000
//	ci/soak.sh -t 10m -n 5000
package storm
