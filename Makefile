# gatehouse. `make demo` shows it on real servers, `make test` proves it on them.
# Needed: Go 1.26 and a C compiler (SQLite), Java 17+ and Maven for Keycloak.
# Servers are built once per machine into the user's cache folder.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X gatehouse/cmd.Version=$(VERSION)

FUZZ    ?= 200000
FUZZDIR ?= fuzz-explain
LOAD    ?= 30s

.PHONY: help build demo test fuzz-explain check fmt load bench screenshots docs clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

build: ## the program, ./gatehouse
	@echo "building ./gatehouse ($(VERSION))"
	@$(GO) build -trimpath -ldflags "$(LDFLAGS)" -o gatehouse .

demo: build ## real servers with a small company in them, and the console over it
	@./gatehouse demo

test: ## everything: unit, screens, and the suites on real servers
	@$(GO) run ./stack/testrun

fuzz-explain: ## FUZZ=200000 random decisions and sources against the real Keto; SEED=n repeats; goes on where it was interrupted
	@mkdir -p $(FUZZDIR)
	@GATEHOUSE_EXPLAIN_DECISIONS=$(FUZZ) GATEHOUSE_OPL_INPUTS=$(FUZZ) GATEHOUSE_EXPLAIN_SEED=$(SEED) GATEHOUSE_OPL_SEED=$(SEED) \
		GATEHOUSE_EXPLAIN_DIR=$(abspath $(FUZZDIR)) $(GO) run ./stack/testrun -keto \
		-run 'TestDecidesAsKetoDoes|TestAcceptsWhatKetoAccepts' ./access ./access/opl

check: ## what to run before each commit: format, vet, lint, import walls, race tests of what is fast
	@echo "format"; out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "not formatted: $$out"; exit 1; }
	@echo "vet"; $(GO) vet ./...
	@echo "lint"; bin=$$(mktemp -d) && trap 'rm -rf "$$bin"' EXIT && (cd .ci/lint && $(GO) build -o "$$bin/" honnef.co/go/tools/cmd/staticcheck) && "$$bin/staticcheck" -checks 'SA*,S1*,U1000,QF1*' ./...
	@echo "import walls, race tests of what is fast"; $(GO) test -race -short ./...

fmt: ## format all Go files
	@gofmt -w $$(git ls-files '*.go')

load: ## the home page of the demo with 64 clients for LOAD=30s on real servers, and with a whoami that hangs; for a quiet machine
	@GATEHOUSE_LOAD=$(LOAD) $(GO) run ./stack/testrun -run "TestLoad|TestOneHungWhoami" -v ./demo/systems/oryhome

bench: ## frame and filter times at 100,000 rows
	@$(GO) test -run '^$$' -bench . -benchmem ./tui/... ./access/...

screenshots: ## draw the pictures of the README again, from the running program
	@$(GO) run ./screenshots

docs: build ## write the generated documents again
	@./gatehouse docs --dir docs

clean: ## remove what was built here (the servers' cache stays: gatehouse stack cache)
	@rm -f gatehouse
