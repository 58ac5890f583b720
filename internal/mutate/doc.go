// Command mutate checks the tests: it applies each of a kept list of mistakes to a copy of the module, one at a time,
// and fails if the tests of the package do not notice.
//
// A mutation is a piece of source text and what to put in its place: a formula, a rounding, a comparison, a clamp, a
// step of the clock. If the text is no longer found exactly once, or the result does not compile, that is a failure
// too, so the list cannot rot.
//
//	go run ./internal/mutate             all mutations
//	go run ./internal/mutate -only meter those whose file or description contains "meter"
//
// # Guarantees
//
//  1. It fails unless every mutation is caught: one that survives, no longer applies or does not compile is a failure.
//  2. It changes nothing in the module that it is run in: each mutation is made in a copy, which is removed.
//  3. Nothing is called caught where the tests fail anyway: they are run without any mutation first.
//
// It does not look for mistakes that are not in its list, and it says nothing of what the tests cost.
package main
