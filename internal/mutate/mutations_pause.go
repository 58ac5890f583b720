package main

// Answers after a time in which the process did not run.
var pauseMutations = []mutation{
	{
		file: "node/hit.go", what: "an answer of this node is released after a pause",
		old: "changes && n.driver.Slept(n.now())", new: "changes && n.now() < 0",
		tests: "TestSuspended",
	},
	{
		file: "node/serve.go", what: "an answer to another node is released after a pause",
		old: "if t.dedup != nil && node.driver.Slept(node.now()) {", new: "if t.dedup != nil && node.now() < 0 {",
		tests: "TestSuspended",
	},
}
