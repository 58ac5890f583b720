// Package usage holds the snippets of docs/usage.md and docs/from-python.md, so that they compile; a test compares the
// two. What is around a snippet is what its page takes for granted.
package usage
