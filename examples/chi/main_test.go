package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/node"
)

func TestRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where windows do not end by themselves
		l, err := node.NewLocal(node.LocalConfig{})
		require.NoError(t, err)
		defer l.Shutdown(context.Background())
		router, err := newRouter(l)
		require.NoError(t, err)
		get := func(path string) int {
			w := httptest.NewRecorder()
			router.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			return w.Code
		}
		for i := range 12 {
			assert.Equal(t, i < 10, get(fmt.Sprint("/items/", i)) == 200, "all items are one route")
		}
		for range 88 {
			assert.Equal(t, 404, get("/nowhere"))
		}
		assert.Equal(t, 429, get("/nowhere"), "100 requests altogether")
		assert.Equal(t, 200, get("/health"))
	})
}
