# The tools are pinned here; each is fetched and built by go when it is first used.
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# A number of inputs: a time may end amid one, and then Go says that it failed.
FUZZTIME ?= 20000x
NODE_FLAGS ?=

.PHONY: help fmt lint test race fuzz bench mutate model bubbles cluster build run

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/traffik-node
	go build -o bin/ ./cmd/traffik-node

run: ## run a node on loopback
	go run ./cmd/traffik-node $(NODE_FLAGS)

fmt: ## format all code
	gofmt -w .

lint: ## check formatting, vet and golangci-lint
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	go vet ./...
	go vet -tags ablation ./...
	go run $(GOLANGCI) run ./...

test: ## run all tests
	go test ./...

race: ## run all tests but those of processes with the race detector
	go test -race $$(go list ./... | grep -v /test/)

fuzz: ## run every fuzz target for FUZZTIME inputs
	@for pkg in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "fuzz $$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

bench: ## run every benchmark once, so that none rots; BENCHTIME=1s for figures
	go test -run '^$$' -bench . -benchmem -benchtime $(or $(BENCHTIME),1x) ./...

mutate: ## check that the tests catch every mutation in the kept list
	go run ./internal/mutate
	go test -count=1 -tags ablation ./node -run '^TestAblationsAreCaught$$'

model: ## simulate the ownership protocol over SEEDS seeds
	go test -count=1 ./node/ownership -run '^TestModel$$' -seeds $(or $(SEEDS),2000)

bubbles: ## run clusters of nodes in memory through PLANS plans of faults, three times
	go test -count=1 -timeout 2h ./node -run '^(TestNodesComeAndGo|TestSidesPart|TestAnythingHappens)$$' -plans $(or $(PLANS),200) -first $(or $(FIRST),0)

faults: ## run the fault scenarios in full, times included, on a machine that does nothing else
	go test -count=1 -v -timeout 1h ./test/cluster -long -run 'Scale|Graceful|Rolling|Kill|Die|Suspended|Linearizable|Caught|Move'

cluster: ## run the tests that start processes
	go test -count=1 ./test/...
