// Package ownership agrees who owns a partition.
package ownership
