package main

// Records: several limits, changes of policy, joining.
var recordsMutations = []mutation{
	{
		file: "strategy/records.go", what: "a limit that allows is charged though another refuses",
		old: "v.Allowed == allowed {", new: "(v.Allowed || !allowed) {",
		tests: "TestSeveral",
	},
	{
		file: "strategy/records.go", what: "one limit that allows is enough",
		old: "allowed = allowed && v.Allowed", new: "allowed = allowed && v.Allowed || i > 0 && v.Allowed",
		tests: "TestSeveral",
	},
	{
		file: "strategy/records.go", what: "never is not the longest wait",
		old: "return a.Wait == Never\n", new: "return b.Wait == Never\n",
		tests: "TestSeveralNameTheLongestWait",
	},
	{
		file: "strategy/records.go", what: "the shortest wait is told",
		old: "return a.Wait > b.Wait", new: "return a.Wait < b.Wait",
		tests: "TestSeveralNameTheLongestWait",
	},
	{
		file: "strategy/records.go", what: "a check does not see that the policy changed",
		old: "return readAdapted(r, l, now)", new: "return r.unaged(), nil",
		tests: "TestChange",
	},
	{
		file: "strategy/records.go", what: "a check changes the state to the new policy",
		old: "r.limit.algo.Decode(r.limit.algo.Append(nil, r.unaged()))", new: "r.unaged(), error(nil)",
	},
	{
		file: "strategy/records.go", what: "a hit does not see that the policy changed",
		old: "adapt(l, r.unaged(), r.limit, now)\n\t\tr.limit = l", new: "r.limit = l",
		tests: "TestChange",
	},
	{
		file: "strategy/records.go", what: "of two policies the one joined last is kept",
		old: "if string(r.limit.encoded) < string(o.limit.encoded) {", new: "if string(r.limit.encoded) != string(o.limit.encoded) {",
		tests: "TestJoinAcrossPolicies",
	},
	{
		file: "strategy/records.go", what: "a copy under another policy is joined as it is",
		old: "adapt(r.limit, o.unaged(), o.limit, now)", new: "_ = now",
		tests: "TestJoinAcrossPolicies",
	},
	{
		file: "strategy/records.go", what: "of two copies the newer one wins",
		old: "ok := r.limit.algo.(Joiner); ok {\n\t\tj.Join", new: "ok := r.limit.algo.(Joiner); ok && newer {\n\t\tj.Join",
		tests: "TestJoin",
	},
	{
		file: "strategy/records.go", what: "records are forgotten with the first of several limits",
		old: "at = max(at, r.neutralAt())", new: "at = r.neutralAt()",
		tests: "TestSeveral",
	},
}
