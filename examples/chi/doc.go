// Command chi limits the routes of a github.com/go-chi/chi router: throttles are plain net/http middleware, and the
// route pattern, in place of the raw path, can be part of the key.
//
//	cd examples && go run ./chi
package main
