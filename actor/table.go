package actor

// table is a hash table of the actors of one partition: open addressing, linear probing, no tombstones. A Key is a
// hash already, so its bits are the place. Against a Go map that saves a hash and two dependent cache misses per hit,
// and it can be walked a piece at a time and made smaller. The zero value is empty.
type table struct {
	slots []slot // a power of two, or none
	n     int
}

type slot struct {
	key   Key
	actor *actor // nil: free
}

const minSlots = 4

// get returns the actor of k, or nil.
func (t *table) get(k Key) *actor {
	if t.n == 0 {
		return nil
	}
	for i := t.home(k); ; i = t.after(i) {
		s := &t.slots[i]
		if s.actor == nil || s.key == k {
			return s.actor
		}
	}
}

// put adds the actor of k, which is not in t.
func (t *table) put(k Key, a *actor) {
	if t.n >= len(t.slots)*3/4 {
		t.resize(max(2*len(t.slots), minSlots))
	}
	t.place(slot{k, a})
	t.n++
}

func (t *table) place(s slot) {
	i := t.home(s.key)
	for t.slots[i].actor != nil {
		i = t.after(i)
	}
	t.slots[i] = s
}

// remove takes k out, which is in t.
func (t *table) remove(k Key) {
	i := t.home(k)
	for t.slots[i].key != k || t.slots[i].actor == nil {
		i = t.after(i)
	}
	t.removeAt(i)
}

// removeAt empties slot i, and moves up those behind it that would not be found any more (Knuth, volume 3, 6.4 R).
func (t *table) removeAt(i int) {
	mask := len(t.slots) - 1
	for j := t.after(i); t.slots[j].actor != nil; j = t.after(j) {
		if way := (j - t.home(t.slots[j].key)) & mask; way >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = slot{}
	t.n--
}

// shrink makes t smaller, if three quarters of what it has room for are gone.
func (t *table) shrink() {
	if t.n == 0 {
		t.slots = nil
		return
	}
	size := len(t.slots)
	for size > minSlots && t.n <= size*3/16 {
		size /= 2
	}
	if size < len(t.slots) {
		t.resize(size)
	}
}

func (t *table) resize(n int) {
	old := t.slots
	t.slots = make([]slot, n)
	for _, s := range old {
		if s.actor != nil {
			t.place(s)
		}
	}
}

func (t *table) home(k Key) int  { return int(k.Lo & uint64(len(t.slots)-1)) }
func (t *table) after(i int) int { return (i + 1) & (len(t.slots) - 1) }

// around is the first of n slots near the place of k, or of all if there are fewer.
func (t *table) around(k Key, n int) int {
	if len(t.slots) <= n {
		return 0
	}
	return min(t.home(k), len(t.slots)-n)
}
