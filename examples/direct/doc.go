// Package direct holds the ways to use a throttle inside a handler: one file each, every one a handler that takes
// whatever decides. Its tests run them over a limiter of one process.
package direct
