//go:build race

package held

// Measurable is false under the race detector, where stacks and pools are
// others.
const Measurable = false
