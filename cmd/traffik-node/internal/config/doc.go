// Package config is what a node is told: by flags, by the environment, by a YAML file, else by defaults, in this
// order of precedence. It turns text into [Settings] and says what is wrong with it.
//
// A file holds the settings under the names of the flags, with underscores, and policies:
//
//	http_addr: 0.0.0.0:8080
//	join: [node-0.traffik:7946, node-1.traffik:7946]
//	policies:
//	  api-items:
//	    rate: 100/min
//	    strategy: token_bucket
//	    params: {burst_size: 150}
//	  login:
//	    limits:
//	      - {name: burst, rate: 10/s}
//	      - {name: daily, rate: 1000/day, strategy: gcra}
//	  internal:
//	    unlimited: true
//
// # Guarantees
//
//  1. Flags win over the environment, the environment over the file, the file over defaults; each setting by itself.
//  2. An error names the flag, the variable, or the line and column of the file, and the value; a file's errors are
//     all told at once.
//  3. Nothing in a file is ignored: unknown settings and fields are errors, and values that a flag overrides are
//     checked like any other.
//
// It opens no network and logs nothing. A Settings is filled once, by one goroutine.
package config
