package strategy

import (
	"encoding/binary"
	"slices"
)

// history is the last costs of a key and their sum. The zero value is empty.
type history struct {
	costs []int64 // a ring once it is full
	next  int     // the oldest of a full ring, which the next cost replaces
	sum   int64
}

// push appends cost, and drops the oldest of more than window costs.
func (h *history) push(cost int64, window int) {
	switch {
	case window == 0:
		return
	case len(h.costs) < window:
		h.costs = append(h.costs, cost)
	default:
		h.sum -= h.costs[h.next]
		h.costs[h.next] = cost
		h.next = (h.next + 1) % window
	}
	h.sum += cost
}

// inOrder are the costs from the oldest on.
func (h *history) inOrder() []int64 { return slices.Concat(h.costs[h.next:], h.costs[:h.next]) }

// trim puts the costs in order and drops the oldest of more than window.
func (h *history) trim(window int) {
	h.costs, h.next = h.inOrder(), 0
	for len(h.costs) > window {
		h.sum -= h.costs[0]
		h.costs = h.costs[1:]
	}
}

func (h *history) clone() history { return history{slices.Clone(h.costs), h.next, h.sum} }

// clear drops all costs and keeps the memory.
func (h *history) clear() { *h = history{costs: h.costs[:0]} }

// cheaper reports whether h has a lower average than o; of equal averages, whether its costs come first.
func (h *history) cheaper(o *history) bool {
	a, b := mul(h.sum, int64(len(o.costs))), mul(o.sum, int64(len(h.costs)))
	if a != b {
		return a.less(b)
	}
	return slices.Compare(h.inOrder(), o.inOrder()) < 0
}

// append appends the costs from the oldest on, as runs of equal ones.
func (h *history) append(b []byte) []byte {
	n := len(h.costs)
	for i := 0; i < n; {
		cost, run := h.costs[(h.next+i)%n], 1
		for i+run < n && h.costs[(h.next+i+run)%n] == cost {
			run++
		}
		b = binary.AppendUvarint(b, uint64(run))
		b = binary.AppendUvarint(b, uint64(cost))
		i += run
	}
	return b
}

// history reads what append wrote, to the end of the input.
func (r *reader) history(window int) history {
	h := history{}
	for len(r.b) > 0 {
		run, cost := r.uint(int64(window-len(h.costs))), r.uint(maxCapacity)
		if run == 0 || cost == 0 || cost > (2*maxCapacity-h.sum)/run {
			r.b, r.bad = nil, true
			return history{}
		}
		h.costs = append(h.costs, slices.Repeat([]int64{cost}, int(run))...)
		h.sum += run * cost
	}
	return h
}
