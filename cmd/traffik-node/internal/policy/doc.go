// Package policy makes a [strategy.Policy] of what users write: the text of a rate, the name of a strategy, parameters
// as JSON. The configuration file and the HTTP API both end here, so that they accept the same and complain alike.
//
// # Guarantees
//
//  1. An error names the field, as users spell it, and its value.
//  2. Nothing means "no limit" by accident: a limit is unlimited only if it says so, and then it says nothing else.
//
// It reads no files and no JSON other than that of parameters. Everything here is safe for concurrent use.
package policy
