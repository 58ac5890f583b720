package actor

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The table behaves as a map, with keys that collide.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tab table
		model := map[Key]*actor{}
		key := rapid.Custom(func(t *rapid.T) Key {
			return Key{uint64(rapid.IntRange(0, 2).Draw(t, "hi")), uint64(rapid.IntRange(0, 40).Draw(t, "lo"))}
		})
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				if k := key.Draw(t, "key"); model[k] == nil {
					model[k] = new(actor)
					tab.put(k, model[k])
				}
			},
			"remove": func(t *rapid.T) {
				if k := key.Draw(t, "key"); model[k] != nil {
					delete(model, k)
					tab.remove(k)
				}
			},
			"shrink": func(t *rapid.T) {
				tab.shrink()
				if tab.n == 0 {
					require.Nil(t, tab.slots)
				} else if len(tab.slots) > minSlots {
					require.Greater(t, tab.n, len(tab.slots)*3/16)
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(model), tab.n)
				for hi := range uint64(3) {
					for lo := range uint64(41) {
						require.Same(t, model[Key{hi, lo}], tab.get(Key{hi, lo}))
					}
				}
			},
		})
	})
}
